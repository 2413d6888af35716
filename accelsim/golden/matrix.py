"""Convolutions and dense layers: multiply, add, overflow, one depth element after another."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import Accumulator, apply_overflow, count_overflows
from accelsim.golden.windows import taps
from accelsim.network.integer import IntegerMatrix
from accelsim.network.run_time import RunTimeMatrix

__all__ = ["accumulate"]


def accumulate(
    operator: IntegerMatrix | RunTimeMatrix,
    maps: NDArray[np.int64],
    zero_point: int,
    accumulator: Accumulator,
) -> tuple[NDArray[np.int64], int]:
    """Return the accumulators of a matrix layer and the number of overflow events.

    Each accumulator starts at its bias and takes one product at a time, in the depth order of
    `accelsim.network.integer`; the overflow policy applies, and events are counted, at each step.
    With asymmetric weights, the row's sum times the column's zero point is the last step.
    With vectors a step is a vector's exact sum times its scale.

    Parameters
    ----------
    operator
        Weights, bias and geometry.
    maps
        int64[images, in_channels, height, width]; a vector is (features, 1, 1).
    zero_point
        Of the input: the integer that padding enters as.
    accumulator
        Width and overflow policy.

    Returns
    -------
    int64[images, out_channels, output height, output width], overflow events
    """
    images = maps.shape[0]
    out_channels, depth_channels = operator.weights.shape[:2]
    groups = operator.groups
    height, width = operator.window.output_size(*maps.shape[2:])
    rows_m = images * height * width
    weights = operator.weights.astype(np.int64).reshape(
        groups, out_channels // groups, depth_channels, *operator.window.kernel
    )
    bias = operator.bias.reshape(groups, out_channels // groups, 1)
    sums = np.broadcast_to(bias, (groups, out_channels // groups, rows_m)).astype(np.int64)
    row_sums = np.zeros((groups, 1, rows_m), dtype=np.int64)
    part = np.zeros_like(sums)
    taken, events = 0, 0
    for kernel_y, kernel_x, view in taps(maps, operator.window, zero_point):
        grouped = view.reshape(images, groups, depth_channels, height * width)
        for channel in range(depth_channels):
            activations = grouped[:, :, channel, :].swapaxes(0, 1).reshape(groups, 1, rows_m)
            factors = weights[:, :, channel, kernel_y, kernel_x, np.newaxis]
            if operator.weight_zero_points is not None:
                exact = row_sums + activations
                events += count_overflows(exact, accumulator)
                row_sums = apply_overflow(exact, accumulator)
            part += activations * factors
            taken += 1
            scales = _scales(operator, taken, depth_channels)
            if scales is None:
                continue
            exact = sums + part * scales.reshape(groups, -1, 1)
            events += count_overflows(exact, accumulator)
            sums = apply_overflow(exact, accumulator)
            part = np.zeros_like(sums)
    if operator.weight_zero_points is not None:
        exact = sums - operator.weight_zero_points.reshape(bias.shape) * row_sums
        events += count_overflows(exact, accumulator)
        sums = apply_overflow(exact, accumulator)
    by_image = sums.reshape(out_channels, images, height, width).swapaxes(0, 1)
    return np.ascontiguousarray(by_image), events


def _scales(
    operator: IntegerMatrix | RunTimeMatrix, taken: int, depth_channels: int
) -> NDArray[np.int64] | None:
    """Return each output channel's scale of the products since the last step.

    None if their vector is not over after ``taken`` depth elements. Without vectors each product
    is a step of its own.
    """
    vectors = operator.vectors
    if vectors is None:
        return np.ones(len(operator.bias), np.int64)
    depth = prod(operator.window.kernel) * depth_channels
    if taken % vectors.size and taken < depth:
        return None
    scales: NDArray[np.int64] = vectors.scales[(taken - 1) // vectors.size].astype(np.int64)
    return scales
