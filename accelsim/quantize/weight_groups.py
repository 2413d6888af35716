"""Weights with a scale for each group along the depth: an integer within the channel's real scale.

Two levels as in VS-Quant (Dai et al., "VS-Quant: Per-Vector Scaled Quantization for Accurate
Low-Precision Neural Network Inference", MLSys 2021, section 4): ``real = integer * scale[v, n] *
gamma[n]``. The channel's group of the largest range has the largest scale, ``2^bits - 1``, so that
gamma is its step over that. A group's scale is then less than one gamma from what a real scale of
its own would be: a 255th of the channel's largest for 8 bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat, Rounding, quantize
from accelsim.errors import ConfigError
from accelsim.network.given import QuantizedWeights
from accelsim.network.vectors import (
    NARROWEST_SCALE_BITS,
    WIDEST_SCALE_BITS,
    WeightVectors,
    vector_bounds,
)
from accelsim.quantize.codes import Codes
from accelsim.quantize.observers import OBSERVERS, SHRINK_STEPS, RangeMethod
from accelsim.quantize.weights import LARGEST_BIAS

__all__ = ["LARGEST_GROUP", "check_groups", "quantize_groups"]

LARGEST_GROUP = 1 << 20

FloatArray = NDArray[np.float64]


def check_groups(
    group_size: int | None, scale_bits: int, per_channel: bool, asymmetric: bool
) -> None:
    """Refuse sizes and widths that there are not.

    Raises
    ------
    ConfigError
        In one line.
    """
    if group_size is not None and not 1 <= group_size <= LARGEST_GROUP:
        raise ConfigError(f"group_size: must be 1 to {LARGEST_GROUP}, got {group_size}")
    if not NARROWEST_SCALE_BITS <= scale_bits <= WIDEST_SCALE_BITS:
        raise ConfigError(
            f"scale_bits: must be {NARROWEST_SCALE_BITS} to {WIDEST_SCALE_BITS}, got {scale_bits}"
        )
    if group_size is not None and not per_channel:
        raise ConfigError(
            "group_size: groups have scales within their output channel's; leave out one scale for "
            "the whole layer"
        )
    if group_size is not None and asymmetric:
        raise ConfigError(
            "group_size: weights in groups are symmetric; leave out their zero points"
        )


def quantize_groups(
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    input_scale: float,
    weight_format: IntegerFormat,
    group_size: int,
    scale_bits: int,
    method: RangeMethod = RangeMethod.MIN_MAX,
    percent: float = 100.0,
    generator: np.random.Generator | None = None,
) -> QuantizedWeights:
    """Quantize weights with scales from the range of each group.

    A group is ``group_size`` weights along the depth (kernel row, kernel column, channel), the
    channel's last one what is left. Of the two integers next to its real scale it takes the one
    with which its weights have the smaller squared error. Scales are at least 1.

    Parameters
    ----------
    weights, bias, input_scale, weight_format, method, percent, generator
        As of `accelsim.quantize.weights.quantize_weights`, and so are channels that are all zero or
        very small.
    group_size, scale_bits
        Weights that share a scale, and its width.
    """
    by_depth = np.moveaxis(weights, 1, -1)
    deep = by_depth.reshape(len(weights), -1).astype(np.float64)
    bounds = vector_bounds(deep.shape[1], group_size)
    codes = Codes(weight_format, symmetric=True)
    steps = _ranges(deep, bounds, codes, method, percent) * (
        2.0 / (weight_format.high - weight_format.low)
    )
    largest_integer = (1 << scale_bits) - 1
    largest = steps.max(axis=1)
    largest = np.where(largest == 0.0, largest.max() or 1.0, largest)
    smallest = np.abs(bias.astype(np.float64)) / (input_scale * LARGEST_BIAS)
    smallest = np.maximum(smallest, np.finfo(np.float32).tiny)
    gammas = np.maximum(largest / largest_integer, smallest).astype(np.float32).astype(np.float64)
    # The largest group of a channel wishes the largest scale exactly.
    most = np.where(largest / largest_integer < smallest, largest / smallest, largest_integer)
    wished = steps / largest[:, None] * most[:, None]
    scales = _best_neighbours(deep, wished, gammas, codes, bounds, largest_integer)
    lengths = [stop - start for start, stop in bounds]
    integers = quantize(
        deep / (np.repeat(scales, lengths, axis=1) * gammas[:, None]),
        1.0,
        0,
        weight_format,
        rounding=Rounding.HALF_EVEN if generator is None else Rounding.STOCHASTIC,
        generator=generator,
    )
    return QuantizedWeights(
        np.ascontiguousarray(np.moveaxis(integers.reshape(by_depth.shape), -1, 1)),
        weight_format,
        gammas,
        vectors=WeightVectors(
            group_size, scale_bits, np.ascontiguousarray(scales.T.astype(np.int32))
        ),
    )


def _best_neighbours(
    deep: FloatArray,
    wished: FloatArray,
    gammas: FloatArray,
    codes: Codes,
    bounds: list[tuple[int, int]],
    largest: int,
) -> FloatArray:
    """Return whole scales, float64[channels, groups], next to the wished ones."""
    floors = np.floor(wished).clip(1, largest)
    ceilings = np.ceil(wished).clip(1, largest)
    errors = [
        _squared_errors(deep, scales * gammas[:, None], codes, bounds)
        for scales in (floors, ceilings)
    ]
    return np.where(errors[0] < errors[1], floors, ceilings)


def _squared_errors(
    deep: FloatArray, steps: FloatArray, codes: Codes, bounds: list[tuple[int, int]]
) -> FloatArray:
    """Return each group's squared error with a step, float64[channels, groups]."""
    every = np.repeat(steps, [stop - start for start, stop in bounds], axis=1)
    rounded = np.rint(deep / every).clip(codes.format.low, codes.format.high) * every
    return np.asarray(
        np.add.reduceat(np.square(rounded - deep), [start for start, _ in bounds], axis=1)
    )


def _ranges(
    deep: FloatArray,
    bounds: list[tuple[int, int]],
    codes: Codes,
    method: RangeMethod,
    percent: float,
) -> FloatArray:
    """Return the magnitude that the integers of each group reach, float64[channels, groups]."""
    largest = np.maximum.reduceat(np.abs(deep), [start for start, _ in bounds], axis=1)
    if method is RangeMethod.MIN_MAX:
        return largest
    if method is RangeMethod.MSE:
        return _least_errors(deep, bounds, codes, largest)
    seen = [[OBSERVERS[method](row[slice(*at)], codes, percent) for at in bounds] for row in deep]
    return np.array([[max(-found.low, found.high) for found in row] for row in seen])


def _least_errors(
    deep: FloatArray, bounds: list[tuple[int, int]], codes: Codes, largest: FloatArray
) -> FloatArray:
    """Return what the method ``mse`` finds for each group, all groups at once."""
    best, least = largest, np.full_like(largest, np.inf)
    positive = np.where(largest > 0.0, largest, 1.0)
    for hundredths in range(SHRINK_STEPS, 0, -1):
        candidate = largest * (hundredths / SHRINK_STEPS)
        steps = positive * (hundredths / SHRINK_STEPS) / codes.format.high
        errors = _squared_errors(deep, steps, codes, bounds)
        best = np.where(errors < least, candidate, best)
        least = np.minimum(errors, least)
    return best
