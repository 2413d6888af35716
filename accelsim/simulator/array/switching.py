"""The cycle engine with switching: passes in execution order, register contents carried along."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import Pass, TilePlan
from accelsim.hardware.dataflow import Dataflow
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array import cycle_kernel
from accelsim.simulator.array.interface import MatrixOperands
from accelsim.simulator.array.overflow import OverflowBound, overflow_policy
from accelsim.simulator.run import Switching

__all__ = ["run_in_order"]


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
    state = _Registers.at_reset(plan.dataflow, array, accumulator)
    events = sum(state.run_visit(operands, accumulators, visit) for visit in _visits(plan))
    state.finish()
    return events, Switching(*(int(count) for count in state.toggles))


@dataclass(frozen=True)
class _Visit:
    """Consecutive passes of one block of rows m with one tile of columns n."""

    group: int
    m_start: int
    m_stop: int
    n_start: int
    n_stop: int
    passes: list[Pass]


def _visits(plan: TilePlan) -> Iterator[_Visit]:
    def place(step: Pass) -> tuple[int, int, int]:
        return step.group, step.m_start // plan.block_m, step.n_start

    for (group, _, n_start), steps in groupby(plan.passes(), place):
        passes = list(steps)
        yield _Visit(group, passes[0].m_start, passes[-1].m_stop, n_start, passes[0].n_stop, passes)


@dataclass(eq=False)
class _Registers:
    """Every register's last value and the toggles so far; the one object that changes.

    ``moving``: [rows], since all columns see the same sequence a cycle later each; ``down`` and
    ``bias``: [columns] for the same reason. ``second`` is the shadow of the stationary operand,
    or the register through which output-stationary results leave.
    """

    flow: Dataflow
    array: Array
    accumulator: Accumulator
    moving: NDArray[np.int32]
    down: NDArray[np.int32]
    bias: NDArray[np.int32]
    sums: NDArray[np.int32]
    stationary: NDArray[np.int32]
    second: NDArray[np.int32]
    toggles: NDArray[np.int64]
    block: tuple[tuple[int, int], NDArray[np.int32], bool] | None = field(default=None)
    bounds: dict[int, OverflowBound] = field(default_factory=dict)

    @classmethod
    def at_reset(cls, flow: Dataflow, array: Array, accumulator: Accumulator) -> _Registers:
        """Return all registers at zero."""
        rows, columns = array.rows, array.columns
        return cls(
            flow,
            array,
            accumulator,
            moving=np.zeros(rows, np.int32),
            down=np.zeros(columns, np.int32),
            bias=np.zeros(columns, np.int32),
            sums=np.zeros((rows, columns), np.int32),
            stationary=np.zeros((rows, columns), np.int32),
            second=np.zeros((rows, columns), np.int32),
            toggles=np.zeros(3, np.int64),
        )

    def run_visit(
        self,
        operands: MatrixOperands,
        accumulators: NDArray[np.int64],
        visit: _Visit,
    ) -> int:
        """Run a visit's passes, store its accumulators, return its overflow events."""
        activations, checked = self._activations(operands, visit)
        weights = operands.weights(visit.group)[:, visit.n_start : visit.n_stop]
        weights = np.ascontiguousarray(weights)
        bias = operands.bias(visit.group)[visit.n_start : visit.n_stop].astype(np.int32)
        by_rows = self.flow.columns == "n"
        moving, factors = (activations, weights) if by_rows else (weights, activations)
        sums = np.empty((factors.shape[1], moving.shape[1]), np.int32)
        sums[:] = bias[:, np.newaxis] if by_rows else bias
        run = self._run_stationary if self.flow.preloads else self._run_output
        events = run(visit, moving, factors, sums, checked)
        accumulators[visit.group, visit.m_start : visit.m_stop, visit.n_start : visit.n_stop] = (
            sums.T if by_rows else sums
        )
        return events

    def _activations(
        self, operands: MatrixOperands, visit: _Visit
    ) -> tuple[NDArray[np.int32], bool]:
        """Return the block's activations [depth, m], kept while visits stay in the block."""
        key = (visit.group, visit.m_start)
        if self.block is None or self.block[0] != key:
            bound = self.bounds.get(visit.group)
            if bound is None:
                bound = OverflowBound.from_group(operands, visit.group, self.accumulator)
                self.bounds[visit.group] = bound
            rows = operands.activations(visit.group, visit.m_start, visit.m_stop)
            checked = bound.can_overflow(rows, self.accumulator)
            self.block = (key, np.ascontiguousarray(rows.T), checked)
        return self.block[1], self.block[2]

    def _masks(self) -> NDArray[np.uint32]:
        widths = {"activations": self.array.activation_bits, "weights": self.array.weight_bits}
        widths["accumulators"] = self.accumulator.bits
        second = self.flow.stationary if self.flow.preloads else self.flow.moves_down
        bits = (widths[self.flow.moves_right], widths[second], self.accumulator.bits)
        return np.array([(1 << width) - 1 for width in bits], np.uint32)

    def _run_stationary(
        self,
        visit: _Visit,
        moving: NDArray[np.int32],
        factors: NDArray[np.int32],
        sums: NDArray[np.int32],
        checked: bool,
    ) -> int:
        events = 0
        masks = self._masks()
        # Only here does a preload wait until the last PE has used its old word.
        all_open = not (self.array.weight_double_buffering or self.array.tile_overlap)
        for step in visit.passes:
            rows = (step.m_start - visit.m_start, step.m_stop - visit.m_start)
            columns = (0, step.n_size)
            stream, across = (rows, columns) if self.flow.stream == "m" else (columns, rows)
            events += int(
                cycle_kernel.stationary_pass(
                    moving,
                    factors,
                    sums,
                    np.array([*stream, *across, step.k_start, step.k_stop]),
                    self.moving,
                    self.stationary,
                    self.second,
                    self.sums,
                    masks,
                    self.toggles,
                    self.array.weight_double_buffering,
                    all_open,
                    checked,
                    *overflow_policy(self.accumulator),
                )
            )
        return events

    def _run_output(
        self,
        visit: _Visit,
        moving: NDArray[np.int32],
        factors: NDArray[np.int32],
        sums: NDArray[np.int32],
        checked: bool,
    ) -> int:
        tiles = [
            (step.m_start - visit.m_start, step.m_stop - visit.m_start)
            for step in visit.passes
            if step.first_depth
        ]
        return int(
            cycle_kernel.output_visit(
                moving,
                factors,
                sums,
                np.array(tiles),
                self.moving,
                self.down,
                self.bias,
                self.sums,
                self.second,
                self._masks(),
                self.toggles,
                self.array.drain is Drain.HIDDEN,
                self.array.drain is Drain.FREE,
                self._zeros_follow(len(moving)),
                checked,
                *overflow_policy(self.accumulator),
            )
        )

    def _zeros_follow(self, depth: int) -> bool:
        """Whether a drain ends before the next tile's values reach the drain path."""
        if self.array.drain is Drain.HIDDEN:
            return not self.array.tile_overlap or depth > self.array.rows
        return self.array.drain is Drain.EXPOSED and not self.array.tile_overlap

    def finish(self) -> None:
        """Let the last drain end."""
        if not self.flow.preloads and self.array.drain is not Drain.FREE:
            path = self.second if self.array.drain is Drain.HIDDEN else self.sums
            self.toggles[2] += cycle_kernel.clear_path(path, self._masks()[2])
