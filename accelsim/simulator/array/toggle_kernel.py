"""Numba kernels of the cycle engine with switching: every bit of every register that changes.

Operands are packed as in `cycle_kernel`, in lanes of 16 columns of the array; the state of these
columns' registers is carried from pass to pass. Lanes beyond the used columns hold zeros.

Four depths and four elements give 16 words of changed bits at once. Full adders, bit by bit,
turn them into one word that counts sixteens and remainders that stay (Harley and Seal; H. S.
Warren, Hacker's Delight, 2nd ed., section 5-1), so that one word in 16 has its bits counted.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from accelsim.simulator.array import lanes
from accelsim.simulator.array.lanes import load, ones_of, spread, store, sum_of
from accelsim.simulator.kernels import kernel

__all__ = [
    "changes_across",
    "changes_along",
    "clear_path",
    "enter_rows",
    "enter_streams",
    "output_sweep",
    "output_tiles",
    "stationary_sweep",
]

Words = NDArray[np.int32]


@kernel(lanes, nogil=True)
def stationary_sweep(
    moving: Words,
    start: int,
    factors: Words,
    sums: Words,
    depth: int,
    last_sums: Words,
    stationary: Words,
    shadow: Words,
    masks: NDArray[np.uint32],
    toggles: NDArray[np.int64],
    double_buffered: bool,
    all_open: bool,
    checked: bool,
    low: int,
    high: int,
    saturate: bool,
) -> np.int64:
    """Stream elements from ``start`` on through 16 columns, one tile of the depth after the other.

    moving, factors: packed in tiles of R; sums: int32[elements, 16] (changed). State, changed:
    last_sums, stationary, shadow: int32[R, 16]. masks: uint32[3] and toggles: int64[3]
    (changed): moving, stationary, accumulator. Returns the overflow events.
    """
    rows = len(last_sums)
    events = np.int64(0)
    block = 0
    for tile in range(0, depth, rows):
        used = min(rows, depth - tile)
        toggles[1] += _preload(
            factors, 4 * block, used, stationary, shadow, masks[1], double_buffered, all_open
        )
        for row in range(0, used, 4):
            if row + 4 <= used and not checked:
                toggles[2] += _stream_four(
                    moving, start, block, factors, sums, last_sums, row, masks[2]
                )
            else:
                for j in range(min(4, used - row)):
                    events += _one_depth(
                        moving, start, block, j, factors, sums, checked, low, high, saturate
                    )
                    toggles[2] += _follow(sums, last_sums, row + j, 1, masks[2])
            block += 1
        # Below the last used row the sums pass through PEs that hold zeros.
        toggles[2] += _follow(sums, last_sums, used, rows - used, masks[2])
    return events


@njit(forceinline=True)
def _full_adder(a, b, c):  # type: ignore[no-untyped-def]
    """Return (sum, carry) of three bits in every position."""
    return a ^ b ^ c, (a & b) | (c & (a | b))


@njit(forceinline=True)
def _add_words(ones, twos, a, b, c, d):  # type: ignore[no-untyped-def]
    """Add four words to the counters of ones and twos; return them and the carry into fours."""
    ones, first = _full_adder(ones, a, b)
    ones, second = _full_adder(ones, c, d)
    twos, fours = _full_adder(twos, first, second)
    return ones, twos, fours


@njit(forceinline=True)
def _four_sums(moving, block, element, sums, row, f0, f1, f2, f3):  # type: ignore[no-untyped-def]
    """Return the lanes' sums after each of the four depths of a block; store the last."""
    a = load(sums, row) + spread(moving[block, element, 0]) * f0
    b = a + spread(moving[block, element, 1]) * f1
    c = b + spread(moving[block, element, 2]) * f2
    d = c + spread(moving[block, element, 3]) * f3
    store(sums, row, d)
    return a, b, c, d


@njit(forceinline=True)
def _total(ones, twos, fours, eights, sixteens, mask):  # type: ignore[no-untyped-def]
    """Return the bits that all counters hold; ``sixteens`` is counted and masked already."""
    total = sum_of(ones_of(ones & mask)) + 2 * sum_of(ones_of(twos & mask))
    total += 4 * sum_of(ones_of(fours & mask)) + 8 * sum_of(ones_of(eights & mask))
    return total + 16 * sum_of(sixteens)


