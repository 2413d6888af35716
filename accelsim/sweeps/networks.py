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

from accelsim.arithmetic import RescaleMode
from accelsim.compiler import fuse_pads, lower_topology
from accelsim.compiler.lower import lower_network
from accelsim.compiler.shapes import NetworkShape
from accelsim.errors import InternalError, WorkloadError
from accelsim.frontend import (
    Dataset,
    ImportedModel,
    IntegerModel,
    is_shapes,
    load_shapes,
    run_float,
)
from accelsim.frontend.workloads import bundled_workloads
from accelsim.given_integers import file_arithmetic, integers_on, operand_bits
from accelsim.golden import execute
from accelsim.hardware import Hardware
from accelsim.network.graph import Network
from accelsim.network.topology import Topology
from accelsim.pipeline import RunRequest, accuracy_pct, load_images, load_network
from accelsim.quantize import (
    MachineArithmetic,
    NetworkOperands,
    QuantizationSpec,
    network_operands,
    observed_tensors,
    quantize_calibrated,
    quantize_input,
    without_bits,
)
from accelsim.sweeps.evaluate import ends_after
from accelsim.sweeps.expressions import Value
from accelsim.sweeps.space import Design, FileMachine

__all__ = [
    "Accuracy",
    "IntegerForm",
    "Prepared",
    "Source",
    "find_source",
    "integers_of",
    "prepare",
    "shape_of",
]

Model = ImportedModel | IntegerModel


@dataclass(frozen=True)
class Source:
    """A network of a space: what it is called, and the hashes of what it is read from.

    ``topology`` is there for a network of shapes only; ``data`` for the others. ``machine``: what
    a network that is integers already asks of its machine. ``operands``: what of a float network
    has a width.
    """

    name: str
    path: str
    data: str | None
    sha256: str
    data_sha256: str
    topology: Topology | None
    machine: FileMachine | None = None
    operands: NetworkOperands | None = None


IntegerForm = QuantizationSpec | MachineArithmetic
"""How a network's integers are computed: all of it, or where a file has the integers, the rest."""


@dataclass(frozen=True)
class Accuracy:
    """Percent of the test images: by the float network, if there is one, and by its integers."""

    float_pct: float | None
    integer_pct: float


@dataclass(frozen=True)
class Prepared:
    """A quantized network: its shapes by batch, and its accuracy where it was asked for."""

    shapes: dict[int, NetworkShape]
    accuracy: Accuracy | None


def find_source(name: str, folder: Path, data: str | None, base: Hardware) -> Source:
    """Return a network of a space, hashed; ``base`` is the machine that the space starts from.

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
    machine = _file_machine(model, base)
    operands = None
    if machine is None and isinstance(model, ImportedModel):
        operands = network_operands(model.network)
    return Source(
        name, request.network, request.data, model.sha256, dataset.sha256, None, machine, operands
    )


def _file_machine(model: Model, base: Hardware) -> FileMachine | None:
    """Return what a file of integers asks of its machine, nothing of a float network's file."""
    if isinstance(model, ImportedModel) and model.given is None:
        return None
    arithmetic = file_arithmetic(model, base)
    bits = operand_bits(integers_on(model, MachineArithmetic()), base)
    fields: dict[str, Value] = {"array.weight_bits": bits[0], "array.activation_bits": bits[1]}
    fields["rescale.mode"] = str(arithmetic.mode)
    if arithmetic.mode is not RescaleMode.FLOAT32:
        fields["rescale.mantissa_bits"] = arithmetic.mantissa_bits
    return FileMachine(fields, arithmetic.is_fixed)


def integers_of(source: Source, design: Design) -> IntegerForm:
    """Return the integers that a design computes its network with."""
    if source.machine is not None:
        return MachineArithmetic.for_machine(design.hardware)
    weight_bits, activation_bits = design.bits
    choices = design.quantization.choices
    layers = without_bits(choices.pop("layer_bits"), design.bits)
    return QuantizationSpec.for_machine(
        design.hardware,
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        layer_bits=tuple(sorted(layers, key=lambda entry: entry.layer)),
        **choices,
    )


def shape_of(topology: Topology, hardware: Hardware, batch: int) -> NetworkShape:
    """Return the layers of a network of shapes as a machine runs them."""
    array = hardware.array
    return lower_topology(
        topology, batch, array.weight_bits, array.activation_bits, hardware.accumulator.bits
    )


def prepare(
    source: Source,
    spec: IntegerForm,
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


def _prepare(source: Source, spec: IntegerForm, batches: tuple[int, ...], judge: bool) -> Prepared:
    model, dataset = _loaded(source.path, source.data)
    if (model.sha256, dataset.sha256) != (source.sha256, source.data_sha256):
        raise WorkloadError(f"{source.path}: network or data changed while the sweep was running")
    float_pct = None
    if isinstance(spec, MachineArithmetic):
        integer = integers_on(model, spec)
    else:
        calibrated = _calibrate(source.path, source.data)
        float_pct = calibrated.float_pct
        integer = quantize_calibrated(
            calibrated.network, dataset.calibration_images, calibrated.activations, spec
        )
    accuracy = None
    if judge:
        inputs = quantize_input(integer, dataset.images)
        outputs = execute(integer, inputs, keep_tensors=False).outputs
        accuracy = Accuracy(float_pct, accuracy_pct(outputs, dataset.labels))
    on_machine = fuse_pads(integer)
    shapes = {batch: lower_network(on_machine, batch, spec.accumulator.bits) for batch in batches}
    return Prepared(shapes, accuracy)


@dataclass(frozen=True, eq=False)
class _Calibrated:
    """A float network, what it gave on the calibration images, and its own accuracy."""

    network: Network
    activations: dict[str, NDArray[np.float32]]
    float_pct: float


@lru_cache(maxsize=1)
def _calibrate(path: str, data: str | None) -> _Calibrated:
    model, dataset = _loaded(path, data)
    if not isinstance(model, ImportedModel):
        raise InternalError(f"{path}: a network of integers has nothing to quantize")
    network = model.network
    scores = run_float(model, dataset.images, [network.output])[network.output]
    activations = run_float(model, dataset.calibration_images, observed_tensors(network))
    return _Calibrated(network, activations, accuracy_pct(scores, dataset.labels))


@lru_cache(maxsize=1)
def _loaded(path: str, data: str | None) -> tuple[Model, Dataset]:
    return _load(RunRequest(network=path, data=data))


def _load(request: RunRequest) -> tuple[Model, Dataset]:
    """Load a network and its data."""
    model = load_network(request)
    return model, load_images(model, request)
