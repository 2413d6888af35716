"""Lowerings of what runs beside the array: pools, clamps, reshapes, and softmax on the host."""

from __future__ import annotations

import math
from typing import Any

from accelsim.frontend.graph import Node, refuse
from accelsim.frontend.lowering import Lowered, Scope, one_layer, shown
from accelsim.frontend.windows import pool_window
from accelsim.network import AveragePool, Clamp, MaxPool, Reshape, Shape, Softmax, Window

__all__ = [
    "lower_average_pool",
    "lower_clip",
    "lower_flatten",
    "lower_global_average_pool",
    "lower_max_pool",
    "lower_relu",
    "lower_reshape",
    "lower_softmax",
]


def lower_relu(node: Node, scope: Scope) -> Lowered:
    """Relu is a clamp from 0 up."""
    return one_layer(node, Clamp(low=0.0), scope.shape(node))


def lower_clip(node: Node, scope: Scope) -> Lowered:
    """Clip with bounds as attributes (opset 6) or as constant inputs (since opset 11)."""
    low = _bound(node, scope, 1, "min", -math.inf)
    high = _bound(node, scope, 2, "max", math.inf)
    if not low <= high:
        raise refuse(node, f"min must be at most max, got {low:g} and {high:g}")
    return one_layer(node, Clamp(low, high), scope.shape(node))


def _bound(node: Node, scope: Scope, position: int, attribute: str, default: float) -> float:
    name = node.input(position)
    if not name:
        return float(node.attributes.get(attribute, default))
    values = scope.graph.constant(name)
    if values is None or values.size != 1:
        raise refuse(node, f"{attribute} must be one constant number")
    return float(values.reshape(()))


def lower_max_pool(node: Node, scope: Scope) -> Lowered:
    """MaxPool over height and width."""
    image = scope.image(node)
    window = pool_window(node, image)
    return one_layer(node, MaxPool(window), _pooled(image, window))


def lower_average_pool(node: Node, scope: Scope) -> Lowered:
    """AveragePool over height and width."""
    image = scope.image(node)
    window = pool_window(node, image)
    counted = bool(node.attributes.get("count_include_pad", 0))
    return one_layer(node, AveragePool(window, counted), _pooled(image, window))


def lower_global_average_pool(node: Node, scope: Scope) -> Lowered:
    """GlobalAveragePool is an average over one window as large as the image."""
    image = scope.image(node)
    window = Window((image[1], image[2]))
    return one_layer(node, AveragePool(window), _pooled(image, window))


def _pooled(image: Shape, window: Window) -> Shape:
    return (image[0], *window.output_size(image[1], image[2]))


def lower_flatten(node: Node, scope: Scope) -> Lowered:
    """Flatten of all but the batch."""
    shape = scope.shape(node)
    axis = node.attributes.get("axis", 1)
    if axis not in (1, -len(shape)):
        raise refuse(node, f"axis must be 1 (all but the batch), got {axis}")
    flat = (math.prod(shape),)
    return one_layer(node, Reshape(flat), flat)


def lower_reshape(node: Node, scope: Scope) -> Lowered:
    """Reshape to a constant shape that leaves the batch, the first dimension, alone."""
    source = scope.shape(node)
    asked = scope.graph.constants.get(node.input(1))
    if asked is None:
        raise refuse(node, "the shape must be a constant")
    target = _resolved([int(size) for size in asked], source, node.attributes.get("allowzero", 0))
    if target is None:
        raise refuse(
            node, f"shape {list(map(int, asked))} does not keep the batch of input {shown(source)}"
        )
    return one_layer(node, Reshape(target), target)


def _resolved(asked: list[int], source: Shape, allow_zero: Any) -> Shape | None:
    """Return the shape of one image, or None if images would be mixed."""
    if not asked or asked.count(-1) > 1 or (allow_zero and 0 in asked):
        return None
    batch, *rest = asked
    if any(size == 0 and place >= len(source) for place, size in enumerate(rest)):
        return None
    rest = [source[place] if size == 0 else size for place, size in enumerate(rest)]
    total, known = math.prod(source), math.prod(size for size in rest if size != -1)
    if known < 1 or total % known or batch < -1:
        return None
    target = tuple(total // known if size == -1 else size for size in rest)
    return target if target and math.prod(target) == total else None


def lower_softmax(node: Node, scope: Scope) -> Lowered:
    """Softmax over a vector, on the host."""
    shape = scope.shape(node)
    axis = node.attributes.get("axis", -1 if scope.graph.opset >= 13 else 1)
    if len(shape) != 1 or axis not in (1, -1):
        raise refuse(
            node, f"only [batch, classes] over its last axis is supported, got {shown(shape)}"
        )
    return one_layer(node, Softmax(), shape)
