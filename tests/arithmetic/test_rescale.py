import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import RescaleMode, make_rescale, requantize, rescale
from accelsim.errors import DataError

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
INTEGER_MODES = [RescaleMode.DOUBLE_ROUND, RescaleMode.SINGLE_ROUND, RescaleMode.TRUNCATE]
ACCUMULATORS = st.one_of(st.integers(INT_MIN, INT_MAX), st.integers(-1000, 1000))
MULTIPLIERS = st.one_of(st.floats(0, 2), st.floats(2.0**-34, 2.0**32))


def saturate(value: int) -> int:
    return min(max(value, INT_MIN), INT_MAX)


@settings(max_examples=200, derandomize=True)
@given(ACCUMULATORS, MULTIPLIERS, st.sampled_from(INTEGER_MODES), st.sampled_from([16, 32]))
def test_integer_modes_equal_exact_fractions(exact, acc, multiplier, mode, bits):
    unit = make_rescale(multiplier, mode, bits)
    definition = getattr(exact, mode.value)
    expected = definition(acc, int(unit.mantissas[0]), int(unit.shifts[0]), bits)
    assert rescale(np.array([acc]), unit).tolist() == [saturate(expected)]


@settings(max_examples=200, derandomize=True)
@given(ACCUMULATORS, MULTIPLIERS)
def test_float32_mode_rounds_each_operand_and_the_product(acc, multiplier):
    unit = make_rescale(multiplier, RescaleMode.FLOAT32)
    product = np.float32(acc) * np.float32(multiplier)
    # round() of a Python float is exact and half to even.
    assert rescale(np.array([acc]), unit).tolist() == [saturate(round(float(product)))]


def test_float32_mode_loses_bits_above_2_to_the_24():
    acc = np.array([2**24, 2**24 + 1, 2**24 + 3, -(2**24) - 1])
    unit = make_rescale(1.0, RescaleMode.FLOAT32)
    assert rescale(acc, unit).tolist() == [2**24, 2**24, 2**24 + 4, -(2**24)]
    single = make_rescale(1.0, RescaleMode.SINGLE_ROUND)
    assert rescale(acc, single).tolist() == acc.tolist()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        # Halved first, then halved again: -10 -> -5 -> -3, -3 -> -1 -> -1, -2 -> -1 -> -1.
        (RescaleMode.DOUBLE_ROUND, [-3, -2, -1, -1, 0, 0, 1, 1, 2, 3]),
        (RescaleMode.SINGLE_ROUND, [-2, -2, -1, 0, 0, 0, 1, 1, 2, 3]),
        (RescaleMode.FLOAT32, [-2, -2, -1, 0, 0, 0, 0, 1, 2, 2]),
        (RescaleMode.TRUNCATE, [-3, -2, -1, -1, -1, 0, 0, 0, 1, 2]),
    ],
)
def test_ties_of_a_quarter(mode, expected):
    acc = np.array([-10, -8, -3, -2, -1, 0, 2, 3, 6, 10])
    unit = make_rescale(0.25, mode)
    assert rescale(acc, unit).tolist() == expected


@pytest.mark.parametrize("mode", list(RescaleMode))
@pytest.mark.parametrize("bits", [16, 32])
def test_results_outside_32_bits_saturate(mode, bits):
    acc = np.array([INT_MIN, -1, 0, 1, INT_MAX])
    unit = make_rescale(2.0**35, mode, bits)
    low, _, zero, _, high = rescale(acc, unit).tolist()
    assert (low, zero, high) == (INT_MIN, 0, INT_MAX)


@pytest.mark.parametrize("mode", list(RescaleMode))
@pytest.mark.parametrize("bits", [16, 32])
def test_powers_of_two_up_to_2_to_the_29_are_exact(mode, bits):
    for exponent in range(30):
        unit = make_rescale(2.0**exponent, mode, bits)
        assert rescale(np.array([-1, 0, 1]), unit).tolist() == [-(2**exponent), 0, 2**exponent]


