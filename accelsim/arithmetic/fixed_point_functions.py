"""Exponential, reciprocal and logistic function in fixed point, as gemmlowp computes them.

``Qa.b`` is a 32-bit raw integer with a integer bits and b fraction bits, a + b = 31: the real
number is raw / 2^b. Products are `saturating_rounding_doubling_high_multiply` (SRDHM): Qa times
Qc gives Q(a + c). Source: gemmlowp ``fixedpoint/fixedpoint.h``, whose function names are cited.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.arithmetic.fixed_point import (
    rounding_divide_by_power_of_two,
    saturating_rounding_doubling_high_multiply,
)

__all__ = ["exponential_of_negative", "logistic", "one_over_one_plus"]

Integers = NDArray[np.int64]

LARGEST = (1 << 31) - 1
"""The largest raw integer: 1 in Q0.31, which has no exact 1."""

EXPONENTIAL_OF_MINUS_EIGHTH = 1895147668
ONE_THIRD = 715827883
EXPONENTIALS_OF_MINUS_POWER = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
"""(p, exp(-2^p) in Q0.31)."""

FORTY_EIGHT_SEVENTEENTHS = 1515870810
MINUS_THIRTY_TWO_SEVENTEENTHS = -1010580540
"""48/17 and -32/17 in Q2.29: the start of Newton's iteration for 1/d, 1/2 <= d <= 1."""


def exponential_of_negative(raw: ArrayLike, integer_bits: int) -> Integers:
    """exp_on_negative_values: return exp(x) in Q0.31 for x <= 0.

    ``x = r - (multiple of 1/4)`` with -1/4 <= r < 0. exp(r) is a Taylor polynomial of degree 4
    around -1/8; each set bit 2^p of the multiple multiplies it by the constant exp(-2^p).

    Parameters
    ----------
    raw
        int32[...], not positive, in Q(integer_bits).(31 - integer_bits).
    integer_bits
        2 to 5.

    Examples
    --------
    >>> (exponential_of_negative([0, -(2**26), -(2**31)], 5) / 2**31).round(6).tolist()
    [1.0, 0.36788, 0.0]
    """
    x = np.asarray(raw, dtype=np.int64)
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    remainder = (x & (quarter - 1)) - quarter
    result = _exponential_near_minus_eighth(remainder << integer_bits)
    multiple = remainder - x
    for power, constant in EXPONENTIALS_OF_MINUS_POWER:
        if power < integer_bits:
            is_set = (multiple >> (fraction_bits + power)) & 1 != 0
            result = np.where(is_set, _multiply(result, constant), result)
    return np.where(x == 0, LARGEST, result)


def one_over_one_plus(raw: ArrayLike) -> Integers:
    """one_over_one_plus_x_for_x_in_0_1: return 1 / (1 + x) in Q0.31 for 0 <= x <= 1 in Q0.31.

    Three Newton steps in Q2.29 on d = (1 + x) / 2, halved at the end.

    Examples
    --------
    >>> one_over_one_plus([0, 2**30, 2**31 - 1]).tolist()
    [2147483647, 1431655762, 1073741820]
    """
    # The half sum of x and 1 is rounded away from zero; both are positive.
    half_denominator = (np.asarray(raw, dtype=np.int64) + LARGEST + 1) // 2
    x = FORTY_EIGHT_SEVENTEENTHS + _multiply(half_denominator, MINUS_THIRTY_TWO_SEVENTEENTHS)
    for _ in range(3):
        error = (1 << 29) - _multiply(half_denominator, x)
        x = x + _shift_left(_multiply(x, error), 2)
    return _shift_left(x, 1)


def logistic(raw: ArrayLike, integer_bits: int) -> Integers:
    """Return 1 / (1 + exp(-x)) in Q0.31.

    Parameters
    ----------
    raw
        int32[...], above -2^31, in Q(integer_bits).(31 - integer_bits).
    integer_bits
        2 to 5.

    Examples
    --------
    >>> (logistic([-(2**27), 0, 2**27], 4) / 2**31).round(6).tolist()
    [0.268941, 0.5, 0.731059]
    """
    x = np.asarray(raw, dtype=np.int64)
    positive = one_over_one_plus(exponential_of_negative(-np.abs(x), integer_bits))
    return np.where(x == 0, 1 << 30, np.where(x > 0, positive, LARGEST - positive))


def _exponential_near_minus_eighth(raw: Integers) -> Integers:
    """exp_on_interval_between_negative_one_quarter_and_0_excl: Q0.31 to Q0.31."""
    x = raw + (1 << 28)
    square = _multiply(x, x)
    cube = _multiply(square, x)
    quarter_fourth = rounding_divide_by_power_of_two(_multiply(square, square), 2)
    # x^4 / 24 + x^3 / 6 + x^2 / 2
    terms = rounding_divide_by_power_of_two(_multiply(quarter_fourth + cube, ONE_THIRD) + square, 1)
    return EXPONENTIAL_OF_MINUS_EIGHTH + _multiply(x + terms, EXPONENTIAL_OF_MINUS_EIGHTH)


def _multiply(a: ArrayLike, b: ArrayLike) -> Integers:
    return saturating_rounding_doubling_high_multiply(a, b)


def _shift_left(raw: Integers, places: int) -> Integers:
    """SaturatingRoundingMultiplyByPOT: raw * 2^places, saturated to 32 bits."""
    shifted: Integers = np.clip(raw << places, -LARGEST - 1, LARGEST)
    return shifted
