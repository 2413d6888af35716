"""The registers of the array as the passes leave them, and what has toggled in them so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array import moving_toggles
from accelsim.simulator.array.folded_toggles import FOLDED_COLUMNS, folded_sweep
from accelsim.simulator.array.output_toggles import (
    OutputColumns,
    clear_path,
    output_sweep,
    output_tiles,
)
from accelsim.simulator.array.packing import LANES, blocks_of, pack_factors
from accelsim.simulator.array.stages import PlannedArray, Stage, Sweep
from accelsim.simulator.array.stationary_toggles import StationaryColumns, stationary_sweep

__all__ = ["Columns", "Edge"]

Words = NDArray[np.int32]


@dataclass(eq=False)
class Edge:
    """The operand that moves right: all columns see the same, a cycle later each."""

    moving: Words
    toggles: NDArray[np.int64]

    @classmethod
    def at_reset(cls, array: Array) -> Edge:
        """Return the registers of one column at zero."""
        return cls(np.zeros(array.rows, np.int32), np.zeros(3, np.int64))

    def run(
        self,
        stage: Stage,
        planned: PlannedArray,
        accumulators: NDArray[np.int64],  # noqa: ARG002
    ) -> int:
        """Count what toggles in the moving registers of all columns; nothing overflows there."""
        mask = planned.masks[0]
        within: dict[tuple[int, int, int], int] = {}
        for sweep in stage.sweeps(planned):
            moving, key = stage.moving_of(sweep), (sweep.start, sweep.stop, sweep.k_start)
            if planned.plan.dataflow.preloads:
                count = moving_toggles.enter_streams(moving, 0, len(moving), self.moving, mask)
            else:
                count = moving_toggles.enter_rows(moving, self.moving, mask)
            if key not in within:
                within[key] = int(
                    moving_toggles.changes_along(moving, 0, len(moving), mask)
                    if planned.plan.dataflow.preloads
                    else moving_toggles.changes_across(moving, mask)
                )
            self.toggles[0] += planned.array.columns * (int(count) + within[key])
        return 0


@dataclass(eq=False)
class Columns:
    """The registers of 16 columns of the array and what has toggled; it changes.

    ``down`` and ``bias``: [1, 16], since all rows see the same sequence a cycle later each.
    ``second`` is the shadow of the stationary operand, or the register through which
    output-stationary results leave. ``factors`` of [first, last) columns are kept while sweeps stay
    in their tile, or in the tiles that take turns.
    """

    first: int
    down: Words
    bias: Words
    sums: Words
    stationary: Words
    second: Words
    toggles: NDArray[np.int64]
    factors: dict[tuple[int, int], Words] = field(default_factory=dict)

    @classmethod
    def at_reset(cls, array: Array, first: int) -> Columns:
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

    def run(self, stage: Stage, planned: PlannedArray, accumulators: NDArray[np.int64]) -> int:
        """Run a stage's passes, store its accumulators, return its overflow events."""
        events = 0
        self.factors.clear()
        group, m_start = stage.visits[0].group, stage.visits[0].m_start
        results = accumulators[group]
        run: Callable[..., int]
        if planned.plan.dataflow.preloads:
            run = partial(self._run_stationary, self._stationary_columns(planned))
        else:
            run = partial(self._run_output, self._output_columns(planned))
        for sweep in stage.sweeps(planned):
            start, stop, q_start, q_stop, k_start, _ = sweep
            q_first = min(q_start + self.first, q_stop)
            q_last = min(q_first + LANES, q_stop)
            factors = self._pack(stage, planned, q_first, q_last)
            # Columns without work see zeros: one element shows what they toggle.
            length = stop - start if q_last > q_first else 1
            sums = self._empty_sums(stage, planned, length, q_last - q_first)
            if planned.by_columns:
                sums[:length, : q_last - q_first] = stage.bias[q_first:q_last]
                place = results[m_start + start : m_start + stop, q_first:q_last]
            else:
                sums[:length, : q_last - q_first] = stage.bias[start : start + length, np.newaxis]
                place = results[m_start + q_first : m_start + q_last, start:stop].T
            if k_start and q_last > q_first:
                sums[:length, : q_last - q_first] = place
            events += run(stage, planned, sweep, length, factors, sums)
            if q_last > q_first:
                place[:] = sums[:length, : q_last - q_first]
        return events

    @staticmethod
    def _empty_sums(stage: Stage, planned: PlannedArray, length: int, columns: int) -> Words:
        """Return zeros, int32[length or more, lanes]: fewer lanes if four elements share them."""
        foldable = planned.plan.dataflow.preloads and not stage.checked
        if not foldable or not 0 < columns <= FOLDED_COLUMNS:
            return np.zeros((length, LANES), np.int32)
        width = FOLDED_COLUMNS
        return np.zeros((-(-length // width) * width, width), np.int32)

    def _pack(self, stage: Stage, planned: PlannedArray, first: int, last: int) -> Words:
        key = (first, last)
        if key not in self.factors:
            if len(self.factors) == planned.plan.tiles_together:
                self.factors.clear()
            self.factors[key] = pack_factors(stage.factors, first, last, planned.depth_tile)
        return self.factors[key]

    def _stationary_columns(self, planned: PlannedArray) -> StationaryColumns:
        """Return the registers as kernels of PEs that keep an operand take them."""
        array = planned.array
        return StationaryColumns(
            *(self.sums, self.stationary, self.second, planned.masks, self.toggles),
            double_buffered=array.weight_double_buffering,
            all_open=not (array.weight_double_buffering or array.tile_overlap),
        )

    @staticmethod
    def _run_stationary(
        columns: StationaryColumns,
        stage: Stage,
        planned: PlannedArray,
        sweep: Sweep,
        length: int,
        factors: Words,
        sums: Words,
    ) -> int:
        packed, start, depth = stage.packed, sweep.start, sweep.k_stop - sweep.k_start
        if sweep.k_start:
            skipped = blocks_of(sweep.k_start, planned.array.rows)
            packed, factors = packed[skipped:], factors[4 * skipped :]
        if sums.shape[1] < LANES:
            sums[length:] = sums[length - 1]
            lanes = sums.reshape(-1, LANES)
            folded_sweep(packed, start, start + length, factors, lanes, depth, columns)
            return 0
        policy = (stage.checked, *planned.policy)
        events = stationary_sweep(packed, start, factors, sums, depth, columns, *policy)
        return int(events)

    def _output_columns(self, planned: PlannedArray) -> OutputColumns:
        """Return the registers as kernels of PEs that keep their sums take them."""
        drain = planned.array.drain
        return OutputColumns(
            *(self.down, self.bias, self.sums, self.second, planned.masks, self.toggles),
            drain_hidden=drain is Drain.HIDDEN,
            drain_free=drain is Drain.FREE,
            zeros_follow=planned.zeros_follow(),
        )

    @staticmethod
    def _run_output(
        columns: OutputColumns,
        stage: Stage,
        planned: PlannedArray,
        sweep: Sweep,  # noqa: ARG004
        length: int,  # noqa: ARG004
        factors: Words,
        sums: Words,
    ) -> int:
        """Run the output-stationary tiles of a visit: their elements start at 0."""
        depth = stage.moving.shape[1]
        bias, first_sums = sums[:1].copy(), np.empty_like(sums)
        policy = (stage.checked, *planned.policy)
        events = output_sweep(stage.packed, factors, sums, first_sums, depth, columns, *policy)
        output_tiles(factors, sums, first_sums, bias, depth, columns)
        return int(events)

    def finished(self, planned: PlannedArray) -> NDArray[np.int64]:
        """Let the last drain end and return the toggles."""
        drain = planned.array.drain
        if not planned.plan.dataflow.preloads and drain is not Drain.FREE:
            path = self.second if drain is Drain.HIDDEN else self.sums
            self.toggles[2] += clear_path(path, planned.masks[2])
        return self.toggles
