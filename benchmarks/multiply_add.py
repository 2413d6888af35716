"""The yardstick: int32 multiply-adds whose operands never leave the registers of one core."""

from __future__ import annotations

import numpy as np
from numba import njit

# As long as the work it is held against, so that other processes disturb both alike.
STEPS = 200_000_000


@njit
def registers_only(steps, mask):
    """A sum of products; the xor keeps the compiler from finding a closed form."""
    total = np.int32(0)
    for k in range(steps):
        word = np.int32(k)
        # Cast each step: numba would widen the sum to int64 and halve the rate.
        total = np.int32(total + np.int32(word ^ mask) * word)
    return total


class Yardstick:
    """One run of it; ``work`` multiply-adds."""

    name = "in-register int32 multiply-adds, one core"

    def __init__(self, tiny: bool) -> None:
        self.work = STEPS // 10_000 if tiny else STEPS

    def __call__(self) -> object:
        return registers_only(self.work, np.int32(12345))
