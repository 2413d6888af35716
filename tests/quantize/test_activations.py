import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.network.graph import Clamp
from accelsim.quantize import QuantizationSpec, Range
from accelsim.quantize.activations import clamp_codes, quantized_tensor

specs = st.builds(
    QuantizationSpec,
    weight_bits=st.just(8),
    activation_bits=st.integers(2, 16),
    symmetric_activations=st.booleans(),
    signed_activations=st.booleans(),
)
reals = st.floats(-1e4, 1e4, allow_subnormal=False)
ranges = st.tuples(reals, reals).map(sorted).map(lambda ends: Range(*ends))


def real(code, tensor):
    return (code - tensor.zero_point) * tensor.scale


@settings(max_examples=150, deadline=None, derandomize=True)
@given(observed=ranges, spec=specs)
def test_zero_is_an_integer_and_the_range_is_covered(observed, spec):
    tensor = quantized_tensor((3,), observed, spec.activation_bits, spec)
    assert tensor.format.low <= tensor.zero_point <= tensor.format.high
    # Rounding the zero point moves an end by at most half a step.
    slack = 0.51 * tensor.scale
    assert real(tensor.format.low, tensor) <= min(observed.low, 0.0) + slack
    assert real(tensor.format.high, tensor) >= max(observed.high, 0.0) - slack


@pytest.mark.parametrize(
    ("observed", "spec", "scale", "zero_point"),
    [
        (Range(0.0, 2.55), QuantizationSpec(8, 8), 0.01, -128),
        (Range(-2.55, 0.0), QuantizationSpec(8, 8), 0.01, 127),
        (Range(-1.0, 1.55), QuantizationSpec(8, 8), 0.01, -28),
        (Range(-1.0, 1.55), QuantizationSpec(8, 8, signed_activations=False), 0.01, 100),
        (Range(1.0, 2.55), QuantizationSpec(8, 8), 0.01, -128),
        (Range(-0.5, 1.27), QuantizationSpec(8, 8, symmetric_activations=True), 0.01, 0),
        (
            Range(-0.5, 1.27),
            QuantizationSpec(8, 8, symmetric_activations=True, signed_activations=False),
            0.01,
            128,
        ),
        (Range(0.0, 3.0), QuantizationSpec(8, 2), 1.0, -2),
    ],
)
def test_scale_and_zero_point(observed, spec, scale, zero_point):
    tensor = quantized_tensor((3,), observed, spec.activation_bits, spec)
    assert tensor.scale == pytest.approx(scale, rel=1e-6)
    assert tensor.zero_point == zero_point
    assert tensor.shape == (3,)


def test_a_constant_zero_tensor_takes_the_range_up_to_one():
    tensor = quantized_tensor((3,), Range(0.0, 0.0), 8, QuantizationSpec(8, 8))
    assert tensor.scale == pytest.approx(1 / 255)


def test_a_range_too_narrow_for_float32_takes_the_smallest_scale():
    tensor = quantized_tensor((3,), Range(0.0, 1e-300), 8, QuantizationSpec(8, 8))
    assert tensor.scale == 2.0**-30


@pytest.mark.parametrize(
    ("clamp", "codes"),
    [
        (Clamp(), (-128, 127)),
        (Clamp(0.0), (-28, 127)),
        (Clamp(0.0, 1.0), (-28, 72)),
        (Clamp(-9.0, 9.0), (-128, 127)),
        (Clamp(5.0, 6.0), (127, 127)),
        (Clamp(-math.inf, -5.0), (-128, -128)),
    ],
)
def test_clamp_codes_are_bounds_within_the_format(clamp, codes):
    tensor = quantized_tensor((3,), Range(-1.0, 1.55), 8, QuantizationSpec(8, 8))
    assert clamp_codes(clamp, tensor) == codes
