"""Which method, at which width: accuracy of a float network over a grid of both, without a machine.

The integers are those that a machine would compute (golden computes them); only its cycles and
energy are left out.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.number_formats import AnyFormat, parse_format
from accelsim.errors import ConfigError
from accelsim.frontend import Dataset, ImportedModel, is_shapes, run_float
from accelsim.golden import execute
from accelsim.hardware import Hardware
from accelsim.quantize import (
    QuantizationSpec,
    observed_tensors,
    quantize_calibrated,
    quantize_input,
    study_formats,
)
from accelsim.report.method_study import MethodResult, MethodStudy
from accelsim.request import Points, Progress, RunRequest, point_name
from accelsim.start import (
    accuracy_pct,
    calibration_notes,
    load_images,
    load_machine,
    load_network,
    silent,
)

__all__ = ["METHODS", "StudyRequest", "study_methods"]

METHODS: Mapping[str, Mapping[str, Any]] = {
    "min_max": {},
    "moving_average": {"range_method": "moving_average"},
    "percentile": {"range_method": "percentile", "weight_range_method": "percentile"},
    "mse": {"range_method": "mse", "weight_range_method": "mse"},
    "kl": {"range_method": "kl"},
    "octav": {"range_method": "octav", "weight_range_method": "octav"},
    "cross_entropy": {"range_method": "cross_entropy", "weight_range_method": "mse"},
    "dynamic": {"range_method": "dynamic", "rescale_mode": "float32"},
    "equalize": {"equalize": True},
    "smooth": {"smooth": 0.5},
    "stochastic": {"weight_rounding": "stochastic"},
    "correct_biases": {"correct_biases": True},
    "adaround": {"weight_rounding": "adaround"},
    "best": {
        "range_method": "mse",
        "weight_range_method": "mse",
        "weight_rounding": "adaround",
        "correct_biases": True,
    },
}
"""What each name changes from the standard: smallest and largest values, nearest integers."""


@dataclass(frozen=True)
class StudyRequest:
    """What to compare.

    Attributes
    ----------
    run
        Network, data, machine arithmetic, widths (`RunRequest.points`), and the choices that all
        methods share (``per_channel``, ``group_size``, ``scale_bits``, ``symmetric_activations``,
        ``asymmetric_weights``, ``percentile``).
    methods
        Names of `METHODS`.
    formats
        Names of number formats to compare with, as `parse_format` reads them.
    repeats
        One: all calibration images. More: each repeat calibrates on a random half of them.

    Raises
    ------
    ConfigError
        If a name is unknown or given twice, or a number is out of range.
    """

    run: RunRequest
    methods: tuple[str, ...] = tuple(METHODS)
    formats: tuple[str, ...] = ()
    repeats: int = 1

    def __post_init__(self) -> None:
        for method in self.methods:
            if method not in METHODS:
                allowed = ", ".join(METHODS)
                raise ConfigError(f"--method: must be one of {allowed}, got {method!r}")
        if not self.methods:
            raise ConfigError("--method: at least one is needed")
        if len(set(self.methods)) < len(self.methods):
            raise ConfigError("--method: a method is given twice")
        if not 1 <= self.repeats <= 1000:
            raise ConfigError(f"--repeats: must be 1 to 1000, got {self.repeats}")
        for name in self.formats:
            parse_format(name)

    @property
    def points(self) -> Points:
        """(weight bits, activation bits) of each column."""
        return self.run.float_points

    @property
    def command(self) -> str:
        """The command line that repeats this study."""
        run, standard = self.run, RunRequest()
        words = ["accelsim", "quantize", run.network, "--hardware", run.hardware]
        words += ["--bits", ",".join(point_name(*point) for point in self.points)]
        words += [] if run.data is None else ["--data", run.data]
        words += [] if run.per_channel else ["--per-tensor"]
        if run.group_size is not None:
            words += ["--group-size", str(run.group_size), "--scale-bits", str(run.scale_bits)]
        words += ["--symmetric"] if run.symmetric_activations else []
        words += ["--asymmetric-weights"] if run.asymmetric_weights else []
        words += ["--percentile", f"{run.percentile:g}"] * (run.percentile != standard.percentile)
        for option, names in (("--method", self.methods), ("--format", self.formats)):
            for name in names if names != tuple(METHODS) else ():
                words += [option, name]
        words += [] if self.repeats == 1 else ["--repeats", str(self.repeats)]
        words += [] if run.seed == 0 else ["--seed", str(run.seed)]
        return shlex.join(words)


def study_methods(request: StudyRequest, progress: Progress = silent) -> MethodStudy:
    """Quantize a float network with every method at every width, and count right answers.

    Raises
    ------
    AccelsimError
        If something that the user gave cannot be used.
    """
    run = request.run
    if is_shapes(run.network):
        raise ConfigError(f"{run.network}: has shapes but no weights to be quantized")
    model = load_network(run)
    if not isinstance(model, ImportedModel) or model.given is not None:
        raise ConfigError(f"{run.network}: is quantized already; give the float network")
    hardware = load_machine(run)
    scale_bits = run.built_scale_bits
    machines = [hardware.with_operand_bits(*point, scale_bits) for point in request.points]
    data = load_images(model, run)
    scores = run_float(model, data.images, [model.network.output])[model.network.output]
    halves = _calibration_sets(data, request)
    steps = len(request.methods) * len(machines)
    results: list[MethodResult] = []
    seen = [run_float(model, half, observed_tensors(model.network)) for half in halves]
    for method in request.methods:
        for machine in machines:
            progress(f"{method}, {machine.array.weight_bits} bits", len(results), steps)
            accuracies = tuple(
                _accuracy(model, data, half, activations, _spec(machine, request, method, repeat))
                for repeat, (half, activations) in enumerate(zip(halves, seen, strict=True))
            )
            array = machine.array
            results.append(
                MethodResult(method, array.weight_bits, array.activation_bits, accuracies)
            )
    return MethodStudy(
        network=model.network.name,
        dataset=data.name,
        images=len(data.images),
        calibration_images=len(halves[0]),
        float_pct=accuracy_pct(scores, data.labels),
        results=tuple(results),
        formats=tuple(
            (name, _format_accuracy(model, data, parse_format(name))) for name in request.formats
        ),
        command=request.command,
        notes=calibration_notes(data),
    )


def _calibration_sets(data: Dataset, request: StudyRequest) -> list[NDArray[np.float32]]:
    """Return all calibration images, or a random half of them for each repeat."""
    images = data.calibration_images
    if request.repeats == 1:
        return [images]
    if len(images) < 2:
        raise ConfigError("--repeats: halves need at least 2 calibration images, got 1")
    generator = np.random.default_rng(request.run.seed)
    half = len(images) // 2
    return [
        images[np.sort(generator.choice(len(images), half, replace=False))]
        for _ in range(request.repeats)
    ]


def _spec(machine: Hardware, request: StudyRequest, method: str, repeat: int) -> QuantizationSpec:
    shared = request.run.quantization | {"seed": request.run.seed + repeat}
    return QuantizationSpec.for_machine(machine, **{**shared, **METHODS[method]})


def _accuracy(
    model: ImportedModel,
    data: Dataset,
    calibration_images: NDArray[np.float32],
    activations: Mapping[str, NDArray[np.float32]],
    spec: QuantizationSpec,
) -> float:
    integer = quantize_calibrated(model.network, calibration_images, activations, spec)
    run = execute(integer, quantize_input(integer, data.images), keep_tensors=False)
    return accuracy_pct(run.outputs, data.labels)


def _format_accuracy(model: ImportedModel, data: Dataset, format: AnyFormat) -> float:
    study = study_formats(model.network, data.images, data.calibration_images, format, format)
    return accuracy_pct(study.outputs, data.labels)
