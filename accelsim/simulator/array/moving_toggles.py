"""Numba kernels: what toggles in the registers of the operand that moves right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.simulator.array import changed_bits, lanes
from accelsim.simulator.array.changed_bits import distance, distances
from accelsim.simulator.kernels import kernel

__all__ = ["changes_across", "changes_along", "enter_rows", "enter_streams"]

Words = NDArray[np.int32]


@kernel(lanes, changed_bits, nogil=True)
def changes_along(words: Words, start: int, stop: int, mask: np.uint32) -> np.int64:
    """Sum of the distances of consecutive rows [start, stop) of int32[elements, depth]."""
    total = np.int64(0)
    for element in range(start + 1, stop):
        total += distances(words[element], words[element - 1], mask)
    return total


@kernel(lanes, changed_bits, nogil=True)
def changes_across(words: Words, mask: np.uint32) -> np.int64:
    """Sum of the distances of consecutive depths of int32[elements, depth]."""
    total = np.int64(0)
    for element in range(len(words)):
        total += distances(words[element, 1:], words[element, :-1], mask)
    return total


@kernel(lanes, changed_bits, nogil=True)
def enter_streams(
    words: Words, start: int, stop: int, last_moving: Words, mask: np.uint32
) -> np.int64:
    """Count what toggles where the next stream starts: depth tiles of elements [start, stop).

    last_moving: int32[R], changed; rows of the array without a depth get zeros.
    """
    rows, depth = len(last_moving), words.shape[1]
    total = np.int64(0)
    for tile in range(0, depth, rows):
        for r in range(rows):
            used = tile + r < depth
            entering = words[start, tile + r] if used else np.int32(0)
            total += distance(entering, last_moving[r], mask)
            last_moving[r] = words[stop - 1, tile + r] if used else np.int32(0)
    return total


@kernel(lanes, changed_bits, nogil=True)
def enter_rows(words: Words, last_moving: Words, mask: np.uint32) -> np.int64:
    """Count what toggles where the next tile's rows of int32[elements, depth] start.

    last_moving: int32[R], changed; rows of the array without an element get zeros.
    """
    rows, depth = len(last_moving), words.shape[1]
    total = np.int64(0)
    for start in range(0, len(words), rows):
        for r in range(rows):
            used = start + r < len(words)
            entering = words[start + r, 0] if used else np.int32(0)
            total += distance(entering, last_moving[r], mask)
            last_moving[r] = words[start + r, depth - 1] if used else np.int32(0)
    return total
