"""Fixed-point multiplication primitives, under the names their sources gave them.

A real multiplier M is carried as a signed mantissa of b bits (32 or 16) and a shift s:

    M ~ mantissa * 2^(s - (b - 1)),   mantissa = 0 or in [2^(b-2), 2^(b-1))                (1)

The equations are numbered here and cited by these numbers elsewhere. ``>>`` is the arithmetic
shift (floor). Sources: gemmlowp ``fixedpoint/fixedpoint.h``; TensorFlow Lite Micro
``kernels/internal/common.cc`` and ``quantization_util.cc``; TOSA ``apply_scale_32`` as LLVM's
``TosaToArith.cpp`` lowers it.

Left shifts (s > 0). TFLite computes ``x * 2^s`` in 32 bits, where overflow is undefined. Here
the shifter is as wide as it has to be: every result is that of exact integers. Values x are
those of a 32-bit register; with s <= 30 everything fits 64 bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.errors import DataError

__all__ = [
    "multiply_double_round",
    "multiply_double_round_one_adder",
    "multiply_single_round",
    "multiply_truncate",
    "quantize_multiplier",
    "rounding_divide_by_power_of_two",
    "saturating_rounding_doubling_high_multiply",
]

Integers = NDArray[np.int64]

LARGEST_SHIFT = 30
SMALLEST_SHIFT = -31


def quantize_multiplier(multiplier: float, mantissa_bits: int = 32) -> tuple[int, int]:
    """QuantizeMultiplier: return (mantissa, shift) of equation (1).

    ``q, s = frexp(M)``; ``m = floor(q * 2^31 + 1/2)`` (M >= 0: half away from zero); a mantissa
    of 2^31 becomes 2^30 with s + 1. Multipliers below 2^-32 (s < -31) flush to (0, 0); those of
    2^30 and more (s > 30) become the largest, (2^31 - 1, 30). With 16 bits the mantissa is
    ``(m + 2^15) >> 16``, at most 0x7FFF, as TFLite reduces it for 64-bit accumulators.

    Raises
    ------
    DataError
        A negative, infinite or NaN multiplier, or a mantissa of other than 16 or 32 bits.

    Examples
    --------
    >>> quantize_multiplier(255 / 136671)
    (2051462747, -9)
    >>> quantize_multiplier(255 / 136671, mantissa_bits=16)
    (31303, -9)
    >>> quantize_multiplier(2.0**-33)
    (0, 0)
    """
    if not (math.isfinite(multiplier) and multiplier >= 0):
        raise DataError(f"multiplier: must be finite and not negative, got {multiplier}")
    if mantissa_bits not in (16, 32):
        raise DataError(f"mantissa_bits: must be 16 or 32, got {mantissa_bits}")
    fraction, shift = math.frexp(multiplier)
    mantissa = math.floor(fraction * (1 << 31) + 0.5)
    if mantissa == 1 << 31:
        mantissa, shift = 1 << 30, shift + 1
    if mantissa == 0 or shift < SMALLEST_SHIFT:
        return 0, 0
    if shift > LARGEST_SHIFT:
        mantissa, shift = (1 << 31) - 1, LARGEST_SHIFT
    if mantissa_bits == 16:
        mantissa = min((mantissa + (1 << 15)) >> 16, 0x7FFF)
    return mantissa, shift


def saturating_rounding_doubling_high_multiply(
    a: ArrayLike, b: ArrayLike, bits: int = 32
) -> Integers:
    """SRDHM: the high half of ``2 * a * b``, rounded; ARM's VQRDMULH.

        floor((a * b + 2^(bits-2)) / 2^(bits-1)),  and 2^(bits-1) - 1 if a = b = -2^(bits-1)  (2)

    A tie goes to +infinity for both signs.

    Examples
    --------
    >>> saturating_rounding_doubling_high_multiply([-1, 1, -3, 3], 2**30).tolist()
    [0, 1, -1, 2]
    >>> saturating_rounding_doubling_high_multiply(-(2**31), -(2**31)).item()
    2147483647
    """
    product = np.asarray(a, dtype=np.int64) * np.asarray(b, dtype=np.int64)
    high = (product + (1 << (bits - 2))) >> (bits - 1)
    saturated: Integers = np.minimum(high, (1 << (bits - 1)) - 1)
    return saturated


def rounding_divide_by_power_of_two(x: ArrayLike, exponent: ArrayLike) -> Integers:
    """RDBPOT: ``x / 2^exponent`` to the nearest integer, a tie away from zero.

        (x >> e) + ((x & (2^e - 1)) > ((2^e - 1) >> 1) + (x < 0)),  0 <= e <= 31              (3)

    Examples
    --------
    >>> rounding_divide_by_power_of_two([-5, 5, -6, 6], [1, 1, 2, 2]).tolist()
    [-3, 3, -2, 2]
    """
    value = np.asarray(x, dtype=np.int64)
    places = np.asarray(exponent, dtype=np.int64)
    mask = (np.int64(1) << places) - 1
    return (value >> places) + ((value & mask) > (mask >> 1) + (value < 0))


def multiply_double_round(
    x: ArrayLike, mantissa: ArrayLike, shift: ArrayLike, mantissa_bits: int = 32
) -> Integers:
    """MBQM with two roundings: ``RDBPOT(SRDHM(x * 2^max(s, 0), mantissa), max(-s, 0))``.

    Rounds twice, so it is not always the nearest integer (about 1.6 % of full-range results
    are one off). With a 16-bit mantissa the multiply keeps the high part above bit 15 instead
    of 31, everything else is the same:

        high = floor((x * mantissa * 2^max(s, 0) + 2^(b-2)) / 2^(b-1))
        result = RDBPOT(high, max(-s, 0))                                                     (4)

    Examples
    --------
    >>> multiply_double_round([-3, 3, -5], 2**30, -1).tolist()  # -0.75, 0.75, -1.25
    [-1, 1, -1]
    """
    product = np.asarray(x, dtype=np.int64) * np.asarray(mantissa, dtype=np.int64)
    places = np.asarray(shift, dtype=np.int64)
    high = _shift_right_half_up(product, mantissa_bits - 1 - np.maximum(places, 0))
    return rounding_divide_by_power_of_two(high, np.maximum(-places, 0))


def multiply_double_round_one_adder(
    x: ArrayLike, mantissa: ArrayLike, shift: ArrayLike, mantissa_bits: int = 32
) -> Integers:
    """The same integers as `multiply_double_round` from one adder and one shifter.

        t = b - 1 - s;  (x * mantissa + 2^(t-1) + d) >> t,
        d = 0 if s >= 0, else 2^(b-2) if x >= 0, else -2^(b-2)                                (5)

    For b = 32 this is TOSA's apply_scale_32 with double_round.

    Examples
    --------
    >>> multiply_double_round_one_adder([-3, 3, -5], 2**30, -1).tolist()
    [-1, 1, -1]
    """
    value = np.asarray(x, dtype=np.int64)
    places = np.asarray(shift, dtype=np.int64)
    nudge = np.where(value >= 0, 1 << (mantissa_bits - 2), -(1 << (mantissa_bits - 2)))
    product = value * np.asarray(mantissa, dtype=np.int64) + np.where(places < 0, nudge, 0)
    return _shift_right_half_up(product, mantissa_bits - 1 - places)


def multiply_single_round(
    x: ArrayLike, mantissa: ArrayLike, shift: ArrayLike, mantissa_bits: int = 32
) -> Integers:
    """MBQM with one rounding; a tie goes to +infinity.

        t = b - 1 - s;  (x * mantissa + 2^(t-1)) >> t                                         (6)

    b = 32: TFLite single rounding, TOSA. b = 16: TFLite's form for 64-bit accumulators.

    Examples
    --------
    >>> multiply_single_round([-2, 2, -3], 2**30, -1).tolist()  # -0.5, 0.5, -0.75
    [0, 1, -1]
    """
    product = np.asarray(x, dtype=np.int64) * np.asarray(mantissa, dtype=np.int64)
    return _shift_right_half_up(product, mantissa_bits - 1 - np.asarray(shift, dtype=np.int64))


def multiply_truncate(
    x: ArrayLike, mantissa: ArrayLike, shift: ArrayLike, mantissa_bits: int = 32
) -> Integers:
    """Multiply and shift right without a rounding adder: towards -infinity.

        t = b - 1 - s;  (x * mantissa) >> t                                                   (7)

    Examples
    --------
    >>> multiply_truncate([-1, 1, -5], 2**30, -1).tolist()  # -0.25, 0.25, -1.25
    [-1, 0, -2]
    """
    product = np.asarray(x, dtype=np.int64) * np.asarray(mantissa, dtype=np.int64)
    right = mantissa_bits - 1 - np.asarray(shift, dtype=np.int64)
    return (product << np.maximum(-right, 0)) >> np.maximum(right, 0)


def _shift_right_half_up(product: Integers, right: NDArray[Any]) -> Integers:
    """Return floor(product / 2^right + 1/2); a negative ``right`` (16-bit, s > 15) shifts left."""
    half = np.where(right >= 1, np.int64(1) << np.maximum(right - 1, 0), 0)
    shifted: Integers = ((product + half) << np.maximum(-right, 0)) >> np.maximum(right, 0)
    return shifted
