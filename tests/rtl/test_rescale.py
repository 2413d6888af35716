"""The RTL's rescale lane against the arithmetic's definition, edge cases first."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from accelsim.arithmetic.fixed_point import quantize_multiplier
from accelsim.arithmetic.rescale import Rescale, requantize
from accelsim.rtl.rescale_vectors import LANE_MODES, rescale_vectors

VECTORS = 50_000  # of each of the two widths: 100,000 a mode

pytestmark = pytest.mark.rtl


def _edge_cases(mantissa_bits: int) -> list[tuple[int, int, int]]:
    top = mantissa_bits - 1
    accumulators = [-(2**31), 2**31 - 1, -(2**30), 2**30, -3, -2, -1, 0, 1, 2, 3, 2**24 + 1]
    mantissas = [0, 1 << (top - 1), (1 << top) - 1, quantize_multiplier(0.3, mantissa_bits)[0]]
    shifts = [-31, -30, -17, -16, -9, -2, -1, 0, 1, 2, 16, 30]
    return list(itertools.product(accumulators, mantissas, shifts))


def _random_cases(mantissa_bits: int, count: int) -> list[tuple[int, int, int]]:
    generator = np.random.default_rng(7)
    # Widths are drawn first: uniform values would hardly ever be small.
    widths = generator.integers(1, 32, count)
    accumulators = generator.integers(-(2**31), 2**31, count) >> (31 - widths)
    top = mantissa_bits - 1
    mantissas = generator.integers(1 << (top - 1), 1 << top, count)
    shifts = generator.integers(-31, 31, count)
    return list(zip(accumulators.tolist(), mantissas.tolist(), shifts.tolist(), strict=True))


@pytest.mark.parametrize("mantissa_bits", [32, 16])
@pytest.mark.parametrize("mode", LANE_MODES)
def test_every_result_equals_the_definition(simulate, mode, mantissa_bits):
    cases = _edge_cases(mantissa_bits)
    cases += _random_cases(mantissa_bits, VECTORS - len(cases))
    accumulators, mantissas, shifts = (np.array(column) for column in zip(*cases, strict=True))
    unit = Rescale(mode, mantissa_bits, np.ones(len(cases)), mantissas, shifts)
    zero_point, low, high = -3, -128, 127
    expected = requantize(accumulators, unit, zero_point, low, high)
    vectors = rescale_vectors(
        accumulators[np.newaxis], expected[np.newaxis], unit, zero_point, (low, high), 8
    )
    printed = simulate(vectors)
    assert printed.splitlines()[-1] == f"PASS: {VECTORS} vectors, 0 wrong", printed


@pytest.mark.parametrize("mode", LANE_MODES)
def test_a_result_is_32_bits_before_the_zero_point_is_added(simulate, mode):
    """Outputs as wide as the register show it: what leaves it stops there, then moves back."""
    accumulators = np.array([2**31 - 1, -(2**31), 2**30, -(2**30), 5])
    unit = Rescale(mode, 32, np.ones(5), np.full(5, (1 << 31) - 1), np.full(5, 3))
    zero_point, low, high = -1000, -(2**31) + 1, 2**31 - 1
    expected = requantize(accumulators, unit, zero_point, low, high)
    assert expected[:2].tolist() == [high + zero_point, low]
    vectors = rescale_vectors(
        accumulators[np.newaxis], expected[np.newaxis], unit, zero_point, (low, high), 32
    )
    printed = simulate(vectors)
    assert printed.splitlines()[-1] == "PASS: 5 vectors, 0 wrong", printed
