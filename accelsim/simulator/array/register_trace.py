"""Watch the register engine: every register of every PE, and every result with its cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.errors import ConfigError
from accelsim.hardware.schema import Array
from accelsim.simulator.array.interface import ArrayResult, MatrixOperands
from accelsim.simulator.array.register import LAST_CYCLE, Stepper
from accelsim.simulator.run import Cause

__all__ = ["OutputEvent", "RegisterTrace", "register_trace"]

_LARGEST_WORDS = 1 << 27


class OutputEvent(NamedTuple):
    """A value registered at the bottom edge of a used column.

    ``pass_number`` counts the plan's passes from 0. ``position``: the element of the pass's stream
    (operand stationary) or the row of the tile (output stationary; the last pass of the tile is
    the one named). Operand-stationary depth passes register partial sums, which count too.
    """

    cycle: int
    column: int
    pass_number: int
    position: int
    value: int


@dataclass(frozen=True, eq=False)
class RegisterTrace:
    """What happened in cycles [start_cycle, start_cycle + len(causes)).

    ``registers``: name to int64[cycles, rows, columns], the contents at the end of each cycle;
    names and meanings are in `accelsim.simulator.array.register`. ``outputs``: of the whole run,
    in order of cycle and column.
    """

    start_cycle: int
    registers: dict[str, NDArray[np.int64]]
    causes: tuple[Cause, ...]
    outputs: tuple[OutputEvent, ...]
    result: ArrayResult


def register_trace(
    operands: MatrixOperands,
    plan: TilePlan,
    array: Array,
    accumulator: Accumulator,
    start_cycle: int = 0,
    stop_cycle: int = 1024,
    order: NDArray[np.int64] | None = None,
) -> RegisterTrace:
    """Run a plan with the register engine and keep what a window of cycles looked like.

    Parameters
    ----------
    operands, plan, array, accumulator
        As of `accelsim.simulator.array.run_array`.
    start_cycle, stop_cycle
        The window whose registers are kept; it may end after the run does.
    order
        int64[rows * columns], the order in which PEs are evaluated; it changes nothing.

    Raises
    ------
    ConfigError
        The window is empty, or larger than 1 GiB of snapshots.
    """
    words = (stop_cycle - start_cycle) * 8 * array.rows * array.stepped_columns
    if start_cycle < 0 or stop_cycle <= start_cycle or words > _LARGEST_WORDS:
        most = _LARGEST_WORDS // (8 * array.rows * array.stepped_columns)
        raise ConfigError(
            f"window: must be 1 to {most} cycles of a {array.rows}x{array.stepped_columns} array, "
            f"got [{start_cycle}, {stop_cycle})"
        )
    outputs = sum(
        step.m_size * step.n_size
        for step in plan.passes()
        if plan.dataflow.preloads or step.last_depth
    )
    stepper = Stepper(operands, plan, array, accumulator, outputs, order)
    done = stepper.advance(start_cycle)
    causes: list[Cause] = []
    kept: dict[str, list[NDArray[np.int64]]] = {name: [] for name in stepper.registers()}
    while not done and stepper.cycle < stop_cycle:
        before = stepper.causes
        done = stepper.advance(stepper.cycle + 1)
        if not done:
            causes += [cause for cause, cycles in stepper.causes.items() if cycles > before[cause]]
            for name, contents in stepper.registers().items():
                kept[name].append(contents.astype(np.int64))
    stepper.advance(LAST_CYCLE)
    empty = np.empty((0, array.rows, array.stepped_columns), np.int64)
    return RegisterTrace(
        start_cycle=start_cycle,
        registers={name: np.stack(lines) if lines else empty for name, lines in kept.items()},
        causes=tuple(causes),
        outputs=tuple(OutputEvent(*map(int, line)) for line in stepper.log),
        result=stepper.result(),
    )
