"""Lowerings of what runs beside the array: pools, clamps, reshapes, and softmax on the host."""

from __future__ import annotations

import math
from typing import Any

from accelsim.frontend.graph import Node, refuse
from accelsim.frontend.lowering import Lowered, Scope, one_layer, shown
from accelsim.frontend.padding import pad_amounts
from accelsim.frontend.shape_values import axes_of
from accelsim.frontend.windows import pool_window
from accelsim.network import AveragePool, Clamp, MaxPool, Pad, Reshape, Shape, Softmax, Window

__all__ = [
    "lower_average_pool",
    "lower_clip",
    "lower_flatten",
    "lower_global_average_pool",
    "lower_max_pool",
    "lower_pad",
    "lower_relu",
    "lower_reshape",
    "lower_softmax",
    "lower_squeeze",
    "lower_unsqueeze",
]

LARGEST_RANK = 8
_NOWHERE = -2


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
    asked, allow_zero = _asked_shape(node, scope)
    target = _resolved(asked, source, allow_zero)
    if target is None:
        raise refuse(node, f"shape {asked} does not keep the batch of input {shown(source)}")
    return one_layer(node, Reshape(target), target)


def _asked_shape(node: Node, scope: Scope) -> tuple[list[int], Any]:
    """Return the shape that a Reshape asks for, and whether a 0 in it means no elements."""
    computed = scope.values.get(node.input(1))
    if computed is not None:
        # The batch, whatever it is, is kept (0) where it is first, and nowhere else.
        sizes = [_NOWHERE if size is None else size for size in computed.sizes]
        if computed.sizes[:1] == (None,):
            sizes[0] = 0
        return sizes, 0
    constant = scope.graph.constants.get(node.input(1))
    if constant is None or constant.dtype.kind not in "iu":
        raise refuse(node, "the shape must be a constant")
    return [int(size) for size in constant.reshape(-1)], node.attributes.get("allowzero", 0)


def lower_squeeze(node: Node, scope: Scope) -> Lowered:
    """Squeeze of axes of one element, never the batch."""
    source = scope.shape(node)
    axes = axes_of(node, scope.graph.constants)
    if axes is None:
        axes = tuple(axis + 1 for axis, size in enumerate(source) if size == 1)
    places = {axis % (len(source) + 1) for axis in axes}
    if 0 in places or any(source[place - 1] != 1 for place in places):
        raise refuse(node, f"axes {list(axes)} are not all of one element in {shown(source)}")
    target = tuple(size for place, size in enumerate(source, 1) if place not in places)
    if not target:
        raise refuse(node, f"leaves nothing but the batch of {shown(source)}")
    return one_layer(node, Reshape(target), target)


def lower_unsqueeze(node: Node, scope: Scope) -> Lowered:
    """Unsqueeze behind the batch."""
    source = scope.shape(node)
    axes = axes_of(node, scope.graph.constants) or ()
    rank = len(source) + 1 + len(axes)
    places = {axis % rank for axis in axes}
    if 0 in places or len(places) < len(axes) or rank > LARGEST_RANK:
        raise refuse(node, f"axes {list(axes)} do not fit behind the batch of {shown(source)}")
    sizes = iter(source)
    target = tuple(1 if place in places else next(sizes) for place in range(1, rank))
    return one_layer(node, Reshape(target), target)


def lower_pad(node: Node, scope: Scope) -> Lowered:
    """Pad with zeros, where no convolution does it."""
    source = scope.shape(node)
    before, after = (amounts[1:] for amounts in pad_amounts(node, scope.graph))
    if len(before) != len(source):
        raise refuse(node, f"pads of {len(before) + 1} axes do not fit input {shown(source)}")
    sizes = zip(before, source, after, strict=True)
    return one_layer(node, Pad(before, after), tuple(sum(parts) for parts in sizes))


def _resolved(asked: list[int], source: Shape, allow_zero: Any) -> Shape | None:
    """Return the shape of one image, or None if images would be mixed."""
    if not asked or asked.count(-1) > 1 or (allow_zero and 0 in asked):
        return None
    batch, *rest = asked
    if min(asked) < -1:
        return None
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
