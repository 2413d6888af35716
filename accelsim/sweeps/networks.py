"""What the points of a space run: networks by name, and their shapes and accuracy at each width.

Cycles and energy of a machine depend on shapes and widths only, so a network is quantized, and its
accuracy measured, once for all machines that compute the same integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler import fuse_pads, lower_topology
from accelsim.compiler.lower import lower_network
from accelsim.compiler.shapes import NetworkShape
from accelsim.errors import ConfigError, WorkloadError
from accelsim.frontend import Dataset, ImportedModel, is_shapes, load_shapes, run_float
from accelsim.frontend.workloads import bundled_workloads
from accelsim.golden import execute
from accelsim.hardware import Hardware
from accelsim.network.topology import Topology
from accelsim.pipeline import RunRequest, accuracy_pct, load_images, load_network
from accelsim.quantize import (
    QuantizationSpec,
    observed_tensors,
    quantize_calibrated,
    quantize_input,
)
from accelsim.sweeps.evaluate import ends_after
from accelsim.sweeps.space import Quantization

__all__ = ["Accuracy", "Prepared", "Source", "find_source", "integers_of", "prepare", "shape_of"]


@dataclass(frozen=True)
class Source:
    """A network of a space: what it is called, and the hashes of what it is read from.

    ``topology`` is there for a network of shapes only; ``data`` for the others.
    """

    name: str
    path: str
    data: str | None
    sha256: str
    data_sha256: str
    topology: Topology | None


@dataclass(frozen=True)
class Accuracy:
    """Percent of the test images: by the float network, and by its integers."""

    float_pct: float
    integer_pct: float


@dataclass(frozen=True)
class Prepared:
    """A quantized network: its shapes by batch, and its accuracy where it was asked for."""

    shapes: dict[int, NetworkShape]
    accuracy: Accuracy | None


def find_source(name: str, folder: Path, data: str | None) -> Source:
    """Return a network of a space, hashed.

    Raises
    ------
    AccelsimError
        If it cannot be read.
    """
    if is_shapes(name):
        path = name if "." not in name else str(folder / name)
        shapes = load_shapes(path)
        return Source(name, path, None, shapes.sha256, "", shapes.topology)
    bundled = {workload.name for workload in bundled_workloads()}
    request = RunRequest(network=name)
    if name not in bundled:
        where = None if data is None else str(folder / data)
        request = RunRequest(network=str(folder / name), data=where)
    model, dataset = _load(request)
    return Source(name, request.network, request.data, model.sha256, dataset.sha256, None)


def integers_of(hardware: Hardware, choices: Quantization) -> QuantizationSpec:
    """Return the integers that a machine computes a network with."""
    return QuantizationSpec.for_machine(hardware, **vars(choices))


def shape_of(topology: Topology, hardware: Hardware, batch: int) -> NetworkShape:
    """Return the layers of a network of shapes as a machine runs them."""
    array = hardware.array
    return lower_topology(
        topology, batch, array.weight_bits, array.activation_bits, hardware.accumulator.bits
    )


def prepare(
    source: Source,
    spec: QuantizationSpec,
    batches: tuple[int, ...],
    judge: bool,
    timeout_seconds: float,
) -> Prepared:
    """Quantize a network and, if asked to ``judge``, measure its accuracy over all test images.

    A process that takes longer than ``timeout_seconds`` ends itself.

    Raises
    ------
    AccelsimError
        If it cannot be read, is not what it was when the sweep began, or has no integer form at
        these widths.
    """
    with ends_after(timeout_seconds):
        return _prepare(source, spec, batches, judge)


def _prepare(
    source: Source, spec: QuantizationSpec, batches: tuple[int, ...], judge: bool
) -> Prepared:
    calibrated = _calibrate(source.path, source.data)
    model, dataset = calibrated.model, calibrated.dataset
    if (model.sha256, dataset.sha256) != (source.sha256, source.data_sha256):
        raise WorkloadError(f"{source.path}: network or data changed while the sweep was running")
    network = model.network
    integer = quantize_calibrated(network, dataset.calibration_images, calibrated.activations, spec)
    accuracy = None
    if judge:
        inputs = quantize_input(integer, dataset.images)
        outputs = execute(integer, inputs, keep_tensors=False).outputs
        accuracy = Accuracy(calibrated.float_pct, accuracy_pct(outputs, dataset.labels))
    on_machine = fuse_pads(integer)
    shapes = {batch: lower_network(on_machine, batch, spec.accumulator.bits) for batch in batches}
    return Prepared(shapes, accuracy)


@dataclass(frozen=True, eq=False)
class _Calibrated:
    """A float network, what it gave on the calibration images, and its own accuracy."""

    model: ImportedModel
    dataset: Dataset
    activations: dict[str, NDArray[np.float32]]
    float_pct: float


@lru_cache(maxsize=1)
def _calibrate(path: str, data: str | None) -> _Calibrated:
    model, dataset = _load(RunRequest(network=path, data=data))
    network = model.network
    scores = run_float(model, dataset.images, [network.output])[network.output]
    activations = run_float(model, dataset.calibration_images, observed_tensors(network))
    return _Calibrated(model, dataset, activations, accuracy_pct(scores, dataset.labels))


def _load(request: RunRequest) -> tuple[ImportedModel, Dataset]:
    """Load a float network and its data."""
    model = load_network(request)
    if not isinstance(model, ImportedModel) or model.given is not None:
        raise ConfigError(
            f"{request.network}: is quantized already, so it has one width and one machine: "
            "`accelsim run` runs it; a sweep quantizes float networks"
        )
    return model, load_images(model, request)
