"""The cycle engine with switching: passes in execution order, register contents carried along.

The array's columns are cut into groups of 16. What happens in one group does not depend on the
others, so each group runs through all passes by itself, in a thread of its own if there are any.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array import moving_toggles, output_toggles
from accelsim.simulator.array.folded_toggles import FOLDED_COLUMNS, folded_sweep
from accelsim.simulator.array.interface import MatrixOperands
from accelsim.simulator.array.overflow import OverflowBound, overflow_policy
from accelsim.simulator.array.packing import LANES, pack_factors, pack_moving, row_major
from accelsim.simulator.array.pieces import Visit, cut, visits
from accelsim.simulator.array.stationary_toggles import StationaryColumns, stationary_sweep
from accelsim.simulator.run import Switching
from accelsim.simulator.threads import run_tasks, threads_for

__all__ = ["run_in_order"]

Words = NDArray[np.int32]

_KEPT_WORDS = 1 << 23
_WORTH_THREADS_MACS = 1 << 21


def run_in_order(
    operands: MatrixOperands,
    accumulators: NDArray[np.int64],
    plan: TilePlan,
    array: Array,
    accumulator: Accumulator,
) -> tuple[int, Switching]:
    """Fill int64[groups, m, n] accumulators; return (overflow events, toggled bits).

    Parameters as of `accelsim.simulator.array.run_array`.
    """
    threads = threads_for(plan.gemm.macs, _WORTH_THREADS_MACS)
    machine = _Machine(plan, array, accumulator, threads)
    edge = _Edge.at_reset(array)
    columns = [_Columns.at_reset(array, start) for start in range(0, array.columns, LANES)]
    parts: list[_Columns | _Edge] = [*columns, edge]
    events = 0
    for stage in _stages(operands, machine):

        def run(part: _Columns | _Edge, stage: _Stage = stage) -> int:
            return part.run(stage, machine, accumulators)

        events += sum(run_tasks(run, parts, threads))
    toggles = edge.toggles + sum(group.finished(machine) for group in columns)
    return events, Switching(*(int(count) for count in toggles))


@dataclass(frozen=True, eq=False)
class _Machine:
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
        flow = self.plan.dataflow
        widths = {
            "activations": self.array.pe_activation_bits,
            "weights": self.array.pe_weight_bits,
        }
        widths["accumulators"] = self.accumulator.bits
        second = flow.stationary if flow.preloads else flow.moves_down
        bits = (widths[flow.moves_right], widths[second], self.accumulator.bits)
        return np.array([(1 << width) - 1 for width in bits], np.uint32)

    def zeros_follow(self) -> bool:
        """Whether a drain ends before the next tile's values reach the drain path."""
        depth, array = self.plan.gemm.depth_k, self.array
        if array.drain is Drain.HIDDEN:
            apart = depth if array.tile_overlap else depth + array.rows + array.stepped_columns - 2
            return apart > array.rows
        return self.array.drain is Drain.EXPOSED and not self.array.tile_overlap


@dataclass(frozen=True, eq=False)
class _Stage:
    """Consecutive visits of one block of rows m.

    moving: int32[elements, depth], packed too; factors: int32[columns, depth]; bias: int32[n].
    """

    visits: list[Visit]
    moving: Words
    packed: Words
    factors: Words
    bias: Words
    checked: bool

    def sweeps(self, machine: _Machine) -> Iterator[tuple[int, int, int, int]]:
        """Yield [start, stop) of elements and of columns for each tile but those of the depth."""
        flow, plan = machine.plan.dataflow, machine.plan
        for visit in self.visits:
            tiles = [(0, visit.m_stop - visit.m_start)]
            if flow.preloads:
                tiles = cut(0, visit.m_stop - visit.m_start, plan.tile_m)
            for rows in tiles:
                columns = (visit.n_start, visit.n_stop)
                yield (*rows, *columns) if machine.by_columns else (*columns, *rows)


