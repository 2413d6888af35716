import re

import numpy as np
import pytest

from accelsim.arithmetic import RescaleMode, make_rescale
from accelsim.errors import InternalError
from accelsim.golden.vector import add, average_pool, max_pool
from accelsim.network.geometry import Window
from accelsim.network.integer import IntegerAdd, IntegerAveragePool


def sum_of_scales(mode, left, right, target):
    """The parameters of TensorFlow Lite's ADD for three scales of 8-bit tensors."""
    common = 2 * max(left, right)
    factors = (left / common, right / common, common / (2**20 * target))
    if mode is RescaleMode.FLOAT32:
        factors = (left / target, right / target, 1.0)
    return IntegerAdd(*(make_rescale(factor, mode) for factor in factors), 20, -128, 127)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        # (a + b) / 2 for a = 1, b in -4 .. 3: -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2
        (RescaleMode.SINGLE_ROUND, [-1, -1, 0, 0, 1, 1, 2, 2]),
        (RescaleMode.DOUBLE_ROUND, [-2, -1, -1, 0, 1, 1, 2, 2]),
        (RescaleMode.TRUNCATE, [-2, -1, -1, 0, 0, 1, 1, 2]),
        (RescaleMode.FLOAT32, [-2, -1, 0, 0, 0, 1, 2, 2]),
    ],
)
def test_ties_of_a_sum_go_where_the_mode_sends_them(mode, expected):
    operator = sum_of_scales(mode, 0.5, 0.5, 1.0)
    left = np.ones(8, dtype=np.int64)
    assert add(operator, left, np.arange(-4, 4)).tolist() == expected


def test_padding_never_wins_a_maximum():
    maps = np.full((1, 1, 2, 2), -8, dtype=np.int64)
    assert max_pool(maps, Window((2, 2), pads=(1, 1, 1, 1)), -8).tolist() == [[[[-8] * 3] * 3]]


def pool(counts, include_padding):
    rescales = tuple(make_rescale(1 / count, RescaleMode.SINGLE_ROUND) for count in counts)
    window = Window((2, 2), pads=(1, 1, 0, 0))
    return IntegerAveragePool(window, include_padding, counts, rescales, -128, 127)


@pytest.mark.parametrize(
    ("counts", "include_padding", "expected"),
    [((1, 2, 4), False, [[8, 12], [20, 20]]), ((4,), True, [[2, 6], [10, 20]])],
)
def test_a_window_divides_by_the_elements_it_counts(counts, include_padding, expected):
    maps = np.array([[[[8, 16], [32, 24]]]], dtype=np.int64)
    assert average_pool(pool(counts, include_padding), maps).tolist() == [[expected]]


def test_a_window_without_a_rescale_is_our_mistake():
    message = "average pool: windows of [1, 2, 4] elements, rescales for (4,)"
    with pytest.raises(InternalError, match=f"^{re.escape(message)}$"):
        average_pool(pool((4,), False), np.zeros((1, 1, 2, 2), dtype=np.int64))