@pytest.mark.parametrize("mode", list(RescaleMode))
def test_a_dead_channel_gives_zero(mode):
    acc = np.array([[INT_MIN, INT_MIN], [INT_MAX, INT_MAX]])
    unit = make_rescale([0.0, 1e-300], mode)
    assert rescale(acc, unit).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_one_multiplier_for_each_channel(axis):
    acc = np.arange(-6, 6).reshape(3, 4) * 100
    multipliers = np.linspace(0.01, 0.9, acc.shape[axis])
    for mode in RescaleMode:
        whole = rescale(acc, make_rescale(multipliers, mode), channel_axis=axis)
        for channel, multiplier in enumerate(multipliers):
            alone = rescale(np.take(acc, channel, axis), make_rescale(multiplier, mode))
            assert np.take(whole, channel, axis).tolist() == alone.tolist()


@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_requantize_adds_the_zero_point_and_clamps(zero_point):
    acc = np.array([INT_MIN, -3, 3, INT_MAX])
    unit = make_rescale(0.5, RescaleMode.SINGLE_ROUND)
    inner = [min(max(value + zero_point, -128), 127) for value in (-1, 2)]
    q = requantize(acc, unit, zero_point, low=-128, high=127)
    assert q.tolist() == [-128, *inner, 127]
    assert q.dtype == np.int32


def test_a_fused_relu_is_a_clamp_at_the_zero_point():
    unit = make_rescale(1.0, RescaleMode.SINGLE_ROUND)
    assert requantize(np.array([-50, 0, 50]), unit, -10, low=-10, high=127).tolist() == [
        -10,
        -10,
        40,
    ]


def test_parameters_of_a_make_rescale():
    unit = make_rescale([0.5, 0.0, 3.0], RescaleMode.TRUNCATE)
    assert unit.multipliers.tolist() == [0.5, 0.0, 3.0]
    assert unit.mantissas.tolist() == [2**30, 0, 3 * 2**29]
    assert unit.shifts.tolist() == [0, 0, 2]
    assert (unit.mode, unit.mantissa_bits) == (RescaleMode.TRUNCATE, 32)


@pytest.mark.parametrize(
    ("multipliers", "message"),
    [
        ([0.5, -1.0], r"^multiplier: must be finite and not negative, got -1\.0$"),
        ([0.5, math.nan], r"^multiplier: must be finite as a float32, got nan$"),
        ([math.inf], r"^multiplier: must be finite as a float32, got inf$"),
        ([1e39], r"^multiplier: must be finite as a float32, got 1e\+39$"),
        ([], r"^multipliers: must be one number or a list, got shape \(0,\)$"),
        ([[0.5]], r"^multipliers: must be one number or a list, got shape \(1, 1\)$"),
    ],
)
def test_make_rescale_refuses(multipliers, message):
    with pytest.raises(DataError, match=message):
        make_rescale(multipliers, RescaleMode.SINGLE_ROUND)


def test_rescale_refuses_accumulators_wider_than_its_register():
    unit = make_rescale(0.5, RescaleMode.SINGLE_ROUND)
    with pytest.raises(DataError, match=r"^acc: must fit 32 bits, got 0 to 2147483648$"):
        rescale(np.array([0, 2**31]), unit)


def test_rescale_refuses_multipliers_that_do_not_fit_the_channels():
    unit = make_rescale([0.5, 0.5], RescaleMode.SINGLE_ROUND)
    with pytest.raises(DataError, match=r"^multipliers: 2 do not fit axis -1 of shape \(2, 3\)$"):
        rescale(np.zeros((2, 3), dtype=np.int64), unit)


def test_rescale_of_nothing_is_nothing():
    unit = make_rescale(0.5, RescaleMode.SINGLE_ROUND)
    assert rescale(np.zeros((0, 4), dtype=np.int64), unit).shape == (0, 4)
