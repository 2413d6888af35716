"""The smallest and the largest word of an array, found in one pass over memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.simulator.kernels import kernel

__all__ = ["extremes"]


@kernel(nogil=True)
def _extremes(words: NDArray[np.int32]) -> tuple[np.int32, np.int32]:
    low, high = words[0], words[0]
    for i in range(len(words)):
        low, high = min(low, words[i]), max(high, words[i])
    return low, high


def extremes(words: NDArray[np.integer]) -> tuple[int, int]:
    """Return (smallest, largest) of integers [...]; there is at least one.

    >>> extremes(np.array([[-128, 5], [127, 0]], np.int32))
    (-128, 127)
    """
    if words.dtype != np.int32 or not (words.flags.c_contiguous or words.flags.f_contiguous):
        return int(words.min()), int(words.max())
    # As it lies in memory, so nothing is copied.
    low, high = _extremes(words.ravel(order="K").view(np.int32))
    return int(low), int(high)
