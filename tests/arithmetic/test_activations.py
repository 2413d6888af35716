import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import logistic_table, softmax_integers, softmax_parameters
from accelsim.errors import DataError


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    step=st.floats(1e-4, 4.0),
    depth=st.integers(1, 200),
    seed=st.integers(0, 2**32),
)
def test_softmax_is_within_rounding_of_the_real_one(step, depth, seed):
    q = np.random.default_rng(seed).integers(-128, 128, (3, depth), np.int64)
    exponentials = np.exp(step * (q - q.max(axis=1, keepdims=True)))
    real = 256 * exponentials / exponentials.sum(axis=1, keepdims=True) - 128
    result = softmax_integers(q, softmax_parameters(step, 1.0), axis=1)
    assert np.abs(result - real.clip(-128, 127)).max() < 0.52


def test_softmax_runs_along_the_given_axis():
    q = np.random.default_rng(1).integers(-128, 128, (4, 5), np.int64)
    parameters = softmax_parameters(0.05, 1.0)
    along_first = softmax_integers(q, parameters, axis=0)
    assert along_first.T.tolist() == softmax_integers(q.T, parameters, axis=1).tolist()


def test_elements_too_far_below_the_largest_are_the_lowest_integer():
    parameters = softmax_parameters(1.0, 1.0)
    assert parameters.largest_difference == 15
    # exp(-15) and exp(-16) are both far below half a step: neither is seen in a result.
    assert softmax_integers(np.array([0, -15, -16]), parameters, 0).tolist() == [127, -128, -128]


@pytest.mark.parametrize("depth", [255, 511, 4095])
def test_many_equal_elements_share_one(depth):
    share = 256 / depth
    result = softmax_integers(np.zeros(depth, dtype=np.int64), softmax_parameters(0.1, 1.0), 0)
    assert set(result.tolist()) == {int(share + 0.5) - 128}


@pytest.mark.parametrize("step", [2.0**-26, 0.0, -1.0, float("nan")])
def test_a_step_too_small_for_a_left_shift_is_refused(step):
    message = f"softmax: beta * scale must be above 2^-26, got {step}"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        softmax_parameters(step, 1.0)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(scale=st.floats(1e-5, 1.99), zero_point=st.integers(-128, 127))
def test_the_logistic_table_is_within_rounding_of_the_real_function(scale, zero_point):
    x = scale * (np.arange(-128, 128) - zero_point)
    real = 256 / (1 + np.exp(-x)) - 128
    assert np.abs(logistic_table(scale, zero_point) - real.clip(-128, 127)).max() < 0.51


def test_a_logistic_table_of_steps_of_eight_and_more_is_a_step_that_excludes_zero():
    table = logistic_table(8.0, 0)
    assert set(table[:129].tolist()) == {-128}
    assert set(table[129:].tolist()) == {127}
