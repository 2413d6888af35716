import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import Accumulator, Overflow, apply_overflow, count_overflows

WIDTHS = range(2, 33)


@pytest.mark.parametrize("bits", WIDTHS)
def test_the_ends_of_the_range(bits):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    exact = np.array([low - 1, low, -1, 0, high, high + 1])
    wrapped = apply_overflow(exact, Accumulator(bits, Overflow.WRAP))
    saturated = apply_overflow(exact, Accumulator(bits, Overflow.SATURATE))
    assert wrapped.tolist() == [high, low, -1, 0, high, low]
    assert saturated.tolist() == [low, low, -1, 0, high, high]
    assert count_overflows(exact, Accumulator(bits)) == 2


@settings(max_examples=100, derandomize=True)
@given(st.integers(-(2**62), 2**62), st.sampled_from(WIDTHS))
def test_wrap_keeps_the_low_bits(value, bits):
    wrapped = int(apply_overflow(np.array([value]), Accumulator(bits, Overflow.WRAP))[0])
    as_bytes = (value % 2**64).to_bytes(8, "little")
    low_bits = int.from_bytes(as_bytes, "little") % 2**bits
    assert wrapped == low_bits - (2**bits if low_bits >= 2 ** (bits - 1) else 0)


@settings(max_examples=100, derandomize=True)
@given(st.lists(st.integers(-100, 100), min_size=1, max_size=50))
def test_wrapping_each_step_equals_wrapping_once(terms):
    accumulator = Accumulator(8, Overflow.WRAP)
    held = np.zeros((), dtype=np.int64)
    for term in terms:
        held = apply_overflow(held + term, accumulator)
    assert held == apply_overflow(np.int64(sum(terms)), accumulator)


def test_saturating_each_step_differs_from_saturating_once():
    accumulator = Accumulator(8, Overflow.SATURATE)
    first = apply_overflow(np.array([100 + 100]), accumulator)
    assert apply_overflow(first - 100, accumulator).tolist() == [27]
    assert apply_overflow(np.array([100 + 100 - 100]), accumulator).tolist() == [100]


def test_narrow_input_is_widened_before_it_is_compared():
    exact = np.array([127, -128], dtype=np.int8)
    assert apply_overflow(exact, Accumulator(4, Overflow.SATURATE)).tolist() == [7, -8]
    assert apply_overflow(exact, Accumulator(4)).dtype == np.int64
    assert count_overflows(exact, Accumulator(4)) == 2


def test_an_empty_array_has_no_overflows():
    empty = np.zeros(0, dtype=np.int64)
    assert count_overflows(empty, Accumulator(8)) == 0
    assert apply_overflow(empty, Accumulator(8)).shape == (0,)
