import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import IntegerFormat, RescaleMode
from accelsim.golden.vector import add
from accelsim.network.integer import QuantizedTensor
from accelsim.quantize import QuantizationSpec
from accelsim.quantize.lower_add import lower_add


def tensor(scale, bits=8):
    return QuantizedTensor((4,), IntegerFormat(bits), scale, 0)


@pytest.mark.parametrize(("bits", "shift"), [(2, 20), (8, 20), (9, 15), (16, 15)])
def test_integer_modes_follow_tensorflow_lite(bits, shift):
    spec = QuantizationSpec(8, bits, rescale_mode=RescaleMode.DOUBLE_ROUND)
    result = lower_add(tensor(0.5, bits), tensor(0.2, bits), tensor(0.7, bits), spec, (-2, 1))
    assert result.left_shift == shift
    # The larger scale gets exactly one half.
    assert result.rescale_left.mantissas.tolist() == [2**30]
    assert result.rescale_left.shifts.tolist() == [0]
    assert result.rescale_right.multipliers == pytest.approx(0.2)
    assert result.rescale_sum.multipliers == pytest.approx(1.0 / (2**shift * 0.7))
    assert (result.clamp_low, result.clamp_high) == (-2, 1)


def test_float32_mode_has_ratios_of_scales_in_float32():
    spec = QuantizationSpec(8, 8, rescale_mode=RescaleMode.FLOAT32)
    result = lower_add(tensor(0.5), tensor(0.2), tensor(0.7), spec, (-128, 127))
    assert result.left_shift == 0
    assert result.rescale_left.multipliers == [np.float32(0.5) / np.float32(0.7)]
    assert result.rescale_right.multipliers == [np.float32(0.2) / np.float32(0.7)]


scales = st.floats(-3, 3).map(lambda exponent: 2.0**exponent)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    bits=st.integers(2, 16),
    mode=st.sampled_from([RescaleMode.DOUBLE_ROUND, RescaleMode.SINGLE_ROUND]),
    factors=st.tuples(scales, scales, scales),
)
def test_sums_are_within_a_step_of_the_real_sum(bits, mode, factors):
    # Operands with their zero point subtracted take bits + 1 bits.
    spec = QuantizationSpec(8, bits, rescale_mode=mode)
    left, right, target = (tensor(factor, bits) for factor in factors)
    ends = np.array([-(2**bits) + 1, -1, 0, 1, 2**bits - 1], dtype=np.int64)
    first, second = (grid.ravel() for grid in np.meshgrid(ends, ends))
    operator = lower_add(left, right, target, spec, (target.format.low, target.format.high))
    exact = (first * left.scale + second * right.scale) / target.scale
    # Rounding, and what 2 * max(scale) / 2^shift loses relative to the output step.
    slack = 0.51 + 2.0 * max(factors[:2]) / (2.0**operator.left_shift * target.scale)
    assert np.abs(add(operator, first, second) - exact).max() <= slack
