"""Numba kernels: what toggles in 16 columns of PEs whose sums stay until they are drained.

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

__all__ = ["OutputColumns", "clear_path", "output_sweep", "output_tiles"]

Words = NDArray[np.int32]


class OutputColumns(NamedTuple):
    """The registers of 16 columns of PEs and what has toggled in them: kernels change the arrays.

    last_down, last_bias: int32[1, 16], since all rows see the same; last_sums, results: int32[R,
    16]. masks: uint32[3], the bits of, and toggles: int64[3], of moving, second and accumulator
    registers; what moves down is added to the first. ``zeros_follow``: the next tile's values come
    later than the last results of this one have left: the drain shifts zeros in.
    """

    last_down: Words
    last_bias: Words
    last_sums: Words
    results: Words
    masks: NDArray[np.uint32]
    toggles: NDArray[np.int64]
    drain_hidden: bool
    drain_free: bool
    zeros_follow: bool


@kernel(lanes, changed_bits, lane_sums, nogil=True)
def output_sweep(
    moving: Words,
    factors: Words,
    sums: Words,
    first: Words,
    depth: int,
    columns: OutputColumns,
    checked: bool,
    low: int,
    high: int,
    saturate: bool,
) -> np.int64:
    """Add the whole depth to the sums of 16 columns, which stay in their PEs.

    moving, factors: packed; sums: int32[elements, 16]: the biases, changed; first: int32
    [elements, 16]: set to the sums after the first depth. Counts what the accumulators toggle
    from one depth to the next; returns the overflow events.
    """
    elements, mask_bits, toggles = len(sums), columns.masks[2], columns.toggles
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
        events += one_depth(moving, 0, block, j, factors, sums, checked, low, high, saturate)
        for element in range(elements):
            here = load(sums, element)
            if k == 0:
                store(first, element, here)
            else:
                changed = (here ^ load(before, element)) & mask
                toggles[2] += sum_of(ones_of(changed))
    return events


@kernel(lanes, changed_bits, lane_sums, nogil=True)
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
        a, b, c, d = four_sums(moving, block, element, sums, element, f0, f1, f2, f3)
        ones, twos, carry_a = add_words(ones, twos, (a ^ s) & counted, b ^ a, c ^ b, d ^ c)
        s = load(sums, element + 1)
        a, b, c, d = four_sums(moving, block, element + 1, sums, element + 1, f0, f1, f2, f3)
        ones, twos, carry_b = add_words(ones, twos, (a ^ s) & counted, b ^ a, c ^ b, d ^ c)
        fours, carry_e = full_adder(fours, carry_a, carry_b)
        s = load(sums, element + 2)
        a, b, c, d = four_sums(moving, block, element + 2, sums, element + 2, f0, f1, f2, f3)
        ones, twos, carry_a = add_words(ones, twos, (a ^ s) & counted, b ^ a, c ^ b, d ^ c)
        s = load(sums, element + 3)
        a, b, c, d = four_sums(moving, block, element + 3, sums, element + 3, f0, f1, f2, f3)
        ones, twos, carry_b = add_words(ones, twos, (a ^ s) & counted, b ^ a, c ^ b, d ^ c)
        fours, carry_f = full_adder(fours, carry_a, carry_b)
        eights, carry = full_adder(eights, carry_e, carry_f)
        sixteens = sixteens + ones_of(carry & mask)
        element += 4
    total = total_of(ones, twos, fours, eights, sixteens, mask)
    while element < len(sums):
        s = load(sums, element)
        a, b, c, d = four_sums(moving, block, element, sums, element, f0, f1, f2, f3)
        ones, twos, fours = add_words(zero, zero, (a ^ s) & counted, b ^ a, c ^ b, d ^ c)
        total += total_of(ones, twos, fours, zero, zero, mask)
        element += 1
    return np.int64(total)


@kernel(lanes, changed_bits, lane_sums, nogil=True)
def output_tiles(
    factors: Words,
    sums: Words,
    first: Words,
    bias: Words,
    depth: int,
    columns: OutputColumns,
) -> None:
    """Count what toggles between the tiles of a sweep: operands, first sums, and the drain.

    sums, first: int32[elements, 16] of `output_sweep`; bias: int32[1, 16].
    """
    last_sums, results, toggles = columns.last_sums, columns.results, columns.toggles
    masks, drain_hidden, drain_free = columns.masks, columns.drain_hidden, columns.drain_free
    rows = len(last_sums)
    mask, mask_down = spread(masks[2]), spread(masks[1])
    path = results if drain_hidden else last_sums
    down = np.int64(0)
    for k in range(1, depth):
        down += sum_of(ones_of((load(factors, k) ^ load(factors, k - 1)) & mask_down))
    for start in range(0, len(sums), rows):
        used = min(rows, len(sums) - start)
        if columns.zeros_follow:
            toggles[2] += clear_path(path, masks[2])
        entering = ones_of((load(factors, 0) ^ load(columns.last_down, 0)) & mask_down)
        toggles[0] += rows * (down + sum_of(entering))
        store(columns.last_down, 0, load(factors, depth - 1))
        enters = load(bias, 0)
        toggles[2] += rows * sum_of(ones_of((enters ^ load(columns.last_bias, 0)) & mask))
        store(columns.last_bias, 0, enters)
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


@kernel(lanes, changed_bits, lane_sums, nogil=True)
def clear_path(path: Words, mask_bits: np.uint32) -> np.int64:
    """Let the zeros that follow the last result of a drain in; return what toggles."""
    mask, total = spread(mask_bits), np.int64(0)
    for r in range(len(path)):
        total += sum_of(ones_of(load(path, r) & mask))
        store(path, r, spread(0))
    return total
