"""The whole story: one network, one machine, several bit-widths; accuracy, cycles and energy.

A float network is quantized to each width; one that is integers already is run as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler import compile_network, fuse_pads
from accelsim.energy import EnergyReport, EnergyTable, account, table_for
from accelsim.errors import ConfigError
from accelsim.frontend import (
    Dataset,
    ImportedModel,
    IntegerModel,
    bundled_workloads,
    is_shapes,
    load_data,
    load_onnx,
    load_tflite,
    random_data,
    run_float,
    scalesim_overrides,
    workload_path,
)
from accelsim.given_integers import GivenIntegers, given_integers
from accelsim.golden import execute
from accelsim.hardware import Hardware, dump_hardware, load_hardware
from accelsim.network import IntegerNetwork
from accelsim.quantize import (
    QuantizationSpec,
    RangeMethod,
    observe_ranges,
    observed_tensors,
    quantize_input,
    quantize_network,
)
from accelsim.report.collect import Accuracy, collect_point
from accelsim.report.imported import not_modelled, where_operators_run
from accelsim.report.provenance import versions
from accelsim.report.results import PointResult, Provenance, RunResult
from accelsim.request import DEFAULT_POINTS, Progress, RunRequest, array_line, point_name
from accelsim.simulator import simulate
from accelsim.simulator.run import Span
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
    if is_shapes(request.network):
        request = replace(request, points=request.float_points)
        machines = [hardware.with_operand_bits(*point) for point in request.float_points]
        return run_shapes(request, hardware, machines, table, progress)
    model = load_network(request)
    given = given_integers(model, hardware, request)
    if given is not None:
        start = _as_given(given, model, request)
    else:
        start = _to_quantize(model, hardware, request, progress)
    data, chosen = start.data, _choose(len(start.data.images), request)

    points: list[PointResult] = []
    energies: list[EnergyReport] = []
    warnings: dict[str, None] = {}
    timeline: tuple[Span, ...] = ()
    for machine, integer in start.points:
        inputs = quantize_input(integer, data.images)
        golden = execute(integer, inputs, keep_tensors=False).outputs if request.check else None
        on_machine = fuse_pads(integer)
        program = compile_network(on_machine, machine, request.batch)
        spans = request.timeline and not points
        simulated = simulate(
            program, on_machine, machine, inputs[chosen], engine=request.engine, spans=spans
        )
        timeline = timeline or simulated.timing.spans
        accuracy = _judge(simulated.outputs, golden, start, chosen)
        energy = account(simulated, program, machine, table)
        points.append(collect_point(simulated, energy, machine, accuracy))
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
            *start.notes,
            *warnings,
        ),
        imported=where_operators_run(model.report, integer, program),
        is_given=given is not None,
        timeline=timeline,
        energy_mode=energies[0].mode,
        energies=tuple(energies),
    )


def integer_network(request: RunRequest) -> IntegerNetwork:
    """Return the integers that `run` would simulate at the one point of a request.

    Without a point, a float network is quantized to 8 bits.

    Raises
    ------
    AccelsimError
        If something that the user gave cannot be used, or there is not one point.
    """
    if is_shapes(request.network):
        raise ConfigError(f"{request.network}: has shapes but no weights to be quantized")
    hardware = _load_hardware(request)
    model = load_network(request)
    given = given_integers(model, hardware, request)
    if given is not None:
        return given.integer
    assert isinstance(model, ImportedModel)
    request = replace(request, points=request.points or ((8, 8),))
    if len(request.float_points) != 1:
        raise ConfigError(f"points: must be one, got {len(request.float_points)}")
    machine = hardware.with_operand_bits(*request.float_points[0])
    data = load_images(model, request)
    ((_, integer),) = _quantized(model, data, (machine,), request, _silent)
    return integer


@dataclass(frozen=True, eq=False)
class _Start:
    """What there is to run: images, and integers with the machine of each point.

    ``hardware`` is the machine that reports show; ``float_pct`` the float network's accuracy.
    """

    request: RunRequest
    hardware: Hardware
    data: Dataset
    points: Iterable[tuple[Hardware, IntegerNetwork]]
    notes: tuple[str, ...]
    float_pct: float | None = None

    @property
    def is_given(self) -> bool:
        """Whether the file was quantized already: nobody was asked for widths."""
        return self.request.points is None


def _as_given(
    given: GivenIntegers, model: ImportedModel | IntegerModel, request: RunRequest
) -> _Start:
    """Run a file's integers as they are, on the machine that they ask for."""
    if request.random_data:
        data = random_data(given.integer, request.batch, request.seed)
    else:
        network = model if isinstance(model, IntegerModel) else given.integer
        data = load_data(_data_path(request), network, request.scaling)
    points = ((given.machine, given.integer),)
    return _Start(request, given.machine, data, points, given.notes)


