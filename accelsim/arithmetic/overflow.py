"""Sums outside an accumulator's range: wrap, saturate, and counting them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator, Overflow

__all__ = ["apply_overflow", "count_overflows"]


def apply_overflow(exact: NDArray[np.integer[Any]], accumulator: Accumulator) -> NDArray[np.int64]:
    """Return what the accumulator holds after it was given each exact sum.

    With the accumulator's b bits, low = -2^(b-1) and high = 2^(b-1) - 1:

    * wrap:     ((exact - low) mod 2^b) + low
    * saturate: min(max(exact, low), high)

    Parameters
    ----------
    exact
        int64[...]: sums before the accumulator's width is applied.
    accumulator
        2 to 32 bits and the policy.

    Returns
    -------
    int64[...], every value within [low, high].

    Examples
    --------
    >>> from accelsim.arithmetic.formats import Accumulator, Overflow
    >>> sums = np.array([-129, -128, 127, 128])
    >>> apply_overflow(sums, Accumulator(8, Overflow.WRAP)).tolist()
    [127, -128, 127, -128]
    >>> apply_overflow(sums, Accumulator(8, Overflow.SATURATE)).tolist()
    [-128, -128, 127, 127]
    """
    wide = np.asarray(exact, dtype=np.int64)
    if accumulator.overflow is Overflow.SATURATE:
        return np.clip(wide, accumulator.low, accumulator.high)
    mask = (1 << accumulator.bits) - 1
    return ((wide - accumulator.low) & mask) + accumulator.low


def count_overflows(exact: NDArray[np.integer[Any]], accumulator: Accumulator) -> int:
    """Return how many of the exact sums are outside the accumulator's range.

    >>> from accelsim.arithmetic.formats import Accumulator
    >>> count_overflows(np.array([-129, -128, 0, 127, 128]), Accumulator(8))
    2
    """
    wide = np.asarray(exact, dtype=np.int64)
    return int(np.count_nonzero((wide < accumulator.low) | (wide > accumulator.high)))
