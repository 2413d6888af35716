"""The whole story: one network, one machine, several bit-widths; accuracy, cycles and energy."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler import compile_network
from accelsim.energy import EnergyTable, account, table_for
from accelsim.errors import ConfigError
from accelsim.frontend import (
    Dataset,
    ImportedModel,
    ImportedShapes,
    is_shapes,
    load_data,
    load_onnx,
    load_shapes,
    random_data,
    run_float,
    scalesim_overrides,
    workload_path,
)
from accelsim.golden import execute
from accelsim.hardware import Hardware, dump_hardware, load_hardware
from accelsim.quantize import (
    QuantizationSpec,
    observe_ranges,
    observed_tensors,
    quantize_input,
    quantize_network,
)
from accelsim.report.collect import Accuracy, collect_point
from accelsim.report.provenance import versions
from accelsim.report.results import PointResult, Provenance, RunResult
from accelsim.simulator import simulate
from accelsim.simulator.run import Span
from accelsim.topology_run import run_shapes
from accelsim.units import format_hertz

__all__ = ["DEFAULT_POINTS", "RunRequest", "built_for", "run"]

DEFAULT_POINTS: tuple[tuple[int, int], ...] = ((8, 8), (6, 6), (4, 4), (3, 3), (2, 2))
_NARROWEST_BITS, _WIDEST_BITS = 2, 16
_BUILT_FOR_POINTS = ("array.weight_bits", "array.activation_bits")
_ENGINES = ("register", "cycle", "tile")

Progress = Callable[[str, int, int], None]
"""Told (what, steps done, steps in all) before each step."""


def _silent(what: str, done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class RunRequest:
    """What to run. Everything has a default: the digits CNN on a 16x16 array, int8 to int2.

    Attributes
    ----------
    network
        Name of a bundled network or topology, or path of an ONNX file, a topology's YAML file or
        a SCALE-Sim topology CSV. A topology has shapes but no values: it has no accuracy.
    hardware, overrides
        Name of a preset, or path of a YAML file or of a SCALE-Sim .cfg (changes to the preset
        ``scalesim``); ``"array.rows=32"`` changes a field of it.
    points
        (weight bits, activation bits) of each point, 2 to 16. For each, PEs and scratchpads are
        built for these widths.
    data
        Path of an .npz with test images, labels and calibration images; None: the bundled
        digits, for a bundled network.
    engine
        How closely the array is simulated: register, cycle or tile.
    limit
        Images to simulate, at most; a random choice of the test images, by ``seed``.
    batch
        Images in one batch: they share the weights that are fetched.
    per_channel
        One weight scale for each output channel, instead of one for each layer.
    random_data
        Seeded random images, one batch of them, in place of data: nothing is said of accuracy.
    timeline
        Record what every unit does when, for the first point.
    ceil_outputs
        Round output sizes of a SCALE-Sim topology as SCALE-Sim does.
    check
        Run golden over all test images and compare; otherwise the integer accuracy is that of
        the simulated images.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    network: str = "digits_cnn"
    hardware: str = "edge_16x16"
    overrides: tuple[str, ...] = ()
    points: tuple[tuple[int, int], ...] = DEFAULT_POINTS
    data: str | None = None
    engine: str = "cycle"
    limit: int = 64
    batch: int = 1
    per_channel: bool = True
    check: bool = True
    seed: int = 0
    random_data: bool = False
    timeline: bool = False
    ceil_outputs: bool = False

    def __post_init__(self) -> None:
        if not self.points:
            raise ConfigError("points: at least one pair of bit-widths is needed")
        for point in self.points:
            for name, bits in zip(("weight bits", "activation bits"), point, strict=True):
                if not _NARROWEST_BITS <= bits <= _WIDEST_BITS:
                    raise ConfigError(
                        f"{name}: must be {_NARROWEST_BITS} to {_WIDEST_BITS}, got {bits}"
                    )
            if self.points.count(point) > 1:
                raise ConfigError(f"points: w{point[0]}a{point[1]} is given twice")
        if self.engine not in _ENGINES:
            allowed = ", ".join(_ENGINES)
            raise ConfigError(f"engine: must be one of {allowed}, got {self.engine!r}")
        for name in ("limit", "batch"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: must be at least 1 image, got {getattr(self, name)}")
        for override in self.overrides:
            if override.partition("=")[0].strip() in _BUILT_FOR_POINTS:
                raise ConfigError(
                    f"--set {override}: PEs are built for the widths that are run; give these "
                    "by --bits, or --weights and --activations"
                )
        if self.data is not None and (self.random_data or is_shapes(self.network)):
            other = "--random-data" if self.random_data else f"{self.network}, which has no values"
            raise ConfigError(f"--data: cannot be used with {other}")
        if self.ceil_outputs and Path(self.network).suffix.lower() != ".csv":
            raise ConfigError("--scalesim-ofmap ceil: is for SCALE-Sim topologies (.csv) only")
        if self.random_data and is_shapes(self.network):
            raise ConfigError(f"--random-data: {self.network} has no weights to run it with")
        if self.seed < 0:
            raise ConfigError(f"seed: must not be negative, got {self.seed}")

    @property
    def command(self) -> str:
        """The command line that repeats this run."""
        standard = RunRequest()
        words = ["accelsim", "run", self.network, "--hardware", self.hardware]
        for override in self.overrides:
            words += ["--set", override]
        words += ["--bits", ",".join(_point_text(*point) for point in self.points)]
        if self.data is not None:
            words += ["--data", self.data]
        for name in ("engine", "limit", "batch", "seed"):
            if getattr(self, name) != getattr(standard, name):
                words += [f"--{name}", str(getattr(self, name))]
        words += [] if self.per_channel else ["--per-tensor"]
        words += [] if self.check else ["--no-check"]
        words += ["--random-data"] if self.random_data else []
        words += ["--timeline"] if self.timeline else []
        words += ["--scalesim-ofmap", "ceil"] if self.ceil_outputs else []
        return shlex.join(words)


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
        return _run_shapes(request, hardware, table, progress)
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
    for weight_bits, activation_bits in request.points:
        progress(_point_text(weight_bits, activation_bits), len(points), len(request.points))
        machine = built_for(hardware, weight_bits, activation_bits)
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
        array=_array_line(hardware, request.overrides),
        technology=f"{energy.technology}, {hardware.dram.type}",
        points=tuple(points),
        provenance=_provenance(request, model, data, table),
        configuration=_configuration(request, data),
        machine=dump_hardware(hardware),
        not_modelled=tuple(energy.not_modelled),
        warnings=(*_overflow_warnings(points), *warnings),
        timeline=timeline,
    )


