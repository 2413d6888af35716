"""How many bits of registers change: parts of kernels.

Four depths and four elements give 16 words of changed bits at once. Full adders, bit by bit,
turn them into one word that counts sixteens and remainders that stay (Harley and Seal; H. S.
Warren, Hacker's Delight, 2nd ed., section 5-1), so that one word in 16 has its bits counted.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from accelsim.simulator.array import lanes
from accelsim.simulator.array.lanes import ones_of, sum_of
from accelsim.simulator.kernels import kernel

__all__ = ["add_words", "distance", "distances", "full_adder", "total_of"]

Words = NDArray[np.int32]


@njit(forceinline=True)
def full_adder(a, b, c):  # type: ignore[no-untyped-def]
    """Return (sum, carry) of three bits in every position."""
    return a ^ b ^ c, (a & b) | (c & (a | b))


@njit(forceinline=True)
def add_words(ones, twos, a, b, c, d):  # type: ignore[no-untyped-def]
    """Add four words to the counters of ones and twos; return them and the carry into fours."""
    ones, first = full_adder(ones, a, b)
    ones, second = full_adder(ones, c, d)
    twos, fours = full_adder(twos, first, second)
    return ones, twos, fours


@njit(forceinline=True)
def total_of(ones, twos, fours, eights, sixteens, mask):  # type: ignore[no-untyped-def]
    """Return the bits that all counters hold; ``sixteens`` is counted and masked already."""
    total = sum_of(ones_of(ones & mask)) + 2 * sum_of(ones_of(twos & mask))
    total += 4 * sum_of(ones_of(fours & mask)) + 8 * sum_of(ones_of(eights & mask))
    return total + 16 * sum_of(sixteens)


@kernel(lanes, nogil=True)
def distance(a: np.int32, b: np.int32, mask: np.uint32) -> np.int32:
    """Hamming distance of two int32 within a register's mask (the SWAR population count)."""
    x = np.uint32(a ^ b) & mask
    x = np.uint32(x - ((x >> np.uint32(1)) & np.uint32(0x55555555)))
    x = np.uint32((x & np.uint32(0x33333333)) + ((x >> np.uint32(2)) & np.uint32(0x33333333)))
    x = np.uint32(x + (x >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
    return np.int32(np.uint32(x * np.uint32(0x01010101)) >> np.uint32(24))


@kernel(lanes, nogil=True)
def distances(a: Words, b: Words, mask: np.uint32) -> np.int64:
    """Sum of the Hamming distances of two int32 lines of fewer than 2^26 elements."""
    total = np.int32(0)
    for i in range(len(a)):
        total = np.int32(total + distance(a[i], b[i], mask))
    return np.int64(total)
