"""The cycle engine with switching: passes in execution order, register contents carried along.

The array's columns are cut into groups of 16. What happens in one group does not depend on the
others, so each group runs through all passes by itself, in a thread of its own if there are any.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.hardware.schema import Array
from accelsim.simulator.array.column_registers import Columns, Edge
from accelsim.simulator.array.interface import MatrixOperands
from accelsim.simulator.array.packing import LANES
from accelsim.simulator.array.stages import PlannedArray, Stage, stages
from accelsim.simulator.run import Switching
from accelsim.simulator.threads import run_tasks, threads_for

__all__ = ["run_in_order"]

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
    planned = PlannedArray(plan, array, accumulator, threads)
    edge = Edge.at_reset(array)
    columns = [Columns.at_reset(array, start) for start in range(0, array.columns, LANES)]
    parts: list[Columns | Edge] = [*columns, edge]
    events = 0
    for stage in stages(operands, planned):

        def run(part: Columns | Edge, stage: Stage = stage) -> int:
            return part.run(stage, planned, accumulators)

        events += sum(run_tasks(run, parts, threads))
    toggles = edge.toggles + sum(group.finished(planned) for group in columns)
    return events, Switching(*(int(count) for count in toggles))
