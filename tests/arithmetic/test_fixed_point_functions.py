import numpy as np
import pytest

from accelsim.arithmetic.fixed_point_functions import (
    exponential_of_negative,
    logistic,
    one_over_one_plus,
)


@pytest.mark.parametrize("integer_bits", [2, 3, 4, 5])
def test_the_exponential_is_close_to_the_real_one_everywhere(integer_bits):
    raw = np.linspace(-(2**31), 0, 20_001).astype(np.int64)
    real = np.exp(raw / 2.0 ** (31 - integer_bits))
    # The Taylor polynomial's own error at the ends of its quarter: (1/8)^5 / 120.
    assert np.abs(exponential_of_negative(raw, integer_bits) / 2**31 - real).max() < 2.6e-7


def test_the_exponential_of_zero_is_the_largest_integer():
    assert exponential_of_negative([0], 5).tolist() == [2**31 - 1]


def test_the_exponential_never_grows_towards_minus_infinity_in_steps_of_a_quarter():
    raw = -(np.arange(128, dtype=np.int64) << 24)
    assert (np.diff(exponential_of_negative(raw, 5)) <= 0).all()


def test_the_reciprocal_is_close_to_the_real_one_everywhere():
    raw = np.linspace(0, 2**31 - 1, 20_001).astype(np.int64)
    real = 1 / (1 + raw / 2**31)
    assert np.abs(one_over_one_plus(raw) / 2**31 - real).max() < 1e-8


@pytest.mark.parametrize("integer_bits", [4, 5])
def test_the_logistic_function_is_close_and_its_two_halves_add_up_to_one(integer_bits):
    raw = np.linspace(1, 2**31 - 1, 20_001).astype(np.int64)
    above, below = logistic(raw, integer_bits), logistic(-raw, integer_bits)
    real = 1 / (1 + np.exp(-raw / 2.0 ** (31 - integer_bits)))
    assert np.abs(above / 2**31 - real).max() < 2.6e-7
    assert (above + below == 2**31 - 1).all()
    assert logistic([0], integer_bits).tolist() == [2**30]
