"""The tile engine: exact products, and closed forms for cycles and counts.

Nothing here walks over passes: the plan's loop nest is counted, not enumerated. A product whose
accumulators could overflow goes to the cycle engine's kernel, which takes one step at a time.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array.interface import ArrayResult, MatrixOperands
from accelsim.simulator.array.overflow import OverflowBound, largest_magnitude
from accelsim.simulator.array.pieces import row_pieces
from accelsim.simulator.array.vector_sums import accumulate_vectors, scaled_bound
from accelsim.simulator.run import ArrayCounters, Cause

__all__ = ["closed_form_counters", "closed_form_cycles", "run_tile"]

_FLOAT32_EXACT = 1 << 24
_USEFUL_DEPTH = 128


def run_tile(
    operands: MatrixOperands, plan: TilePlan, array: Array, accumulator: Accumulator
) -> ArrayResult:
    """Run a plan; parameters and result as in `accelsim.simulator.array.run_array`."""
    gemm = plan.gemm
    accumulators = np.empty((gemm.groups, gemm.rows_m, gemm.columns_n), np.int64)
    events = 0
    for group in range(gemm.groups):
        scaled = plan.vector_depth > 0
        bound = (
            scaled_bound(operands, plan, group, accumulator)
            if scaled
            else OverflowBound.from_group(operands, group, accumulator)
        )
        for start, stop in row_pieces(gemm):
            activations = operands.activations(group, start, stop)
            rows = accumulators[group, start:stop]
            if not bound.can_overflow(activations, accumulator):
                _multiply(activations, bound, rows)
            elif scaled:
                events += accumulate_vectors(operands, plan, group, start, accumulator, rows)
            else:
                from accelsim.simulator.array.cycle import accumulate_rows

                events += accumulate_rows(operands, group, start, accumulator, bound, rows)
    counters = closed_form_counters(plan) + ArrayCounters(overflow_events=events)
    return ArrayResult(accumulators, closed_form_cycles(plan, array), counters)


def _multiply(
    activations: NDArray[np.int32], bound: OverflowBound, sums: NDArray[np.int64]
) -> None:
    """Set ``sums: int64[m, n]`` to biases and exact products.

    BLAS adds in any order and in pieces, so the depth is cut where the sum of all magnitudes
    could be more than float32 holds exactly. Products that are too large for useful cuts are
    taken in float64, whole: where no partial sum leaves 32 bits in whichever order, all magnitudes
    add up to 2^32 at most, and float64 holds 2^53.
    """
    product = max(1, largest_magnitude(activations) * bound.largest_weight)
    depth = _FLOAT32_EXACT // product
    kind: type[np.floating[Any]] = np.float32
    if depth < min(_USEFUL_DEPTH, len(bound.weights)):
        depth, kind = len(bound.weights), np.float64
    left, right = activations.astype(kind), bound.weights.astype(kind)
    sums[:] = left[:, :depth] @ right[:depth]
    for start in range(depth, len(right), depth):
        piece = left[:, start : start + depth] @ right[start : start + depth]
        np.add(sums, piece, out=sums, casting="unsafe")
    sums += bound.bias


def closed_form_cycles(plan: TilePlan, array: Array) -> dict[Cause, int]:
    """Return a plan's cycles by cause, with all operands at hand.

    All passes but the last are followed by the same gap, or by one that depends on their stream
    length alone; the lengths are counted, not walked. The last pass is the last of each loop.
    """
    if plan.dataflow.preloads:
        return _stationary_cycles(plan, array)
    return _output_cycles(plan, array)


def _stationary_cycles(plan: TilePlan, array: Array) -> dict[Cause, int]:
    gemm, rows, leaves = plan.gemm, array.rows, array.stepped_columns - 1 + plan.scaling_cycles
    vectors = _m_sizes(plan) if plan.dataflow.stream == "m" else _sizes(gemm.columns_n, plan.tile_n)
    lengths = Counter({size * plan.pe_rate.cycles: count for size, count in vectors.items()})
    across = _sizes(gemm.columns_n, plan.tile_n) if plan.dataflow.stream == "m" else _m_sizes(plan)
    repeats = gemm.groups * across.total() * _sizes(gemm.depth_k, plan.tile_k).total()
    passes = repeats * lengths.total()
    stream = repeats * sum(length * count for length, count in lengths.items())
    if not array.tile_overlap:
        preloads = 1 if array.weight_double_buffering else passes
        return {
            Cause.PRELOAD: preloads * rows,
            Cause.FILL: passes * (rows - 1),
            Cause.STREAM: stream,
            Cause.DRAIN: passes * leaves,
        }
    exposed = passes * rows
    if array.weight_double_buffering:
        gaps = repeats * sum(max(0, rows - size) * count for size, count in lengths.items())
        exposed = rows + gaps - max(0, rows - _last_length(plan))
    return {
        Cause.PRELOAD: exposed,
        Cause.FILL: rows - 1,
        Cause.STREAM: stream,
        Cause.DRAIN: leaves,
    }


def _output_cycles(plan: TilePlan, array: Array) -> dict[Cause, int]:
    gemm, rows, columns = plan.gemm, array.rows, array.stepped_columns
    steps = -(-gemm.depth_k // plan.pe_rate.depth) + plan.depth_scales
    length = steps * plan.pe_rate.cycles
    tiles = gemm.groups * _m_sizes(plan).total() * _sizes(gemm.columns_n, plan.tile_n).total()
    fills = 1 if array.tile_overlap else tiles
    if array.drain is Drain.FREE:
        gap = last = 0
    elif array.drain is Drain.HIDDEN:
        gap, last = max(0, rows - length) if array.tile_overlap else 0, rows
    else:
        gap, last = rows - array.tile_overlap, rows
    return {
        Cause.PRELOAD: 0,
        Cause.FILL: fills * (rows + columns - 2),
        Cause.STREAM: tiles * length,
        Cause.DRAIN: (tiles - 1) * gap + last,
    }


def closed_form_counters(plan: TilePlan) -> ArrayCounters:
    """Return a plan's counters; ``overflow_events`` depends on values and stays 0."""
    gemm, flow = plan.gemm, plan.dataflow
    m_tiles = _m_sizes(plan).total()
    n_tiles = _sizes(gemm.columns_n, plan.tile_n).total()
    k_tiles = _sizes(gemm.depth_k, plan.tile_k).total()
    activations = gemm.groups * gemm.rows_m * gemm.depth_k * n_tiles
    weights = gemm.groups * gemm.depth_k * gemm.columns_n * m_tiles
    outputs = gemm.groups * gemm.rows_m * gemm.columns_n
    written = {"weights": weights, "activations": activations, "accumulators": 0}
    return ArrayCounters(
        passes=gemm.groups * m_tiles * n_tiles * k_tiles,
        macs=gemm.macs,
        stationary_writes=written[flow.stationary],
        activation_feeds=activations,
        weight_feeds=weights,
        bias_reads=gemm.groups * m_tiles * gemm.columns_n,
        accumulator_reads=outputs * (k_tiles - 1) if flow.preloads else 0,
        accumulator_writes=outputs * k_tiles if flow.preloads else outputs,
        scale_feeds=gemm.groups * gemm.columns_n * m_tiles * plan.depth_scales,
        scalings=outputs * plan.depth_scales,
    )


def _sizes(total: int, tile: int) -> Counter[int]:
    """Return how often each tile size occurs along a dimension.

    >>> _sizes(10, 4)
    Counter({4: 2, 2: 1})
    """
    sizes = Counter({tile: total // tile} if total >= tile else {})
    if total % tile:
        sizes[total % tile] += 1
    return sizes


def _m_sizes(plan: TilePlan) -> Counter[int]:
    """Return how often each size occurs along m, where tiles start anew with each block."""
    sizes: Counter[int] = Counter()
    for block, blocks in _sizes(plan.gemm.rows_m, plan.block_m).items():
        for size, count in _sizes(block, plan.tile_m).items():
            sizes[size] += count * blocks
    return sizes


def _last_length(plan: TilePlan) -> int:
    """Return the cycles in which a plan's last pass streams."""
    last = ((plan.gemm.rows_m - 1) % plan.block_m) % plan.tile_m + 1
    if plan.dataflow.stream == "n":
        last = (plan.gemm.columns_n - 1) % plan.tile_n + 1
    return last * plan.pe_rate.cycles
