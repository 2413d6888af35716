"""Whether an accumulator can overflow at all, from the operands at hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.errors import InternalError
from accelsim.simulator.array.interface import MatrixOperands

__all__ = ["OverflowBound", "checked_bias", "overflow_policy"]


@dataclass(frozen=True, eq=False)
class OverflowBound:
    """Per output column n: the sums of the positive and of the negative weights, and the bias.

    With activations between ``low <= 0`` and ``high >= 0`` no partial sum, in any order of the
    depth, leaves ``[bias + low * positive + high * negative, bias + high * positive +
    low * negative]``.
    """

    positive: NDArray[np.int64]
    negative: NDArray[np.int64]
    bias: NDArray[np.int64]

    @classmethod
    def from_group(
        cls, operands: MatrixOperands, group: int, accumulator: Accumulator
    ) -> OverflowBound:
        """Return the bound of one group's weights and biases."""
        weights = operands.weights(group).astype(np.int64)
        bias = checked_bias(operands, group, accumulator)
        return cls(np.maximum(weights, 0).sum(0), np.minimum(weights, 0).sum(0), bias)

    def largest(self, activations: NDArray[np.int32]) -> tuple[int, int]:
        """Return (low, high) between which every partial sum of these activations lies."""
        low = min(int(activations.min()), 0)
        high = max(int(activations.max()), 0)
        lowest = self.bias + low * self.positive + high * self.negative
        highest = self.bias + high * self.positive + low * self.negative
        return int(lowest.min()), int(highest.max())

    def can_overflow(self, activations: NDArray[np.int32], accumulator: Accumulator) -> bool:
        """Whether some partial sum of these activations could leave the accumulator's range."""
        low, high = self.largest(activations)
        return low < accumulator.low or high > accumulator.high


def checked_bias(
    operands: MatrixOperands, group: int, accumulator: Accumulator
) -> NDArray[np.int64]:
    """Return a group's biases: what accumulators start from, and so what they can hold."""
    bias = operands.bias(group)
    if bias.min() < accumulator.low or bias.max() > accumulator.high:
        raise InternalError(f"a bias of group {group} does not fit {accumulator.bits} bits")
    return bias


def overflow_policy(accumulator: Accumulator) -> tuple[int, int, bool]:
    """Return (low, high, saturate): an accumulator as numba kernels take it."""
    return accumulator.low, accumulator.high, accumulator.overflow is Overflow.SATURATE
