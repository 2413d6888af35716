"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: the layers of the array."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import (
    Accumulator,
    IntegerFormat,
    RescaleMode,
    apply_overflow,
    make_rescale,
)
from accelsim.frontend.tflite.clamps import fused_clamp
from accelsim.frontend.tflite.graph import TfliteOperator, TfliteTensor, brief, corrupt, refuse
from accelsim.frontend.tflite.layout import layout_of
from accelsim.frontend.tflite.scope import Lowered, Scope, Step
from accelsim.frontend.tflite.windows import image_of, window_of
from accelsim.network import IntegerMatrix, IntegerReshape, QuantizedTensor, Window

__all__ = ["lower_convolution", "lower_depthwise", "lower_fully_connected"]

WEIGHT_TYPES = ("INT8", "INT4")
WEIGHT_FORMATS = {"INT8": IntegerFormat(8), "INT4": IntegerFormat(4)}


def lower_convolution(operator: TfliteOperator, scope: Scope) -> Lowered:
    """CONV_2D: weights [out, y, x, in / groups]; the groups are what the channels say."""
    source, target = scope.source(operator), scope.target(operator)
    filters = _weights(operator, scope, axis=0)
    _, _, channels = image_of(operator, source)
    outputs, _, _, depth = _four_axes(operator, filters)
    if channels % depth or outputs % (channels // depth):
        raise corrupt(
            operator, f"{outputs} filters of {depth} channels do not divide {channels} channels"
        )
    weights = _values(filters).transpose(0, 3, 1, 2)
    return _windowed(operator, scope, source, filters, weights, channels // depth, target)


def lower_depthwise(operator: TfliteOperator, scope: Scope) -> Lowered:
    """DEPTHWISE_CONV_2D: weights [1, y, x, in * multiplier]; output in * multiplier + m."""
    source, target = scope.source(operator), scope.target(operator)
    filters = _weights(operator, scope, axis=3)
    _, _, channels = image_of(operator, source)
    first, _, _, outputs = _four_axes(operator, filters)
    if first != 1 or outputs % channels:
        raise corrupt(
            operator, f"weights {brief(filters.shape)} do not fit an input of {channels} channels"
        )
    weights = _values(filters).transpose(3, 0, 1, 2)
    return _windowed(operator, scope, source, filters, weights, channels, target)


def lower_fully_connected(operator: TfliteOperator, scope: Scope) -> Lowered:
    """FULLY_CONNECTED: every K elements of the input, in the file's order, are a row."""
    source, target = scope.source(operator), scope.target(operator)
    if operator.options.get("weights_format", 0) != 0:
        raise refuse(operator, "weights in shuffled order are not supported")
    filters = _weights(operator, scope, axis=0)
    if len(filters.shape) != 2:
        raise corrupt(operator, f"weights must have 2 axes, got shape {brief(filters.shape)}")
    outputs, depth = filters.shape
    rows, rest = divmod(prod(source.shape), depth)
    if rest or prod(target.shape) != rows * outputs or target.shape[-1] != outputs:
        raise corrupt(
            operator,
            f"input {brief(source.shape)}, weights {brief(filters.shape)} and output "
            f"{brief(target.shape)} do not fit each other",
        )
    stated, result = scope.quantized(source), scope.quantized(target)
    before = _view(stated, layout_of((rows, depth)).shape)
    after = _view(result, layout_of((rows, outputs)).shape)
    # Where only the last axis changes, the rows stay where they are.
    if (source.shape[-1], source.shape[:-1]) == (depth, target.shape[:-1]):
        before, after = stated, result
    weights = _values(filters)[:, :, np.newaxis, np.newaxis]
    matrix = _matrix(operator, scope, source, filters, weights, Window((1, 1)), 1, target)
    steps = [Step("", matrix, after)]
    if before.shape != stated.shape:
        steps.insert(0, Step("rows", IntegerReshape(channels_last=True), before))
    if after.shape != result.shape:
        steps.append(Step("shape", IntegerReshape(channels_last=True), result))
    return scope.chain(operator, (source,), steps, target)


def _windowed(
    operator: TfliteOperator,
    scope: Scope,
    source: TfliteTensor,
    filters: TfliteTensor,
    weights: NDArray[Any],
    groups: int,
    target: TfliteTensor,
) -> Lowered:
    kernel = (filters.shape[1], filters.shape[2])
    window, (height, width) = window_of(operator, kernel, source)
    scope.require_shape(operator, target, (1, height, width, weights.shape[0]))
    matrix = _matrix(operator, scope, source, filters, weights, window, groups, target)
    return scope.single(operator, (source,), matrix, target)


def _weights(operator: TfliteOperator, scope: Scope, axis: int) -> TfliteTensor:
    """Return the weights, symmetric and with one scale or one for each output channel."""
    filters = scope.constant(operator, 1, WEIGHT_TYPES)
    where = f"weights {filters.label}"
    if filters.scales.size == 0 or not (np.isfinite(filters.scales) & (filters.scales > 0)).all():
        raise corrupt(operator, f"{where} must have scales that are positive and finite")
    if filters.zero_points.any():
        raise refuse(
            operator,
            f"{where} have zero point {filters.zero_points[filters.zero_points != 0][0]}; the "
            "int8 specification asks for 0",
        )
    if filters.scales.size > 1 and (
        filters.axis != axis
        or axis >= len(filters.shape)
        or filters.scales.size != filters.shape[axis]
    ):
        raise corrupt(
            operator,
            f"{where} of shape {brief(filters.shape)} have {filters.scales.size} scales along axis "
            f"{filters.axis}; allowed are 1, or one for each index of axis {axis}",
        )
    return filters


def _four_axes(operator: TfliteOperator, filters: TfliteTensor) -> tuple[int, int, int, int]:
    if len(filters.shape) != 4 or min(filters.shape) < 1:
        raise corrupt(operator, f"weights must have 4 axes, got shape {brief(filters.shape)}")
    first, rows, columns, last = filters.shape
    return first, rows, columns, last


def _values(filters: TfliteTensor) -> NDArray[Any]:
    return np.asarray(filters.values)


def _view(tensor: QuantizedTensor, shape: tuple[int, ...]) -> QuantizedTensor:
    return QuantizedTensor(shape, tensor.format, tensor.scale, tensor.zero_point)


def _matrix(
    operator: TfliteOperator,
    scope: Scope,
    source: TfliteTensor,
    filters: TfliteTensor,
    weights: NDArray[Any],
    window: Window,
    groups: int,
    target: TfliteTensor,
) -> IntegerMatrix:
    """Return the layer for weights [out, in / groups, y, x]."""
    scope.take_weights(operator, weights.size)
    stated, result = scope.quantized(source), scope.quantized(target)
    multipliers = stated.scale * filters.scales / result.scale
    low, high = fused_clamp(operator, result)
    integers = np.ascontiguousarray(weights, dtype=np.int32)
    return IntegerMatrix(
        weights=integers,
        weight_format=WEIGHT_FORMATS[filters.type],
        weight_scales=filters.scales,
        bias=_folded_bias(operator, scope, integers, stated.zero_point),
        window=window,
        groups=groups,
        rescale=make_rescale(multipliers, RescaleMode.DOUBLE_ROUND),
        clamp_low=low,
        clamp_high=high,
    )


def _folded_bias(
    operator: TfliteOperator, scope: Scope, weights: NDArray[np.int32], zero_point: int
) -> NDArray[np.int64]:
    """Return bias - zero_point * sum of the channel's weights.

    What does not fit the 32-bit accumulator wraps, as its sums do: the end of the sum is the
    same as if the bias had come last.
    """
    bias = scope.optional_constant(operator, 2, ("INT32",))
    outputs = len(weights)
    if bias is not None and bias.shape != (outputs,):
        raise corrupt(
            operator, f"bias of shape {brief(bias.shape)} does not fit {outputs} output channels"
        )
    given = np.zeros(outputs) if bias is None else np.asarray(bias.values)
    sums = weights.reshape(outputs, -1).sum(axis=1, dtype=np.int64)
    return apply_overflow(given.astype(np.int64) - zero_point * sums, Accumulator())
