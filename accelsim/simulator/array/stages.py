"""A plan's passes in execution order, cut into stages that share their operands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array.interface import MatrixOperands
from accelsim.simulator.array.overflow import OverflowBound, overflow_policy
from accelsim.simulator.array.packing import pack_moving, row_major
from accelsim.simulator.array.pieces import Visit, cut, visits
from accelsim.simulator.array.widths import register_masks

__all__ = ["PlannedArray", "Stage", "Sweep", "stages"]

Words = NDArray[np.int32]

_KEPT_WORDS = 1 << 23


@dataclass(frozen=True, eq=False)
class PlannedArray:
    """What does not change: plan, array, accumulator, threads, and the registers' widths."""

    plan: TilePlan
    array: Array
    accumulator: Accumulator
    threads: int

    @cached_property
    def by_columns(self) -> bool:
        """Whether the array's columns are columns n of the product (or else rows m)."""
        return self.plan.dataflow.columns == "n"

    @property
    def depth_tile(self) -> int:
        """The depth that the packed operands are cut into."""
        flow, gemm = self.plan.dataflow, self.plan.gemm
        return self.array.rows if flow.preloads else gemm.depth_k

    @cached_property
    def policy(self) -> tuple[int, int, bool]:
        """The accumulator as kernels take it."""
        return overflow_policy(self.accumulator)

    @cached_property
    def masks(self) -> NDArray[np.uint32]:
        """uint32[3]: the bits of the moving, the second and the accumulator registers."""
        return register_masks(self.array, self.plan.dataflow, self.accumulator)

    def zeros_follow(self) -> bool:
        """Whether a drain ends before the next tile's values reach the drain path."""
        depth, array = self.plan.gemm.depth_k, self.array
        if array.drain is Drain.HIDDEN:
            # Cycles from the end of one stream to that of the next, at least.
            apart = depth if array.tile_overlap else depth + array.rows + array.stepped_columns - 2
            return apart > array.rows
        return array.drain is Drain.EXPOSED and not array.tile_overlap


class Sweep(NamedTuple):
    """Passes of an output tile that follow each other: [start, stop) of each dimension.

    Elements are those of the stage, columns those of the product. The depth is all of it, or a
    part if other tiles take turns with the parts.
    """

    start: int
    stop: int
    q_start: int
    q_stop: int
    k_start: int
    k_stop: int


@dataclass(frozen=True, eq=False)
class Stage:
    """Consecutive visits of one block of rows m.

    moving: int32[elements, depth], packed too; factors: int32[columns, depth]; bias: int32[n].
    """

    visits: list[Visit]
    moving: Words
    packed: Words
    factors: Words
    bias: Words
    checked: bool

    def moving_of(self, sweep: Sweep) -> Words:
        """Return int32[elements, depth] of the operand that moves in a sweep."""
        words = self.moving[sweep.start : sweep.stop]
        if sweep.k_stop - sweep.k_start == self.moving.shape[1]:
            return words
        return row_major(words[:, sweep.k_start : sweep.k_stop])

    def sweeps(self, planned: PlannedArray) -> Iterator[Sweep]:
        """Yield the passes in execution order."""
        flow, plan = planned.plan.dataflow, planned.plan
        for visit in self.visits:
            tiles, depth = [(0, visit.m_stop - visit.m_start)], (visit.k_start, visit.k_stop)
            if flow.preloads:
                tiles = cut(0, visit.m_stop - visit.m_start, plan.tile_m)
            elif visit.k_start == 0:
                depth = (0, plan.gemm.depth_k)
            else:
                # Sums that stay in their PEs wait for nothing: the first part's sweep goes on.
                continue
            for rows in tiles:
                columns = (visit.n_start, visit.n_stop)
                sizes = (*rows, *columns) if planned.by_columns else (*columns, *rows)
                yield Sweep(*sizes, *depth)


def stages(operands: MatrixOperands, planned: PlannedArray) -> Iterator[Stage]:
    """Yield the stages in execution order; what is needed again is kept if it is not too large."""
    plan, tile = planned.plan, planned.depth_tile
    keep = plan.gemm.rows_m * plan.gemm.depth_k <= _KEPT_WORDS
    for group, of_group in groupby(visits(plan), lambda visit: visit.group):
        bound = OverflowBound.from_group(operands, group, planned.accumulator)
        weights = operands.weights(group).T
        bias = operands.bias(group).astype(np.int32)
        if not planned.by_columns:
            weights = row_major(weights)
        packed_weights = None if planned.by_columns else pack_moving(weights, tile, planned.threads)
        blocks: dict[int, tuple[Words, Words, bool]] = {}
        for m_start, of_block in groupby(of_group, lambda visit: visit.m_start):
            together = list(of_block)
            if m_start not in blocks:
                if not keep:
                    blocks.clear()
                rows = row_major(operands.activations(group, m_start, together[0].m_stop))
                packed = packed_weights
                if packed is None:
                    packed = pack_moving(rows, tile, planned.threads)
                blocks[m_start] = rows, packed, bound.can_overflow(rows, planned.accumulator)
            rows, packed, checked = blocks[m_start]
            moving, factors = (rows, weights) if planned.by_columns else (weights, rows)
            yield Stage(together, moving, packed, factors, bias, checked)
