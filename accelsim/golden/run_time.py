"""Layers whose output range is found at run time, as `accelsim.network.run_time` defines them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import Accumulator, RunTimeCodes
from accelsim.golden.matrix import accumulate
from accelsim.golden.vector import window_counts, window_sums
from accelsim.network.run_time import (
    LARGEST_FACTOR,
    RunTimeAveragePool,
    RunTimeMatrix,
    RunTimeRange,
)

__all__ = ["add_reals", "average_reals", "clamp_reals", "matrix_reals"]

IntegerArray = NDArray[np.int64]
RealArray = NDArray[np.float32]


def matrix_reals(
    operator: RunTimeMatrix, maps: IntegerArray, codes: RunTimeCodes, accumulator: Accumulator
) -> tuple[RealArray, int]:
    """Return float32[images, out_channels, height, width] before the clamp, and overflow events.

    ``maps``: int64[images, in_channels, height, width]. Images of one zero point are padded alike
    and go together.
    """
    height, width = operator.window.output_size(*maps.shape[2:])
    reals = np.empty((len(maps), len(operator.weights), height, width), dtype=np.float32)
    events = 0
    scales = operator.weight_scales.astype(np.float32)
    bias = operator.real_bias.astype(np.float32).reshape(-1, 1, 1)
    for zero_point in np.unique(codes.zero_points).tolist():
        chosen = codes.zero_points == zero_point
        sums, overflows = accumulate(operator, maps[chosen], zero_point, accumulator)
        events += overflows
        corrected = sums - (zero_point * operator.weight_sums).reshape(-1, 1, 1)
        factors = np.outer(codes.scales[chosen], scales)
        factors = np.minimum(factors, np.float32(LARGEST_FACTOR))
        scaled = corrected.astype(np.float32) * factors[:, :, np.newaxis, np.newaxis]
        reals[chosen] = scaled + bias
    return reals, events


def add_reals(
    left: IntegerArray, right: IntegerArray, left_codes: RunTimeCodes, right_codes: RunTimeCodes
) -> RealArray:
    """Return float32[images, ...]: the sum of two tensors."""
    return _reals(left, left_codes) + _reals(right, right_codes)


def average_reals(
    operator: RunTimeAveragePool, maps: IntegerArray, codes: RunTimeCodes
) -> RealArray:
    """Return float32[images, channels, height, width]: the means of the windows."""
    above = maps - codes.zero_points.reshape(-1, 1, 1, 1)
    sums = window_sums(above, operator.window, 0)
    counts = window_counts(maps.shape[2:], operator.window, operator.count_include_pad)
    factors = codes.scales.reshape(-1, 1, 1, 1) / counts.astype(np.float32)
    return np.asarray(sums.astype(np.float32) * factors, dtype=np.float32)


def clamp_reals(reals: RealArray, range: RunTimeRange) -> tuple[RealArray, int]:
    """Return the values within the fused clamp, and how many it changed."""
    clamped = reals.clip(np.float32(range.low), np.float32(range.high))
    return clamped, int(np.count_nonzero(clamped != reals))


def _reals(integers: IntegerArray, codes: RunTimeCodes) -> RealArray:
    shape = (-1, *[1] * (integers.ndim - 1))
    above = integers - codes.zero_points.reshape(shape)
    return np.asarray(above.astype(np.float32) * codes.scales.reshape(shape), dtype=np.float32)
