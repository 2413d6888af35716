"""Products added to the sums of 16 columns of the array: parts of kernels."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from accelsim.simulator.array import lanes
from accelsim.simulator.array.lanes import load, spread, store
from accelsim.simulator.kernels import kernel

__all__ = ["four_sums", "one_depth"]

Words = NDArray[np.int32]


@njit(forceinline=True)
def four_sums(moving, block, element, sums, row, f0, f1, f2, f3):  # type: ignore[no-untyped-def]
    """Return the lanes' sums after each of the four depths of a block; store the last."""
    a = load(sums, row) + spread(moving[block, element, 0]) * f0
    b = a + spread(moving[block, element, 1]) * f1
    c = b + spread(moving[block, element, 2]) * f2
    d = c + spread(moving[block, element, 3]) * f3
    store(sums, row, d)
    return a, b, c, d


@kernel(lanes, nogil=True)
def one_depth(
    moving: Words,
    start: int,
    block: int,
    j: int,
    factors: Words,
    sums: Words,
    checked: bool,
    low: int,
    high: int,
    saturate: bool,
) -> np.int64:
    """Add depth j of a block, with the overflow policy if checked; return the overflow events."""
    if not checked:
        factor = load(factors, 4 * block + j)
        for row in range(len(sums)):
            added = spread(moving[block, start + row, j]) * factor
            store(sums, row, load(sums, row) + added)
        return np.int64(0)
    lowest, highest = np.int64(low), np.int64(high)
    events = np.int64(0)
    for row in range(len(sums)):
        word = np.int64(moving[block, start + row, j])
        for lane in range(sums.shape[1]):
            exact = np.int64(sums[row, lane]) + word * np.int64(factors[4 * block + j, lane])
            if saturate:
                kept = min(max(exact, lowest), highest)
            else:
                kept = ((exact - lowest) & (highest - lowest)) + lowest
            events += np.int64(kept != exact)
            sums[row, lane] = kept
    return events
