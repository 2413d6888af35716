"""The layers without weights: addition, maximum and averages over windows, shapes, softmax."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import RescaleMode, SoftmaxParameters, rescale, softmax_integers
from accelsim.errors import InternalError
from accelsim.golden.windows import taps
from accelsim.network.geometry import Shape, Window
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerPad,
    IntegerQuotientPool,
    IntegerReshape,
    IntegerSoftmax,
)

__all__ = [
    "add",
    "average_pool",
    "max_pool",
    "pad",
    "quotient_pool",
    "reshape",
    "softmax",
    "window_counts",
    "window_sums",
]

IntegerArray = NDArray[np.int64]


def add(operator: IntegerAdd, left: IntegerArray, right: IntegerArray) -> IntegerArray:
    """Return the rescaled sum of two tensors whose zero points are already subtracted.

    Integer modes follow the ADD of TensorFlow Lite's reference kernels: both operands are
    shifted left, brought to one scale, added, and the sum is rescaled. ``float32`` mode forms
    the sum in float32 and rounds it once, half to even.
    """
    if operator.rescale_sum.mode is RescaleMode.FLOAT32:
        factor_left = operator.rescale_left.multipliers.astype(np.float32)[0]
        factor_right = operator.rescale_right.multipliers.astype(np.float32)[0]
        total = left.astype(np.float32) * factor_left + right.astype(np.float32) * factor_right
        return np.asarray(np.rint(total), dtype=np.int64)
    common_left = rescale(left << operator.left_shift, operator.rescale_left)
    common_right = rescale(right << operator.left_shift, operator.rescale_right)
    return rescale(common_left + common_right, operator.rescale_sum)


def max_pool(maps: IntegerArray, window: Window, lowest: int) -> IntegerArray:
    """Return the window maxima; padding is ``lowest``, the input format's smallest integer."""
    views = (view for _, _, view in taps(maps, window, lowest))
    largest = next(views).copy()
    for view in views:
        np.maximum(largest, view, out=largest)
    return largest


def average_pool(operator: IntegerAveragePool, maps: IntegerArray) -> IntegerArray:
    """Return the rescaled window sums of maps whose zero point is already subtracted.

    Subtracted, padding is 0; a window's count says which of the operator's rescales it takes.
    """
    sums = window_sums(maps, operator.window, 0)
    counts = window_counts(maps.shape[2:], operator.window, operator.count_include_pad)
    if not np.isin(counts, operator.counts).all():
        raise InternalError(
            f"average pool: windows of {np.unique(counts).tolist()} elements, rescales for "
            f"{operator.counts}"
        )
    pooled = np.zeros_like(sums)
    for count, parameters in zip(operator.counts, operator.rescales, strict=True):
        pooled = np.where(counts == count, rescale(sums, parameters), pooled)
    return pooled


def quotient_pool(operator: IntegerQuotientPool, maps: IntegerArray) -> IntegerArray:
    """Return the clamped window averages of the integers themselves, halves away from zero."""
    sums = window_sums(maps, operator.window, 0)
    counts = window_counts(maps.shape[2:], operator.window, include_pad=False)
    half = counts // 2
    quotients = np.where(sums > 0, (sums + half) // counts, -((half - sums) // counts))
    return quotients.clip(operator.clamp_low, operator.clamp_high)


def pad(operator: IntegerPad, images: IntegerArray) -> IntegerArray:
    """Return int64[images, ...] with the operator's margins on every axis of an image."""
    margins = ((0, 0), *zip(operator.before, operator.after, strict=True))
    return np.pad(images, margins, constant_values=operator.fill)


def reshape(operator: IntegerReshape, images: IntegerArray, shape: Shape) -> IntegerArray:
    """Return int64[images, *shape]: the same integers, channels first or last in their order."""
    if not operator.channels_last:
        return images.reshape(len(images), *shape)
    in_order = np.moveaxis(images, 1, -1).reshape(len(images), *shape[1:], shape[0])
    return np.moveaxis(in_order, -1, 1)


def softmax(operator: IntegerSoftmax, images: IntegerArray) -> IntegerArray:
    """Return the fixed-point softmax over the channels."""
    parameters = SoftmaxParameters(
        operator.mantissa, operator.left_shift, operator.largest_difference
    )
    return softmax_integers(images, parameters, axis=1)


def window_counts(size: tuple[int, ...], window: Window, include_pad: bool) -> IntegerArray:
    """Return int64[1, 1, height, width]: elements of each window over maps of (height, width)."""
    inside = np.ones((1, 1, *size), dtype=np.int64)
    return window_sums(inside, window, int(include_pad))


def window_sums(maps: IntegerArray, window: Window, fill: int) -> IntegerArray:
    """Return the sums over the windows of int64[images, channels, height, width]."""
    views = (view for _, _, view in taps(maps, window, fill))
    total = next(views).copy()
    for view in views:
        total += view
    return total
