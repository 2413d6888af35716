"""What 32 neighbours do at once is what each does alone."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from numba import njit

from accelsim.simulator.array.cells import (
    CELLS,
    any_of,
    between,
    bit,
    bits,
    borrowed,
    cell,
    cells,
    choose,
    differs,
    keep,
    ones_in,
    prefetch,
    set_bit,
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


def random_conditions(seed, count=1):
    return np.random.default_rng(seed).integers(0, 1 << CELLS, count, np.uint32)


@pytest.mark.parametrize("kind", KINDS)
def test_conditions_of_lanes_are_those_of_words(kind):
    @njit
    def together(words, others, conditions, out):
        condition = bits(conditions, 1) & ~bits(conditions, 0) | differs(
            cells(words, 0), cells(others, 0)
        )
        set_cells(out, 0, choose(condition, cells(words, 0), cells(others, 0)))

    @njit
    def alone(words, others, conditions, out):
        for i in range(len(words)):
            word, other = cell(words, i), cell(others, i)
            condition = bit(conditions, 1, i) & ~bit(conditions, 0, i) | differs(word, other)
            set_cell(out, i, choose(condition, word, other))

    words, others = random_words(kind, 3), random_words(kind, 4)
    others[::3] = words[::3]
    conditions = random_conditions(10, 2)
    first, second = np.zeros((2, CELLS), kind)
    together(words, others, conditions, first)
    alone(words, others, conditions, second)
    np.testing.assert_array_equal(first, second)
    low, high = (np.array(list(f"{word:032b}"[::-1])) == "1" for word in conditions)
    chosen = (high & ~low) | (words != others)
    np.testing.assert_array_equal(first, np.where(chosen, words, others))


@pytest.mark.parametrize("neighbour", [0, 17, 31])
@pytest.mark.parametrize("condition", [0, 1, -1, -2])
def test_one_bit_is_written_and_the_others_stay(neighbour, condition):
    @njit
    def write(conditions, neighbour, condition):
        set_bit(conditions, 1, neighbour, condition)
        return bit(conditions, 1, neighbour)

    before = random_conditions(11, 3)
    after = before.copy()
    assert write(after, neighbour, condition) == condition & 1
    changed = int(before[1]) & ~(1 << neighbour) | (condition & 1) << neighbour
    assert after.tolist() == [before[0], changed, before[2]]


@pytest.mark.parametrize(("first", "end"), [(0, 32), (3, 7), (7, 3), (-9, 5), (30, 99), (-9, 99)])
def test_neighbours_between_bounds(first, end):
    @njit
    def mark(first, end):
        return between(first, end)

    assert mark(first, end) & 0xFFFFFFFF == sum(1 << i for i in range(CELLS) if first <= i < end)


@pytest.mark.parametrize("place", [None, 0, 13, 31])
def test_any_bit_of_any_word(place):
    @njit
    def look(words):
        return any_of(cells(words, 0))

    words = np.zeros(CELLS, np.uint32)
    if place is not None:
        words[place] = 1 << 31 - place
    assert look(words) is (place is not None)


@pytest.mark.parametrize("place", [0, 5, -1, 1 << 20])
def test_asking_for_a_line_changes_nothing_wherever_it_is(place):
    @njit
    def ask(words, place):
        prefetch(words, place)

    words = np.arange(8, dtype=np.int32)
    ask(words, place)
    np.testing.assert_array_equal(words, range(8))


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


def test_words_of_lanes_are_shifted_and_inverted():
    @njit
    def change(words, out):
        set_cells(out, 0, cells(words, 0) << 1 | 1)
        set_cells(out, CELLS, cells(words, 0) >> 31)
        set_cells(out, 2 * CELLS, ~cells(words, 0))

    words, out = random_conditions(12, CELLS), np.zeros((3, CELLS), np.uint32)
    change(words, out.reshape(-1))
    np.testing.assert_array_equal(out, [words << 1 | 1, words >> 31, ~words])


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
