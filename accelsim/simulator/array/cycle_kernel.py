"""Numba kernels of the cycle engine: every partial sum of every PE, vectorised.

Words: *moving* is the operand that moves right, *factors* what each column multiplies it by.
The sum of column q for element l after depth k is ``sums[q, l] += moving[k, l] * factors[k, q]``
for every dataflow; what differs is which register holds it when, and so what toggles. ``l`` is
innermost because it is long and contiguous: all values of one PE (operand stationary) or of one
column of PEs in all tiles (output stationary), which no CPU has to compute cycle by cycle.

All helpers live in this file: numba's cache does not see changes in other files.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "accumulate",
    "accumulate_checked",
    "clear_path",
    "output_visit",
    "stationary_pass",
]

Words = NDArray[np.int32]


@njit(cache=True)
def accumulate(moving: Words, factors: Words, sums: Words, chunk: int) -> None:
    """Add all products; the caller knows that no sum leaves int32.

    moving: int32[depth, elements], factors: int32[depth, columns], sums: int32[columns,
    elements] (changed). ``chunk``: elements at a time, so that they stay in the L1 cache.
    """
    depth, elements = moving.shape
    for start in range(0, elements, chunk):
        stop = min(start + chunk, elements)
        for q in range(factors.shape[1]):
            line = sums[q, start:stop]
            k = 0
            # Four depths at a time: one load and store of the sums for four products.
            while k + 4 <= depth:
                f0, f1, f2, f3 = (
                    factors[k, q],
                    factors[k + 1, q],
                    factors[k + 2, q],
                    factors[k + 3, q],
                )
                m0, m1 = moving[k, start:stop], moving[k + 1, start:stop]
                m2, m3 = moving[k + 2, start:stop], moving[k + 3, start:stop]
                for i in range(stop - start):
                    line[i] = line[i] + m0[i] * f0 + m1[i] * f1 + m2[i] * f2 + m3[i] * f3
                k += 4
            while k < depth:
                f0, m0 = factors[k, q], moving[k, start:stop]
                for i in range(stop - start):
                    line[i] = line[i] + m0[i] * f0
                k += 1


@njit(cache=True)
def accumulate_checked(
    moving: Words, factors: Words, sums: Words, low: int, high: int, saturate: bool
) -> np.int64:
    """Add all products with the overflow policy at each step; return the overflow events.

    Arrays as in `accumulate`; ``low``, ``high``: the accumulator's range.
    """
    events = np.int64(0)
    for q in range(factors.shape[1]):
        for k in range(moving.shape[0]):
            events += _step_checked(sums[q], moving[k], factors[k, q], low, high, saturate)
    return events


@njit(cache=True)
def _step_checked(
    line: Words, moving: Words, factor: np.int32, low: int, high: int, saturate: bool
) -> np.int64:
    wide = np.int64(factor)
    lowest, highest = np.int64(low), np.int64(high)
    events = np.int64(0)
    if saturate:
        for i in range(len(line)):
            exact = np.int64(line[i]) + np.int64(moving[i]) * wide
            kept = min(max(exact, lowest), highest)
            events += np.int64(kept != exact)
            line[i] = kept
    else:
        mask = highest - lowest
        for i in range(len(line)):
            exact = np.int64(line[i]) + np.int64(moving[i]) * wide
            kept = ((exact - lowest) & mask) + lowest
            events += np.int64(kept != exact)
            line[i] = kept
    return events


@njit(cache=True)
def _step(
    line: Words,
    moving: Words,
    factor: np.int32,
    checked: bool,
    low: int,
    high: int,
    saturate: bool,
) -> np.int64:
    if checked:
        return _step_checked(line, moving, factor, low, high, saturate)
    for i in range(len(line)):
        line[i] = line[i] + moving[i] * factor
    return np.int64(0)


@njit(cache=True)
def _distance(a: np.int32, b: np.int32, mask: np.uint32) -> np.int32:
    """Hamming distance of two int32 within a register's mask (the SWAR population count)."""
    x = np.uint32(a ^ b) & mask
    x = np.uint32(x - ((x >> np.uint32(1)) & np.uint32(0x55555555)))
    x = np.uint32((x & np.uint32(0x33333333)) + ((x >> np.uint32(2)) & np.uint32(0x33333333)))
    x = np.uint32(x + (x >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
    return np.int32(np.uint32(x * np.uint32(0x01010101)) >> np.uint32(24))


@njit(cache=True)
def _distances(a: Words, b: Words, mask: np.uint32) -> np.int64:
    """Sum of the Hamming distances of two int32 lines of fewer than 2^26 elements."""
    total = np.int32(0)
    for i in range(len(a)):
        total = np.int32(total + _distance(a[i], b[i], mask))
    return np.int64(total)


@njit(cache=True)
def _copy(source: Words, target: Words) -> None:
    """Copy equal lengths: without numpy's check of shapes, which takes seconds to compile."""
    for i in range(len(source)):
        target[i] = source[i]


@njit(cache=True)
def stationary_pass(
    moving: Words,
    factors: Words,
    sums: Words,
    bounds: NDArray[np.int64],
    last_moving: Words,
    stationary: Words,
    shadow: Words,
    last_sums: Words,
    masks: NDArray[np.uint32],
    toggles: NDArray[np.int64],
    double_buffered: bool,
    all_open: bool,
    checked: bool,
    low: int,
    high: int,
    saturate: bool,
) -> np.int64:
    """Stream one pass through an operand-stationary array; return the overflow events.

    moving: int32[depth, elements], factors: int32[depth, columns], sums: int32[columns,
    elements] (changed); bounds: int64[6], [start, stop) of elements, columns, depth.
    State, changed: last_moving: int32[R], stationary, shadow, last_sums: int32[R, C].
    masks: uint32[3] and toggles: int64[3] (changed): moving, stationary, accumulator.
    """
    e0, e1, q0, q1, k0, k1 = bounds
    rows, columns = stationary.shape
    depth = k1 - k0
    zero = np.int32(0)
    for r in range(rows):
        entered = np.int64(0)
        if r < depth:
            line = moving[k0 + r, e0:e1]
            entered += _distance(line[0], last_moving[r], masks[0])
            entered += _distances(line[1:], line[:-1], masks[0])
            last_moving[r] = line[-1]
        else:
            entered += _distance(zero, last_moving[r], masks[0])
            last_moving[r] = 0
        toggles[0] += entered * columns
    toggles[1] += _preload(factors, bounds, stationary, shadow, masks[1], double_buffered, all_open)
    events = np.int64(0)
    for c in range(columns):
        if c >= q1 - q0:
            for r in range(rows):
                toggles[2] += _distance(zero, last_sums[r, c], masks[2])
                last_sums[r, c] = 0
            continue
        line = sums[q0 + c, e0:e1]
        within = np.int64(0)
        for r in range(rows):
            if r < depth:
                factor = factors[k0 + r, q0 + c]
                events += _step(line, moving[k0 + r, e0:e1], factor, checked, low, high, saturate)
                within = _distances(line[1:], line[:-1], masks[2])
            # Below the last used row the sums pass through PEs that hold zeros.
            toggles[2] += within + _distance(line[0], last_sums[r, c], masks[2])
            last_sums[r, c] = line[-1]
    return events


@njit(cache=True)
def _preload(
    factors: Words,
    bounds: NDArray[np.int64],
    stationary: Words,
    shadow: Words,
    mask: np.uint32,
    double_buffered: bool,
    all_open: bool,
) -> np.int64:
    """Shift a tile in, last row first; return what toggles in the chain and at the takeover.

    The PE of row r sees the words of rows R-1 down to r. If all PEs are open from the first
    word on, the old words of rows r-1 down to 0 pass before.
    """
    q0, q1, k0, k1 = bounds[2:]
    rows, columns = stationary.shape
    chain = shadow if double_buffered else stationary
    total = np.int64(0)
    for c in range(columns):
        if all_open:
            passed = np.int64(0)
            for r in range(1, rows):
                passed += _distance(chain[r, c], chain[r - 1, c], mask)
                total += passed
            chain[:, c] = chain[0, c]
        passed = np.int64(0)
        entered, below = np.int32(0), np.int32(0)
        for r in range(rows - 1, -1, -1):
            used = r < k1 - k0 and c < q1 - q0
            word = factors[k0 + r, q0 + c] if used else np.int32(0)
            if r == rows - 1:
                entered = word
            else:
                passed += _distance(below, word, mask)
            below = word
            total += passed + _distance(chain[r, c], entered, mask)
            chain[r, c] = word
            if double_buffered:
                total += _distance(stationary[r, c], word, mask)
                stationary[r, c] = word
    return total


@njit(cache=True)
def output_visit(
    moving: Words,
    factors: Words,
    sums: Words,
    tiles: NDArray[np.int64],
    last_moving: Words,
    last_down: Words,
    last_bias: Words,
    last_sums: Words,
    results: Words,
    masks: NDArray[np.uint32],
    toggles: NDArray[np.int64],
    drain_hidden: bool,
    drain_free: bool,
    zeros_follow: bool,
    checked: bool,
    low: int,
    high: int,
    saturate: bool,
) -> np.int64:
    """Run consecutive output-stationary tiles of the same columns; return the overflow events.

    moving: int32[depth, elements], factors: int32[depth, columns], sums: int32[columns,
    elements]: the biases, changed; tiles: int64[tiles, 2], [start, stop) of elements.
    State, changed: last_moving: int32[R], last_down, last_bias: int32[C], last_sums, results:
    int32[R, C]. masks: uint32[3]: moving, down, accumulator. toggles: int64[3] (changed):
    moving and down, unused, accumulator. ``zeros_follow``: the next tile's values come later
    than the last results of this one have left, so that the drain shifts zeros in.
    """
    depth, elements = moving.shape
    used = factors.shape[1]
    rows, columns = last_sums.shape
    bias = np.zeros(columns, np.int32)
    first = np.empty((used, elements), np.int32)
    before = np.empty(elements, np.int32)
    events = np.int64(0)
    for q in range(used):
        line = sums[q]
        bias[q] = line[0]
        for k in range(depth):
            _copy(line, before)
            events += _step(line, moving[k], factors[k, q], checked, low, high, saturate)
            if k > 0:
                toggles[2] += _distances(line, before, masks[2])
            else:
                _copy(line, first[q])
    for k in range(1, depth):
        toggles[0] += columns * _distances(moving[k], moving[k - 1], masks[0])
        toggles[0] += rows * len(tiles) * _distances(factors[k], factors[k - 1], masks[1])
    for i in range(len(tiles)):
        _output_tile(
            moving, factors, sums, tiles[i, 0], tiles[i, 1], first, bias, last_moving, last_down,
            last_bias, last_sums, results, masks, toggles, drain_hidden, drain_free,
            zeros_follow,
        )  # fmt: skip
    return events


@njit(cache=True)
def _output_tile(
    moving: Words,
    factors: Words,
    sums: Words,
    start: int,
    stop: int,
    first: Words,
    bias: Words,
    last_moving: Words,
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
    """Count what toggles between two tiles: first operands, first sums, and the drain."""
    rows, columns = last_sums.shape
    zero = np.int32(0)
    path = results if drain_hidden else last_sums
    if zeros_follow:
        toggles[2] += clear_path(path, masks[2])
    for r in range(rows):
        used = r < stop - start
        entering = moving[0, start + r] if used else zero
        toggles[0] += columns * _distance(entering, last_moving[r], masks[0])
        last_moving[r] = moving[-1, start + r] if used else zero
    for c in range(columns):
        used = c < factors.shape[1]
        entering = factors[0, c] if used else zero
        toggles[0] += rows * _distance(entering, last_down[c], masks[1])
        last_down[c] = factors[-1, c] if used else zero
        toggles[2] += rows * _distance(bias[c], last_bias[c], masks[2])
        last_bias[c] = bias[c]
        passed = np.int64(0)
        above = zero
        for r in range(rows):
            # A PE of an unused row takes the bias that passes it and adds zeros.
            holds = used and r < stop - start
            started = first[c, start + r] if holds else bias[c]
            finished = sums[c, start + r] if holds else bias[c]
            toggles[2] += _distance(started, last_sums[r, c], masks[2])
            if drain_free:
                last_sums[r, c] = finished
                continue
            if r > 0:
                passed += _distance(finished, above, masks[2])
            toggles[2] += passed
            above = finished
            if drain_hidden:
                toggles[2] += _distance(finished, results[r, c], masks[2])
                last_sums[r, c] = finished
        # Row 0's result is the last to pass every row below.
        if not drain_free:
            path[:, c] = sums[c, start] if used else zero


@njit(cache=True)
def clear_path(path: Words, mask: np.uint32) -> np.int64:
    """Let the zeros that follow the last result of a drain in; return what toggles."""
    total = np.int64(0)
    for r in range(path.shape[0]):
        for c in range(path.shape[1]):
            total += _distance(path[r, c], np.int32(0), mask)
            path[r, c] = 0
    return total
