"""Numba kernels: what toggles in few columns of PEs whose operand stays while sums pass.

Up to 4 columns would leave most of 16 lanes empty. Here a value of 16 lanes is *folded*: lane
``4 * e + c`` belongs to column c and to element e of four that follow each other.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from accelsim.simulator.array import changed_bits, lanes, stationary_toggles
from accelsim.simulator.array.changed_bits import add_words, total_of
from accelsim.simulator.array.lanes import LANES, load, ones_of, shuffled, spread, store, sum_of
from accelsim.simulator.array.stationary_toggles import StationaryColumns, preload
from accelsim.simulator.kernels import kernel

__all__ = ["FOLDED_COLUMNS", "folded_sweep"]

Words = NDArray[np.int32]

FOLDED_COLUMNS = 4
"""Columns of a folded value."""

# Each takes two values: lanes 0 to 15 are the first one's, 16 to 31 the second one's.
_without_others = shuffled("without_others", [*range(4), *range(16, 28)])
_first_columns = shuffled("first_columns", 4 * [*range(4)])
_shifted = shuffled("shifted", [*range(12, 16), *range(16, 28)])
_depth_0 = shuffled("depth_0", [4 * (lane // 4) for lane in range(LANES)])
_depth_1 = shuffled("depth_1", [4 * (lane // 4) + 1 for lane in range(LANES)])
_depth_2 = shuffled("depth_2", [4 * (lane // 4) + 2 for lane in range(LANES)])
_depth_3 = shuffled("depth_3", [4 * (lane // 4) + 3 for lane in range(LANES)])


@kernel(lanes, changed_bits, stationary_toggles, nogil=True)
def folded_sweep(
    moving: Words,
    start: int,
    stop: int,
    factors: Words,
    sums: Words,
    depth: int,
    columns: StationaryColumns,
) -> None:
    """`stationary_toggles.stationary_sweep` of elements [start, stop) that cannot overflow.

    Lanes of factors from the fifth on hold zeros. sums: int32[elements / 4, 16], folded, changed;
    what is beyond the last element equals it.
    """
    last_sums, mask, toggles = columns.last_sums, columns.masks[2], columns.toggles
    rows = len(last_sums)
    for r in range(rows):
        # Zeros enter the columns that have no work now.
        words = load(last_sums, r)
        kept = _without_others(words, spread(0))
        toggles[2] += sum_of(ones_of((words ^ kept) & spread(mask)))
        store(last_sums, r, kept)
    idle = np.zeros((4, LANES), np.int32)
    elements = stop - start
    whole = elements // 4
    end = np.empty((4, 4), np.int32)
    block = 0
    for tile in range(0, depth, rows):
        used = min(rows, depth - tile)
        preload(factors, 4 * block, used, columns)
        for row in range(0, rows, 4):
            # Below the last used row the sums pass through PEs that hold zeros.
            held = factors[4 * (block + row // 4) :] if row < used else idle
            words = moving[block + min(row, used - 1) // 4, start:stop]
            toggles[2] += _stream_four(words, held, sums[:whole], last_sums, row, mask)
            if whole < len(sums):
                for element in range(4):
                    end[element] = words[min(4 * whole + element, elements - 1)]
                toggles[2] += _stream_four(end, held, sums[whole:], last_sums, row, mask)
        block += (used + 3) // 4


@njit(forceinline=True)
def _four_sums(moving, row, sums, f0, f1, f2, f3):  # type: ignore[no-untyped-def]
    """Return four elements' sums after each of four depths; store the last."""
    words, zero = load(moving, row), spread(0)
    a = load(sums, row) + _depth_0(words, zero) * f0
    b = a + _depth_1(words, zero) * f1
    c = b + _depth_2(words, zero) * f2
    d = c + _depth_3(words, zero) * f3
    store(sums, row, d)
    return a, b, c, d


@njit(forceinline=True)
def _for_all(array, row):  # type: ignore[no-untyped-def]
    """Return the first 4 words of a row of 16, for each of four elements."""
    return _first_columns(load(array, row), spread(0))


@kernel(lanes, changed_bits, stationary_toggles, nogil=True)
def _stream_four(
    moving: Words,
    factors: Words,
    sums: Words,
    last_sums: Words,
    pe_row: int,
    mask_bits: np.uint32,
) -> np.int64:
    """Stream int32[4 * len(sums), 4] through four rows of PEs; return what their sums toggle.

    A sum follows that of the element before: of the same value, or the last of the value before.
    """
    f0, f1, f2, f3 = (
        _for_all(factors, 0),
        _for_all(factors, 1),
        _for_all(factors, 2),
        _for_all(factors, 3),
    )
    # A row that does not exist adds zeros: it would hold what the last row holds.
    end = len(last_sums) - 1
    r1, r2, r3 = min(pe_row + 1, end), min(pe_row + 2, end), min(pe_row + 3, end)
    p0, p1 = _for_all(last_sums, pe_row), _for_all(last_sums, r1)
    p2, p3 = _for_all(last_sums, r2), _for_all(last_sums, r3)
    zero, mask = spread(0), spread(mask_bits)
    m1, m2, m3 = (
        spread(-(pe_row + 1 <= end)),
        spread(-(pe_row + 2 <= end)),
        spread(-(pe_row + 3 <= end)),
    )
    ones, twos, fours = zero, zero, zero
    for row in range(len(sums)):
        a, b, c, d = _four_sums(moving, row, sums, f0, f1, f2, f3)
        changed_a, changed_b = a ^ _shifted(p0, a), (b ^ _shifted(p1, b)) & m1
        changed_c, changed_d = (c ^ _shifted(p2, c)) & m2, (d ^ _shifted(p3, d)) & m3
        ones, twos, carry = add_words(ones, twos, changed_a, changed_b, changed_c, changed_d)
        fours = fours + ones_of(carry & mask)
        p0, p1, p2, p3 = a, b, c, d
    store(last_sums, pe_row, _shifted(p0, zero))
    store(last_sums, r1, _shifted(p1, zero))
    store(last_sums, r2, _shifted(p2, zero))
    store(last_sums, r3, _shifted(p3, zero))
    return np.int64(total_of(ones, twos, zero, zero, zero, mask) + 4 * sum_of(fours))
