"""From a request to what runs: images, and integers with the machine of each point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import ConfigError, InternalError
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
    read_scalesim_machine,
    run_float,
    workload_path,
)
from accelsim.given_integers import GivenIntegers, given_integers, with_operands_of
from accelsim.hardware import Hardware, PeKind, load_hardware
from accelsim.network import IntegerNetwork
from accelsim.quantize import (
    QuantizationSpec,
    RangeMethod,
    network_widths,
    observed_tensors,
    quantize_calibrated,
)
from accelsim.request import Progress, RunRequest, point_name

__all__ = [
    "Start",
    "accuracy_pct",
    "calibration_notes",
    "choose_images",
    "integer_network",
    "load_images",
    "load_machine",
    "load_network",
    "machine_notes",
    "silent",
    "start_run",
]


@dataclass(frozen=True, eq=False)
class Start:
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


def silent(what: str, done: int, total: int) -> None:
    """Show no progress."""


def start_run(
    model: ImportedModel | IntegerModel, hardware: Hardware, request: RunRequest, progress: Progress
) -> Start:
    """Load the images; quantize a float network as its points are taken, or none at all.

    Raises
    ------
    AccelsimError
        If a machine cannot be built for a width, or the images do not fit the network.
    """
    given = given_integers(model, hardware, request)
    if given is not None:
        return _as_given(given, model, request)
    return _to_quantize(_float(model), hardware, request, progress)


def _float(model: ImportedModel | IntegerModel) -> ImportedModel:
    if isinstance(model, ImportedModel):
        return model
    raise InternalError(f"{model.integer.name}: a network of integers has nothing to quantize")


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
    hardware = load_machine(request)
    model = load_network(request)
    given = given_integers(model, hardware, request)
    if given is not None:
        return given.integer
    float_model = _float(model)
    request = replace(request, points=request.points or ((8, 8),))
    if len(request.float_points) != 1:
        raise ConfigError(f"points: must be one, got {len(request.float_points)}")
    machine = hardware.with_operand_bits(*request.float_points[0], request.built_scale_bits)
    data = load_images(float_model, request)
    ((_, integer),) = _quantized(float_model, data, (machine,), request, silent)
    return integer


def _as_given(
    given: GivenIntegers, model: ImportedModel | IntegerModel, request: RunRequest
) -> Start:
    """Run a file's integers as they are, on the machine that they ask for."""
    if request.random_data:
        data = random_data(given.integer, request.batch, request.seed)
    else:
        network = model if isinstance(model, IntegerModel) else given.integer
        data = load_data(_data_path(request), network, request.scaling)
    points = ((given.machine, given.integer),)
    return Start(request, given.machine, data, points, given.notes)


def _to_quantize(
    model: ImportedModel, hardware: Hardware, request: RunRequest, progress: Progress
) -> Start:
    """Quantize a float network to each width that is asked for."""
    request = replace(request, points=request.float_points)
    scale_bits = request.built_scale_bits
    machines = [hardware.with_operand_bits(*point, scale_bits) for point in request.float_points]
    network = model.network
    for machine in machines:
        network_widths(network, _quantization(machine, request))
    data = load_images(model, request)
    progress("float network", 0, len(machines))
    scores = run_float(model, data.images, [network.output])[network.output]
    return Start(
        request=request,
        hardware=hardware,
        data=data,
        points=_quantized(model, data, machines, request, progress),
        notes=(
            *_range_notes(request),
            *_group_notes(request, hardware),
            *_layer_notes(request),
            *calibration_notes(data),
        ),
        float_pct=None if request.random_data else accuracy_pct(scores, data.labels),
    )


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
        integer = quantize_calibrated(network, data.calibration_images, activations, spec)
        yield with_operands_of(integer, machine) if spec.layer_bits else machine, integer


def _quantization(machine: Hardware, request: RunRequest) -> QuantizationSpec:
    return QuantizationSpec.for_machine(machine, **request.quantization)


def load_machine(request: RunRequest) -> Hardware:
    """Load a machine, or SCALE-Sim's as a .cfg file changes it.

    Where weights get zero points, it sums up rows of activations; where ranges are found at run
    time, its rescale unit computes in float32 unless another one is set.
    """
    overrides = request.overrides
    if request.asymmetric_weights or request.group_size is not None:
        _refuse_pe_kinds(request, _load_machine(request.hardware, overrides))
    changed = {override.partition("=")[0].strip() for override in overrides}
    if request.asymmetric_weights and "array.row_sums" not in changed:
        overrides = (*overrides, "array.row_sums=true")
    if request.range_method == RangeMethod.DYNAMIC and "rescale.mode" not in changed:
        overrides = (*overrides, "rescale.mode=float32")
    machine = _load_machine(request.hardware, overrides)
    if request.asymmetric_weights and not machine.array.row_sums:
        raise ConfigError(
            "--asymmetric-weights: zero points of weights need array.row_sums, which --set leaves "
            "out"
        )
    return machine


