"""The whole story: one network, one machine, several bit-widths; accuracy, cycles and energy.

A float network is quantized to each width; one that is integers already is run as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler import Program, compile_network, fuse_pads
from accelsim.energy import (
    EnergyMode,
    EnergyReport,
    EnergyTable,
    account,
    check_mode,
    table_for,
)
from accelsim.errors import InternalError
from accelsim.frontend import Dataset, ImportedModel, IntegerModel, is_shapes
from accelsim.golden import execute
from accelsim.hardware import Hardware, dump_hardware
from accelsim.network import IntegerNetwork
from accelsim.quantize import (
    Noise,
    QuantizationSpec,
    measure_noise,
    quantize_input,
    scaled_network,
)
from accelsim.report.collect import Accuracy, collect_point
from accelsim.report.imported import not_modelled, where_operators_run
from accelsim.report.provenance import versions
from accelsim.report.results import PointResult, Provenance, RunResult, SwitchingResult
from accelsim.report.row_sums import row_sum_notes
from accelsim.report.switching import collect_switching
from accelsim.request import DEFAULT_POINTS, Progress, RunRequest, array_line
from accelsim.simulator import simulate, timeline_notes
from accelsim.simulator.run import Run, Span
from accelsim.start import (
    Start,
    accuracy_pct,
    choose_images,
    integer_network,
    load_images,
    load_machine,
    load_network,
    machine_notes,
    silent,
    start_run,
)
from accelsim.topology_run import run_shapes

__all__ = [
    "DEFAULT_POINTS",
    "RunRequest",
    "accuracy_pct",
    "integer_network",
    "load_images",
    "load_network",
    "run",
]

_GOLDEN_IMAGES = 128
"""Images that golden runs between two words of progress."""


def run(request: RunRequest, progress: Progress = silent) -> RunResult:
    """Run a network at every bit-width of the request on a machine built for that width.

    Raises
    ------
    AccelsimError
        If something that the user gave cannot be used; before any simulation where possible.
    InternalError
        If an invariant of the simulation is broken.
    """
    hardware = load_machine(request)
    table = table_for(hardware)
    check_mode(hardware, EnergyMode(request.energy))
    if is_shapes(request.network):
        request = replace(request, points=request.float_points)
        machines = [hardware.with_operand_bits(*point) for point in request.float_points]
        result = run_shapes(request, hardware, machines, table, progress)
        return replace(result, warnings=(*machine_notes(request), *result.warnings))
    model = load_network(request)
    start = start_run(model, hardware, request, progress)
    data, chosen = start.data, choose_images(len(start.data.images), request)

    points: list[PointResult] = []
    energies: list[EnergyReport] = []
    warnings: dict[str, None] = {}
    timeline: tuple[Span, ...] = ()
    for machine, integer in start.points:
        inputs = quantize_input(integer, data.images)
        golden = _golden(integer, inputs, progress) if request.check else None
        on_machine = fuse_pads(integer)
        program = compile_network(on_machine, machine, request.batch)
        progress("simulated, images", 0, len(chosen))
        spans = request.timeline and not points
        switches = request.energy == EnergyMode.SWITCHING
        simulated = simulate(
            program,
            on_machine,
            machine,
            inputs[chosen],
            engine=request.engine,
            switching=switches,
            spans=spans,
            activity=switches,
        )
        if spans:
            timeline = simulated.timing.spans
            warnings |= dict.fromkeys(timeline_notes(program))
        accuracy = _judge(simulated.outputs, golden, start, chosen)
        energy, switching = _account(simulated, program, machine, table, switches)
        noise = _noise(model, integer, machine, start, chosen) if request.noise else None
        points.append(collect_point(simulated, energy, machine, accuracy, switching, noise))
        energies.append(energy)
        warnings |= dict.fromkeys(energy.warnings)
    return RunResult(
        network=integer.name,
        hardware=hardware.name,
        engine=request.engine,
        dataset=data.name,
        array=array_line(hardware, request.overrides),
        technology=f"{energy.technology}, {hardware.dram.type}",
        points=tuple(points),
        provenance=_provenance(start.request, model, data, table),
        configuration=_configuration(start, points),
        machine=dump_hardware(start.hardware),
        not_modelled=not_modelled(energy.not_modelled, integer),
        warnings=(
            *_overflow_warnings(points),
            *row_sum_notes(points, energies),
            *machine_notes(request),
            *start.notes,
            *warnings,
        ),
        imported=where_operators_run(model.report, integer, program),
        is_given=start.is_given,
        timeline=timeline,
        energy_mode=energies[0].mode,
        pe_bits=start.hardware.array.own_pe_bits,
        energies=tuple(energies),
    )


def _account(
    run: Run, program: Program, machine: Hardware, table: EnergyTable, switches: bool
) -> tuple[EnergyReport, SwitchingResult | None]:
    """Account by the mean of operations, and by what switched if that is asked for."""
    per_operation = account(run, program, machine, table)
    if not switches:
        return per_operation, None
    energy = account(run, program, machine, table, EnergyMode.SWITCHING)
    return energy, collect_switching(run, energy, per_operation, machine, table.values)


def _golden(
    integer: IntegerNetwork, inputs: NDArray[np.int32], progress: Progress
) -> NDArray[np.int32]:
    """Run golden over all images; of many, say now and then how far it is."""
    outputs = []
    for start in range(0, len(inputs), _GOLDEN_IMAGES):
        if start:
            progress("golden, images", start, len(inputs))
        images = inputs[start : start + _GOLDEN_IMAGES]
        outputs.append(execute(integer, images, keep_tensors=False).outputs)
    return np.concatenate(outputs)


def _judge(
    outputs: NDArray[np.int32],
    golden: NDArray[np.int32] | None,
    start: Start,
    chosen: NDArray[np.intp],
) -> Accuracy:
    """Compare the simulated outputs, those of the ``chosen`` images, with golden's of all.

    Labels of random data mean nothing.
    """
    scored, labels = outputs, start.data.labels[chosen]
    images_golden, mismatches = 0, None
    if golden is not None:
        scored, labels, images_golden = golden, start.data.labels, len(golden)
        mismatches = int(np.count_nonzero(golden[chosen] != outputs))
    integer_pct = None if start.request.random_data else accuracy_pct(scored, labels)
    return Accuracy(start.float_pct, integer_pct, images_golden, mismatches)


def _noise(
    model: ImportedModel | IntegerModel,
    integer: IntegerNetwork,
    machine: Hardware,
    start: Start,
    chosen: NDArray[np.intp],
) -> dict[str, Noise]:
    """Compare what each layer writes with the float network, over the ``chosen`` images."""
    if not isinstance(model, ImportedModel):
        raise InternalError(f"{integer.name}: a network of integers has no float network")
    spec = QuantizationSpec.for_machine(machine, **start.request.quantization)
    network = scaled_network(model.network, start.data.calibration_images, spec)
    return measure_noise(network, integer, start.data.images[chosen]).layers


def _provenance(
    request: RunRequest, model: ImportedModel | IntegerModel, data: Dataset, table: EnergyTable
) -> Provenance:
    return Provenance(
        command=request.command,
        seed=request.seed,
        versions=versions(),
        hashes={
            "network": model.sha256,
            "data": data.sha256,
            "energy table": table.sha256,
            "DRAM table": table.dram.sha256,
        },
    )


def _configuration(start: Start, points: Sequence[PointResult]) -> dict[str, object]:
    request, data = start.request, start.data
    quantization = {
        "calibrated_on": data.calibration_source,
        "weight_scales": _weight_scales(request),
        "activation_codes": "symmetric" if request.symmetric_activations else "asymmetric",
        "weight_codes": "asymmetric" if request.asymmetric_weights else "symmetric",
        "activation_ranges": request.ranges,
        "weight_ranges": request.weight_ranges,
        "weight_rounding": request.weight_rounding,
        "equalized_weights": request.equalize,
        "smooth_strength": request.smooth,
        "corrected_biases": request.correct_biases,
        "layer_bits": [str(entry) for entry in request.layer_bits],
    }
    return {
        "network": request.network,
        "hardware": request.hardware,
        "hardware_changes": list(request.overrides),
        "data": request.data or data.name,
        "images": data.preparation,
        "points": [point.label for point in points],
        "engine": request.engine,
        "limit_images": request.limit,
        "batch_images": request.batch,
        **({"quantization": "the file's own"} if start.is_given else quantization),
        "check": request.check,
        "seed": request.seed,
        "energy": request.energy,
    }


def _weight_scales(request: RunRequest) -> str:
    if request.group_size is not None:
        return f"per_group of {request.group_size}, {request.scale_bits}-bit scales"
    return "per_channel" if request.per_channel else "per_tensor"


def _overflow_warnings(points: list[PointResult]) -> tuple[str, ...]:
    return tuple(
        f"{point.label}: {point.overflow_events:,} accumulator overflows in the simulated images"
        for point in points
        if point.overflow_events
    )
