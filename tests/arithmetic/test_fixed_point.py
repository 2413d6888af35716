import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic.fixed_point import (
    multiply_double_round,
    multiply_double_round_one_adder,
    multiply_single_round,
    multiply_truncate,
    quantize_multiplier,
    rounding_divide_by_power_of_two,
    saturating_rounding_doubling_high_multiply,
)
from accelsim.errors import DataError

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
WORDS = st.one_of(
    st.integers(INT_MIN, INT_MAX),
    st.integers(-300, 300),
    st.sampled_from([INT_MIN, INT_MIN + 1, -1, 0, 1, INT_MAX, 2**30, -(2**30), 2**24 + 1]),
)


@st.composite
def factors(draw):
    """(mantissa, shift, mantissa_bits) of equation (1)."""
    bits = draw(st.sampled_from([16, 32]))
    if draw(st.integers(0, 20)) == 0:
        return 0, 0, bits
    low, high = 1 << (bits - 2), (1 << (bits - 1)) - 1
    mantissa = draw(st.one_of(st.integers(low, high), st.sampled_from([low, high])))
    return mantissa, draw(st.integers(-31, 30)), bits


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (INT_MIN, INT_MIN, INT_MAX),
        (INT_MIN, INT_MAX, -2147483647),
        (-1, 2**30, 0),
        (1, 2**30, 1),
        (-3, 2**30, -1),
        (3, 2**30, 2),
        (0, INT_MIN, 0),
    ],
)
def test_doubling_high_multiply_on_published_cases(a, b, expected):
    assert saturating_rounding_doubling_high_multiply(a, b).item() == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"), [(-32768, -32768, 32767), (-1, 2**14, 0), (1, 2**14, 1)]
)
def test_doubling_high_multiply_of_16_bits(a, b, expected):
    assert saturating_rounding_doubling_high_multiply(a, b, bits=16).item() == expected


@settings(max_examples=200, derandomize=True)
@given(WORDS, WORDS)
def test_doubling_high_multiply_equals_gemmlowps_truncating_form(a, b):
    product = a * b
    nudge = 2**30 if product >= 0 else 1 - 2**30
    truncated = math.trunc(Fraction(product + nudge, 2**31))
    expected = INT_MAX if a == b == INT_MIN else truncated
    assert saturating_rounding_doubling_high_multiply(a, b).item() == expected


@pytest.mark.parametrize(
    ("x", "exponent", "expected"),
    [
        (-5, 1, -3),
        (5, 1, 3),
        (-6, 2, -2),
        (6, 2, 2),
        (INT_MIN, 31, -1),
        (INT_MAX, 31, 1),
        (2**30, 31, 1),
        (-(2**30), 31, -1),
        (2**30 - 1, 31, 0),
        (-7, 0, -7),
    ],
)
def test_divide_by_power_of_two_on_published_cases(x, exponent, expected):
    assert rounding_divide_by_power_of_two(x, exponent).item() == expected


@settings(max_examples=200, derandomize=True)
@given(WORDS, st.integers(0, 31))
def test_divide_by_power_of_two_rounds_ties_away(exact, x, exponent):
    expected = exact.half_away(Fraction(x, 2**exponent))
    assert rounding_divide_by_power_of_two(x, exponent).item() == expected


@pytest.mark.parametrize(
    ("multiplier", "expected"),
    [
        (0.0, (0, 0)),
        (0.5, (2**30, 0)),
        (1.0, (2**30, 1)),
        (0.75, (3 * 2**29, 0)),
        (2.0**-32, (2**30, -31)),
        (2.0**-32 * 0.999, (0, 0)),
        (2.0**-33, (0, 0)),
        (5e-324, (0, 0)),
        (2.0**29, (2**30, 30)),
        (2.0**30, (INT_MAX, 30)),
        (1e38, (INT_MAX, 30)),
        (math.nextafter(1.0, 0.0), (2**30, 1)),
        (math.nextafter(0.5, 0.0), (2**30, 0)),
        (math.nextafter(2.0**-32, 0.0), (2**30, -31)),
        (1 - 2.0**-31, (INT_MAX, 0)),
    ],
)
def test_quantize_multiplier_at_its_edges(multiplier, expected):
    assert quantize_multiplier(multiplier) == expected


@pytest.mark.parametrize(
    ("multiplier", "expected"),
    [
        (0.0, (0, 0)),
        (0.5, (2**14, 0)),
        (1 - 2.0**-31, (0x7FFF, 0)),
        (0x7FFEFFFF / 2**31, (0x7FFF, 0)),
        (0x7FFE7FFF / 2**31, (0x7FFE, 0)),
        (2.0**30, (0x7FFF, 30)),
        (2.0**-33, (0, 0)),
    ],
)
def test_quantize_multiplier_to_16_bits(multiplier, expected):
    assert quantize_multiplier(multiplier, 16) == expected


