"""The whole story: one network, one machine, several bit-widths; accuracy, cycles and energy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler import compile_network
from accelsim.energy import EnergyTable, account, table_for
from accelsim.errors import ConfigError
from accelsim.frontend import (
    Dataset,
    ImportedModel,
    is_shapes,
    load_data,
    load_onnx,
    random_data,
    run_float,
    scalesim_overrides,
    workload_path,
)
from accelsim.golden import execute
from accelsim.hardware import Hardware, dump_hardware, load_hardware
from accelsim.quantize import (
    QuantizationSpec,
    RangeMethod,
    observe_ranges,
    observed_tensors,
    quantize_input,
    quantize_network,
)
from accelsim.report.collect import Accuracy, collect_point
from accelsim.report.provenance import versions
from accelsim.report.results import PointResult, Provenance, RunResult
from accelsim.request import DEFAULT_POINTS, Progress, RunRequest, array_line, point_name
from accelsim.simulator import simulate
from accelsim.simulator.run import Span
from accelsim.topology_run import run_shapes

__all__ = ["DEFAULT_POINTS", "RunRequest", "run"]


def _silent(what: str, done: int, total: int) -> None:
    """Show no progress."""


def run(request: RunRequest, progress: Progress = _silent) -> RunResult:
    """Run a network at every bit-width of the request on a machine built for that width.

    Raises
    ------
    AccelsimError
        If something that the user gave cannot be used; before any simulation where possible.
    InternalError
        If an invariant of the simulation is broken.
    """
    hardware = _load_hardware(request)
    table = table_for(hardware)
    machines = [hardware.with_operand_bits(*point) for point in request.points]
    if is_shapes(request.network):
        return run_shapes(request, hardware, machines, table, progress)
    model, data = _load(request)
    network = model.network
    chosen = _choose(len(data.images), request)

    progress("float network", 0, len(request.points))
    scores = run_float(model, data.images, [network.output])[network.output]
    float_pct = None if request.random_data else _accuracy_pct(scores, data.labels)
    activations = run_float(model, data.calibration_images, observed_tensors(network))

    points: list[PointResult] = []
    warnings: dict[str, None] = {}
    timeline: tuple[Span, ...] = ()
    for point, machine in zip(request.points, machines, strict=True):
        progress(point_name(*point), len(points), len(request.points))
        spec = _quantization(machine, request)
        integer = quantize_network(network, observe_ranges(network, activations, spec), spec)
        inputs = quantize_input(integer, data.images)
        golden = execute(integer, inputs, keep_tensors=False).outputs if request.check else None
        program = compile_network(integer, machine, request.batch)
        spans = request.timeline and not points
        simulated = simulate(
            program, integer, machine, inputs[chosen], engine=request.engine, spans=spans
        )
        timeline = timeline or simulated.timing.spans
        accuracy = _judge(simulated.outputs, golden, data.labels, chosen, float_pct)
        energy = account(simulated, program, machine, table)
        points.append(collect_point(simulated, energy, machine, accuracy))
        warnings |= dict.fromkeys(energy.warnings)
    return RunResult(
        network=network.name,
        hardware=hardware.name,
        engine=request.engine,
        dataset=data.name,
        array=array_line(hardware, request.overrides),
        technology=f"{energy.technology}, {hardware.dram.type}",
        points=tuple(points),
        provenance=_provenance(request, model, data, table),
        configuration=_configuration(request, data),
        machine=dump_hardware(hardware),
        not_modelled=tuple(energy.not_modelled),
        warnings=(*_overflow_warnings(points), *_calibration_warnings(data), *warnings),
        timeline=timeline,
    )


def _load_hardware(request: RunRequest) -> Hardware:
    """Load a machine, or SCALE-Sim's as a .cfg file changes it."""
    path = Path(request.hardware)
    if path.suffix.lower() != ".cfg":
        return load_hardware(request.hardware, request.overrides)
    return load_hardware("scalesim", (*scalesim_overrides(path), *request.overrides))


