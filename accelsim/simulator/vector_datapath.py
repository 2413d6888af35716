"""The integers of the vector unit, lane by lane.

An operation is one comparison, addition, look-up or copy of one lane; a window's padding costs
none. What is rescaled goes through the rescale unit's datapath.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import RescaleMode
from accelsim.errors import InternalError
from accelsim.network.geometry import Window
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerLookup,
    IntegerMaxPool,
    IntegerPad,
    IntegerQuotientPool,
    IntegerRequantize,
    QuantizedTensor,
)
from accelsim.simulator.kernels import kernel
from accelsim.simulator.rescale_datapath import scale_tile

__all__ = ["VectorOperator", "VectorResult", "pool_windows", "run_vector"]

VectorOperator = (
    IntegerAdd
    | IntegerMaxPool
    | IntegerAveragePool
    | IntegerQuotientPool
    | IntegerClamp
    | IntegerRequantize
    | IntegerLookup
    | IntegerPad
)


@dataclass(frozen=True, eq=False)
class VectorResult:
    """What the vector unit did with one layer and batch.

    ``values``: int32[batch, ...]; ``operations``: lane operations; ``clip_events``: rescaled
    values (zero point added) that the layer's clamp changed, none if nothing is rescaled.
    """

    values: NDArray[np.int32]
    operations: int
    clip_events: int | None


def run_vector(
    operator: VectorOperator,
    inputs: tuple[NDArray[np.int32], ...],
    sources: tuple[QuantizedTensor, ...],
    target: QuantizedTensor,
) -> VectorResult:
    """Run a layer without weights.

    Parameters
    ----------
    operator
        The layer.
    inputs
        int32[batch, ...], one tensor, or two of the same shape for an addition; pools take
        int32[batch, channels, height, width].
    sources, target
        What the integers of inputs and output mean; only zero points and formats are read.
    """
    tensor, zero_point = inputs[0], sources[0].zero_point
    match operator:
        case IntegerMaxPool():
            return _max_pool(operator.window, tensor)
        case IntegerQuotientPool():
            return _quotient_pool(operator, tensor)
        case IntegerClamp():
            return _copied(np.minimum(np.maximum(tensor, operator.clamp_low), operator.clamp_high))
        case IntegerLookup():
            return _copied(operator.table[tensor - sources[0].format.low])
        case IntegerPad():
            return _copied(_pad(operator, tensor))
        case IntegerAdd():
            zero_points = (zero_point, sources[1].zero_point)
            scaled, operations = _add(operator, inputs, zero_points), tensor.size
        case IntegerRequantize():
            above = (tensor.astype(np.int64) - zero_point).reshape(-1, 1)
            scaled = scale_tile(above, operator.rescale).reshape(tensor.shape)
            operations = tensor.size
        case IntegerAveragePool():
            scaled, operations = _average_pool(operator, tensor, zero_point)
    shifted = scaled + target.zero_point
    clipped = (shifted < operator.clamp_low) | (shifted > operator.clamp_high)
    values = np.minimum(np.maximum(shifted, operator.clamp_low), operator.clamp_high)
    return VectorResult(values.astype(np.int32), operations, int(clipped.sum()))


def _copied(values: NDArray[np.int32]) -> VectorResult:
    """Return what takes an operation for each element written and rescales nothing."""
    return VectorResult(values, values.size, None)


def _pad(operator: IntegerPad, tensor: NDArray[np.int32]) -> NDArray[np.int32]:
    """Write padding everywhere, then the image over that in the middle."""
    sizes = tuple(map(sum, zip(operator.before, tensor.shape[1:], operator.after, strict=True)))
    padded = np.full((len(tensor), *sizes), operator.fill, dtype=np.int32)
    middle = (
        slice(before, before + size)
        for before, size in zip(operator.before, tensor.shape[1:], strict=True)
    )
    padded[(slice(None), *middle)] = tensor
    return padded


def _add(
    operator: IntegerAdd, inputs: tuple[NDArray[np.int32], ...], zero_points: tuple[int, ...]
) -> NDArray[np.int64]:
    """Return both operands on one scale, added and rescaled, in the shape of the inputs."""
    left, right = (
        (tensor.astype(np.int64) - zero_point).reshape(len(tensor), -1)
        for tensor, zero_point in zip(inputs, zero_points, strict=True)
    )
    if operator.rescale_left.mode is RescaleMode.FLOAT32:
        total = np.empty(left.shape, dtype=np.int64)
        _add_float32(
            left,
            right,
            np.float32(operator.rescale_left.multipliers[0]),
            np.float32(operator.rescale_right.multipliers[0]),
            total,
        )
    else:
        common_left = scale_tile(left << operator.left_shift, operator.rescale_left)
        common_right = scale_tile(right << operator.left_shift, operator.rescale_right)
        total = scale_tile(common_left + common_right, operator.rescale_sum)
    return total.reshape(inputs[0].shape)


def _max_pool(window: Window, tensor: NDArray[np.int32]) -> VectorResult:
    largest, counts = pool_windows(window, tensor, zero_point=0, largest=True)
    planes = tensor.shape[0] * tensor.shape[1]
    return VectorResult(largest.astype(np.int32), planes * int(counts.sum()), None)


def _quotient_pool(operator: IntegerQuotientPool, tensor: NDArray[np.int32]) -> VectorResult:
    """Divide magnitudes, half a divisor added, and give the sign back: halves go away from 0."""
    sums, counts = pool_windows(operator.window, tensor, zero_point=0, largest=False)
    quotients = np.sign(sums) * ((2 * np.abs(sums) + counts) // (2 * counts))
    values = np.minimum(np.maximum(quotients, operator.clamp_low), operator.clamp_high)
    operations = tensor.shape[0] * tensor.shape[1] * int(counts.sum())
    return VectorResult(values.astype(np.int32), operations, None)


def _average_pool(
    operator: IntegerAveragePool, tensor: NDArray[np.int32], zero_point: int
) -> tuple[NDArray[np.int64], int]:
    """Return (rescaled sums int64[batch, channels, height, width], lane operations)."""
    window = operator.window
    sums, counts = pool_windows(window, tensor, zero_point, largest=False)
    operations = tensor.shape[0] * tensor.shape[1] * int(counts.sum())
    if operator.count_include_pad:
        counts[:] = window.kernel[0] * window.kernel[1]
    unknown = set(counts.ravel().tolist()) - set(operator.counts)
    if unknown:
        raise InternalError(f"no rescale for windows of {sorted(unknown)} elements")
    for count, parameters in zip(operator.counts, operator.rescales, strict=True):
        here = counts == count
        chosen = sums[:, :, here]
        sums[:, :, here] = scale_tile(chosen.reshape(-1, 1), parameters).reshape(chosen.shape)
    return sums, operations


def pool_windows(
    window: Window, tensor: NDArray[np.int32], zero_point: int, largest: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (maxima or sums of the windows, elements that are not padding of each window)."""
    batch, channels, height, width = tensor.shape
    out_size = window.output_size(height, width)
    pooled = np.zeros((batch, channels, *out_size), dtype=np.int64)
    counts = np.zeros(out_size, dtype=np.int64)
    geometry = np.array([*window.kernel, *window.strides, *window.pads[:2], *window.dilations])
    _pool(np.ascontiguousarray(tensor), geometry, zero_point, largest, pooled, counts)
    if not counts.all():
        raise InternalError(f"a pool's window lies in padding alone: {window}")
    return pooled, counts


