"""The float32 lanes behind ranges found at run time: two passes over a layer's output.

First pass: results become real numbers (`accelsim.network.run_time`), are clamped and written as
words of 32 bits; comparators keep an image's smallest and largest. Between the passes a divider
makes scale and zero point of them. Second pass: words become the output's integers.

Every operation is IEEE 754 single precision, rounded once; nothing is fused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat, RunTimeCodes
from accelsim.network.run_time import LARGEST_FACTOR, RunTimeMatrix, RunTimeRange
from accelsim.simulator.kernels import kernel, part

__all__ = ["Words", "add_words", "average_words", "bound_codes", "matrix_words", "quantize_words"]


@dataclass(frozen=True, eq=False)
class Words:
    """``values``: float32[rows, columns]; ``clip_events``: how many the clamp changed."""

    values: NDArray[np.float32]
    clip_events: int


def matrix_words(
    accumulators: NDArray[np.int64], codes: RunTimeCodes, operator: RunTimeMatrix
) -> Words:
    """Return the real results of a matrix layer.

    Parameters
    ----------
    accumulators
        int64[m, output channels]; an image's rows m follow each other.
    codes
        The input's, one for each image.
    """
    words = np.empty(accumulators.shape, dtype=np.float32)
    channels = accumulators.shape[1]
    clips = _scale_and_shift(
        np.ascontiguousarray(accumulators),
        len(accumulators) // len(codes.scales),
        codes.scales,
        codes.zero_points,
        np.ascontiguousarray(np.broadcast_to(operator.weight_scales, channels)),
        operator.weight_sums,
        operator.real_bias,
        np.float32(LARGEST_FACTOR),
        *_ends(operator.range),
        words,
    )
    return Words(words, int(clips))


def add_words(
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    left_codes: RunTimeCodes,
    right_codes: RunTimeCodes,
    found: RunTimeRange,
) -> Words:
    """Return the real sums of two tensors int32[images, ...], as float32[images, elements]."""
    images = len(left)
    words = np.empty((images, left[0].size), dtype=np.float32)
    clips = _add(
        np.ascontiguousarray(left).reshape(images, -1),
        np.ascontiguousarray(right).reshape(images, -1),
        left_codes.scales,
        left_codes.zero_points,
        right_codes.scales,
        right_codes.zero_points,
        *_ends(found),
        words,
    )
    return Words(words, int(clips))


def average_words(
    sums: NDArray[np.int64], counts: NDArray[np.int64], codes: RunTimeCodes, found: RunTimeRange
) -> Words:
    """Return the real means of windows, as float32[images, channels * height * width].

    Parameters
    ----------
    sums
        int64[images, channels, height, width]: of the integers less the image's zero point.
    counts
        int64[height, width]: elements that each window averages.
    """
    images = len(sums)
    words = np.empty((images, sums[0].size), dtype=np.float32)
    flat = np.ascontiguousarray(sums).reshape(images, -1)
    clips = _average(flat, counts.ravel(), codes.scales, *_ends(found), words)
    return Words(words, int(clips))


def quantize_words(
    words: NDArray[np.float32], target: IntegerFormat, symmetric: bool
) -> tuple[NDArray[np.int32], RunTimeCodes]:
    """Return the integers of float32[images, elements], and the codes found for each image."""
    images = len(words)
    integers = np.empty(words.shape, dtype=np.int32)
    scales, zero_points = np.empty(images, np.float32), np.empty(images, np.int64)
    _quantize(words, target.low, target.high, symmetric, integers, scales, zero_points)
    return integers, RunTimeCodes(scales, zero_points)


def bound_codes(
    bound: float, codes: RunTimeCodes, target: IntegerFormat, magnitude: float
) -> NDArray[np.int64]:
    """Return int64[images]: the integers that a real bound has in each image's codes.

    ``magnitude``: that of the words that stand for infinities.
    """
    integers = np.empty(len(codes.scales), dtype=np.int64)
    word = np.float32(min(max(bound, -magnitude), magnitude))
    for image, (scale, zero_point) in enumerate(zip(codes.scales, codes.zero_points, strict=True)):
        integers[image] = _code(word, np.float32(1) / scale, zero_point, target.low, target.high)
    return integers


def _ends(found: RunTimeRange) -> tuple[np.float32, np.float32]:
    return np.float32(found.low), np.float32(found.high)


@part()
def _nearest(value: float) -> int:
    """Round a float32's value to the nearest integer, a tie to the even one, within 31 bits."""
    if value >= 1073741824.0:
        return 1073741824
    if value <= -1073741824.0:
        return -1073741824
    below = int(np.floor(value))
    rest = value - below
    if rest > 0.5 or (rest == 0.5 and below & 1 == 1):
        return below + 1
    return below


