"""One float layer with known tensors to one integer layer's operator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat, Rescale, RescaleMode, make_rescale
from accelsim.errors import ConfigError, InternalError, WorkloadError
from accelsim.network.geometry import Window
from accelsim.network.graph import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    MaxPool,
    Reshape,
)
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerOperator,
    IntegerReshape,
    QuantizedTensor,
)
from accelsim.quantize.activations import clamp_codes
from accelsim.quantize.fusion import LayerPlan
from accelsim.quantize.spec import QuantizationSpec
from accelsim.quantize.weights import QuantizedWeights, quantize_weights

__all__ = ["lower"]


def lower(
    plan: LayerPlan,
    inputs: tuple[QuantizedTensor, ...],
    output: QuantizedTensor,
    spec: QuantizationSpec,
) -> IntegerOperator:
    """Return the integer operator of a layer.

    Raises
    ------
    ConfigError
        If a bias does not fit in the accumulator.
    WorkloadError
        If weights are not finite, or a pool's window can lie in padding alone.
    """
    operator = plan.layer.operator
    if isinstance(operator, Reshape):
        return IntegerReshape()
    if isinstance(operator, MaxPool):
        return IntegerMaxPool(operator.window)
    low, high = clamp_codes(operator if isinstance(operator, Clamp) else plan.clamp, output)
    if isinstance(operator, Clamp):
        return IntegerClamp(low, high)
    if isinstance(operator, Add):
        return _add(inputs[0], inputs[1], output, spec, (low, high))
    if isinstance(operator, AveragePool):
        return _average_pool(plan, operator, inputs[0], output, spec, (low, high))
    if isinstance(operator, Convolution | Dense):
        return _matrix(plan, operator, inputs[0], output, spec, (low, high))
    raise InternalError(f"layer {plan.layer.name!r}: no integer form of {operator!r}")


def _matrix(
    plan: LayerPlan,
    operator: Convolution | Dense,
    source: QuantizedTensor,
    target: QuantizedTensor,
    spec: QuantizationSpec,
    clamp: tuple[int, int],
) -> IntegerMatrix:
    name = plan.layer.name
    if not (np.isfinite(operator.weights).all() and np.isfinite(operator.bias).all()):
        raise WorkloadError(f"layer {name!r}: weights or bias are NaN or infinite")
    if isinstance(operator, Dense):
        weights = operator.weights[:, :, np.newaxis, np.newaxis]
        window, groups = Window((1, 1)), 1
    else:
        weights, window, groups = operator.weights, operator.window, operator.groups
    quantized = quantize_weights(
        weights,
        operator.bias,
        source.scale,
        IntegerFormat(spec.weight_bits, restricted=spec.restricted_weights),
        spec.per_channel,
    )
    return IntegerMatrix(
        weights=quantized.integers,
        weight_format=quantized.format,
        weight_scales=quantized.scales,
        bias=_folded_bias(name, operator.bias, quantized, source, spec),
        window=window,
        groups=groups,
        rescale=_rescale(quantized.scales, source.scale, target.scale, spec),
        clamp_low=clamp[0],
        clamp_high=clamp[1],
    )


def _folded_bias(
    layer: str,
    bias: NDArray[np.float32],
    weights: QuantizedWeights,
    source: QuantizedTensor,
    spec: QuantizationSpec,
) -> NDArray[np.int64]:
    """Return round(bias / (s_w * s_x)) - zero_point * sum of the channel's weights."""
    steps = np.rint(bias.astype(np.float64) / (weights.scales * source.scale))
    sums = weights.integers.reshape(len(bias), -1).sum(axis=1, dtype=np.int64)
    folded: NDArray[np.int64] = steps.astype(np.int64) - source.zero_point * sums
    accumulator = spec.accumulator
    outside = np.flatnonzero((folded < accumulator.low) | (folded > accumulator.high))
    if outside.size:
        raise ConfigError(
            f"layer {layer!r}: bias {folded[outside[0]]} of output channel {outside[0]} (its zero "
            f"point folded in) does not fit the {accumulator.bits}-bit accumulator "
            f"[{accumulator.low}, {accumulator.high}], as for {outside.size} of {folded.size} "
            "channels; use a wider accumulator, symmetric activations or fewer bits"
        )
    return folded


