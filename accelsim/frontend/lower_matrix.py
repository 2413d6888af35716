"""Lowerings of what runs on the array: Conv, Dense, and a scale and shift of each channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.graph import Node, refuse
from accelsim.frontend.lowering import Lowered, Scope, finite, one_layer, shown
from accelsim.frontend.passes.fold_bias import channel_constant
from accelsim.frontend.windows import conv_window
from accelsim.network import Add, Convolution, Dense, Layer, Reshape, Window

__all__ = [
    "lower_add",
    "lower_conv",
    "lower_dense",
    "lower_difference",
    "lower_mul",
    "lower_scale_shift",
]


def lower_conv(node: Node, scope: Scope) -> Lowered:
    """Conv with constant weights [out, in / group, height, width]."""
    weights, bias = _constants(node, scope)
    if weights.ndim != 4:
        raise refuse(node, f"only 2-dimensional kernels are supported, got {weights.ndim - 2}")
    image = scope.image(node)
    groups = node.attributes.get("group", 1)
    if groups < 1 or image[0] != groups * weights.shape[1] or len(weights) % groups:
        raise refuse(
            node,
            f"weights {list(weights.shape)} with group {groups} do not fit input {shown(image)}",
        )
    kernel = (weights.shape[2], weights.shape[3])
    if tuple(node.attributes.get("kernel_shape", kernel)) != kernel:
        raise refuse(node, f"kernel_shape must be that of the weights, {list(kernel)}")
    window = conv_window(node, kernel, image)
    operator = Convolution(finite(node, weights), finite(node, bias), window, groups)
    return one_layer(node, operator, (len(weights), *window.output_size(image[1], image[2])))


def lower_dense(node: Node, scope: Scope) -> Lowered:
    """Dense, to which Gemm and MatMul were brought."""
    weights, bias = _constants(node, scope)
    shape = scope.shape(node)
    if shape != (weights.shape[1],):
        raise refuse(node, f"input must be {shown((weights.shape[1],))}, got {shown(shape)}")
    return one_layer(node, Dense(finite(node, weights), finite(node, bias)), (len(weights),))


def lower_scale_shift(node: Node, scope: Scope) -> Lowered:
    """What `fold_batch_norm` could not fold: scale and shift each channel."""
    scale, shift = (scope.graph.constants[name] for name in node.inputs[1:3])
    return _depthwise(node, scope, node.inputs[0], scale, shift)


def lower_add(node: Node, scope: Scope) -> Lowered:
    """Sum of two tensors of one shape, or of a tensor and a constant for each channel."""
    found = _with_constant(node, scope)
    if found is not None:
        source, shift = found
        return _depthwise(node, scope, source, np.ones_like(shift), shift)
    left, right = scope.shape(node, 0), scope.shape(node, 1)
    if left != right:
        raise refuse(node, f"both inputs must have one shape, got {shown(left)} and {shown(right)}")
    return one_layer(node, Add(), left, *node.inputs)


def lower_mul(node: Node, scope: Scope) -> Lowered:
    """Product of a tensor and a constant for each channel."""
    found = _with_constant(node, scope)
    if found is None:
        raise refuse(node, "only the product of a tensor and a constant is supported")
    source, factors = found
    return _depthwise(node, scope, source, factors, np.zeros_like(factors))


def _with_constant(node: Node, scope: Scope) -> tuple[str, NDArray[np.float32]] | None:
    """Return the computed input and the other one as [channels]; None if both are computed."""
    for source, other in (node.inputs, node.inputs[::-1]):
        values = scope.graph.constant(other)
        if values is not None and source in scope.shapes:
            shape = scope.shapes[source]
            found = channel_constant(values, shape[0], len(shape) - 1)
            if found is None:
                raise refuse(
                    node, f"a constant of shape {list(values.shape)} is not one for each channel"
                )
            return source, np.broadcast_to(found, shape[0])
    return None


def lower_difference(node: Node, scope: Scope) -> Lowered:  # noqa: ARG001
    """Refuse Sub and Div: with a constant on the right they are Add and Mul by now."""
    raise refuse(node, "only a tensor with a constant on the right is supported")


def _constants(node: Node, scope: Scope) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    weights, bias = (scope.graph.constant(node.input(position)) for position in (1, 2))
    if weights is None or (bias is None and node.input(2)):
        raise refuse(node, "weights and bias must be constants")
    if weights.ndim < 2 or not weights.size:
        raise refuse(node, f"weights of shape {list(weights.shape)}")
    if bias is None:
        bias = np.zeros(len(weights), np.float32)
    if bias.shape != (len(weights),):
        raise refuse(node, f"bias must be [{len(weights)}], got {list(bias.shape)}")
    return weights, bias


def _depthwise(
    node: Node,
    scope: Scope,
    source: str,
    scale: NDArray[np.float32],
    shift: NDArray[np.float32],
) -> Lowered:
    """A 1x1 convolution of each channel alone; a vector is an image of one pixel meanwhile."""
    shape = scope.shapes.get(source, ())
    if len(shape) not in (1, 3) or shape[0] != len(scale):
        raise refuse(node, f"{len(scale)} channels do not fit input {shown(shape)}")
    weights = finite(node, scale).reshape(-1, 1, 1, 1)
    operator = Convolution(weights, finite(node, shift), Window((1, 1)), groups=len(scale))
    if len(shape) == 3:
        return one_layer(node, operator, shape, source)
    pixel, scaled, inner = f"{node.output}:pixel", f"{node.output}:scaled", (shape[0], 1, 1)
    return [
        (Layer(f"{node.name}:to_pixel", Reshape(inner), (source,), pixel), inner),
        (Layer(node.name, operator, (pixel,), scaled), inner),
        (Layer(f"{node.name}:to_vector", Reshape(shape), (scaled,), node.output), shape),
    ]
