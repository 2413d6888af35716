import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import (
    Accumulator,
    Overflow,
    RescaleMode,
    apply_overflow,
    make_rescale,
    requantize,
    rescale,
)
from accelsim.errors import InternalError
from accelsim.simulator.rescale_datapath import rescale_tile, scale_tile, subtract_row_sums

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
EDGES = [INT_MIN, INT_MIN + 1, -(2**30), -(2**24) - 1, -3, -2, -1, 0, 1, 2, 3, 2**24 + 1, INT_MAX]
MODES = list(RescaleMode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bits", [16, 32])
def test_equals_the_arithmetic_on_many(mode, bits):
    generator = np.random.default_rng(21)
    acc = generator.integers(INT_MIN, INT_MAX, (400, 64), endpoint=True)
    acc[200:] >>= generator.integers(0, 31, (200, 64))
    multipliers = 2.0 ** generator.uniform(-34, 32, 64)
    multipliers[:2] = [0.0, 2.0**-33]
    unit = make_rescale(multipliers, mode, bits)
    assert np.array_equal(scale_tile(acc, unit), rescale(acc, unit))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bits", [16, 32])
def test_equals_the_arithmetic_at_the_edges(mode, bits):
    acc = np.array([EDGES]).T.repeat(66, axis=1)
    unit = make_rescale(2.0 ** np.arange(-34.0, 32.0), mode, bits)
    assert np.array_equal(scale_tile(acc, unit), rescale(acc, unit))
    largest = make_rescale(np.nextafter(2.0 ** np.arange(-34.0, 32.0), 0), mode, bits)
    assert np.array_equal(scale_tile(acc, largest), rescale(acc, largest))


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.one_of(st.integers(INT_MIN, INT_MAX), st.integers(-500, 500)),
    st.floats(2.0**-34, 2.0**4),
    st.sampled_from(MODES),
    st.sampled_from([16, 32]),
    st.integers(-128, 127),
)
def test_tile_equals_requantize(value, multiplier, mode, bits, zero_point):
    acc = np.array([[value]])
    unit = make_rescale(multiplier, mode, bits)
    tile = rescale_tile(acc, unit, zero_point, -128, 127)
    assert tile.values.tolist() == requantize(acc, unit, zero_point, -128, 127).tolist()
    shifted = int(rescale(acc, unit)[0, 0]) + zero_point
    assert tile.clip_events == int(not -128 <= shifted <= 127)


def test_clip_events_are_counted_before_the_clamp_on_both_sides():
    acc = np.array([[-20, -10, -9, 0], [9, 10, 11, 40]])
    unit = make_rescale(1.0, RescaleMode.SINGLE_ROUND)
    tile = rescale_tile(acc, unit, zero_point=1, low=-9, high=10)
    assert tile.values.tolist() == [[-9, -9, -8, 1], [10, 10, 10, 10]]
    assert tile.clip_events == 4
    assert tile.values.dtype == np.int32


@settings(max_examples=60, derandomize=True)
@given(
    st.integers(8, 32),
    st.sampled_from(Overflow),
    st.lists(
        st.tuples(
            st.integers(INT_MIN, INT_MAX),
            st.integers(INT_MIN, INT_MAX),
            st.one_of(st.sampled_from([-(2**15), 2**15 - 1]), st.integers(-128, 127)),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_row_sums_are_subtracted_in_one_step(bits, overflow, words):
    accumulator = Accumulator(bits, overflow)
    held = [
        [min(max(word, accumulator.low), accumulator.high) for word in words[:2]] + [words[2]]
        for words in words
    ]
    sums, rows, zero_points = (np.array(part, np.int64) for part in zip(*held, strict=True))
    # One row m of each group, one column n.
    found, events = subtract_row_sums(
        sums[:, None, None], rows[:, None], zero_points[:, None], accumulator
    )
    exact = [total - row * zero for total, row, zero in held]
    expected = apply_overflow(np.array(exact), accumulator)
    assert found[:, 0, 0].tolist() == expected.tolist()
    assert events == sum(not accumulator.low <= value <= accumulator.high for value in exact)


def test_ties_of_each_mode():
    acc = np.array([[-3, -1, 1, 3]]).T
    halves = {mode: scale_tile(acc, make_rescale(0.5, mode)).T.tolist()[0] for mode in MODES}
    assert halves == {
        RescaleMode.DOUBLE_ROUND: [-1, 0, 1, 2],
        RescaleMode.SINGLE_ROUND: [-1, 0, 1, 2],
        RescaleMode.FLOAT32: [-2, 0, 0, 2],
        RescaleMode.TRUNCATE: [-2, -1, 0, 1],
    }


def test_float32_mode_rounds_the_accumulator_first():
    unit = make_rescale(1.0, RescaleMode.FLOAT32)
    assert scale_tile(np.array([[2**24 + 1]]), unit).tolist() == [[2**24]]


def test_refuses_multipliers_that_do_not_fit_the_columns():
    unit = make_rescale([0.5, 0.5], RescaleMode.SINGLE_ROUND)
    with pytest.raises(InternalError, match=r"^2 multipliers for 3 columns$"):
        scale_tile(np.zeros((4, 3), dtype=np.int64), unit)


def test_an_empty_tile():
    unit = make_rescale(0.5, RescaleMode.SINGLE_ROUND)
    tile = rescale_tile(np.zeros((0, 3), dtype=np.int64), unit, 0, -8, 7)
    assert tile.values.shape == (0, 3)
    assert tile.clip_events == 0
