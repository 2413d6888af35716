"""The rescale unit's arithmetic: from an accumulator to the next layer's integers.

``M = s_w * s_x / s_y`` is carried as a mantissa and a shift (integer modes) or as a float32
(``float32`` mode), for the whole tensor or for each output channel. The integer modes are the
equations of `accelsim.arithmetic.fixed_point`.

Whatever the mode, a result outside 32 bits saturates to them: a multiplier above 1 is the only
way there, and the clamp that follows makes the choice invisible in any tensor of 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.arithmetic.fixed_point import (
    multiply_double_round,
    multiply_single_round,
    multiply_truncate,
    quantize_multiplier,
)
from accelsim.arithmetic.formats import IntegerFormat
from accelsim.errors import DataError

__all__ = ["Rescale", "RescaleMode", "make_rescale", "requantize", "rescale"]

_REGISTER = IntegerFormat(32)


class RescaleMode(StrEnum):
    """How ``round(acc * M)`` is computed; each mode is bit-exact to a named real system."""

    DOUBLE_ROUND = "double_round"
    """gemmlowp, TFLite reference kernels, TOSA with double_round, Ethos-U."""
    SINGLE_ROUND = "single_round"
    """TFLite single rounding, TOSA: one adder, correctly rounded, ties towards +infinity."""
    FLOAT32 = "float32"
    """onnxruntime QLinear operators, Gemmini: float32 multiply, round half to even."""
    TRUNCATE = "truncate"
    """The cheapest hardware: multiply, shift right, no rounding adder (floor)."""


@dataclass(frozen=True, eq=False)
class Rescale:
    """Rescale parameters, one entry for a tensor or one for each channel.

    Attributes
    ----------
    mode
        Which of the four roundings.
    mantissa_bits
        32 or 16: width of the signed mantissa register (integer modes).
    multipliers
        float64[channels or 1]: the real multipliers M, before they became fixed-point.
    mantissas
        int64[channels or 1]: 0, or in [2^(mantissa_bits - 2), 2^(mantissa_bits - 1)); below
        that range where a mean has divided it by its count (`mean_rescale`).
    shifts
        int64[channels or 1]: s with ``M ~ mantissa * 2^(s - (mantissa_bits - 1))``
        (TFLite's shift: positive is left), in [-31, 30].
    """

    mode: RescaleMode
    mantissa_bits: int
    multipliers: NDArray[np.float64]
    mantissas: NDArray[np.int64]
    shifts: NDArray[np.int64]


def make_rescale(multipliers: ArrayLike, mode: RescaleMode, mantissa_bits: int = 32) -> Rescale:
    """Return the rescale parameters for real multipliers.

    Parameters
    ----------
    multipliers
        float64[channels], or one number for the whole tensor: M >= 0.
    mode
        The rounding. ``float32`` uses float32(M) and no mantissa, but mantissas are there too.
    mantissa_bits
        16 or 32.

    Raises
    ------
    DataError
        A multiplier that is negative or NaN, or not finite as a float32; no multiplier at all.

    Examples
    --------
    >>> unit = make_rescale([0.75, 2.0], RescaleMode.SINGLE_ROUND, mantissa_bits=16)
    >>> unit.mantissas.tolist(), unit.shifts.tolist()
    ([24576, 16384], [0, 2])
    """
    reals = np.atleast_1d(np.asarray(multipliers, dtype=np.float64))
    if reals.ndim != 1 or reals.size == 0:
        raise DataError(f"multipliers: must be one number or a list, got shape {reals.shape}")
    largest = float(np.finfo(np.float32).max)
    if not (reals <= largest).all():
        worst = float(reals[~(reals <= largest)][0])
        raise DataError(f"multiplier: must be finite as a float32, got {worst}")
    pairs = [quantize_multiplier(float(real), mantissa_bits) for real in reals]
    return Rescale(
        mode=mode,
        mantissa_bits=mantissa_bits,
        multipliers=reals,
        mantissas=np.array([mantissa for mantissa, _ in pairs], dtype=np.int64),
        shifts=np.array([shift for _, shift in pairs], dtype=np.int64),
    )


def rescale(
    acc: NDArray[np.int64], parameters: Rescale, channel_axis: int = -1
) -> NDArray[np.int64]:
    """Return ``round(acc * M)`` as the mode rounds, before any zero point.

    Parameters
    ----------
    acc
        int64[...], values of a 32-bit register.
    parameters
        One multiplier, or one for each index along ``channel_axis``.
    channel_axis
        Axis of ``acc`` that the multipliers belong to.

    Returns
    -------
    int64[...], saturated to 32 bits.

    Raises
    ------
    DataError
        An accumulator outside 32 bits, or a number of multipliers that does not fit ``acc``.

    Examples
    --------
    >>> acc = np.array([-3, -1, 1, 3])
    >>> for mode in RescaleMode:
    ...     print(mode, rescale(acc, make_rescale(0.5, mode)).tolist())
    double_round [-1, 0, 1, 2]
    single_round [-1, 0, 1, 2]
    float32 [-2, 0, 0, 2]
    truncate [-2, -1, 0, 1]
    """
    wide = np.asarray(acc, dtype=np.int64)
    if wide.size and (wide.min() < _REGISTER.low or wide.max() > _REGISTER.high):
        raise DataError(f"acc: must fit 32 bits, got {wide.min()} to {wide.max()}")
    if parameters.mode is RescaleMode.FLOAT32:
        factors = _per_channel(parameters.multipliers, wide, channel_axis)
        return _rescale_float32(wide, factors)
    mantissas = _per_channel(parameters.mantissas, wide, channel_axis)
    shifts = _per_channel(parameters.shifts, wide, channel_axis)
    multiply = {
        RescaleMode.DOUBLE_ROUND: multiply_double_round,
        RescaleMode.SINGLE_ROUND: multiply_single_round,
        RescaleMode.TRUNCATE: multiply_truncate,
    }[parameters.mode]
    exact = multiply(wide, mantissas, shifts, parameters.mantissa_bits)
    saturated: NDArray[np.int64] = np.clip(exact, _REGISTER.low, _REGISTER.high)
    return saturated


def requantize(
    acc: NDArray[np.int64],
    parameters: Rescale,
    zero_point: int,
    low: int,
    high: int,
    channel_axis: int = -1,
) -> NDArray[np.int32]:
    """Return ``clamp(rescale(acc) + zero_point, low, high)``: the next layer's integers.

    >>> unit = make_rescale(0.5, RescaleMode.SINGLE_ROUND)
    >>> requantize(np.array([-300, -3, 3, 300]), unit, zero_point=-128, low=-128, high=127).tolist()
    [-128, -128, -126, 22]
    """
    shifted = rescale(acc, parameters, channel_axis) + zero_point
    clamped: NDArray[np.int32] = np.clip(shifted, low, high).astype(np.int32)
    return clamped


def _rescale_float32(acc: NDArray[np.int64], factors: NDArray[np.float64]) -> NDArray[np.int64]:
    # Both operands are rounded to float32 first: that is the named systems' arithmetic, and it
    # shows for accumulators above 2^24.
    with np.errstate(over="ignore"):
        product = acc.astype(np.float32) * factors.astype(np.float32)
    rounded = np.rint(product).astype(np.float64)
    return np.clip(rounded, _REGISTER.low, _REGISTER.high).astype(np.int64)


def _per_channel(values: NDArray[Any], acc: NDArray[np.int64], channel_axis: int) -> NDArray[Any]:
    """Shape one value for each channel so that it broadcasts against ``acc``."""
    if values.size == 1:
        return values.reshape(())
    if acc.ndim == 0 or acc.shape[channel_axis] != values.size:
        raise DataError(
            f"multipliers: {values.size} do not fit axis {channel_axis} of shape {acc.shape}"
        )
    shape = [1] * acc.ndim
    shape[channel_axis] = -1
    return values.reshape(shape)