@kernel()
def _pool(
    maps: NDArray[np.int32],
    window: NDArray[np.int64],
    zero_point: int,
    largest: bool,
    pooled: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Reduce each window of ``maps: int32[batch, channels, height, width]``.

    ``pooled: int64[batch, channels, height_out, width_out]`` becomes the largest element, or
    the sum of elements minus zero point; ``counts: int64[height_out, width_out]`` (zeros when
    called) the elements of the window that are not padding. ``window: int64[8]`` is kernel,
    strides, pads (top, left) and dilations, each (y, x).
    """
    for out_y in range(counts.shape[0]):
        for out_x in range(counts.shape[1]):
            for tap_y in range(window[0]):
                y = out_y * window[2] - window[4] + tap_y * window[6]
                for tap_x in range(window[1]):
                    x = out_x * window[3] - window[5] + tap_x * window[7]
                    if not (0 <= y < maps.shape[2] and 0 <= x < maps.shape[3]):
                        continue
                    counts[out_y, out_x] += 1
                    for image in range(maps.shape[0]):
                        for channel in range(maps.shape[1]):
                            held = pooled[image, channel, out_y, out_x]
                            element = np.int64(maps[image, channel, y, x])
                            if not largest:
                                held += element - zero_point
                            elif element > held or counts[out_y, out_x] == 1:
                                held = element
                            pooled[image, channel, out_y, out_x] = held


@kernel()
def _add_float32(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    factor_left: np.float32,
    factor_right: np.float32,
    total: NDArray[np.int64],
) -> None:
    """Fill ``total: int64[m, n]`` with the float32 sum of two products, rounded half to even."""
    for row in range(left.shape[0]):
        for column in range(left.shape[1]):
            scaled_left = np.float32(left[row, column]) * factor_left
            scaled_right = np.float32(right[row, column]) * factor_right
            exact = np.float64(scaled_left + scaled_right)
            below = np.floor(exact)
            if exact - below > 0.5 or (exact - below == 0.5 and below % 2.0 == 1.0):
                below += 1.0
            total[row, column] = np.int64(below)
