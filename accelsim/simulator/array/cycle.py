"""The cycle engine: the value of every PE at every cycle, in an order that a CPU likes.

Values come from `cycle_kernel`; cycles from the start of one pass to the start of the next;
counters from the passes. With ``switching`` the passes run in execution order and the kernels
carry every register's last value from pass to pass (`switching`); without it no register's
history matters and the products are taken in the largest pieces that memory likes.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.hardware.schema import Array
from accelsim.simulator.array import cycle_kernel
from accelsim.simulator.array.interface import ArrayResult, MatrixOperands
from accelsim.simulator.array.overflow import OverflowBound, overflow_policy
from accelsim.simulator.array.packing import LANES, pack_factors, pack_moving, row_major
from accelsim.simulator.array.pieces import cut, row_pieces, visits
from accelsim.simulator.array.starts import count_cycles
from accelsim.simulator.array.switching import run_in_order
from accelsim.simulator.array.vector_sums import accumulate_vectors
from accelsim.simulator.run import ArrayCounters
from accelsim.simulator.threads import run_tasks, threads_for

__all__ = ["accumulate_rows", "run_cycle"]

_WORTH_THREADS_MACS = 1 << 21
_LEAST_ELEMENTS = 64


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
            if plan.vector_depth:
                for start, stop in row_pieces(gemm):
                    rows = accumulators[group, start:stop]
                    events += accumulate_vectors(operands, plan, group, start, accumulator, rows)
                continue
            bound = OverflowBound.from_group(operands, group, accumulator)
            for start, stop in row_pieces(gemm):
                rows = accumulators[group, start:stop]
                events += accumulate_rows(operands, group, start, accumulator, bound, rows)
    counters = _count(plan) + ArrayCounters(overflow_events=events)
    return ArrayResult(accumulators, count_cycles(plan, array), counters, toggles)


def accumulate_rows(
    operands: MatrixOperands,
    group: int,
    m_start: int,
    accumulator: Accumulator,
    bound: OverflowBound,
    accumulators: NDArray[np.int64],
) -> int:
    """Fill int64[m, columns_n] accumulators of rows from ``m_start`` on; return overflow events."""
    left = row_major(operands.activations(group, m_start, m_start + len(accumulators)))
    right = operands.weights(group).T
    bias = operands.bias(group)
    checked = bound.can_overflow(left, accumulator)
    # The dimension that fills its lanes better is laid out in lanes.
    by_columns = -len(right) % LANES * len(left) <= -len(left) % LANES * len(right)
    moving, factors = (left, right) if by_columns else (right, left)
    results = accumulators if by_columns else accumulators.T
    threads = threads_for(left.size * len(right), _WORTH_THREADS_MACS)
    packed = pack_moving(row_major(moving), moving.shape[1], threads)
    groups = cut(0, len(factors), LANES)
    parts = 1 if len(groups) >= threads else -(-threads // len(groups))
    elements = cut(0, len(moving), max(_LEAST_ELEMENTS, -(-len(moving) // parts)))

    def run(task: tuple[tuple[int, int], tuple[int, int]]) -> int:
        (first, last), (start, stop) = task
        lanes = pack_factors(factors, first, last, moving.shape[1])
        sums = np.zeros((stop - start, LANES), np.int32)
        sums[:, : last - first] = bias[first:last] if by_columns else bias[start:stop, np.newaxis]
        events = 0
        if checked:
            policy = overflow_policy(accumulator)
            events = int(cycle_kernel.accumulate_checked(packed, start, lanes, sums, *policy))
        else:
            cycle_kernel.accumulate(packed, start, lanes, sums)
        results[start:stop, first:last] = sums[:, : last - first]
        return events

    tasks = [(columns, rows) for columns in groups for rows in elements]
    return sum(run_tasks(run, tasks, threads))


def _count(plan: TilePlan) -> ArrayCounters:
    """Add up what each pass feeds, reads and writes; tiles of the same sizes are alike."""
    tiles = Counter(
        (m_stop - m_start, visit.n_stop - visit.n_start)
        for visit in visits(plan)
        if visit.k_start == 0
        for m_start, m_stop in cut(visit.m_start, visit.m_stop, plan.tile_m)
    )
    depth, along_depth, preloads = plan.gemm.depth_k, plan.k_tiles, plan.dataflow.preloads
    rows = columns = outputs = visited = 0
    for (m_size, n_size), times in tiles.items():
        rows += times * m_size
        columns += times * n_size
        outputs += times * m_size * n_size
        visited += times
    # Each of these tiles is visited for every tile of the depth.
    feeds_a, feeds_w = rows * depth, columns * depth
    written = {"weights": feeds_w, "activations": feeds_a, "accumulators": 0}
    return ArrayCounters(
        passes=visited * along_depth,
        macs=outputs * depth,
        stationary_writes=written[plan.dataflow.stationary],
        activation_feeds=feeds_a,
        weight_feeds=feeds_w,
        bias_reads=columns,
        accumulator_reads=outputs * (along_depth - 1) if preloads else 0,
        accumulator_writes=outputs * along_depth if preloads else outputs,
        scale_feeds=columns * plan.depth_scales,
        scalings=outputs * plan.depth_scales,
    )
