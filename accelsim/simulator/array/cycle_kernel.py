"""Numba kernels of the cycle engine: operands side by side in lanes, and sums without history.

Words: *moving* is the operand that moves right, *factors* what each column multiplies it by.
The sum of column q for element l after depth k is ``sums[l, q] += moving[l, k] * factors[q, k]``
for every dataflow. 16 columns are one value of type lanes, and their sums stay there for four
depths at a time.

Packed, a *block* is four depths: ``moving: int32[blocks, elements, 4]`` and, for 16 columns,
``factors: int32[4 * blocks, 16]``. Each tile of the depth starts a block; the last block of a
tile is filled up with zeros.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from accelsim.simulator.array import lanes
from accelsim.simulator.array.lanes import LANES, load, spread, store
from accelsim.simulator.kernels import kernel

__all__ = ["accumulate", "accumulate_checked", "pack_factors", "pack_lines", "pack_moving"]

Words = NDArray[np.int32]

_CHUNK = 256
"""Elements whose sums stay in the first-level cache."""

_PACKED_TOGETHER = 64
"""Elements whose lines stay there while four depths of each are read."""


@kernel(lanes, nogil=True)
def pack_moving(words: Words, first: int, last: int, tile: int, packed: Words) -> None:
    """Fill elements [first, last) of int32[blocks, elements, 4] from int32[elements, depth]."""
    depth = words.shape[1]
    for begin in range(first, last, _PACKED_TOGETHER):
        end = min(begin + _PACKED_TOGETHER, last)
        block = 0
        for start in range(0, depth, tile):
            stop = min(start + tile, depth)
            for k in range(start, stop, 4):
                _pack_block(words, begin, end, k, min(k + 4, stop), packed[block])
                block += 1


@kernel(lanes, nogil=True)
def _pack_block(words: Words, begin: int, end: int, k: int, stop: int, packed: Words) -> None:
    """Fill int32[elements, 4] for elements [begin, end) and depths [k, stop), 1 to 4."""
    if stop - k == 4:
        for element in range(begin, end):
            # Read all, then write all: so they are moved as one vector.
            a, b = words[element, k], words[element, k + 1]
            c, d = words[element, k + 2], words[element, k + 3]
            packed[element, 0], packed[element, 1] = a, b
            packed[element, 2], packed[element, 3] = c, d
        return
    for element in range(begin, end):
        for j in range(4):
            packed[element, j] = words[element, k + j] if k + j < stop else 0


@kernel(lanes, nogil=True)
def pack_factors(words: Words, first: int, count: int, tile: int, packed: Words) -> None:
    """Fill int32[4 * blocks, 16] from ``count`` rows of int32[columns, depth], the rest zeros."""
    depth = words.shape[1]
    row = 0
    for start in range(0, depth, tile):
        stop = min(start + tile, depth)
        for k in range(start, start + (stop - start + 3) // 4 * 4):
            if k < stop and count == LANES:
                for lane in range(LANES):
                    packed[row, lane] = words[first + lane, k]
            else:
                for lane in range(LANES):
                    inside = k < stop and lane < count
                    packed[row, lane] = words[first + lane, k] if inside else 0
            row += 1


@kernel(lanes, nogil=True)
def pack_lines(words: Words, first: int, count: int, tile: int, packed: Words) -> None:
    """Fill int32[4 * blocks, 16] from ``count`` columns of int32[depth, columns], else zeros."""
    depth = len(words)
    row = 0
    for start in range(0, depth, tile):
        stop = min(start + tile, depth)
        for k in range(start, start + (stop - start + 3) // 4 * 4):
            if k < stop and count == LANES:
                for lane in range(LANES):
                    packed[row, lane] = words[k, first + lane]
            else:
                for lane in range(LANES):
                    inside = k < stop and lane < count
                    packed[row, lane] = words[k, first + lane] if inside else 0
            row += 1


@kernel(lanes, nogil=True)
def accumulate(moving: Words, first: int, factors: Words, sums: Words) -> None:
    """Add all products of elements from ``first`` on; the caller knows that no sum leaves int32.

    moving, factors: packed; sums: int32[elements, 16] (changed).
    """
    for begin in range(0, len(sums), _CHUNK):
        end = min(begin + _CHUNK, len(sums))
        for block in range(len(moving)):
            f0, f1 = load(factors, 4 * block), load(factors, 4 * block + 1)
            f2, f3 = load(factors, 4 * block + 2), load(factors, 4 * block + 3)
            row = begin
            # Four elements at a time hide the time that one multiplication takes.
            while row + 4 <= end:
                element = first + row
                a = _four_depths(moving, block, element, load(sums, row), f0, f1, f2, f3)
                b = _four_depths(moving, block, element + 1, load(sums, row + 1), f0, f1, f2, f3)
                c = _four_depths(moving, block, element + 2, load(sums, row + 2), f0, f1, f2, f3)
                d = _four_depths(moving, block, element + 3, load(sums, row + 3), f0, f1, f2, f3)
                store(sums, row, a)
                store(sums, row + 1, b)
                store(sums, row + 2, c)
                store(sums, row + 3, d)
                row += 4
            while row < end:
                a = _four_depths(moving, block, first + row, load(sums, row), f0, f1, f2, f3)
                store(sums, row, a)
                row += 1


@njit(forceinline=True)
def _four_depths(moving, block, element, sums, f0, f1, f2, f3):  # type: ignore[no-untyped-def]
    """Return the lanes' sums after the four depths of a block."""
    sums = sums + spread(moving[block, element, 0]) * f0
    sums = sums + spread(moving[block, element, 1]) * f1
    sums = sums + spread(moving[block, element, 2]) * f2
    return sums + spread(moving[block, element, 3]) * f3


@kernel(lanes, nogil=True)
def accumulate_checked(
    moving: Words, first: int, factors: Words, sums: Words, low: int, high: int, saturate: bool
) -> np.int64:
    """Add all products with the overflow policy at each step; return the overflow events.

    Arrays as in `accumulate`; ``low``, ``high``: the accumulator's range. The zeros that fill a
    block up change no sum.
    """
    lowest, highest = np.int64(low), np.int64(high)
    mask = highest - lowest
    events = np.int64(0)
    for row in range(len(sums)):
        line = sums[row]
        for k in range(len(factors)):
            word = np.int64(moving[k // 4, first + row, k % 4])
            for lane in range(len(line)):
                exact = np.int64(line[lane]) + word * np.int64(factors[k, lane])
                if saturate:
                    kept = min(max(exact, lowest), highest)
                else:
                    kept = ((exact - lowest) & mask) + lowest
                events += np.int64(kept != exact)
                line[lane] = kept
    return events