def _rescale(
    weight_scales: NDArray[np.float64],
    source_scale: float,
    target_scale: float,
    spec: QuantizationSpec,
) -> Rescale:
    if spec.rescale_mode is RescaleMode.FLOAT32:
        # onnxruntime forms s_x * s_w / s_y in float32, left to right.
        products = np.float32(source_scale) * weight_scales.astype(np.float32)
        multipliers = (products / np.float32(target_scale)).astype(np.float64)
    else:
        multipliers = weight_scales * source_scale / target_scale
    return _make(multipliers, spec)


def _add(
    left: QuantizedTensor,
    right: QuantizedTensor,
    target: QuantizedTensor,
    spec: QuantizationSpec,
    clamp: tuple[int, int],
) -> IntegerAdd:
    if spec.rescale_mode is RescaleMode.FLOAT32:
        shift = 0
        factors = (
            float(np.float32(left.scale) / np.float32(target.scale)),
            float(np.float32(right.scale) / np.float32(target.scale)),
            1.0,
        )
    else:
        # As many bits as int32 has left beside the operands: TensorFlow Lite's 20 and 15.
        shift = 20 if max(left.format.bits, right.format.bits) <= 8 else 15
        common = 2.0 * max(left.scale, right.scale)
        factors = (
            left.scale / common,
            right.scale / common,
            common / (2.0**shift * target.scale),
        )
    rescale_left, rescale_right, rescale_sum = (
        _make(np.array([factor]), spec) for factor in factors
    )
    return IntegerAdd(rescale_left, rescale_right, rescale_sum, shift, *clamp)


def _average_pool(
    plan: LayerPlan,
    operator: AveragePool,
    source: QuantizedTensor,
    target: QuantizedTensor,
    spec: QuantizationSpec,
    clamp: tuple[int, int],
) -> IntegerAveragePool:
    window = operator.window
    _, height, width = source.shape
    if operator.count_include_pad:
        counts = {window.kernel[0] * window.kernel[1]}
    else:
        rows, columns = (
            _axis_counts(window, axis, size) for axis, size in enumerate((height, width))
        )
        counts = {row * column for row in rows for column in columns}
    if 0 in counts:
        raise WorkloadError(
            f"layer {plan.layer.name!r}: pads {window.pads} put a whole window of an average pool "
            "into padding"
        )
    ordered = tuple(sorted(counts))
    if spec.rescale_mode is RescaleMode.FLOAT32:
        factors = [
            float(np.float32(source.scale) / (np.float32(target.scale) * np.float32(count)))
            for count in ordered
        ]
    else:
        factors = [source.scale / (target.scale * count) for count in ordered]
    rescales = tuple(_make(np.array([factor]), spec) for factor in factors)
    return IntegerAveragePool(window, operator.count_include_pad, ordered, rescales, *clamp)


def _axis_counts(window: Window, axis: int, size: int) -> list[int]:
    """Return, for each output row (axis 0) or column (axis 1), how many taps are not padding."""
    outputs = window.output_size(size, size)[axis]
    before = window.pads[axis]
    dilation, stride = window.dilations[axis], window.strides[axis]
    starts = (output * stride - before for output in range(outputs))
    return [
        sum(0 <= start + tap * dilation < size for tap in range(window.kernel[axis]))
        for start in starts
    ]


def _make(multipliers: NDArray[np.float64], spec: QuantizationSpec) -> Rescale:
    return make_rescale(multipliers, spec.rescale_mode, spec.mantissa_bits)
