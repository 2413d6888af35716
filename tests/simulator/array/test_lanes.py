"""Sixteen words at once do what one word does."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from numba import njit

from accelsim.simulator.array.lanes import LANES, load, ones_of, shuffled, spread, store, sum_of

WORDS = np.array([[0, 1, -1, 2**31 - 1, -(2**31), 255, -256, 7] * 2], np.int32)


@pytest.mark.parametrize("name", ["add", "mul", "xor", "and_", "or_"])
def test_operators_wrap_like_int32(name):
    function = getattr(operator, name)

    @njit
    def combine(left, right, out):
        store(out, 0, function(load(left, 0), load(right, 0)))

    out = np.zeros((1, LANES), np.int32)
    right = WORDS[:, ::-1].copy()
    combine(WORDS, right, out)
    with np.errstate(over="ignore"):
        assert np.array_equal(out, function(WORDS, right))


def test_ones_of_a_negative_word_are_those_of_its_32_bits():
    @njit
    def count(words):
        return sum_of(ones_of(load(words, 0)))

    assert count(WORDS) == np.bitwise_count(WORDS.view(np.uint32)).sum()


def test_sums_of_lanes_are_wider_than_a_lane():
    @njit
    def add(word):
        return sum_of(spread(word))

    assert add(2**31 - 1) == LANES * (2**31 - 1)
    assert add(-(2**31)) == -LANES * 2**31


def test_rows_follow_each_other():
    @njit
    def move(source, target):
        store(target, 2, load(source, 1))

    source = np.arange(3 * LANES, dtype=np.int32).reshape(3, LANES)
    target = np.zeros_like(source)
    move(source, target)
    assert np.array_equal(target[2], source[1])
    assert not target[:2].any()


def test_shuffled_words_come_from_either_value():
    from_both = shuffled("from_both", [0, 31, *range(14)])

    @njit
    def shuffle(left, right, out):
        store(out, 0, from_both(load(left, 0), load(right, 0)))

    left = np.arange(LANES, dtype=np.int32).reshape(1, LANES)
    out = np.zeros_like(left)
    shuffle(left, 100 + left, out)
    assert out[0].tolist() == [0, 115, *range(14)]
