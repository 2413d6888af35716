import math
from decimal import (
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Decimal,
)
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import Rounding, round_values
from accelsim.errors import ConfigError

DETERMINISTIC = [rule for rule in Rounding if rule is not Rounding.STOCHASTIC]
DECIMAL_RULES = {
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.HALF_AWAY: ROUND_HALF_UP,
    Rounding.FLOOR: ROUND_FLOOR,
    Rounding.TRUNCATE: ROUND_DOWN,
}


def exactly_rounded(value: float, rule: Rounding) -> int:
    if rule is Rounding.HALF_UP:
        return math.floor(Fraction(value) + Fraction(1, 2))
    return int(Decimal(value).to_integral_value(DECIMAL_RULES[rule]))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rounding.HALF_EVEN, [-2, -2, -2, 0, 0, 0, 0, 2, 2, 3]),
        (Rounding.HALF_AWAY, [-3, -2, -2, -1, 0, 0, 1, 2, 3, 3]),
        (Rounding.HALF_UP, [-2, -2, -1, 0, 0, 0, 1, 2, 3, 3]),
        (Rounding.FLOOR, [-3, -3, -2, -1, -1, 0, 0, 1, 2, 2]),
        (Rounding.TRUNCATE, [-2, -2, -1, 0, 0, 0, 0, 1, 2, 2]),
    ],
)
def test_ties_and_neighbours(rule, expected):
    values = np.array([-2.5, -2.1, -1.5, -0.5, -0.1, 0.1, 0.5, 1.5, 2.5, 2.9])
    assert round_values(values, rule).tolist() == expected


@pytest.mark.parametrize("rule", DETERMINISTIC)
@pytest.mark.parametrize(
    "value",
    [
        0.49999999999999994,
        -0.49999999999999994,
        0.5000000000000001,
        -0.5000000000000001,
        5e-324,
        -5e-324,
        -1e-20,
        4503599627370495.5,
        -4503599627370495.5,
        2.0**52 + 1,
        2.0**53 - 1,
        -0.0,
    ],
)
def test_values_where_adding_a_half_would_round_first(rule, value):
    assert round_values(np.array([value]), rule)[0] == exactly_rounded(value, rule)


@settings(max_examples=200, derandomize=True)
@given(st.floats(-1e15, 1e15), st.sampled_from(DETERMINISTIC))
def test_equals_exact_rounding(value, rule):
    assert round_values(np.array([value]), rule)[0] == exactly_rounded(value, rule)


@pytest.mark.parametrize("rule", list(Rounding))
def test_infinities_and_nan_pass_through(rule):
    generator = np.random.default_rng(0)
    rounded = round_values(np.array([-np.inf, np.inf, np.nan]), rule, generator)
    assert rounded[0] == -np.inf
    assert rounded[1] == np.inf
    assert np.isnan(rounded[2])


def test_stochastic_rounds_up_as_often_as_the_fraction_says():
    draws = round_values(
        np.full(40_000, -2.25), Rounding.STOCHASTIC, generator=np.random.default_rng(7)
    )
    assert set(draws.tolist()) == {-3.0, -2.0}
    # Four standard deviations of the mean of 40,000 draws.
    assert abs(draws.mean() + 2.25) < 4 * math.sqrt(0.25 * 0.75 / 40_000)


def test_stochastic_never_moves_an_integer():
    integers = np.arange(-1000.0, 1000.0)
    rounded = round_values(integers, Rounding.STOCHASTIC, np.random.default_rng(1))
    assert rounded.tolist() == integers.tolist()


def test_stochastic_repeats_with_the_same_seed():
    values = np.linspace(-3, 3, 100)
    first, second = (
        round_values(values, Rounding.STOCHASTIC, np.random.default_rng(5)) for _ in range(2)
    )
    assert first.tolist() == second.tolist()


def test_stochastic_needs_a_generator():
    with pytest.raises(
        ConfigError,
        match=r"^rounding: stochastic needs a generator, got none "
        r"\(give a numpy\.random\.Generator\)$",
    ):
        round_values(np.array([0.5]), Rounding.STOCHASTIC)