@settings(max_examples=200, derandomize=True)
@given(st.floats(2.0**-32, 2.0**29, exclude_max=True), st.sampled_from([16, 32]))
def test_quantized_multipliers_are_within_half_a_step(multiplier, bits):
    mantissa, shift = quantize_multiplier(multiplier, bits)
    assert 2 ** (bits - 2) <= mantissa < 2 ** (bits - 1)
    step = Fraction(2) ** (shift - bits + 1)
    # The 16-bit mantissa is rounded twice and cannot reach 2^15: up to a whole step there.
    error = abs(mantissa * step - Fraction(multiplier))
    assert error <= (step / 2 if bits == 32 else step)


@pytest.mark.parametrize("multiplier", [-0.5, math.nan, math.inf])
def test_quantize_multiplier_refuses(multiplier):
    with pytest.raises(
        DataError, match=rf"^multiplier: must be finite and not negative, got {multiplier}$"
    ):
        quantize_multiplier(multiplier)


def test_quantize_multiplier_refuses_other_mantissas():
    with pytest.raises(DataError, match=r"^mantissa_bits: must be 16 or 32, got 24$"):
        quantize_multiplier(0.5, 24)


@settings(max_examples=300, derandomize=True)
@given(WORDS, factors())
def test_multiplications_equal_exact_fractions(exact, x, factor):
    mantissa, shift, bits = factor
    for multiply, definition in [
        (multiply_double_round, exact.double_round),
        (multiply_single_round, exact.single_round),
        (multiply_truncate, exact.truncate),
    ]:
        assert multiply(x, *factor).item() == definition(x, mantissa, shift, bits)


@settings(max_examples=300, derandomize=True)
@given(WORDS, factors())
def test_one_adder_equals_two_roundings(x, factor):
    two = multiply_double_round(x, *factor)
    assert multiply_double_round_one_adder(x, *factor).item() == two.item()


@pytest.mark.parametrize("bits", [16, 32])
def test_one_adder_equals_two_roundings_on_many(bits):
    generator = np.random.default_rng(11)
    x = generator.integers(INT_MIN, INT_MAX, 200_000, endpoint=True)
    mantissa = generator.integers(1 << (bits - 2), 1 << (bits - 1), x.size)
    shift = generator.integers(-31, 0, x.size, endpoint=True)
    two = multiply_double_round(x, mantissa, shift, bits)
    assert np.array_equal(multiply_double_round_one_adder(x, mantissa, shift, bits), two)


def test_two_roundings_differ_from_one_by_at_most_one():
    generator = np.random.default_rng(12)
    x = generator.integers(INT_MIN, INT_MAX, 200_000, endpoint=True)
    mantissa = generator.integers(1 << 30, 1 << 31, x.size)
    shift = generator.integers(-31, 0, x.size, endpoint=True)
    gap = multiply_double_round(x, mantissa, shift) - multiply_single_round(x, mantissa, shift)
    assert set(np.unique(gap)) == {-1, 0, 1}
    # Measured on TFLite's definitions: 1.6 % of full-range inputs.
    assert 0.01 < np.count_nonzero(gap) / x.size < 0.025


def test_without_a_right_shift_both_roundings_agree():
    generator = np.random.default_rng(13)
    x = generator.integers(INT_MIN, INT_MAX, 50_000, endpoint=True)
    mantissa = generator.integers(1 << 30, 1 << 31, x.size)
    shift = generator.integers(0, 30, x.size, endpoint=True)
    single = multiply_single_round(x, mantissa, shift)
    assert np.array_equal(multiply_double_round(x, mantissa, shift), single)


@pytest.mark.parametrize(
    ("shift", "double", "single", "truncated"),
    [(0, 0, 0, -1), (-1, 0, 0, -1), (1, -1, -1, -1)],
)
def test_minus_one_times_a_half(shift, double, single, truncated):
    """The tie of x = -1: up in the high multiply, and what the power of two then sees."""
    assert multiply_double_round(-1, 2**30, shift).item() == double
    assert multiply_single_round(-1, 2**30, shift).item() == single
    assert multiply_truncate(-1, 2**30, shift).item() == truncated


def test_the_smallest_multipliers_still_round():
    # |acc| of 2^30 with a shift of -31 occurs in MLPerf Tiny's visual wake words network.
    assert multiply_single_round(2**30 + 128, INT_MAX, -31).item() == 1
    assert multiply_double_round(2**30 + 128, INT_MAX, -31).item() == 1
    assert multiply_single_round(-(2**30) - 128, INT_MAX, -31).item() == -1
    assert multiply_single_round(2**30 + 128, 2**30, -31).item() == 0


def test_one_factor_for_each_column():
    x = np.array([[5, 5], [-5, -5]])
    mantissa, shift = np.array([2**30, 2**30]), np.array([0, 1])
    assert multiply_single_round(x, mantissa, shift).tolist() == [[3, 5], [-2, -5]]