def _load(request: RunRequest) -> tuple[ImportedModel, Dataset]:
    """Load the network, a bundled one by name or an ONNX file, and the data it has to fit."""
    path = Path(request.network)
    is_path = path.suffix == ".onnx" or len(path.parts) > 1 or path.is_file()
    if not is_path:
        workload = workload_path(request.network)
        model = load_onnx(workload.model)
        if request.random_data:
            return model, random_data(model.network, request.batch, request.seed)
        return model, load_data(request.data or workload.data, model.network, request.scaling)
    model = load_onnx(path)
    if request.random_data:
        return model, random_data(model.network, request.batch, request.seed)
    if request.data is None:
        raise ConfigError(
            f"--data: {request.network} needs images and labels: an .npz file, IDX files, CIFAR-10 "
            "or a folder of images (or --random-data, where accuracy is not the point)"
        )
    return model, load_data(request.data, model.network, request.scaling)


def _choose(count: int, request: RunRequest) -> NDArray[np.intp]:
    """Choose the images to simulate: all, or as many as asked, without looking at them."""
    if request.limit >= count:
        return np.arange(count)
    generator = np.random.default_rng(request.seed)
    return np.sort(generator.choice(count, request.limit, replace=False))


def _judge(
    outputs: NDArray[np.int32],
    golden: NDArray[np.int32] | None,
    labels: NDArray[np.int64],
    chosen: NDArray[np.intp],
    float_pct: float | None,
) -> Accuracy:
    """Compare the simulated outputs, those of the ``chosen`` images, with golden's of all.

    Without a float accuracy the labels mean nothing.
    """
    if float_pct is None:
        if golden is None:
            return Accuracy(None, None, 0, None)
        differ = int(np.count_nonzero(golden[chosen] != outputs))
        return Accuracy(None, None, len(golden), differ)
    if golden is None:
        return Accuracy(float_pct, _accuracy_pct(outputs, labels[chosen]), 0, None)
    mismatches = int(np.count_nonzero(golden[chosen] != outputs))
    return Accuracy(float_pct, _accuracy_pct(golden, labels), len(golden), mismatches)


def _accuracy_pct(scores: NDArray[np.generic], labels: NDArray[np.integer]) -> float:
    """Share of images whose largest score is their label's; of equal scores the first counts."""
    predictions = scores.reshape(len(scores), -1).argmax(axis=1)
    return 100.0 * float(np.mean(predictions == labels))


def _quantization(machine: Hardware, request: RunRequest) -> QuantizationSpec:
    return QuantizationSpec.for_machine(
        machine,
        per_channel=request.per_channel,
        symmetric_activations=request.symmetric_activations,
        range_method=RangeMethod(request.range_method),
        percentile=request.percentile,
    )


def _provenance(
    request: RunRequest, model: ImportedModel, data: Dataset, table: EnergyTable
) -> Provenance:
    return Provenance(
        command=request.command,
        seed=request.seed,
        versions=versions(),
        hashes={"network": model.sha256, "data": data.sha256, "energy table": table.sha256},
    )


def _configuration(request: RunRequest, data: Dataset) -> dict[str, object]:
    return {
        "network": request.network,
        "hardware": request.hardware,
        "hardware_changes": list(request.overrides),
        "data": request.data or data.name,
        "images": data.preparation,
        "calibrated_on": data.calibration_source,
        "points": [f"w{weights}a{activations}" for weights, activations in request.points],
        "engine": request.engine,
        "limit_images": request.limit,
        "batch_images": request.batch,
        "weight_scales": "per_channel" if request.per_channel else "per_tensor",
        "activation_codes": "symmetric" if request.symmetric_activations else "asymmetric",
        "activation_ranges": request.ranges,
        "check": request.check,
        "seed": request.seed,
    }


def _calibration_warnings(data: Dataset) -> tuple[str, ...]:
    if not data.calibrates_on_test_images:
        return ()
    return (f"calibrated on {data.calibration_source}: {data.name} has no images apart for it",)


def _overflow_warnings(points: list[PointResult]) -> tuple[str, ...]:
    return tuple(
        f"{point.label}: {point.overflow_events:,} accumulator overflows in the simulated images"
        for point in points
        if point.overflow_events
    )
