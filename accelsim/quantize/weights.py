"""Weights as symmetric integers, with one scale for the layer or one for each output channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat, Rounding, quantize
from accelsim.network.given import QuantizedWeights
from accelsim.quantize.codes import Codes
from accelsim.quantize.observers import OBSERVERS, RangeMethod

__all__ = ["quantize_weights"]

# A bias of at most half the int32 range leaves room for the folded zero point.
LARGEST_BIAS = 1 << 30


def quantize_weights(
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    input_scale: float,
    weight_format: IntegerFormat,
    per_channel: bool,
    method: RangeMethod = RangeMethod.MIN_MAX,
    percent: float = 100.0,
    generator: np.random.Generator | None = None,
) -> QuantizedWeights:
    """Quantize weights with scales from the range of each channel, or of all.

    An all-zero channel takes the scale that the whole layer would have. A channel that is so
    small that its bias would leave int32 takes a larger scale: the bias counts for more there
    (TensorFlow Lite's converter does the same). Scales are float32 numbers, as files store them.

    Parameters
    ----------
    weights
        float32[out_channels, ...].
    bias
        float32[out_channels], in the same real unit as the output.
    input_scale
        Of the input tensor.
    weight_format
        Signed; restricted or full range.
    per_channel
        One scale for each output channel.
    method, percent
        How a range is taken from weights; larger weights are cut off.
    generator
        Rounds up or down at random, with the probability of the fraction; None: to nearest.
    """
    rows = weights.reshape(len(weights) if per_channel else 1, -1)
    magnitudes = _bounds(rows, Codes(weight_format, symmetric=True), method, percent)
    largest = np.abs(weights).max()
    magnitudes = np.where(magnitudes == 0.0, largest if largest > 0.0 else 1.0, magnitudes)
    half_range = (weight_format.high - weight_format.low) / 2
    smallest = np.abs(bias.astype(np.float64)) / (input_scale * LARGEST_BIAS)
    if not per_channel:
        smallest = smallest.max(keepdims=True)
    scales = np.maximum(magnitudes / half_range, smallest)
    scales = np.maximum(scales, np.finfo(np.float32).tiny).astype(np.float32).astype(np.float64)
    integers = quantize(
        weights,
        scales if per_channel else scales[0],
        0,
        weight_format,
        rounding=Rounding.HALF_EVEN if generator is None else Rounding.STOCHASTIC,
        generator=generator,
        axis=0 if per_channel else None,
    )
    return QuantizedWeights(integers, weight_format, scales)


def _bounds(
    rows: NDArray[np.float32], codes: Codes, method: RangeMethod, percent: float
) -> NDArray[np.float64]:
    """Return the magnitude that the integers of each row reach, float64[rows]."""
    if method is RangeMethod.MIN_MAX:
        return np.asarray(np.abs(rows).max(axis=1), dtype=np.float64)
    ranges = [OBSERVERS[method](row, codes, percent) for row in rows]
    return np.array([max(-seen.low, seen.high) for seen in ranges])