def _stages(operands: MatrixOperands, machine: _Machine) -> Iterator[_Stage]:
    """Yield the stages in execution order; what is needed again is kept if it is not too large."""
    plan, tile = machine.plan, machine.depth_tile
    keep = plan.gemm.rows_m * plan.gemm.depth_k <= _KEPT_WORDS
    for group, of_group in groupby(visits(plan), lambda visit: visit.group):
        bound = OverflowBound.from_group(operands, group, machine.accumulator)
        weights = operands.weights(group).T
        bias = operands.bias(group).astype(np.int32)
        if not machine.by_columns:
            weights = row_major(weights)
        packed_weights = None if machine.by_columns else pack_moving(weights, tile, machine.threads)
        blocks: dict[int, tuple[Words, Words, bool]] = {}
        for m_start, of_block in groupby(of_group, lambda visit: visit.m_start):
            together = list(of_block)
            if m_start not in blocks:
                if not keep:
                    blocks.clear()
                rows = row_major(operands.activations(group, m_start, together[0].m_stop))
                packed = packed_weights
                if packed is None:
                    packed = pack_moving(rows, tile, machine.threads)
                blocks[m_start] = rows, packed, bound.can_overflow(rows, machine.accumulator)
            rows, packed, checked = blocks[m_start]
            moving, factors = (rows, weights) if machine.by_columns else (weights, rows)
            yield _Stage(together, moving, packed, factors, bias, checked)


@dataclass(eq=False)
class _Edge:
    """The operand that moves right: all columns see the same, a cycle later each."""

    moving: Words
    toggles: NDArray[np.int64]

    @classmethod
    def at_reset(cls, array: Array) -> _Edge:
        """Return the registers of one column at zero."""
        return cls(np.zeros(array.rows, np.int32), np.zeros(3, np.int64))

    def run(
        self,
        stage: _Stage,
        machine: _Machine,
        accumulators: NDArray[np.int64],  # noqa: ARG002
    ) -> int:
        """Count what toggles in the moving registers of all columns; nothing overflows there."""
        mask = machine.masks[0]
        within: dict[tuple[int, int], int] = {}
        for start, stop, _, _ in stage.sweeps(machine):
            if machine.plan.dataflow.preloads:
                count = moving_toggles.enter_streams(stage.moving, start, stop, self.moving, mask)
            else:
                count = moving_toggles.enter_rows(stage.moving, self.moving, mask)
            if (start, stop) not in within:
                within[start, stop] = int(
                    moving_toggles.changes_along(stage.moving, start, stop, mask)
                    if machine.plan.dataflow.preloads
                    else moving_toggles.changes_across(stage.moving, mask)
                )
            self.toggles[0] += machine.array.columns * (int(count) + within[start, stop])
        return 0


