"""Weights as integers, with one scale for the layer or one for each output channel."""

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
    symmetric: bool = True,
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
    symmetric
        Zero points are 0. Otherwise both ends of the format stand for the ends of the range, which
        is widened to hold 0, and a zero point for 0.
    """
    rows = weights.reshape(len(weights) if per_channel else 1, -1)
    smallest = np.abs(bias.astype(np.float64)) / (input_scale * LARGEST_BIAS)
    if not per_channel:
        smallest = smallest.max(keepdims=True)
    smallest = np.maximum(smallest, np.finfo(np.float32).tiny)
    codes = Codes(weight_format, symmetric)
    zero_points = None
    if symmetric:
        scales = _symmetric_scales(rows, smallest, codes, method, percent)
    else:
        scales, zero_points = _fitted(rows, smallest, codes, method, percent)
    offsets = np.zeros(len(scales), np.int64) if zero_points is None else zero_points
    integers = quantize(
        weights,
        scales if per_channel else scales[0],
        offsets if per_channel else offsets[0],
        weight_format,
        rounding=Rounding.HALF_EVEN if generator is None else Rounding.STOCHASTIC,
        generator=generator,
        axis=0 if per_channel else None,
    )
    return QuantizedWeights(integers, weight_format, scales, zero_points=zero_points)


def _symmetric_scales(
    rows: NDArray[np.float32],
    smallest: NDArray[np.float64],
    codes: Codes,
    method: RangeMethod,
    percent: float,
) -> NDArray[np.float64]:
    """Return the scale of each row, float64[rows]."""
    magnitudes = _bounds(rows, codes, method, percent)
    largest = np.abs(rows).max()
    magnitudes = np.where(magnitudes == 0.0, largest if largest > 0.0 else 1.0, magnitudes)
    half_range = (codes.format.high - codes.format.low) / 2
    return _storable(np.maximum(magnitudes / half_range, smallest))


def _fitted(
    rows: NDArray[np.float32],
    smallest: NDArray[np.float64],
    codes: Codes,
    method: RangeMethod,
    percent: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the scale and the zero point of each row, float64[rows] and int64[rows]."""
    full, form = rows.astype(np.float64), codes.format
    scales, zero_points = np.empty(len(rows)), np.empty(len(rows), np.int64)
    for index, (row, least) in enumerate(zip(full, smallest, strict=True)):
        values = row if row.any() else full
        seen = OBSERVERS[method](values, codes, percent)
        low, high = min(seen.low, 0.0), max(seen.high, 0.0)
        if low == high:
            high = 1.0
        scale = float(_storable(np.maximum((high - low) / (form.high - form.low), least)))
        scales[index] = scale
        zero_points[index] = min(max(round(form.low - low / scale), form.low), form.high)
    return scales, zero_points


def _storable(scales: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scales as float32 numbers."""
    return np.asarray(scales).astype(np.float32).astype(np.float64)


def _bounds(
    rows: NDArray[np.float32], codes: Codes, method: RangeMethod, percent: float
) -> NDArray[np.float64]:
    """Return the magnitude that the integers of each row reach, float64[rows]."""
    if method is RangeMethod.MIN_MAX:
        return np.asarray(np.abs(rows).max(axis=1), dtype=np.float64)
    ranges = [OBSERVERS[method](row, codes, percent) for row in rows]
    return np.array([max(-seen.low, seen.high) for seen in ranges])
