"""What 32 neighbours do at once is what each does alone."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from numba import njit

from accelsim.simulator.array.cells import (
    CELLS,
    between,
    borrowed,
    cell,
    cells,
    choose,
    differs,
    flag,
    holds,
    keep,
    lacks,
    ones_in,
    set_cell,
    set_cells,
    shift_in,
    wide,
)

KINDS = [np.int8, np.int16, np.int32]


def random_words(kind, seed, count=CELLS):
    limits = np.iinfo(kind)
    words = np.random.default_rng(seed).integers(limits.min, limits.max + 1, count)
    words[:2] = limits.min, limits.max
    return words.astype(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_read_and_written_where_they_are(kind):
    @njit
    def move(source, target):
        set_cells(target, 3, cells(source, 1))

    source, target = random_words(kind, 1, CELLS + 1), np.zeros(CELLS + 5, kind)
    move(source, target)
    np.testing.assert_array_equal(target, [0, 0, 0, *source[1:], 0, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_left_neighbours_move_in(kind):
    @njit
    def move(words, left, out):
        set_cells(out, 0, shift_in(cells(words, 0), left))

    words, out = random_words(kind, 2), np.zeros(CELLS, kind)
    move(words, kind(-5), out)
    np.testing.assert_array_equal(out, [-5, *words[:-1]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("test", [holds, lacks])
def test_conditions_of_lanes_are_those_of_words(kind, test):
    @njit
    def together(words, others, bit, both, out):
        condition = test(cells(words, 0), bit) & both | differs(cells(words, 0), cells(others, 0))
        set_cells(out, 0, choose(condition, cells(words, 0), cells(others, 0)))

    @njit
    def alone(words, others, bit, both, out):
        for i in range(len(words)):
            word, other = cell(words, i), cell(others, i)
            condition = test(word, bit) & both | differs(word, other)
            set_cell(out, i, choose(condition, word, other))

    words, others = random_words(kind, 3), random_words(kind, 4)
    others[::3] = words[::3]
    for bit in (1, 2, 64):
        for both in (False, True):
            first, second = np.zeros((2, CELLS), kind)
            together(words, others, bit, both, first)
            alone(words, others, bit, both, second)
            np.testing.assert_array_equal(first, second)


def test_a_condition_becomes_one_or_zero():
    @njit
    def mark(words, out):
        set_cells(out, 0, flag(lacks(cells(words, 0), 1)))

    words, out = random_words(np.int16, 5), np.zeros(CELLS, np.int8)
    mark(words, out)
    np.testing.assert_array_equal(out, words % 2 == 0)


@pytest.mark.parametrize(("first", "end"), [(0, 32), (3, 7), (7, 3), (-9, 5), (30, 99), (-9, 99)])
def test_neighbours_between_bounds(first, end):
    @njit
    def mark(out, first, end):
        set_cells(out, 0, flag(between(first, end)))

    out = np.zeros(CELLS, np.int8)
    mark(out, first, end)
    np.testing.assert_array_equal(out, [first <= i < end for i in range(CELLS)])


@pytest.mark.parametrize("kind", KINDS)
def test_products_of_lanes_keep_32_bits_and_those_of_words_64(kind):
    @njit
    def together(words, others, out):
        set_cells(out, 0, wide(cells(words, 0)) * wide(cells(others, 0)))

    @njit
    def alone(word, other):
        return wide(word) * wide(other)

    words, others = random_words(kind, 6), random_words(kind, 7)
    out = np.zeros(CELLS, np.int32)
    together(words, others, out)
    exact = words.astype(np.int64) * others
    np.testing.assert_array_equal(out, exact.astype(np.int32))
    assert [alone(*pair) for pair in zip(words, others, strict=True)] == exact.tolist()


@pytest.mark.parametrize(("saturate", "kept"), [(True, [-8, -8, 7, 7]), (False, [7, -8, 7, -8])])
def test_sums_wrap_or_saturate(saturate, kept):
    @njit
    def keep_one(exact, policy):
        return keep(exact, policy)

    policy = (-8, 7, saturate)
    for exact, expected in zip([-9, -8, 7, 8], kept, strict=True):
        assert keep_one(exact, policy) == keep(exact, policy) == expected


def test_lanes_keep_sums_as_they_are():
    @njit
    def keep_all(words, policy, out):
        set_cells(out, 0, keep(cells(words, 0), policy))

    words, out = random_words(np.int32, 8), np.zeros(CELLS, np.int32)
    keep_all(words, (-8, 7, True), out)
    np.testing.assert_array_equal(out, words)


def test_ones_of_a_word():
    @njit
    def count(word):
        return ones_in(word)

    assert [count(np.uint32(word)) for word in (0, 1, 0xFFFFFFFF, 0x80000001)] == [0, 1, 32, 2]


def test_operators_of_lanes_share_a_scalar():
    @njit
    def mask(words, bits, out):
        set_cells(out, 0, operator.and_(cells(words, 0), bits))

    words, out = random_words(np.int8, 9), np.zeros(CELLS, np.int8)
    mask(words, 6, out)
    np.testing.assert_array_equal(out, words & 6)


def test_a_borrowed_array_is_the_array():
    @njit
    def write(words):
        part = borrowed(words)
        part[1] = 7
        return len(part)

    words = np.zeros(3, np.int64)
    assert write(words) == 3
    np.testing.assert_array_equal(words, [0, 7, 0])
