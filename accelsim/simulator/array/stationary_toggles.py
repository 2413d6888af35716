"""Numba kernels: what toggles in 16 columns of PEs whose operand stays while sums pass.

Operands are packed as in `cycle_kernel`, in lanes of 16 columns of the array; the state of these
columns' registers is carried from pass to pass. Lanes beyond the used columns hold zeros.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accelsim.simulator.array import changed_bits, lane_sums, lanes
from accelsim.simulator.array.changed_bits import add_words, full_adder, total_of
from accelsim.simulator.array.lane_sums import four_sums, one_depth
from accelsim.simulator.array.lanes import load, ones_of, spread, store, sum_of
from accelsim.simulator.kernels import kernel

__all__ = ["StationaryColumns", "preload", "stationary_sweep"]

Words = NDArray[np.int32]

_COUNTED_TOGETHER = 1 << 12
"""Elements whose changed bits are added up in lanes, which hold those of 2^26."""


class StationaryColumns(NamedTuple):
    """The registers of 16 columns of PEs and what has toggled in them: kernels change the arrays.

    last_sums, stationary, shadow: int32[R, 16]. masks: uint32[3], the bits of, and toggles:
    int64[3], of moving, stationary and accumulator registers. ``all_open``: a preload starts only
    after the last PE has used its old word, so all PEs shift from its first word on.
    """

    last_sums: Words
    stationary: Words
    shadow: Words
    masks: NDArray[np.uint32]
    toggles: NDArray[np.int64]
    double_buffered: bool
    all_open: bool


@kernel(lanes, changed_bits, lane_sums, nogil=True)
def stationary_sweep(
    moving: Words,
    start: int,
    factors: Words,
    sums: Words,
    depth: int,
    columns: StationaryColumns,
    checked: bool,
    low: int,
    high: int,
    saturate: bool,
) -> np.int64:
    """Stream elements from ``start`` on through 16 columns, one tile of the depth after the other.

    moving, factors: packed in tiles of R; sums: int32[elements, 16] (changed). Returns the
    overflow events.
    """
    last_sums, mask, toggles = columns.last_sums, columns.masks[2], columns.toggles
    rows = len(last_sums)
    events = np.int64(0)
    block = 0
    for tile in range(0, depth, rows):
        used = min(rows, depth - tile)
        preload(factors, 4 * block, used, columns)
        for row in range(0, used, 4):
            if row + 4 <= used and not checked:
                toggles[2] += _stream_four(
                    moving, start, block, factors, sums, last_sums, row, mask
                )
            else:
                for j in range(min(4, used - row)):
                    events += one_depth(
                        moving, start, block, j, factors, sums, checked, low, high, saturate
                    )
                    toggles[2] += _follow(sums, last_sums, row + j, 1, mask)
            block += 1
        # Below the last used row the sums pass through PEs that hold zeros.
        toggles[2] += _follow(sums, last_sums, used, rows - used, mask)
    return events


@kernel(lanes, changed_bits, lane_sums, nogil=True)
def _stream_four(
    moving: Words,
    start: int,
    block: int,
    factors: Words,
    sums: Words,
    last_sums: Words,
    pe_row: int,
    mask_bits: np.uint32,
) -> np.int64:
    """Stream through four rows of PEs; a PE's sums change from element to element."""
    f0, f1 = load(factors, 4 * block), load(factors, 4 * block + 1)
    f2, f3 = load(factors, 4 * block + 2), load(factors, 4 * block + 3)
    p0, p1 = load(last_sums, pe_row), load(last_sums, pe_row + 1)
    p2, p3 = load(last_sums, pe_row + 2), load(last_sums, pe_row + 3)
    mask, zero = spread(mask_bits), spread(0)
    ones, twos, fours, eights, sixteens = zero, zero, zero, zero, zero
    row = 0
    while row + 4 <= len(sums):
        element = start + row
        a0, a1, a2, a3 = four_sums(moving, block, element, sums, row, f0, f1, f2, f3)
        b0, b1, b2, b3 = four_sums(moving, block, element + 1, sums, row + 1, f0, f1, f2, f3)
        ones, twos, carry_a = add_words(ones, twos, a0 ^ p0, a1 ^ p1, a2 ^ p2, a3 ^ p3)
        ones, twos, carry_b = add_words(ones, twos, b0 ^ a0, b1 ^ a1, b2 ^ a2, b3 ^ a3)
        fours, carry_e = full_adder(fours, carry_a, carry_b)
        c0, c1, c2, c3 = four_sums(moving, block, element + 2, sums, row + 2, f0, f1, f2, f3)
        p0, p1, p2, p3 = four_sums(moving, block, element + 3, sums, row + 3, f0, f1, f2, f3)
        ones, twos, carry_a = add_words(ones, twos, c0 ^ b0, c1 ^ b1, c2 ^ b2, c3 ^ b3)
        ones, twos, carry_b = add_words(ones, twos, p0 ^ c0, p1 ^ c1, p2 ^ c2, p3 ^ c3)
        fours, carry_f = full_adder(fours, carry_a, carry_b)
        eights, carry = full_adder(eights, carry_e, carry_f)
        sixteens = sixteens + ones_of(carry & mask)
        row += 4
    total = total_of(ones, twos, fours, eights, sixteens, mask)
    while row < len(sums):
        a0, a1, a2, a3 = four_sums(moving, block, start + row, sums, row, f0, f1, f2, f3)
        ones, twos, fours = add_words(zero, zero, a0 ^ p0, a1 ^ p1, a2 ^ p2, a3 ^ p3)
        total += total_of(ones, twos, fours, zero, zero, mask)
        p0, p1, p2, p3 = a0, a1, a2, a3
        row += 1
    store(last_sums, pe_row, p0)
    store(last_sums, pe_row + 1, p1)
    store(last_sums, pe_row + 2, p2)
    store(last_sums, pe_row + 3, p3)
    return np.int64(total)


