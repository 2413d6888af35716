"""Numba kernels of `activity`: what the multiplier and the adder of every PE see change.

``last``: int32[4, R, C], changed: the moving and the resident operand, the product and the sum that
each PE's multiplier and adder saw last. ``counts``: int64[5, R, C], changed: partial products,
product bits and sum bits that changed, products with a zero operand, and inputs of partial products
that changed.

Partial products are the ANDs of one bit of each operand, so popcount(a) * popcount(w) of them are
one, and of those before and after popcount(a & a') * popcount(w & w') stay one: exact for two's
complement operands, in which a NAND changes when an AND does. A bit of an operand is an input of as
many partial products as the other operand has bits.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from accelsim.simulator.kernels import kernel

__all__ = ["output_tile", "stationary_pass"]

Words = NDArray[np.int32]
Counts = NDArray[np.int64]


@njit(inline="always")
def _ones(word):  # type: ignore[no-untyped-def]
    """Count the ones of a word of 32 bits, in steps that a compiler can do on many words."""
    word = word - ((word >> np.uint32(1)) & np.uint32(0x55555555))
    word = (word & np.uint32(0x33333333)) + ((word >> np.uint32(2)) & np.uint32(0x33333333))
    word = (word + (word >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
    return np.uint32(word * np.uint32(0x01010101)) >> np.uint32(24)


@njit(inline="always")
def _changed(before, after, mask):  # type: ignore[no-untyped-def]
    """Count the bits in which two words differ."""
    return _ones(np.uint32(before ^ after) & mask)


@kernel(nogil=True)
def _partial_products(a, a_last, w, w_last, mask_a, mask_w):  # type: ignore[no-untyped-def]
    """Count the partial products that change."""
    a, a_last = np.uint32(a) & mask_a, np.uint32(a_last) & mask_a
    w, w_last = np.uint32(w) & mask_w, np.uint32(w_last) & mask_w
    now = np.int64(_ones(a)) * np.int64(_ones(w))
    before = np.int64(_ones(a_last)) * np.int64(_ones(w_last))
    return now + before - 2 * np.int64(_ones(a & a_last)) * np.int64(_ones(w & w_last))


@njit(inline="always")
def _inputs(a, a_last, w, w_last, mask_a, mask_w):  # type: ignore[no-untyped-def]
    """Count the inputs of partial products that change."""
    of_a = np.int64(_changed(a, a_last, mask_a)) * np.int64(_ones(mask_w))
    return of_a + np.int64(_changed(w, w_last, mask_w)) * np.int64(_ones(mask_a))


@njit(inline="always")
def _add(total, product, checked, low, high, saturate):  # type: ignore[no-untyped-def]
    """Add a product to a sum, with the overflow policy if checked."""
    if not checked:
        return np.int32(total + product)
    exact = np.int64(total) + np.int64(product)
    if saturate:
        return np.int32(min(max(exact, low), high))
    return np.int32(((exact - low) & (high - low)) + low)


@kernel(nogil=True)
def _see(  # type: ignore[no-untyped-def]
    a, w, total, product, r, c, last: Words, counts: Counts, masks, zero_gating
) -> None:
    """Let one PE see one product; a gated one is not seen."""
    if product == 0:
        counts[3, r, c] += 1
        if zero_gating:
            return
    counts[0, r, c] += _partial_products(a, last[0, r, c], w, last[1, r, c], masks[0], masks[1])  # type: ignore[no-untyped-call]
    counts[4, r, c] += _inputs(a, last[0, r, c], w, last[1, r, c], masks[0], masks[1])
    counts[1, r, c] += _changed(last[2, r, c], product, masks[2])
    counts[2, r, c] += _changed(last[3, r, c], total, masks[2])
    last[0, r, c], last[1, r, c], last[2, r, c], last[3, r, c] = a, w, product, total


@kernel(nogil=True)
def stationary_pass(
    moving: Words,
    resident: Words,
    sums: Words,
    last: Words,
    counts: Counts,
    masks: NDArray[np.uint32],
    zero_gating: bool,
    checked: bool,
    low: int,
    high: int,
    saturate: bool,
) -> None:
    """Stream int32[elements, R] past int32[R, C]; sums: int32[elements, C], changed.

    masks: uint32[3]: the bits of moving, resident and accumulator.
    """
    elements, rows = moving.shape
    columns = sums.shape[1]
    product_bits = np.empty(columns, np.uint32)
    sum_bits = np.empty(columns, np.uint32)
    for r in range(rows):
        if zero_gating:
            for j in range(elements):
                for c in range(columns):
                    product = np.int32(moving[j, r] * resident[r, c])
                    _see(
                        moving[j, r],
                        resident[r, c],
                        sums[j, c],
                        product,
                        r,
                        c,
                        last,
                        counts,
                        masks,
                        True,
                    )
                    sums[j, c] = _add(sums[j, c], product, checked, low, high, saturate)
            continue
        changes, zeros = np.int64(0), np.int64(0)
        for j in range(elements):
            zeros += moving[j, r] == 0
            if j > 0:
                changes += _changed(moving[j - 1, r], moving[j, r], masks[0])
        for c in range(columns):
            w = resident[r, c]
            counts[0, r, c] += _partial_products(  # type: ignore[no-untyped-call]
                moving[0, r], last[0, r, c], w, last[1, r, c], masks[0], masks[1]
            )
            counts[0, r, c] += changes * np.int64(_ones(np.uint32(w) & masks[1]))
            counts[4, r, c] += _inputs(
                moving[0, r], last[0, r, c], w, last[1, r, c], masks[0], masks[1]
            )
            counts[4, r, c] += changes * np.int64(_ones(masks[1]))
            counts[3, r, c] += elements if w == 0 else zeros
            product_bits[c] = sum_bits[c] = np.uint32(0)
        last_product, last_sum, words = last[2, r], last[3, r], resident[r]
        for j in range(elements):
            a, here = moving[j, r], sums[j]
            for c in range(columns):
                product = np.int32(a * words[c])
                product_bits[c] += _changed(last_product[c], product, masks[2])
                sum_bits[c] += _changed(last_sum[c], here[c], masks[2])
                last_product[c], last_sum[c] = product, here[c]
                here[c] = _add(here[c], product, checked, low, high, saturate)
        for c in range(columns):
            counts[1, r, c] += product_bits[c]
            counts[2, r, c] += sum_bits[c]
            last[0, r, c], last[1, r, c] = moving[elements - 1, r], resident[r, c]


@kernel(nogil=True)
def output_tile(
    right: Words,
    down: Words,
    sums: Words,
    last: Words,
    counts: Counts,
    masks: NDArray[np.uint32],
    zero_gating: bool,
    checked: bool,
    low: int,
    high: int,
    saturate: bool,
) -> None:
    """Add the whole depth of int32[R, depth] and int32[depth, C] to int32[R, C] sums, changed.

    masks: uint32[3]: the bits of what moves right, what moves down and the accumulator.
    """
    rows, depth = right.shape
    columns = sums.shape[1]
    if zero_gating:
        for k in range(depth):
            for r in range(rows):
                for c in range(columns):
                    a, w = right[r, k], down[k, c]
                    product = np.int32(a * w)
                    _see(a, w, sums[r, c], product, r, c, last, counts, masks, True)
                    sums[r, c] = _add(sums[r, c], product, checked, low, high, saturate)
        return
    # Ungated, a row's PEs have seen the same operand from the left, a column's the same from above.
    before_right, before_down = last[0, :, 0].copy(), last[1, 0].copy()
    down_ones = np.zeros((3, columns), np.int32)
    right_changes, down_changes = np.zeros(rows, np.int64), np.zeros(columns, np.int64)
    for c in range(columns):
        down_ones[0, c] = _ones(np.uint32(before_down[c]) & masks[1])
    for k in range(depth):
        for c in range(columns):
            now, before = np.uint32(down[k, c]) & masks[1], np.uint32(before_down[c])
            down_ones[1, c], down_ones[2, c] = _ones(now), _ones(now & before)
            down_changes[c] += _changed(before_down[c], down[k, c], masks[1])
        for r in range(rows):
            a, b = np.uint32(right[r, k]) & masks[0], np.uint32(before_right[r])
            now_ones, before_ones = np.int32(_ones(a)), np.int32(_ones(b & masks[0]))
            both = np.int32(2 * _ones(a & b))
            right_changes[r] += _changed(before_right[r], right[r, k], masks[0])
            for c in range(columns):
                counts[0, r, c] += (
                    now_ones * down_ones[1, c]
                    + before_ones * down_ones[0, c]
                    - both * down_ones[2, c]
                )
            last_product, last_sum, here = last[2, r], last[3, r], sums[r]
            product_bits, sum_bits, zeros = counts[1, r], counts[2, r], counts[3, r]
            word, words = right[r, k], down[k]
            for c in range(columns):
                product = np.int32(word * words[c])
                product_bits[c] += _changed(last_product[c], product, masks[2])
                sum_bits[c] += _changed(last_sum[c], here[c], masks[2])
                zeros[c] += product == 0
                last_product[c], last_sum[c] = product, here[c]
                here[c] = _add(here[c], product, checked, low, high, saturate)
            before_right[r] = right[r, k]
        for c in range(columns):
            before_down[c] = down[k, c]
            down_ones[0, c] = down_ones[1, c]
    right_inputs, down_inputs = np.int64(_ones(masks[1])), np.int64(_ones(masks[0]))
    for r in range(rows):
        for c in range(columns):
            counts[4, r, c] += right_changes[r] * right_inputs + down_changes[c] * down_inputs
            last[0, r, c], last[1, r, c] = before_right[r], before_down[c]