@kernel(lanes, nogil=True)
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
        a0, a1, a2, a3 = _four_sums(moving, block, element, sums, row, f0, f1, f2, f3)
        b0, b1, b2, b3 = _four_sums(moving, block, element + 1, sums, row + 1, f0, f1, f2, f3)
        ones, twos, carry_a = _add_words(ones, twos, a0 ^ p0, a1 ^ p1, a2 ^ p2, a3 ^ p3)
        ones, twos, carry_b = _add_words(ones, twos, b0 ^ a0, b1 ^ a1, b2 ^ a2, b3 ^ a3)
        fours, carry_e = _full_adder(fours, carry_a, carry_b)
        c0, c1, c2, c3 = _four_sums(moving, block, element + 2, sums, row + 2, f0, f1, f2, f3)
        p0, p1, p2, p3 = _four_sums(moving, block, element + 3, sums, row + 3, f0, f1, f2, f3)
        ones, twos, carry_a = _add_words(ones, twos, c0 ^ b0, c1 ^ b1, c2 ^ b2, c3 ^ b3)
        ones, twos, carry_b = _add_words(ones, twos, p0 ^ c0, p1 ^ c1, p2 ^ c2, p3 ^ c3)
        fours, carry_f = _full_adder(fours, carry_a, carry_b)
        eights, carry = _full_adder(eights, carry_e, carry_f)
        sixteens = sixteens + ones_of(carry & mask)
        row += 4
    total = _total(ones, twos, fours, eights, sixteens, mask)
    while row < len(sums):
        a0, a1, a2, a3 = _four_sums(moving, block, start + row, sums, row, f0, f1, f2, f3)
        ones, twos, fours = _add_words(zero, zero, a0 ^ p0, a1 ^ p1, a2 ^ p2, a3 ^ p3)
        total += _total(ones, twos, fours, zero, zero, mask)
        p0, p1, p2, p3 = a0, a1, a2, a3
        row += 1
    store(last_sums, pe_row, p0)
    store(last_sums, pe_row + 1, p1)
    store(last_sums, pe_row + 2, p2)
    store(last_sums, pe_row + 3, p3)
    return np.int64(total)


