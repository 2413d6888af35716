"""The bound that decides whether overflow has to be looked for."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.simulator.array.overflow import OverflowBound, overflow_policy


def bound_of(matrices, weights, bias):
    operands = matrices(np.zeros((1, len(weights))), weights, bias)
    return OverflowBound.from_group(operands, 0, Accumulator())


def test_range_holds_partial_sums_that_cancel_at_the_end(matrices):
    bound = bound_of(matrices, [[100], [-100]], [5])
    assert bound.largest(np.array([[3, 3]], np.int32)) == (5 - 300, 5 + 300)
    assert bound.largest(np.array([[-2, 3]], np.int32)) == (5 - 500, 5 + 500)


@pytest.mark.parametrize(("activation", "possible"), [(1, False), (2, True), (-1, False)])
def test_range_is_compared_with_the_accumulator(matrices, activation, possible):
    bound = bound_of(matrices, [[127]], [0])
    activations = np.array([[activation]], np.int32)
    assert bound.can_overflow(activations, Accumulator(8)) is possible


def test_exact_edges_fit(matrices):
    bound = bound_of(matrices, [[1, -1]], [0, 0])
    assert not bound.can_overflow(np.array([[127]], np.int32), Accumulator(8))
    assert bound.can_overflow(np.array([[128]], np.int32), Accumulator(8))


@pytest.mark.parametrize(("bias", "possible"), [(27, False), (28, True), (-28, False), (-29, True)])
def test_exact_edges_fit_where_signs_decide(matrices, bias, possible):
    """Either weight alone moves the sum by 100; as if both did, no bias would fit."""
    bound = bound_of(matrices, [[100], [-100]], [bias])
    assert bound.can_overflow(np.array([[0, 1]], np.int32), Accumulator(8)) is possible


def test_policy_as_numbers():
    assert overflow_policy(Accumulator(8, Overflow.SATURATE)) == (-128, 127, True)
    assert overflow_policy(Accumulator(32, Overflow.WRAP)) == (-(1 << 31), (1 << 31) - 1, False)
