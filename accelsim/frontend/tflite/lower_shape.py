"""RESHAPE and its like, PAD, SOFTMAX: what moves elements, and what the host does."""

from __future__ import annotations

from math import prod

import numpy as np

from accelsim.arithmetic import LARGEST_SOFTMAX_DEPTH, softmax_parameters
from accelsim.frontend.tflite.graph import TfliteOperator, TfliteTensor, brief, corrupt, refuse
from accelsim.frontend.tflite.layout import layout_of
from accelsim.frontend.tflite.lower_vector import require_unit_interval
from accelsim.frontend.tflite.scope import Lowered, Scope
from accelsim.network import IntegerPad, IntegerReshape, IntegerSoftmax

__all__ = ["lower_pad", "lower_reshape", "lower_softmax"]


def lower_reshape(operator: TfliteOperator, scope: Scope) -> Lowered:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the output's stated shape says all."""
    source, target = scope.source(operator), scope.target(operator)
    scope.require_known_shape(operator, 1)
    if prod(source.shape) != prod(target.shape):
        raise corrupt(
            operator,
            f"{brief(source.shape)} cannot be reshaped to {brief(target.shape)}: another number of "
            "elements",
        )
    scope.require_same_quantization(operator, source, target)
    return scope.single(operator, (source,), IntegerReshape(channels_last=True), target)


def lower_pad(operator: TfliteOperator, scope: Scope) -> Lowered:
    """PAD with the zero point, PADV2 with a constant of the same quantization."""
    source, target = scope.source(operator), scope.target(operator)
    margins = _margins(operator, scope, source)
    padded = tuple(
        size + before + after for size, (before, after) in zip(source.shape, margins, strict=True)
    )
    scope.require_shape(operator, target, padded)
    scope.require_same_quantization(operator, source, target)
    stated, layout = scope.quantized(source), layout_of(source.shape)
    before, after = [0] * len(stated.shape), [0] * len(stated.shape)
    for axis, (low, high) in zip(layout.axes, margins, strict=True):
        if axis is not None:
            before[axis], after[axis] = low, high
        elif (low, high) != (0, 0):
            raise refuse(operator, f"pads {brief(source.shape)} along an axis that is no image's")
    result = scope.quantized(target)
    sizes = zip(before, stated.shape, after, strict=True)
    if tuple(low + size + high for low, size, high in sizes) != result.shape:
        raise refuse(operator, f"pads {brief(source.shape)} along an axis that is no image's")
    fill = IntegerPad(tuple(before), tuple(after), _fill(operator, scope, target))
    return scope.single(operator, (source,), fill, target)


def lower_softmax(operator: TfliteOperator, scope: Scope) -> Lowered:
    """SOFTMAX over the last axis, by the host."""
    source, target = scope.source(operator), scope.target(operator)
    scope.require_shape(operator, target, source.shape)
    require_unit_interval(operator, scope, target)
    if source.shape[-1] > LARGEST_SOFTMAX_DEPTH:
        raise refuse(
            operator,
            f"over {source.shape[-1]} elements; TensorFlow Lite's sum holds at most "
            f"{LARGEST_SOFTMAX_DEPTH}",
        )
    beta = float(operator.options.get("beta", 0.0))
    parameters = softmax_parameters(scope.quantized(source).scale, beta)
    softmax = IntegerSoftmax(
        parameters.mantissa, parameters.left_shift, parameters.largest_difference
    )
    return scope.single(operator, (source,), softmax, target)


def _margins(operator: TfliteOperator, scope: Scope, source: TfliteTensor) -> list[tuple[int, int]]:
    paddings = scope.constant(operator, 1, ("INT32", "INT64"))
    values = np.asarray(paddings.values)
    if values.shape != (len(source.shape), 2) or values.min() < 0:
        raise corrupt(
            operator,
            f"paddings of shape {brief(values.shape)} do not fit an input of "
            f"{len(source.shape)} axes",
        )
    return [(int(before), int(after)) for before, after in values]


def _fill(operator: TfliteOperator, scope: Scope, target: TfliteTensor) -> int:
    result = scope.quantized(target)
    if operator.kind == "PAD":
        return result.zero_point
    value = scope.constant(operator, 2, ("INT8",))
    integers = np.asarray(value.values).reshape(-1)
    if integers.size != 1:
        raise corrupt(operator, f"pads with {integers.size} values")
    if value.scales.tolist() != [result.scale] or value.zero_points.tolist() != [result.zero_point]:
        raise refuse(operator, "its padding value must have the quantization of its output")
    return int(integers[0])