@kernel(lanes, nogil=True)
def _one_depth(
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


@kernel(lanes, nogil=True)
def _follow(sums: Words, last_sums: Words, row: int, rows: int, mask_bits: np.uint32) -> np.int64:
    """Let the same sums pass the registers of some rows; return what toggles."""
    if rows == 0:
        return np.int64(0)
    mask, within = spread(mask_bits), spread(0)
    first = load(sums, 0)
    before = first
    for element in range(1, len(sums)):
        here = load(sums, element)
        within = within + ones_of((here ^ before) & mask)
        before = here
    total = rows * sum_of(within)
    for r in range(row, row + rows):
        total += sum_of(ones_of((first ^ load(last_sums, r)) & mask))
        store(last_sums, r, before)
    return np.int64(total)


@kernel(lanes, nogil=True)
def _preload(
    factors: Words,
    first: int,
    used: int,
    stationary: Words,
    shadow: Words,
    mask_bits: np.uint32,
    double_buffered: bool,
    all_open: bool,
) -> np.int64:
    """Shift a tile in, last row first; return what toggles in the chain and at the takeover.

    The PE of row r sees the words of rows R-1 down to r. If all PEs are open from the first
    word on, the old words of rows r-1 down to 0 pass before.
    """
    rows = len(stationary)
    chain = shadow if double_buffered else stationary
    mask, zero = spread(mask_bits), spread(0)
    total = zero
    if all_open:
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
        if double_buffered:
            total = total + ones_of((load(stationary, r) ^ word) & mask)
            store(stationary, r, word)
    return np.int64(sum_of(total))


@kernel(lanes, nogil=True)
def output_sweep(
    moving: Words,
    factors: Words,
    sums: Words,
    first: Words,
    depth: int,
    mask_bits: np.uint32,
    toggles: NDArray[np.int64],
    checked: bool,
    low: int,
    high: int,
    saturate: bool,
) -> np.int64:
    """Add the whole depth to the sums of 16 columns, which stay in their PEs.

    moving, factors: packed; sums: int32[elements, 16]: the biases, changed; first: int32
    [elements, 16]: set to the sums after the first depth; toggles: int64[3] (changed): what the
    accumulators toggle from one depth to the next. Returns the overflow events.
    """
    elements = len(sums)
    mask = spread(mask_bits)
    before = np.empty_like(sums)
    events = np.int64(0)
    for k in range(depth):
        block, j = k // 4, k % 4
        whole = 4 * block + 4 <= depth and not checked
        if whole and j == 0:
            toggles[2] += _settle_four(moving, block, factors, sums, first, mask_bits)
        if whole:
            continue
        for element in range(elements):
            store(before, element, load(sums, element))
        events += _one_depth(moving, 0, block, j, factors, sums, checked, low, high, saturate)
        for element in range(elements):
            here = load(sums, element)
            if k == 0:
                store(first, element, here)
            else:
                changed = (here ^ load(before, element)) & mask
                toggles[2] += sum_of(ones_of(changed))
    return events


@kernel(lanes, nogil=True)
def _settle_four(
    moving: Words, block: int, factors: Words, sums: Words, first: Words, mask_bits: np.uint32
) -> np.int64:
    """Add four depths to sums that stay; a PE's sum changes from depth to depth.

    What toggles at the very first depth depends on the tile before: it is not counted here.
    """
    f0, f1 = load(factors, 4 * block), load(factors, 4 * block + 1)
    f2, f3 = load(factors, 4 * block + 2), load(factors, 4 * block + 3)
    mask, zero = spread(mask_bits), spread(0)
    ones, twos, fours, eights, sixteens = zero, zero, zero, zero, zero
    if block == 0:
        for element in range(len(sums)):
            added = spread(moving[0, element, 0]) * f0
            store(first, element, load(sums, element) + added)
    # Elements of the first block that are not counted: their changed bits are cleared.
    counted = spread(-1) if block > 0 else zero
    element = 0
    while element + 4 <= len(sums):
        s = load(sums, element)
        a, b, c, d = _four_sums(moving, block, element, sums, element, f0, f1, f2, f3)
        ones, twos, carry_a = _add_words(ones, twos, (a ^ s) & counted, b ^ a, c ^ b, d ^ c)
        s = load(sums, element + 1)
        a, b, c, d = _four_sums(moving, block, element + 1, sums, element + 1, f0, f1, f2, f3)
        ones, twos, carry_b = _add_words(ones, twos, (a ^ s) & counted, b ^ a, c ^ b, d ^ c)
        fours, carry_e = _full_adder(fours, carry_a, carry_b)
        s = load(sums, element + 2)
        a, b, c, d = _four_sums(moving, block, element + 2, sums, element + 2, f0, f1, f2, f3)
        ones, twos, carry_a = _add_words(ones, twos, (a ^ s) & counted, b ^ a, c ^ b, d ^ c)
        s = load(sums, element + 3)
        a, b, c, d = _four_sums(moving, block, element + 3, sums, element + 3, f0, f1, f2, f3)
        ones, twos, carry_b = _add_words(ones, twos, (a ^ s) & counted, b ^ a, c ^ b, d ^ c)
        fours, carry_f = _full_adder(fours, carry_a, carry_b)
        eights, carry = _full_adder(eights, carry_e, carry_f)
        sixteens = sixteens + ones_of(carry & mask)
        element += 4
    total = _total(ones, twos, fours, eights, sixteens, mask)
    while element < len(sums):
        s = load(sums, element)
        a, b, c, d = _four_sums(moving, block, element, sums, element, f0, f1, f2, f3)
        ones, twos, fours = _add_words(zero, zero, (a ^ s) & counted, b ^ a, c ^ b, d ^ c)
        total += _total(ones, twos, fours, zero, zero, mask)
        element += 1
    return np.int64(total)


@kernel(lanes, nogil=True)
def output_tiles(
    factors: Words,
    sums: Words,
    first: Words,
    bias: Words,
    depth: int,
    last_down: Words,
    last_bias: Words,
    last_sums: Words,
    results: Words,
    masks: NDArray[np.uint32],
    toggles: NDArray[np.int64],
    drain_hidden: bool,
    drain_free: bool,
    zeros_follow: bool,
) -> None:
    """Count what toggles between the tiles of a sweep: operands, first sums, and the drain.

    sums, first: int32[elements, 16] of `output_sweep`; bias: int32[1, 16]. State, changed:
    last_down, last_bias: int32[1, 16], last_sums, results: int32[R, 16]. toggles: int64[3]:
    down is added to the first, the accumulator to the third. ``zeros_follow``: the next tile's
    values come later than the last results of this one have left: the drain shifts zeros in.
    """
    rows = len(last_sums)
    mask, mask_down = spread(masks[2]), spread(masks[1])
    path = results if drain_hidden else last_sums
    down = np.int64(0)
    for k in range(1, depth):
        down += sum_of(ones_of((load(factors, k) ^ load(factors, k - 1)) & mask_down))
    for start in range(0, len(sums), rows):
        used = min(rows, len(sums) - start)
        if zeros_follow:
            toggles[2] += clear_path(path, masks[2])
        entering = ones_of((load(factors, 0) ^ load(last_down, 0)) & mask_down)
        toggles[0] += rows * (down + sum_of(entering))
        store(last_down, 0, load(factors, depth - 1))
        enters = load(bias, 0)
        toggles[2] += rows * sum_of(ones_of((enters ^ load(last_bias, 0)) & mask))
        store(last_bias, 0, enters)
        total, passed = spread(0), spread(0)
        above = load(sums, start)
        for r in range(rows):
            # A PE of an unused row takes the bias that passes it and adds zeros.
            started = load(first, start + r) if r < used else enters
            finished = load(sums, start + r) if r < used else enters
            total = total + ones_of((started ^ load(last_sums, r)) & mask)
            if not drain_free:
                passed = passed + ones_of((finished ^ above) & mask)
                total = total + passed
                above = finished
            if drain_hidden:
                total = total + ones_of((finished ^ load(results, r)) & mask)
            store(last_sums, r, finished)
        toggles[2] += sum_of(total)
        # Row 0's result is the last to pass every row below.
        if not drain_free:
            for r in range(rows):
                store(path, r, load(sums, start))


@kernel(lanes, nogil=True)
def clear_path(path: Words, mask_bits: np.uint32) -> np.int64:
    """Let the zeros that follow the last result of a drain in; return what toggles."""
    mask, total = spread(mask_bits), np.int64(0)
    for r in range(len(path)):
        total += sum_of(ones_of(load(path, r) & mask))
        store(path, r, spread(0))
    return total


@kernel(lanes, nogil=True)
def _distance(a: np.int32, b: np.int32, mask: np.uint32) -> np.int32:
    """Hamming distance of two int32 within a register's mask (the SWAR population count)."""
    x = np.uint32(a ^ b) & mask
    x = np.uint32(x - ((x >> np.uint32(1)) & np.uint32(0x55555555)))
    x = np.uint32((x & np.uint32(0x33333333)) + ((x >> np.uint32(2)) & np.uint32(0x33333333)))
    x = np.uint32(x + (x >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
    return np.int32(np.uint32(x * np.uint32(0x01010101)) >> np.uint32(24))


@kernel(lanes, nogil=True)
def _distances(a: Words, b: Words, mask: np.uint32) -> np.int64:
    """Sum of the Hamming distances of two int32 lines of fewer than 2^26 elements."""
    total = np.int32(0)
    for i in range(len(a)):
        total = np.int32(total + _distance(a[i], b[i], mask))
    return np.int64(total)


@kernel(lanes, nogil=True)
def changes_along(words: Words, start: int, stop: int, mask: np.uint32) -> np.int64:
    """Sum of the distances of consecutive rows [start, stop) of int32[elements, depth]."""
    total = np.int64(0)
    for element in range(start + 1, stop):
        total += _distances(words[element], words[element - 1], mask)
    return total


@kernel(lanes, nogil=True)
def changes_across(words: Words, mask: np.uint32) -> np.int64:
    """Sum of the distances of consecutive depths of int32[elements, depth]."""
    total = np.int64(0)
    for element in range(len(words)):
        total += _distances(words[element, 1:], words[element, :-1], mask)
    return total


@kernel(lanes, nogil=True)
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
            total += _distance(entering, last_moving[r], mask)
            last_moving[r] = words[stop - 1, tile + r] if used else np.int32(0)
    return total


@kernel(lanes, nogil=True)
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
            total += _distance(entering, last_moving[r], mask)
            last_moving[r] = words[start + r, depth - 1] if used else np.int32(0)
    return total