@kernel(lanes, changed_bits, lane_sums, nogil=True)
def _follow(sums: Words, last_sums: Words, row: int, rows: int, mask_bits: np.uint32) -> np.int64:
    """Let the same sums pass the registers of some rows; return what toggles."""
    if rows == 0:
        return np.int64(0)
    mask, within = spread(mask_bits), np.int64(0)
    first = load(sums, 0)
    before = first
    for begin in range(1, len(sums), _COUNTED_TOGETHER):
        changes = spread(0)
        for element in range(begin, min(begin + _COUNTED_TOGETHER, len(sums))):
            here = load(sums, element)
            changes = changes + ones_of((here ^ before) & mask)
            before = here
        within += sum_of(changes)
    total = rows * within
    for r in range(row, row + rows):
        total += sum_of(ones_of((first ^ load(last_sums, r)) & mask))
        store(last_sums, r, before)
    return np.int64(total)


@kernel(lanes, changed_bits, lane_sums, nogil=True)
def preload(factors: Words, first: int, used: int, columns: StationaryColumns) -> None:
    """Shift a tile in, last row first; count what toggles in the chain and at the takeover.

    The PE of row r sees the words of rows R-1 down to r. If all PEs are open from the first
    word on, the old words of rows r-1 down to 0 pass before.
    """
    stationary = columns.stationary
    rows = len(stationary)
    chain = columns.shadow if columns.double_buffered else stationary
    mask, zero = spread(columns.masks[1]), spread(0)
    total = zero
    if columns.all_open:
        passed = zero
        for r in range(1, rows):
            passed = passed + ones_of((load(chain, r) ^ load(chain, r - 1)) & mask)
            total = total + passed
        for r in range(1, rows):
            store(chain, r, load(chain, 0))
    passed = zero
    entered = load(factors, first + rows - 1) if used == rows else zero
    below = entered
    for r in range(rows - 1, -1, -1):
        word = load(factors, first + r) if r < used else zero
        passed = passed + ones_of((below ^ word) & mask)
        below = word
        total = total + passed + ones_of((load(chain, r) ^ entered) & mask)
        store(chain, r, word)
        if columns.double_buffered:
            total = total + ones_of((load(stationary, r) ^ word) & mask)
            store(stationary, r, word)
    columns.toggles[1] += sum_of(total)
