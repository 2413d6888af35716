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


class Yardstick:
    """One run of it; ``work`` multiply-adds."""

    name = "in-register int32 multiply-adds, one core"

    def __init__(self, tiny: bool) -> None:
        self.work = STEPS // 10_000 if tiny else STEPS

    def __call__(self) -> object:
        return registers_only(3, self.work)
