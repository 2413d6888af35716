from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import RescaleMode, make_rescale, mean_rescale


@settings(max_examples=200, deadline=None, derandomize=True)
@given(multiplier=st.floats(2.0**-30, 2.0**20), count=st.integers(1, 2**20))
def test_the_multiplier_is_divided_by_the_count_to_within_one_step_of_the_mantissa(
    multiplier, count
):
    unit = mean_rescale(multiplier, count, RescaleMode.DOUBLE_ROUND)
    mantissa, shift = int(unit.mantissas[0]), int(unit.shifts[0])
    whole = make_rescale(multiplier, RescaleMode.DOUBLE_ROUND)
    step = Fraction(2) ** (shift - 31)
    exact = Fraction(int(whole.mantissas[0])) * Fraction(2) ** (int(whole.shifts[0]) - 31) / count
    assert 0 <= exact - mantissa * step < step
    assert -31 <= shift <= 30
    assert 0 <= mantissa < 2**31


@pytest.mark.parametrize("count", [1, 2, 64])
def test_a_power_of_two_divides_exactly(count):
    unit = mean_rescale(0.75, count, RescaleMode.DOUBLE_ROUND)
    assert unit.mantissas.tolist() == [3 << 29]
    assert unit.shifts.tolist() == [-(count.bit_length() - 1)]


def test_the_shift_stops_at_minus_31_and_the_mantissa_loses_the_rest():
    unit = mean_rescale(2.0**-31, 64, RescaleMode.DOUBLE_ROUND)
    assert (unit.mantissas.tolist(), unit.shifts.tolist()) == ([1 << 25], [-31])
