import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import IntegerFormat, Rounding, dequantize, quantize
from accelsim.errors import DataError

INT8 = IntegerFormat(8)


def test_ties_go_to_even_as_in_onnx():
    x = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], dtype=np.float32)
    assert quantize(x, 1.0, 0, INT8).tolist() == [-2, -2, 0, 0, 2, 2]


@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_saturates_at_both_ends_whatever_the_zero_point(zero_point):
    x = np.array([-np.inf, -1e30, 0.0, 1e30, np.inf])
    assert quantize(x, 0.1, zero_point, INT8).tolist() == [-128, -128, zero_point, 127, 127]


def test_float32_overflow_of_the_division_saturates():
    x = np.array([-3e38, 3e38], dtype=np.float32)
    assert quantize(x, 1e-6, 3, INT8).tolist() == [-128, 127]


def test_restricted_and_unsigned_formats():
    x = np.array([-9.0, 9.0])
    assert quantize(x, 1.0, 0, IntegerFormat(3, restricted=True)).tolist() == [-3, 3]
    assert quantize(x, 1.0, 0, IntegerFormat(3, signed=False)).tolist() == [0, 7]


def test_scales_and_zero_points_along_an_axis():
    x = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    q = quantize(x, [1.0, 0.5, 0.25], [0, 1, 2], INT8, axis=0)
    assert q.tolist() == [[1, 1], [3, 3], [6, 6]]
    assert dequantize(q, [1.0, 0.5, 0.25], [0, 1, 2], axis=0).tolist() == x.tolist()
    assert quantize(x, [1.0, 0.5], 0, INT8, axis=1)[0].tolist() == [1, 2]
    assert quantize(x, [1.0, 0.5], 0, INT8, axis=-1)[0].tolist() == [1, 2]


def test_float32_values_are_divided_in_float32():
    # 0.35f / 0.1f is 3.5 in float32 (rounds to 4), 3.4999999... in float64 (rounds to 3).
    x = np.array([0.35], dtype=np.float32)
    assert quantize(x, 0.1, 0, INT8).tolist() == [4]
    assert quantize(x.astype(np.float64), 0.1, 0, INT8).tolist() == [3]


@settings(max_examples=200, derandomize=True)
@given(
    st.floats(-1e6, 1e6),
    st.floats(1e-3, 1e3),
    st.integers(-128, 127),
    st.integers(2, 16),
)
def test_equals_exact_arithmetic_on_the_rounded_quotient(x, scale, zero_point, bits):
    format = IntegerFormat(bits)
    expected = min(max(round(Fraction(x / scale)) + zero_point, format.low), format.high)
    assert quantize(np.array([x]), scale, zero_point, format).tolist() == [expected]


@settings(max_examples=100, derandomize=True)
@given(st.integers(-128, 127), st.floats(1e-3, 1e3), st.integers(-128, 127))
def test_quantizing_a_dequantized_integer_returns_it(q, scale, zero_point):
    x = dequantize(np.array([q]), scale, zero_point)
    assert x.dtype == np.float32
    assert quantize(x, scale, zero_point, INT8).tolist() == [q]


def test_stochastic_rounding_uses_the_generator():
    x = np.full(1000, 0.5)
    generator = np.random.default_rng(3)
    q = quantize(x, 1.0, 0, INT8, Rounding.STOCHASTIC, generator)
    assert 400 < q.sum() < 600


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_refuses_nan(dtype):
    x = np.array([1.0, np.nan, np.nan], dtype=dtype)
    with pytest.raises(DataError, match=r"^x: must not hold NaN, got 2 in 3 values$"):
        quantize(x, 1.0, 0, INT8)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_refuses_scales_that_are_not_positive_and_finite(scale):
    message = rf"^scale: must be positive and finite, got {scale}$"
    with pytest.raises(DataError, match=message):
        quantize(np.array([1.0]), [1.0, scale], 0, INT8, axis=0)
    with pytest.raises(DataError, match=message):
        dequantize(np.array([1]), scale, 0)


def test_refuses_a_scale_that_vanishes_in_float32():
    x = np.array([1.0], dtype=np.float32)
    with pytest.raises(DataError, match=r"^scale: must be positive and finite, got 1e-60$"):
        quantize(x, 1e-60, 0, INT8)