@kernel()
def _code(word: np.float32, reciprocal: np.float32, zero_point: int, low: int, high: int) -> int:
    """Return the integer of one word."""
    code = _nearest(np.float64(word * reciprocal)) + zero_point
    return min(max(code, low), high)


@part()
def _write(
    words: NDArray[np.float32],
    row: int,
    column: int,
    word: np.float32,
    low: np.float32,
    high: np.float32,
) -> bool:
    """Write a word, clamped; whether that changed it."""
    words[row, column] = min(max(word, low), high)
    return bool(word < low or word > high)


@kernel()
def _scale_and_shift(
    accumulators: NDArray[np.int64],
    rows_an_image: int,
    scales: NDArray[np.float32],
    zero_points: NDArray[np.int64],
    weight_scales: NDArray[np.float32],
    weight_sums: NDArray[np.int64],
    bias: NDArray[np.float32],
    largest: np.float32,
    low: np.float32,
    high: np.float32,
    words: NDArray[np.float32],
) -> int:
    """Fill ``words: float32[m, n]`` from ``accumulators: int64[m, n]``; return what was clamped.

    ``scales: float32[images]``, ``zero_points: int64[images]``; ``weight_scales: float32[n]``,
    ``weight_sums: int64[n]``, ``bias: float32[n]``. ``largest``: of the factors.
    """
    clipped = 0
    for row in range(accumulators.shape[0]):
        image = row // rows_an_image
        for column in range(accumulators.shape[1]):
            factor = min(scales[image] * weight_scales[column], largest)
            corrected = accumulators[row, column] - zero_points[image] * weight_sums[column]
            word = np.float32(corrected) * factor + bias[column]
            clipped += _write(words, row, column, word, low, high)
    return clipped


@kernel()
def _add(
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    left_scales: NDArray[np.float32],
    left_zero_points: NDArray[np.int64],
    right_scales: NDArray[np.float32],
    right_zero_points: NDArray[np.int64],
    low: np.float32,
    high: np.float32,
    words: NDArray[np.float32],
) -> int:
    """Fill ``words: float32[images, elements]`` from two ``int32[images, elements]``."""
    clipped = 0
    for image in range(words.shape[0]):
        for element in range(words.shape[1]):
            first = np.float32(left[image, element] - left_zero_points[image])
            second = np.float32(right[image, element] - right_zero_points[image])
            word = first * left_scales[image] + second * right_scales[image]
            clipped += _write(words, image, element, word, low, high)
    return clipped


@kernel()
def _average(
    sums: NDArray[np.int64],
    counts: NDArray[np.int64],
    scales: NDArray[np.float32],
    low: np.float32,
    high: np.float32,
    words: NDArray[np.float32],
) -> int:
    """Fill ``words: float32[images, elements]``; ``counts: int64[elements of a channel]``."""
    clipped = 0
    for image in range(words.shape[0]):
        for element in range(words.shape[1]):
            share = scales[image] / np.float32(counts[element % counts.shape[0]])
            word = np.float32(sums[image, element]) * share
            clipped += _write(words, image, element, word, low, high)
    return clipped


@kernel()
def _quantize(
    words: NDArray[np.float32],
    low: int,
    high: int,
    symmetric: bool,
    integers: NDArray[np.int32],
    scales: NDArray[np.float32],
    zero_points: NDArray[np.int64],
) -> None:
    """Fill ``integers: int32[images, elements]`` and the codes of each image from its words."""
    one = np.float32(1.0)
    middle = (low + high + 1) // 2
    for image in range(words.shape[0]):
        smallest = largest = np.float32(0.0)
        for element in range(words.shape[1]):
            smallest = min(smallest, words[image, element])
            largest = max(largest, words[image, element])
        if symmetric:
            scale = max(-smallest, largest) / np.float32(high - middle)
        else:
            scale = (largest - smallest) / np.float32(high - low)
        # Less than the smallest normal number has no reciprocal.
        if np.float64(scale) < 2.0**-126:
            scale = one
        zero_point = middle
        if not symmetric:
            zero_point = _nearest(np.float64(np.float32(low) - smallest / scale))
            zero_point = min(max(zero_point, low), high)
        scales[image] = scale
        zero_points[image] = zero_point
        reciprocal = one / scale
        for element in range(words.shape[1]):
            integers[image, element] = _code(
                words[image, element], reciprocal, zero_point, low, high
            )
