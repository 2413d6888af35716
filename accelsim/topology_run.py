"""A network of shapes on a machine: cycles, traffic and energy. No values, so no accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.energy import EnergyReport, EnergyTable, account
from accelsim.hardware import Hardware
from accelsim.network.topology import Topology
from accelsim.report.collect import Accuracy, collect_point
from accelsim.report.results import PointResult
from accelsim.simulator import simulate_timing
from accelsim.simulator.run import Run, Span

__all__ = ["run_shapes"]

_NO_VALUES = Accuracy(None, None, 0, None)


def run_shapes(
    topology: Topology,
    machines: Sequence[Hardware],
    table: EnergyTable,
    batch: int,
    spans: bool,
    progress: Callable[[int], None],
) -> tuple[tuple[PointResult, ...], tuple[EnergyReport, ...], tuple[Span, ...]]:
    """Run a batch on each machine; ``progress`` is told how many are done.

    ``spans``: return the timeline of the first machine, too.

    Raises
    ------
    CapacityError, ConfigError
        If a layer does not fit a machine.
    """
    points: list[PointResult] = []
    accounts: list[EnergyReport] = []
    timeline: tuple[Span, ...] = ()
    for hardware in machines:
        progress(len(points))
        array = hardware.array
        shapes = lower_topology(
            topology, batch, array.weight_bits, array.activation_bits, hardware.accumulator.bits
        )
        program = compile_shapes(shapes, hardware)
        timing = simulate_timing(program, hardware, spans=spans and not points)
        timeline = timeline or timing.spans
        energy = account(timing, program, hardware, table)
        run = Run(images=0, batch=batch, outputs=np.empty(0, np.int32), timing=timing)
        accounts.append(energy)
        points.append(collect_point(run, energy, hardware, _NO_VALUES))
    return tuple(points), tuple(accounts), timeline
