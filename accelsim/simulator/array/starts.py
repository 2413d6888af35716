"""The cycle engine's clock: when each pass's stream starts, from the one before.

A separate derivation of docs/timing.md with all operands at hand. What the passes of one tile
down its depth, or a part of it, cost depends on their stream length and on how far the first
preload may run ahead of the first stream; tiles that agree in both are stepped through once.
"""

from __future__ import annotations

from functools import cache

from accelsim.compiler.program import TilePlan
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array.pieces import cut, visits
from accelsim.simulator.run import Cause

__all__ = ["count_cycles"]

_CAUSES = (Cause.PRELOAD, Cause.FILL, Cause.STREAM, Cause.DRAIN)


def count_cycles(plan: TilePlan, array: Array) -> dict[Cause, int]:
    """Return the cycles of a plan's passes by cause: preload, fill, stream and drain."""
    if plan.dataflow.preloads:
        return _count_stationary(plan, array)
    return _count_output(plan, array)


def _count_stationary(plan: TilePlan, array: Array) -> dict[Cause, int]:
    @cache
    def step(length: int, passes: int, may_load: int) -> tuple[tuple[int, ...], int]:
        return _step_stationary(length, passes, array, may_load, plan.scaling_cycles)

    cycles = dict.fromkeys(_CAUSES, 0)
    # The earliest cycle of the next preload, counted from that of the next stream.
    may_load = 0
    for visit in visits(plan):
        for m_start, m_stop in cut(visit.m_start, visit.m_stop, plan.tile_m):
            by_rows = plan.dataflow.stream == "m"
            vectors = m_stop - m_start if by_rows else visit.n_stop - visit.n_start
            length = vectors * plan.pe_rate.cycles
            passes = -(-(visit.k_stop - visit.k_start) // plan.tile_k)
            added, may_load = step(length, passes, may_load)
            for cause, count in zip(_CAUSES, added, strict=True):
                cycles[cause] += count
    if array.tile_overlap:
        cycles[Cause.FILL] += array.rows - 1
        cycles[Cause.DRAIN] += array.stepped_columns - 1 + plan.scaling_cycles
    return cycles


def _step_stationary(
    length: int, passes: int, array: Array, may_load: int, scaling: int
) -> tuple[tuple[int, ...], int]:
    """Two events bound the next start: the stream before ends, the tile has been shifted in.

    ``scaling``: cycles that sums take at the edge, after the last column.
    """
    rows, leaves = array.rows, array.stepped_columns - 1 + scaling
    preload = fill = stream = drain = 0
    may_stream = 0
    for _ in range(passes):
        start = max(may_stream, may_load + rows)
        preload += start - may_stream
        stream += length
        may_stream = start + length
        if not array.tile_overlap:
            fill += rows - 1
            drain += leaves
            may_stream += rows - 1 + leaves
        may_load = start if array.weight_double_buffering else may_stream
    return (preload, fill, stream, drain), may_load - may_stream


def _count_output(plan: TilePlan, array: Array) -> dict[Cause, int]:
    """Start tile after tile; a tile's depth passes follow each other without a gap."""
    rows, columns = array.rows, array.stepped_columns
    hidden, free = array.drain is Drain.HIDDEN, array.drain is Drain.FREE
    cycles = dict.fromkeys(_CAUSES, 0)
    length = sum(
        plan.stream_cycles(0, 0, stop - start)
        for start, stop in cut(0, plan.gemm.depth_k, plan.tile_k)
    )
    tiles = 0
    for visit in visits(plan):
        if visit.k_start:
            # The tile's stream goes on: no other comes between its parts.
            continue
        for _ in cut(visit.m_start, visit.m_stop, plan.tile_m):
            if tiles and not array.tile_overlap:
                cycles[Cause.FILL] += rows + columns - 2
                cycles[Cause.DRAIN] += 0 if hidden or free else rows
            elif tiles and not free:
                # Hidden: this stream may end no sooner than R cycles after the one before.
                cycles[Cause.DRAIN] += max(0, rows - length) if hidden else rows - 1
            cycles[Cause.STREAM] += length
            tiles += 1
    cycles[Cause.FILL] += rows + columns - 2
    cycles[Cause.DRAIN] += 0 if free else rows
    return cycles
