import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic.rescale import RescaleMode
from accelsim.energy.operations import (
    adder_pj,
    dram_pj,
    multiplier_extrapolation,
    multiplier_pj,
    pe_leakage_uw,
    register_pj,
    rescale_pj,
    vector_pj,
)

exactly = pytest.approx
widths = st.integers(2, 16)


@pytest.mark.parametrize(("bits", "published"), [(8, 0.2), (32, 3.1)])
def test_multiplier_is_horowitz_at_both_points(values, bits, published):
    assert multiplier_pj(values, bits, bits) == exactly(published, rel=1e-12)


@pytest.mark.parametrize("bits", range(2, 33))
def test_multiplier_is_the_polynomial_of_qkeras(values, bits):
    qkeras = 0.002994791667 * bits**2 + 0.001041666667 * bits
    assert multiplier_pj(values, bits, bits) == exactly(qkeras, rel=1e-9)


@given(a=widths, b=widths)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_multiplier_grows_with_either_width_and_is_symmetric(values, a, b):
    assert multiplier_pj(values, a + 1, b) > multiplier_pj(values, a, b)
    assert multiplier_pj(values, a, b) == multiplier_pj(values, b, a)


def test_a_mixed_multiplier_lies_between_the_square_ones(values):
    square = multiplier_pj(values, 4, 4), multiplier_pj(values, 8, 8)
    assert square[0] < multiplier_pj(values, 4, 8) < square[1]


def test_adder_is_horowitz_at_32_bits(values):
    assert adder_pj(values, 32) == 0.1
    assert adder_pj(values, 1) == exactly(0.003125)


def pe_pj(values, bits):
    """A weight-stationary PE: product, 32-bit sum, moving operand and sum registers."""
    return multiplier_pj(values, bits, bits) + adder_pj(values, 32) + register_pj(values, bits + 32)


def test_an_int8_pe_is_the_sum_of_its_parts(values):
    assert pe_pj(values, 8) == exactly(0.42, rel=1e-12)


@pytest.mark.parametrize(("bits", "square_law"), [(2, 0.2145), (4, 0.258), (16, 1.044)])
def test_other_pes_are_near_the_pure_square_law(values, bits, square_law):
    """3.125 fJ * b^2 for the multiplier misses Horowitz' 32-bit point by 3 %."""
    assert pe_pj(values, bits) == exactly(square_law, rel=0.02)


def test_a_pe_falls_less_than_quadratically_with_width(values):
    assert 1 < pe_pj(values, 8) / pe_pj(values, 4) < 4


def test_rescale_modes_cost_what_they_add(values):
    product = multiplier_pj(values, 32, 32)
    assert rescale_pj(values, RescaleMode.TRUNCATE, 32, 32) == exactly(product + 0.1)
    assert rescale_pj(values, RescaleMode.SINGLE_ROUND, 32, 32) == exactly(product + 0.3)
    assert rescale_pj(values, RescaleMode.DOUBLE_ROUND, 32, 32) == exactly(product + 0.5)
    assert rescale_pj(values, RescaleMode.FLOAT32, 32, 32) == exactly(3.7 + 0.1)


def test_a_narrow_mantissa_is_cheaper(values):
    mode = RescaleMode.SINGLE_ROUND
    assert rescale_pj(values, mode, 32, 16) < rescale_pj(values, mode, 32, 32)


def test_a_vector_operation_is_an_addition_and_its_register(values):
    assert vector_pj(values, 32) == exactly(0.1 + 32 * 0.003)


@pytest.mark.parametrize(
    ("dram_type", "pj_per_bit"),
    [("ddr3", 20), ("ddr4", 20), ("lpddr4", 8), ("lpddr5", 6), ("hbm2", 3.9)],
)
def test_dram_costs_by_the_bit(values, dram_type, pj_per_bit):
    assert dram_pj(values, dram_type, 64) == exactly(512 * pj_per_bit)
    assert dram_pj(values, dram_type, 0) == 0


@pytest.mark.parametrize(("bits", "synthesized"), [(2, 1.7), (4, 5.3), (8, 16.1), (16, 57)])
def test_pe_leakage_fits_the_synthesized_arrays(values, bits, synthesized):
    assert pe_leakage_uw(values, bits, bits) == exactly(synthesized, rel=0.03)


@given(a=widths, b=widths)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_pe_leakage_grows_with_either_width(values, a, b):
    assert 0 < pe_leakage_uw(values, a, b) < pe_leakage_uw(values, a, b + 1)


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