@dataclass(eq=False)
class _Columns:
    """The registers of 16 columns of the array and what has toggled; it changes.

    ``down`` and ``bias``: [1, 16], since all rows see the same sequence a cycle later each.
    ``second`` is the shadow of the stationary operand, or the register through which
    output-stationary results leave. ``factors`` are kept while sweeps stay in their tile.
    """

    first: int
    down: Words
    bias: Words
    sums: Words
    stationary: Words
    second: Words
    toggles: NDArray[np.int64]
    factors: tuple[tuple[int, int, int], Words] | None = field(default=None)

    @classmethod
    def at_reset(cls, array: Array, first: int) -> _Columns:
        """Return the registers of columns [first, first + 16) at zero."""
        return cls(
            first,
            down=np.zeros((1, LANES), np.int32),
            bias=np.zeros((1, LANES), np.int32),
            sums=np.zeros((array.rows, LANES), np.int32),
            stationary=np.zeros((array.rows, LANES), np.int32),
            second=np.zeros((array.rows, LANES), np.int32),
            toggles=np.zeros(3, np.int64),
        )

    def run(self, stage: _Stage, machine: _Machine, accumulators: NDArray[np.int64]) -> int:
        """Run a stage's passes, store its accumulators, return its overflow events."""
        events = 0
        self.factors = None
        group, m_start = stage.visits[0].group, stage.visits[0].m_start
        results = accumulators[group]
        run = self._run_stationary if machine.plan.dataflow.preloads else self._run_output
        for start, stop, q_start, q_stop in stage.sweeps(machine):
            q_first = min(q_start + self.first, q_stop)
            q_last = min(q_first + LANES, q_stop)
            factors = self._pack(stage, machine, q_first, q_last)
            # Columns without work see zeros: one element shows what they toggle.
            length = stop - start if q_last > q_first else 1
            sums = self._empty_sums(stage, machine, length, q_last - q_first)
            if machine.by_columns:
                sums[:length, : q_last - q_first] = stage.bias[q_first:q_last]
                place = results[m_start + start : m_start + stop, q_first:q_last]
            else:
                sums[:length, : q_last - q_first] = stage.bias[start : start + length, np.newaxis]
                place = results[m_start + q_first : m_start + q_last, start:stop].T
            events += run(stage, machine, slice(start, start + length), factors, sums)
            if q_last > q_first:
                place[:] = sums[:length, : q_last - q_first]
        return events

    @staticmethod
    def _empty_sums(stage: _Stage, machine: _Machine, length: int, columns: int) -> Words:
        """Return zeros, int32[length or more, lanes]: fewer lanes if four elements share them."""
        foldable = machine.plan.dataflow.preloads and not stage.checked
        if not foldable or not 0 < columns <= FOLDED_COLUMNS:
            return np.zeros((length, LANES), np.int32)
        width = FOLDED_COLUMNS
        return np.zeros((-(-length // width) * width, width), np.int32)

    def _pack(self, stage: _Stage, machine: _Machine, first: int, last: int) -> Words:
        key = (id(stage), first, last)
        if self.factors is None or self.factors[0] != key:
            self.factors = key, pack_factors(stage.factors, first, last, machine.depth_tile)
        return self.factors[1]

    def _run_stationary(
        self, stage: _Stage, machine: _Machine, elements: slice, factors: Words, sums: Words
    ) -> int:
        array, depth = machine.array, stage.moving.shape[1]
        columns = StationaryColumns(
            *(self.sums, self.stationary, self.second, machine.masks, self.toggles),
            double_buffered=array.weight_double_buffering,
            all_open=not (array.weight_double_buffering or array.tile_overlap),
        )
        start, stop = elements.start, elements.stop
        if sums.shape[1] < LANES:
            sums[stop - start :] = sums[stop - start - 1]
            lanes = sums.reshape(-1, LANES)
            folded_sweep(stage.packed, start, stop, factors, lanes, depth, columns)
            return 0
        policy = (stage.checked, *machine.policy)
        events = stationary_sweep(stage.packed, start, factors, sums, depth, columns, *policy)
        return int(events)

    def _run_output(
        self,
        stage: _Stage,
        machine: _Machine,
        elements: slice,  # noqa: ARG002
        factors: Words,
        sums: Words,
    ) -> int:
        """Run the output-stationary tiles of a visit: their elements start at 0."""
        array, depth = machine.array, stage.moving.shape[1]
        masks = machine.masks
        bias = sums[:1].copy()
        first_sums = np.empty_like(sums)
        events = output_toggles.output_sweep(
            stage.packed,
            factors,
            sums,
            first_sums,
            depth,
            masks[2],
            self.toggles,
            stage.checked,
            *machine.policy,
        )
        output_toggles.output_tiles(
            factors,
            sums,
            first_sums,
            bias,
            depth,
            self.down,
            self.bias,
            self.sums,
            self.second,
            masks,
            self.toggles,
            array.drain is Drain.HIDDEN,
            array.drain is Drain.FREE,
            machine.zeros_follow(),
        )
        return int(events)

    def finished(self, machine: _Machine) -> NDArray[np.int64]:
        """Let the last drain end and return the toggles."""
        drain = machine.array.drain
        if not machine.plan.dataflow.preloads and drain is not Drain.FREE:
            path = self.second if drain is Drain.HIDDEN else self.sums
            self.toggles[2] += output_toggles.clear_path(path, machine.masks[2])
        return self.toggles
