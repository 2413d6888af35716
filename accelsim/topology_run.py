"""A network of shapes on a machine: cycles, traffic and energy. No values, so no accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.compiler.two_passes import all_in_two_passes
from accelsim.energy import EnergyReport, EnergyTable, account
from accelsim.frontend import ImportedShapes, load_shapes
from accelsim.hardware import Hardware, PeKind, dump_hardware
from accelsim.network.topology import Topology
from accelsim.quantize import QuantizationSpec, RangeMethod
from accelsim.report.collect import Accuracy, collect_point
from accelsim.report.imported import LOOKUP_TABLES, RANGE_HARDWARE
from accelsim.report.provenance import versions
from accelsim.report.results import PointResult, Provenance, RunResult
from accelsim.report.scalesim_folds import fold_notes
from accelsim.request import Progress, RunRequest, array_line, point_name
from accelsim.simulator import simulate_timing, timeline_notes
from accelsim.simulator.run import Run, Span

__all__ = ["run_shapes"]

_NO_VALUES = Accuracy(None, None, 0, None)


def run_shapes(
    request: RunRequest,
    hardware: Hardware,
    machines: Sequence[Hardware],
    table: EnergyTable,
    progress: Progress,
) -> RunResult:
    """Run a network of shapes on a machine of each width: the same story without values.

    Raises
    ------
    AccelsimError
        If the network cannot be read, or a layer does not fit a machine.
    """
    shapes = load_shapes(request.network, request.ceil_outputs)
    dynamic = request.range_method == RangeMethod.DYNAMIC
    if dynamic:
        # Asks whether the rescale unit computes in float32.
        QuantizationSpec.for_machine(hardware, range_method=RangeMethod.DYNAMIC)
    topology = shapes.topology
    names = [point_name(*point) for point in request.float_points]
    points, accounts, timeline, notes = _run_machines(
        topology,
        machines,
        table,
        request.batch,
        request.timeline,
        dynamic,
        lambda done: progress(names[done], done, len(names)),
    )
    host = ", ".join(topology.host_functions)
    not_modelled = [line for line in accounts[0].not_modelled if line != "layers on the host"]
    if any(getattr(layer.operator, "kind", "") == "lookup" for layer in topology.layers):
        not_modelled.append(LOOKUP_TABLES)
    if dynamic:
        not_modelled.append(RANGE_HARDWARE)
    if host:
        not_modelled.append(f"on the host, between DRAM and DRAM: {host}")
    warnings = dict.fromkeys(warning for energy in accounts for warning in energy.warnings)
    return RunResult(
        network=topology.name,
        hardware=hardware.name,
        engine="shapes",
        dataset="none",
        array=array_line(hardware, request.overrides),
        technology=f"{accounts[0].technology}, {hardware.dram.type}",
        points=points,
        provenance=_provenance(request, shapes, table),
        configuration=_configuration(request, shapes),
        machine=dump_hardware(hardware),
        not_modelled=tuple(not_modelled),
        warnings=(
            *shapes.notes,
            *fold_notes(points[0].layers, hardware.array),
            *_ternary_notes(hardware),
            *notes,
            *warnings,
        ),
        timeline=timeline,
        energy_mode=accounts[0].mode,
        pe_bits=hardware.array.own_pe_bits,
        energies=accounts,
    )


def _ternary_notes(hardware: Hardware) -> tuple[str, ...]:
    if hardware.array.pe_kind is not PeKind.TERNARY:
        return ()
    return ("shapes have no values: 2-bit weights are taken to be -1, 0 and +1",)


def _run_machines(
    topology: Topology,
    machines: Sequence[Hardware],
    table: EnergyTable,
    batch: int,
    spans: bool,
    dynamic: bool,
    progress: Callable[[int], None],
) -> tuple[tuple[PointResult, ...], tuple[EnergyReport, ...], tuple[Span, ...], tuple[str, ...]]:
    """Run a batch on each machine; ``progress`` is told how many are done.

    ``spans``: return the timeline of the first machine, too, and what it leaves out. ``dynamic``:
    ranges are found at run time.

    Raises
    ------
    CapacityError, ConfigError
        If a layer does not fit a machine.
    UnsupportedOperatorError
        If a layer cannot find its range at run time.
    """
    points: list[PointResult] = []
    accounts: list[EnergyReport] = []
    timeline: tuple[Span, ...] = ()
    notes: tuple[str, ...] = ()
    for hardware in machines:
        progress(len(points))
        array = hardware.array
        shapes = lower_topology(
            topology, batch, array.weight_bits, array.activation_bits, hardware.accumulator.bits
        )
        if dynamic:
            shapes = all_in_two_passes(shapes)
        program = compile_shapes(shapes, hardware)
        timing = simulate_timing(program, hardware, spans=spans and not points)
        if timing.spans:
            timeline, notes = timing.spans, timeline_notes(program)
        energy = account(timing, program, hardware, table)
        run = Run(images=0, batch=batch, outputs=np.empty(0, np.int32), timing=timing)
        accounts.append(energy)
        points.append(collect_point(run, energy, hardware, _NO_VALUES))
    return tuple(points), tuple(accounts), timeline, notes


def _provenance(request: RunRequest, shapes: ImportedShapes, table: EnergyTable) -> Provenance:
    return Provenance(
        command=request.command,
        seed=request.seed,
        versions=versions(),
        hashes={
            "network": shapes.sha256,
            "energy table": table.sha256,
            "DRAM table": table.dram.sha256,
        },
    )


def _configuration(request: RunRequest, shapes: ImportedShapes) -> dict[str, object]:
    return {
        "network": request.network,
        "source": shapes.topology.source,
        "hardware": request.hardware,
        "hardware_changes": list(request.overrides),
        "points": [f"w{weights}a{activations}" for weights, activations in request.float_points],
        "batch_images": request.batch,
        "macs_per_image": shapes.topology.macs,
    }
