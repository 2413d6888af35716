import numpy as np
import pytest

from accelsim.arithmetic import RescaleMode, addition_rescales


def test_integer_modes_bring_both_operands_to_twice_the_larger_scale():
    left, right, total, shift = addition_rescales(0.1, 0.4, 0.05, 8, RescaleMode.DOUBLE_ROUND)
    assert shift == 20
    assert left.multipliers.item() == 0.125
    assert (right.mantissas.item(), right.shifts.item()) == (2**30, 0)
    assert total.multipliers.item() == 0.8 / (2**20 * 0.05)


@pytest.mark.parametrize(("bits", "shift"), [(2, 20), (8, 20), (9, 15), (16, 15)])
def test_operands_are_shifted_as_far_as_32_bits_allow(bits, shift):
    assert addition_rescales(1.0, 1.0, 1.0, bits, RescaleMode.SINGLE_ROUND)[3] == shift


def test_float32_mode_divides_in_float32_and_shifts_nothing():
    left, right, total, shift = addition_rescales(0.1, 0.4, 0.3, 8, RescaleMode.FLOAT32)
    assert left.multipliers.item() == float(np.float32(0.1) / np.float32(0.3))
    assert right.multipliers.item() == float(np.float32(0.4) / np.float32(0.3))
    assert (total.multipliers.item(), shift) == (1.0, 0)