def _load_machine(name_or_path: str, overrides: tuple[str, ...]) -> Hardware:
    if not _is_scalesim(name_or_path):
        return load_hardware(name_or_path, overrides)
    changes = read_scalesim_machine(Path(name_or_path)).overrides
    return load_hardware("scalesim", (*changes, *overrides))


def machine_notes(request: RunRequest) -> tuple[str, ...]:
    """Return what a machine's file says in vain: SCALE-Sim's .cfg files ask for more than there is.

    Raises
    ------
    ConfigError
        If the file cannot be used.
    """
    if not _is_scalesim(request.hardware):
        return ()
    return read_scalesim_machine(Path(request.hardware)).notes


def _is_scalesim(name_or_path: str) -> bool:
    return Path(name_or_path).suffix.lower() == ".cfg"


def _refuse_pe_kinds(request: RunRequest, machine: Hardware) -> None:
    """Say by the option's name what PEs of other kinds cannot have built in."""
    kind = machine.array.pe_kind
    if kind is PeKind.FIXED:
        return
    option, what = (
        ("--asymmetric-weights", "row sums")
        if request.asymmetric_weights
        else ("--group-size", "scales of groups")
    )
    raise ConfigError(
        f"{option}: arrays of array.pe_kind={kind} have no {what}; leave it out, or use fixed PEs"
    )


def load_network(request: RunRequest) -> ImportedModel | IntegerModel:
    """Load a bundled network by name, or an ONNX or TFLite file."""
    path = Path(request.network)
    suffix = path.suffix.lower()
    if suffix == ".tflite":
        return load_tflite(path)
    if suffix == ".onnx" or len(path.parts) > 1 or path.is_file():
        return load_onnx(path)
    return load_onnx(workload_path(request.network).model)


def load_images(model: ImportedModel | IntegerModel, request: RunRequest) -> Dataset:
    """Load the images of a network, or make them up where that is asked for."""
    if request.random_data:
        network = model.integer if isinstance(model, IntegerModel) else model.network
        return random_data(network, request.batch, request.seed)
    described = model if isinstance(model, IntegerModel) else model.network
    return load_data(_data_path(request), described, request.scaling)


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


def choose_images(count: int, request: RunRequest) -> NDArray[np.intp]:
    """Choose images out of ``count``: all, or as many as asked, without looking at them."""
    if request.limit >= count:
        return np.arange(count)
    generator = np.random.default_rng(request.seed)
    return np.sort(generator.choice(count, request.limit, replace=False))


def accuracy_pct(scores: NDArray[np.generic], labels: NDArray[np.integer]) -> float:
    """Share of images whose largest score is their label's; of equal scores the first counts."""
    predictions = scores.reshape(len(scores), -1).argmax(axis=1)
    return 100.0 * float(np.mean(predictions == labels))


def _layer_notes(request: RunRequest) -> tuple[str, ...]:
    if not request.layer_bits:
        return ()
    widths = ", ".join(str(entry) for entry in request.layer_bits)
    others = point_name(*request.float_points[0])
    return (f"bits: {widths}, all others {others}; PEs take the widest operands",)


def _group_notes(request: RunRequest, hardware: Hardware) -> tuple[str, ...]:
    if request.group_size is None:
        return ()
    where = "below each column" if hardware.array.flow.preloads else "in each PE"
    return (
        f"groups of {request.group_size} weights (the last of a depth has what is left) have "
        f"scales of {request.scale_bits} bits; multipliers for these are built {where}",
    )


def _range_notes(request: RunRequest) -> tuple[str, ...]:
    if request.range_method != RangeMethod.DYNAMIC:
        return ()
    return ("a float32 rescale unit is built in, for ranges found at run time",)


def calibration_notes(data: Dataset) -> tuple[str, ...]:
    """Say so where ranges come from the images that accuracy is measured with."""
    if not data.calibrates_on_test_images:
        return ()
    return (f"calibrated on {data.calibration_source}: {data.name} has no images apart for it",)
