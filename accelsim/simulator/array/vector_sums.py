"""Sums of vectors of weights: each leaves the products' adder, is scaled, and is accumulated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import apply_overflow, count_overflows
from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.errors import InternalError
from accelsim.simulator.array.interface import MatrixOperands, VectorOperands
from accelsim.simulator.array.overflow import OverflowBound, checked_bias
from accelsim.simulator.array.pieces import cut
from accelsim.simulator.array.product import MatrixProduct

__all__ = ["accumulate_vectors", "scaled_bound"]


def scaled_bound(
    operands: MatrixOperands, plan: TilePlan, group: int, accumulator: Accumulator
) -> OverflowBound:
    """Return the bound of a group whose weights are taken times their vectors' scales.

    What these add up to in any order is what scaled sums of whole vectors add up to in theirs, so
    long as nothing overflows. The products fit 32 bits: both factors have 16 at most.
    """
    depth = plan.gemm.depth_k
    scales = np.repeat(_scales(operands, group), plan.vector_depth, axis=0)[:depth]
    weights = operands.weights(group) * scales.astype(np.int32)
    return OverflowBound(np.asfortranarray(weights), checked_bias(operands, group, accumulator))


def accumulate_vectors(
    operands: MatrixOperands,
    plan: TilePlan,
    group: int,
    m_start: int,
    accumulator: Accumulator,
    accumulators: NDArray[np.int64],
) -> int:
    """Fill int64[m, columns_n] accumulators of rows from ``m_start`` on; return overflow events.

    The depth goes through the array pass by pass: the sum of each pass's part of a vector comes
    from 0, is multiplied by the vector's scale and added to the accumulator.
    """
    from accelsim.simulator.array.cycle import accumulate_rows

    left = operands.activations(group, m_start, m_start + len(accumulators))
    right, scales = operands.weights(group), _scales(operands, group)
    nothing = np.zeros(right.shape[1], np.int64)
    sums = np.broadcast_to(operands.bias(group), accumulators.shape).astype(np.int64)
    events = 0
    for number, (first, last) in enumerate(cut(0, plan.gemm.depth_k, plan.vector_depth)):
        for start, stop in cut(first, last, min(plan.tile_k, plan.vector_depth)):
            part = MatrixProduct(left[:, start:stop], right[start:stop], nothing)
            bound = OverflowBound(part.right, nothing)
            if bound.can_overflow(part.left, accumulator):
                raise InternalError(f"a sum of vector {number} does not fit the accumulator")
            products = np.empty_like(sums)
            accumulate_rows(part, 0, 0, accumulator, bound, products)
            exact = sums + products * scales[number].astype(np.int64)
            events += count_overflows(exact, accumulator)
            sums = apply_overflow(exact, accumulator)
    accumulators[:] = sums
    return events


def _scales(operands: MatrixOperands, group: int) -> NDArray[np.int32]:
    if not isinstance(operands, VectorOperands):
        raise InternalError("these operands have no scales of vectors")
    return operands.scales(group)
