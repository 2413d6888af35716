"""Convolutions and dense layers: integer weights, the zero point folded into the bias."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat, Rescale, RescaleMode, make_rescale
from accelsim.errors import ConfigError, WorkloadError
from accelsim.network.geometry import Window
from accelsim.network.graph import Convolution, Dense
from accelsim.network.integer import IntegerMatrix, QuantizedTensor
from accelsim.quantize.spec import QuantizationSpec
from accelsim.quantize.weights import QuantizedWeights, quantize_weights

__all__ = ["lower_matrix"]

WIDEST_ACCUMULATOR = 32


def lower_matrix(
    name: str,
    operator: Convolution | Dense,
    source: QuantizedTensor,
    target: QuantizedTensor,
    spec: QuantizationSpec,
    clamp: tuple[int, int],
) -> IntegerMatrix:
    """Return the integer form of a convolution or dense layer.

    Parameters
    ----------
    name
        Of the layer, for messages.
    operator
        Float weights and bias.
    source, target
        Input and output tensor.
    spec
        Widths, granularity, arithmetic.
    clamp
        Lowest and highest output integer.

    Raises
    ------
    ConfigError
        If a bias does not fit in the accumulator.
    WorkloadError
        If weights or biases are not finite.
    """
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
        wider = "a wider accumulator, " if accumulator.bits < WIDEST_ACCUMULATOR else ""
        raise ConfigError(
            f"layer {layer!r}: bias {folded[outside[0]]} of output channel {outside[0]} (its zero "
            f"point folded in) does not fit the {accumulator.bits}-bit accumulator "
            f"[{accumulator.low}, {accumulator.high}], as for {outside.size} of {folded.size} "
            f"channels; use {wider}symmetric activations or fewer bits"
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
    return make_rescale(multipliers, spec.rescale_mode, spec.mantissa_bits)
