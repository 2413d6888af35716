"""The cycle engine: the value of every PE at every cycle, in an order that a CPU likes.

Values come from `cycle_kernel`; cycles from the start of one pass to the start of the next;
counters from the passes. With ``switching`` the passes run in execution order and the kernels
carry every register's last value from pass to pass; without it no register's history matters
and the products are taken in the largest pieces that memory likes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.hardware.dataflow import Dataflow
from accelsim.hardware.schema import Array
from accelsim.simulator.array import cycle_kernel
from accelsim.simulator.array.interface import ArrayResult, MatrixOperands
from accelsim.simulator.array.overflow import OverflowBound, overflow_policy
from accelsim.simulator.array.pieces import row_pieces
from accelsim.simulator.array.starts import count_cycles
from accelsim.simulator.array.switching import run_in_order
from accelsim.simulator.run import ArrayCounters

__all__ = ["accumulate_rows", "run_cycle"]

_CHUNK_ELEMENTS = 1024


def run_cycle(
    operands: MatrixOperands,
    plan: TilePlan,
    array: Array,
    accumulator: Accumulator,
    switching: bool = False,
) -> ArrayResult:
    """Run a plan; parameters and result as in `accelsim.simulator.array.run_array`."""
    gemm = plan.gemm
    accumulators = np.empty((gemm.groups, gemm.rows_m, gemm.columns_n), np.int64)
    toggles = None
    if switching:
        events, toggles = run_in_order(operands, accumulators, plan, array, accumulator)
    else:
        events = 0
        for group in range(gemm.groups):
            bound = OverflowBound.from_group(operands, group, accumulator)
            for start, stop in row_pieces(gemm):
                rows, overflowed = accumulate_rows(operands, group, start, stop, accumulator, bound)
                accumulators[group, start:stop] = rows
                events += overflowed
    counters = _count(plan, plan.dataflow) + ArrayCounters(overflow_events=events)
    return ArrayResult(accumulators, count_cycles(plan.passes(), array), counters, toggles)


def accumulate_rows(
    operands: MatrixOperands,
    group: int,
    m_start: int,
    m_stop: int,
    accumulator: Accumulator,
    bound: OverflowBound,
) -> tuple[NDArray[np.int32], int]:
    """Return (int32[m, columns_n] accumulators of some rows m, overflow events)."""
    activations = operands.activations(group, m_start, m_stop)
    left = np.ascontiguousarray(activations.T)
    right = np.ascontiguousarray(operands.weights(group))
    bias = operands.bias(group).astype(np.int32)
    # The longer dimension is the vector: a product is its transpose's transpose.
    by_rows = left.shape[1] >= right.shape[1]
    moving, factors = (left, right) if by_rows else (right, left)
    sums = np.empty((factors.shape[1], moving.shape[1]), np.int32)
    sums[:] = bias[:, np.newaxis] if by_rows else bias
    events = 0
    if bound.can_overflow(activations, accumulator):
        policy = overflow_policy(accumulator)
        events = int(cycle_kernel.accumulate_checked(moving, factors, sums, *policy))
    else:
        cycle_kernel.accumulate(moving, factors, sums, _CHUNK_ELEMENTS)
    return (sums.T if by_rows else sums), events


def _count(plan: TilePlan, flow: Dataflow) -> ArrayCounters:
    """Add up what each pass feeds, reads and writes."""
    passes = macs = feeds_a = feeds_w = bias = reads = writes = 0
    for step in plan.passes():
        outputs = step.m_size * step.n_size
        passes += 1
        macs += outputs * step.k_size
        feeds_a += step.m_size * step.k_size
        feeds_w += step.k_size * step.n_size
        bias += step.n_size if step.first_depth else 0
        reads += outputs if flow.preloads and not step.first_depth else 0
        writes += outputs if flow.preloads or step.last_depth else 0
    written = {"weights": feeds_w, "activations": feeds_a, "accumulators": 0}
    return ArrayCounters(
        passes=passes,
        macs=macs,
        stationary_writes=written[flow.stationary],
        activation_feeds=feeds_a,
        weight_feeds=feeds_w,
        bias_reads=bias,
        accumulator_reads=reads,
        accumulator_writes=writes,
    )