def _to_quantize(
    model: ImportedModel | IntegerModel, hardware: Hardware, request: RunRequest, progress: Progress
) -> _Start:
    """Quantize a float network to each width that is asked for."""
    assert isinstance(model, ImportedModel)
    request = replace(request, points=request.float_points)
    machines = [hardware.with_operand_bits(*point) for point in request.float_points]
    network = model.network
    data = load_images(model, request)
    progress("float network", 0, len(machines))
    scores = run_float(model, data.images, [network.output])[network.output]
    return _Start(
        request=request,
        hardware=hardware,
        data=data,
        points=_quantized(model, data, machines, request, progress),
        notes=_calibration_warnings(data),
        float_pct=None if request.random_data else accuracy_pct(scores, data.labels),
    )


def load_images(model: ImportedModel, request: RunRequest) -> Dataset:
    """Load the images of a float network, or make them up where that is asked for."""
    if request.random_data:
        return random_data(model.network, request.batch, request.seed)
    return load_data(_data_path(request), model.network, request.scaling)


def _quantized(
    model: ImportedModel,
    data: Dataset,
    machines: Sequence[Hardware],
    request: RunRequest,
    progress: Progress,
) -> Iterator[tuple[Hardware, IntegerNetwork]]:
    """Yield each machine with the network as its integers."""
    network = model.network
    activations = run_float(model, data.calibration_images, observed_tensors(network))
    for done, machine in enumerate(machines):
        progress(point_name(*request.float_points[done]), done, len(machines))
        spec = _quantization(machine, request)
        yield machine, quantize_network(network, observe_ranges(network, activations, spec), spec)


def _load_hardware(request: RunRequest) -> Hardware:
    """Load a machine, or SCALE-Sim's as a .cfg file changes it."""
    path = Path(request.hardware)
    if path.suffix.lower() != ".cfg":
        return load_hardware(request.hardware, request.overrides)
    return load_hardware("scalesim", (*scalesim_overrides(path), *request.overrides))


def load_network(request: RunRequest) -> ImportedModel | IntegerModel:
    """Load a bundled network by name, or an ONNX or TFLite file."""
    path = Path(request.network)
    suffix = path.suffix.lower()
    if suffix == ".tflite":
        return load_tflite(path)
    if suffix == ".onnx" or len(path.parts) > 1 or path.is_file():
        return load_onnx(path)
    return load_onnx(workload_path(request.network).model)


def _data_path(request: RunRequest) -> str | Path:
    """Return the data that were given, or those that ship with a bundled network."""
    if request.data is not None:
        return request.data
    for workload in bundled_workloads():
        if workload.name == request.network:
            return workload.data
    raise ConfigError(
        f"--data: {request.network} needs images and labels: an .npz file, IDX files, CIFAR-10 "
        "or a folder of images (or --random-data, where accuracy is not the point)"
    )


def _choose(count: int, request: RunRequest) -> NDArray[np.intp]:
    """Choose the images to simulate: all, or as many as asked, without looking at them."""
    if request.limit >= count:
        return np.arange(count)
    generator = np.random.default_rng(request.seed)
    return np.sort(generator.choice(count, request.limit, replace=False))


def _judge(
    outputs: NDArray[np.int32],
    golden: NDArray[np.int32] | None,
    start: _Start,
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


def accuracy_pct(scores: NDArray[np.generic], labels: NDArray[np.integer]) -> float:
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


def _configuration(start: _Start, points: Sequence[PointResult]) -> dict[str, object]:
    request, data = start.request, start.data
    quantization = {
        "calibrated_on": data.calibration_source,
        "weight_scales": "per_channel" if request.per_channel else "per_tensor",
        "activation_codes": "symmetric" if request.symmetric_activations else "asymmetric",
        "activation_ranges": request.ranges,
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
