from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.arithmetic import (
    LARGEST_MAGNITUDE,
    IntegerFormat,
    RunTimeCodes,
    bound_codes,
    find_codes,
    run_time_integers,
)
from accelsim.errors import DataError

FORMATS = st.builds(IntegerFormat, st.integers(2, 16), st.booleans(), restricted=st.just(False))
VALUES = st.lists(
    st.one_of(
        st.floats(-(2.0**100), 2.0**100, width=32),
        st.floats(-10, 10, width=32),
        st.sampled_from([0.0, -0.0, 1e-45, -1e-38, 1.0, LARGEST_MAGNITUDE, -LARGEST_MAGNITUDE]),
    ),
    min_size=1,
    max_size=12,
)


def nearest(value):
    """Round a fraction half to even: what Python's round does."""
    return round(Fraction(float(value)))


def stated(values, format, symmetric):
    """Equations (1) to (5) one number at a time; numpy's float32 scalars are IEEE single."""
    low = min(np.float32(0), *(np.float32(value) for value in values))
    high = max(np.float32(0), *(np.float32(value) for value in values))
    middle = 0 if format.signed else 1 << (format.bits - 1)
    if symmetric:
        scale = np.float32(max(-low, high)) / np.float32(format.high - middle)
    else:
        scale = np.float32(high - low) / np.float32(format.high - format.low)
    if scale < np.float32(2.0**-126):
        scale = np.float32(1)
    zero_point = middle
    if not symmetric:
        zero_point = nearest(np.float32(format.low) - np.float32(low / scale))
        zero_point = min(max(zero_point, format.low), format.high)
    reciprocal = np.float32(1) / scale
    codes = [nearest(np.float32(value) * reciprocal) + zero_point for value in values]
    return scale, zero_point, [min(max(code, format.low), format.high) for code in codes]


@given(st.lists(VALUES, min_size=1, max_size=3), FORMATS, st.booleans())
def test_codes_and_integers_are_those_of_the_equations(images, format, symmetric):
    longest = max(map(len, images))
    filled = [values + [0.0] * (longest - len(values)) for values in images]
    array = np.array(filled, dtype=np.float32)
    codes = find_codes(array, format, symmetric)
    integers = run_time_integers(array, codes, format)
    for image, values in enumerate(filled):
        scale, zero_point, expected = stated(values, format, symmetric)
        assert codes.scales[image] == scale
        assert codes.zero_points[image] == zero_point
        assert integers[image].tolist() == expected


@given(VALUES, FORMATS, st.booleans())
def test_the_range_is_covered_with_at_most_a_step_of_error(values, format, symmetric):
    array = np.array([values], dtype=np.float32)
    codes = find_codes(array, format, symmetric)
    integers = run_time_integers(array, codes, format)
    scale, zero_point = float(codes.scales[0]), int(codes.zero_points[0])
    assert format.low <= zero_point <= format.high
    assert (integers >= format.low).all()
    assert (integers <= format.high).all()
    reals = (integers - zero_point) * scale
    # Half a step for the value; half a step more where the zero point was rounded at an end.
    assert (np.abs(reals - array.astype(np.float64)) <= scale * (1.0 + 1e-5 * 2**format.bits)).all()
    zero = run_time_integers(np.zeros((1, 1), np.float32), codes, format)
    assert zero.item() == zero_point


@given(VALUES, st.integers(2, 16))
def test_inside_the_integers_the_error_is_half_a_step(values, bits):
    format, array = IntegerFormat(bits), np.array([values], dtype=np.float32)
    codes = find_codes(array, format, symmetric=True)
    integers = run_time_integers(array, codes, format)
    error = np.abs(integers * float(codes.scales[0]) - array.astype(np.float64))
    assert (error <= float(codes.scales[0]) * (0.5 + 1e-6 * 2**bits)).all()
    assert not np.any(integers == format.low)


@pytest.mark.parametrize(
    ("values", "scale", "zero_point", "integers"),
    [
        ([0.0, 0.0], 1.0, -128, [-128, -128]),
        ([5e-39, 0.0], 1.0, -128, [-128, -128]),
        ([2.55], 0.01, -128, [127]),
        ([-2.55], 0.01, 127, [-128]),
        ([-1.0, 1.55], 0.01, -28, [-128, 127]),
    ],
)
def test_edges(values, scale, zero_point, integers):
    array = np.array([values], dtype=np.float32)
    codes = find_codes(array, IntegerFormat(8))
    assert codes.scales[0] == pytest.approx(scale)
    assert codes.zero_points[0] == zero_point
    assert run_time_integers(array, codes, IntegerFormat(8)).tolist() == [integers]


def test_images_have_codes_of_their_own():
    array = np.array([[0.0, 1.0], [0.0, 100.0], [-50.0, 0.0]], dtype=np.float32)
    codes = find_codes(array, IntegerFormat(8))
    assert len(set(codes.scales.tolist())) == 3
    assert run_time_integers(array, codes, IntegerFormat(8)).tolist() == [[-128, 127]] * 3
    assert codes.zero_points.tolist() == [-128, -128, 127]


def test_bounds_become_integers_and_infinities_the_ends():
    codes = RunTimeCodes(np.array([0.5, 2.0], np.float32), np.array([-3, 100]))
    format = IntegerFormat(8)
    assert bound_codes(6.0, codes, format).tolist() == [9, 103]
    assert bound_codes(0.0, codes, format).tolist() == [-3, 100]
    assert bound_codes(float("inf"), codes, format).tolist() == [127, 127]
    assert bound_codes(float("-inf"), codes, format).tolist() == [-128, -128]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2.0**127])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(DataError) as caught:
        find_codes(np.array([[1.0, value]], np.float32), IntegerFormat(8))
    assert str(caught.value) == "values: must be numbers of at most 8.50706e+37 in magnitude"
