import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic.rescale import RescaleMode
from accelsim.energy import load_table
from accelsim.energy.operations import (
    adder,
    multiplier,
    multiplier_extrapolation,
    pe,
    register,
    rescale,
    vector,
)

exactly = pytest.approx
widths = st.integers(2, 16)


@pytest.mark.parametrize(("bits", "published"), [(8, 0.2), (32, 3.1)])
def test_multiplier_is_horowitz_at_both_points(values, bits, published):
    assert multiplier(values, bits, bits).value == exactly(published, rel=1e-12)


@pytest.mark.parametrize("bits", range(2, 33))
def test_multiplier_is_the_polynomial_of_qkeras(values, bits):
    qkeras = 0.002994791667 * bits**2 + 0.001041666667 * bits
    assert multiplier(values, bits, bits).value == exactly(qkeras, rel=1e-9)


@given(a=widths, b=widths)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_multiplier_grows_with_either_width_and_is_symmetric(values, a, b):
    assert multiplier(values, a + 1, b).value > multiplier(values, a, b).value
    assert multiplier(values, a, b).value == multiplier(values, b, a).value


def test_a_mixed_multiplier_lies_between_the_square_ones(values):
    square = multiplier(values, 4, 4).value, multiplier(values, 8, 8).value
    assert square[0] < multiplier(values, 4, 8).value < square[1]


def test_adder_is_horowitz_at_32_bits(values):
    assert adder(values, 32).value == 0.1
    assert adder(values, 1).value == exactly(0.003125)


def parts_pj(values, bits):
    """A weight-stationary PE: product, 32-bit sum, moving operand and sum registers."""
    return (
        multiplier(values, bits, bits).value
        + adder(values, 32).value
        + register(values, bits + 32).value
    )


def test_an_int8_pe_is_the_sum_of_its_parts(values):
    assert parts_pj(values, 8) == exactly(0.42, rel=1e-12)


@pytest.mark.parametrize(("bits", "square_law"), [(2, 0.2145), (4, 0.258), (16, 1.044)])
def test_other_pes_are_near_the_pure_square_law(values, bits, square_law):
    """3.125 fJ * b^2 for the multiplier misses Horowitz' 32-bit point by 3 %."""
    assert parts_pj(values, bits) == exactly(square_law, rel=0.02)


def test_a_pe_falls_less_than_quadratically_with_width(values):
    assert 1 < parts_pj(values, 8) / parts_pj(values, 4) < 4


def test_rescale_modes_cost_what_they_add(values):
    product = multiplier(values, 32, 32).value
    assert rescale(values, RescaleMode.TRUNCATE, 32, 32).value == exactly(product + 0.1)
    assert rescale(values, RescaleMode.SINGLE_ROUND, 32, 32).value == exactly(product + 0.3)
    assert rescale(values, RescaleMode.DOUBLE_ROUND, 32, 32).value == exactly(product + 0.5)
    assert rescale(values, RescaleMode.FLOAT32, 32, 32).value == exactly(3.7 + 0.1)


def test_a_narrow_mantissa_is_cheaper(values):
    mode = RescaleMode.SINGLE_ROUND
    assert rescale(values, mode, 32, 16).value < rescale(values, mode, 32, 32).value


def test_a_vector_operation_is_an_addition_and_its_register(values):
    assert vector(values, 32).value == exactly(0.1 + 32 * 0.003)


@pytest.mark.parametrize("name", ["horowitz_45nm", "cmos_28nm", "cmos_16nm", "cmos_7nm"])
@given(a=widths, b=widths)
@settings(derandomize=True, max_examples=20, deadline=None)
def test_bounds_enclose_every_price(name, a, b):
    table = load_table(name).values
    prices = [multiplier(table, a, b), adder(table, a), register(table, a), pe(table, a, b)]
    prices += [rescale(table, mode, 32, 32) for mode in RescaleMode]
    for price in prices:
        assert 0 < price.low <= price.value <= price.high
        assert price.entries


def test_widths_outside_the_two_points_are_said_to_be_extrapolated(values):
    assert multiplier_extrapolation(values, 8, 16) is None
    below = (
        "multiplier energy below 8 bits is extrapolated from the 8- and 32-bit points of the "
        "table horowitz_45nm"
    )
    assert multiplier_extrapolation(values, 4, 8) == below
    assert multiplier_extrapolation(values, 8, 2) == below
    assert multiplier_extrapolation(values, 4, 33) == (
        "multiplier energy below 8 and above 32 bits is extrapolated from the 8- and 32-bit "
        "points of the table horowitz_45nm"
    )