def _run_shapes(
    request: RunRequest, hardware: Hardware, table: EnergyTable, progress: Progress
) -> RunResult:
    """Run a network of shapes: the same story without values."""
    shapes = load_shapes(request.network, request.ceil_outputs)
    topology = shapes.topology
    names = [_point_text(*point) for point in request.points]
    points, accounts, timeline = run_shapes(
        topology,
        [built_for(hardware, *point) for point in request.points],
        table,
        request.batch,
        request.timeline,
        lambda done: progress(names[done], done, len(names)),
    )
    host = ", ".join(topology.host_functions)
    not_modelled = [line for line in accounts[0].not_modelled if line != "layers on the host"]
    if any(getattr(layer.operator, "kind", "") == "lookup" for layer in topology.layers):
        not_modelled.append("tables of the vector unit (a lookup costs an addition)")
    if host:
        not_modelled.append(f"on the host, between DRAM and DRAM: {host}")
    warnings = dict.fromkeys(warning for energy in accounts for warning in energy.warnings)
    return RunResult(
        network=topology.name,
        hardware=hardware.name,
        engine="shapes",
        dataset="none",
        array=_array_line(hardware, request.overrides),
        technology=f"{accounts[0].technology}, {hardware.dram.type}",
        points=points,
        provenance=_shapes_provenance(request, shapes, table),
        configuration=_shapes_configuration(request, shapes),
        machine=dump_hardware(hardware),
        not_modelled=tuple(not_modelled),
        warnings=(*shapes.notes, *warnings),
        timeline=timeline,
    )


