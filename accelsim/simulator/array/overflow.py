"""Whether an accumulator can overflow at all, from the operands at hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.errors import InternalError
from accelsim.simulator.array.extremes import extremes
from accelsim.simulator.array.interface import MatrixOperands

__all__ = ["OverflowBound", "checked_bias", "largest_magnitude", "overflow_policy"]


@dataclass(frozen=True, eq=False)
class OverflowBound:
    """What the weights and biases of a group can add up to, whatever the order of the depth.

    weights: int32[depth_k, columns_n], bias: int64[columns_n].
    """

    weights: NDArray[np.int32]
    bias: NDArray[np.int64]

    @classmethod
    def from_group(
        cls, operands: MatrixOperands, group: int, accumulator: Accumulator
    ) -> OverflowBound:
        """Return the bound of one group's weights and biases."""
        return cls(operands.weights(group), checked_bias(operands, group, accumulator))

    @cached_property
    def positive(self) -> NDArray[np.int64]:
        """The sum of each column's positive weights."""
        sums: NDArray[np.int64] = np.maximum(self.weights, 0).sum(0, dtype=np.int64)
        return sums

    @cached_property
    def negative(self) -> NDArray[np.int64]:
        """The sum of each column's negative weights."""
        sums: NDArray[np.int64] = np.minimum(self.weights, 0).sum(0, dtype=np.int64)
        return sums

    @cached_property
    def largest_weight(self) -> int:
        """The largest magnitude of a weight."""
        return largest_magnitude(self.weights)

    def largest(self, activations: NDArray[np.int32]) -> tuple[int, int]:
        """Return (low, high) between which every partial sum of these activations lies."""
        low, high = extremes(activations)
        low, high = min(low, 0), max(high, 0)
        lowest = self.bias + low * self.positive + high * self.negative
        highest = self.bias + high * self.positive + low * self.negative
        return int(lowest.min()), int(highest.max())

    def can_overflow(self, activations: NDArray[np.int32], accumulator: Accumulator) -> bool:
        """Whether some partial sum of these activations could leave the accumulator's range."""
        # As if all products were as large as the largest: that is enough for most layers.
        product = largest_magnitude(activations) * self.largest_weight
        rough = largest_magnitude(self.bias) + len(self.weights) * product
        if rough <= accumulator.high:
            return False
        low, high = self.largest(activations)
        return low < accumulator.low or high > accumulator.high


def largest_magnitude(words: NDArray[np.integer]) -> int:
    """Return the largest absolute value.

    >>> largest_magnitude(np.array([-128, 127], np.int32))
    128
    """
    low, high = extremes(words)
    return max(-low, high)


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
