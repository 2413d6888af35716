"""The yardstick: int32 multiply-adds whose operands never leave the registers of one core."""

from __future__ import annotations

import numpy as np
from numba import njit

# As long as the work it is held against, so that other processes disturb both alike.
STEPS = 200_000_000


@njit
def registers_only(seed, steps):
    """A sum of products; the xor keeps the compiler from finding a closed form."""
    total = np.int32(0)
    mask = np.int32(seed)
    for k in range(steps):
        total += np.int32(k) * np.int32(np.int32(k) ^ mask)
    return total


@njit
def dot_products(left, right, steps):
    """The same from a few KiB in the L1 cache."""
    total = np.int32(0)
    for _ in range(steps // len(left)):
        for i in range(len(left)):
            total += np.int32(left[i] * right[i])
        left[0] += 1
    return total


class Yardstick:
    """One run of it; ``work`` multiply-adds. Both loops run at about the same rate."""

    name = "in-register int32 multiply-adds, one core"

    def __init__(self, tiny: bool) -> None:
        self.work = STEPS // 10_000 if tiny else STEPS
        self.faster = registers_only

    def __call__(self) -> object:
        return registers_only(3, self.work)