def _load_hardware(request: RunRequest) -> Hardware:
    """Load a machine, or SCALE-Sim's as a .cfg file changes it."""
    path = Path(request.hardware)
    if path.suffix.lower() != ".cfg":
        return load_hardware(request.hardware, request.overrides)
    return load_hardware("scalesim", (*scalesim_overrides(path), *request.overrides))


def built_for(hardware: Hardware, weight_bits: int, activation_bits: int) -> Hardware:
    """Return the machine with PEs built for these operand widths."""
    array = hardware.array.model_copy(
        update={"weight_bits": weight_bits, "activation_bits": activation_bits}
    )
    return hardware.model_copy(update={"array": array})


def _load(request: RunRequest) -> tuple[ImportedModel, Dataset]:
    """Load the network, a bundled one by name or an ONNX file, and the data it has to fit."""
    path = Path(request.network)
    is_path = path.suffix == ".onnx" or len(path.parts) > 1 or path.is_file()
    if not is_path:
        workload = workload_path(request.network)
        model = load_onnx(workload.model)
        if request.random_data:
            return model, random_data(model.network, request.batch, request.seed)
        return model, load_data(request.data or workload.data, model.network)
    model = load_onnx(path)
    if request.random_data:
        return model, random_data(model.network, request.batch, request.seed)
    if request.data is None:
        raise ConfigError(
            f"--data: {request.network} needs an .npz file with test_images, test_labels and "
            "calibration_images (or --random-data, where accuracy is not the point)"
        )
    return model, load_data(request.data, model.network)


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
    return QuantizationSpec(
        weight_bits=machine.array.weight_bits,
        activation_bits=machine.array.activation_bits,
        per_channel=request.per_channel,
        rescale_mode=machine.rescale.mode,
        mantissa_bits=machine.rescale.mantissa_bits,
        accumulator=machine.accumulator.format,
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


def _shapes_provenance(
    request: RunRequest, shapes: ImportedShapes, table: EnergyTable
) -> Provenance:
    return Provenance(
        command=request.command,
        seed=request.seed,
        versions=versions(),
        hashes={"network": shapes.sha256, "energy table": table.sha256},
    )


def _shapes_configuration(request: RunRequest, shapes: ImportedShapes) -> dict[str, object]:
    return {
        "network": request.network,
        "source": shapes.topology.source,
        "hardware": request.hardware,
        "hardware_changes": list(request.overrides),
        "points": [f"w{weights}a{activations}" for weights, activations in request.points],
        "batch_images": request.batch,
        "macs_per_image": shapes.topology.macs,
    }


def _array_line(hardware: Hardware, overrides: tuple[str, ...]) -> str:
    array = hardware.array
    size = f"{array.rows} x {array.columns} PEs"
    changed = f", with {', '.join(overrides)}" if overrides else ""
    return f"{size}, {array.flow.title}, {format_hertz(hardware.clock)}{changed}"


def _configuration(request: RunRequest, data: Dataset) -> dict[str, object]:
    return {
        "network": request.network,
        "hardware": request.hardware,
        "hardware_changes": list(request.overrides),
        "data": request.data or data.name,
        "points": [f"w{weights}a{activations}" for weights, activations in request.points],
        "engine": request.engine,
        "limit_images": request.limit,
        "batch_images": request.batch,
        "weight_scales": "per_channel" if request.per_channel else "per_tensor",
        "check": request.check,
        "seed": request.seed,
    }


def _overflow_warnings(points: list[PointResult]) -> tuple[str, ...]:
    return tuple(
        f"{point.label}: {point.overflow_events:,} accumulator overflows in the simulated images"
        for point in points
        if point.overflow_events
    )


def _point_text(weight_bits: int, activation_bits: int) -> str:
    same = weight_bits == activation_bits
    return str(weight_bits) if same else f"w{weight_bits}a{activation_bits}"
