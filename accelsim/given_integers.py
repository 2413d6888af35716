"""A network that is integers already, and the machine that its file asks for.

The file fixes widths, scales and zero points, so there is one point and nothing to quantize. Its
PEs are built for the file's widest operands, its rescale unit for the file's arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from accelsim.arithmetic import Accumulator, RescaleMode
from accelsim.errors import ConfigError, InternalError
from accelsim.frontend import ImportedModel, IntegerModel
from accelsim.hardware import Hardware
from accelsim.network import IntegerMatrix, IntegerNetwork, RunTimeMatrix
from accelsim.network.rescales import operator_rescales
from accelsim.quantize import MachineArithmetic, quantize_as_given
from accelsim.quantize.layer_bits import NARROWEST_BITS
from accelsim.request import RunRequest

__all__ = [
    "FileArithmetic",
    "GivenIntegers",
    "file_arithmetic",
    "given_integers",
    "integers_on",
    "operand_bits",
    "with_operands_of",
    "with_rescale_unit",
]


@dataclass(frozen=True)
class FileArithmetic:
    """How a file rescales results.

    ``is_fixed``: its multipliers are in this form and no other; else the form is what the file's
    own runtime computes with, and another machine may rescale by the same scales in its own way.
    """

    mode: RescaleMode
    mantissa_bits: int
    is_fixed: bool


@dataclass(frozen=True, eq=False)
class GivenIntegers:
    """A file's integers on the machine that is built for them, and what a reader should know."""

    integer: IntegerNetwork
    machine: Hardware
    notes: tuple[str, ...]


def given_integers(
    model: ImportedModel | IntegerModel, hardware: Hardware, request: RunRequest
) -> GivenIntegers | None:
    """Return the integers that a file gives, None if its network is float.

    Raises
    ------
    ConfigError
        If the request asks for what the file has decided, or the accumulators are too narrow.
    """
    if isinstance(model, ImportedModel) and model.given is None:
        return None
    _refuse_choices(request)
    machine, notes = with_rescale_unit(hardware, file_arithmetic(model, hardware), request)
    integer = integers_on(model, MachineArithmetic.for_machine(machine))
    built = with_operands_of(integer, machine)
    return GivenIntegers(integer, built, (*notes, *_widened(model, built)))


def _widened(model: ImportedModel | IntegerModel, machine: Hardware) -> tuple[str, ...]:
    """Return a note if weights got wider because the machine does not subtract zero points."""
    if isinstance(model, IntegerModel) or model.given is None or machine.array.row_sums:
        return ()
    kept = [w for w in model.given.weights.values() if w.zero_points is not None]
    widest = max((weights.format.bits for weights in kept), default=0)
    wider = max((weights.without_zero_points().format.bits for weights in kept), default=0)
    if wider <= widest:
        return ()
    layers = f"{len(kept)} layer{'s' if len(kept) > 1 else ''}"
    return (
        f"weights of {layers} less their zero points have {wider} bits, not {widest}; "
        f"--set array.row_sums=true keeps them at {widest}",
    )


def integers_on(
    model: ImportedModel | IntegerModel, arithmetic: MachineArithmetic
) -> IntegerNetwork:
    """Return a file's integers on a machine: what quantized ONNX says of them is lowered for it.

    Raises
    ------
    ConfigError
        If a bias does not fit the accumulators.
    """
    if isinstance(model, IntegerModel):
        return _in_accumulators(model.integer, arithmetic.accumulator)
    if model.given is None:
        raise InternalError(f"{model.network.name}: a float network has no integers yet")
    integer = quantize_as_given(model.network, model.given, arithmetic)
    return _in_accumulators(integer, arithmetic.accumulator)


def with_rescale_unit(
    hardware: Hardware, arithmetic: FileArithmetic, request: RunRequest
) -> tuple[Hardware, tuple[str, ...]]:
    """Return the machine with the rescale unit of a file's arithmetic, and a note if it changed.

    A unit that ``--set`` asks for is kept where the file leaves a choice.

    Raises
    ------
    ConfigError
        If another unit is set and the file leaves no choice.
    """
    built = hardware.rescale
    changed = {override.partition("=")[0].strip() for override in request.overrides}
    wanted = {"mode": arithmetic.mode, "mantissa_bits": arithmetic.mantissa_bits}
    if arithmetic.mode is RescaleMode.FLOAT32:
        del wanted["mantissa_bits"]
    if not arithmetic.is_fixed and "rescale.mode" in changed:
        differs = built.mode != arithmetic.mode
        own = f"rescale unit as set, {built.mode}; the file's own arithmetic is {arithmetic.mode}"
        return hardware, (own,) if differs else ()
    for field, value in wanted.items():
        if f"rescale.{field}" in changed and getattr(built, field) != value:
            raise ConfigError(
                f"--set rescale.{field}={getattr(built, field)}: must be {value}, as the "
                f"multipliers in {request.network} are for {_unit(arithmetic)}; leave it out"
            )
    unit = built.model_copy(update=wanted)
    if unit == built:
        return hardware, ()
    was = _unit(FileArithmetic(built.mode, built.mantissa_bits, False))
    note = f"rescale unit built for the file: {_unit(arithmetic)} ({hardware.name} has {was})"
    return hardware.model_copy(update={"rescale": unit}), (note,)


def _unit(arithmetic: FileArithmetic) -> str:
    if arithmetic.mode is RescaleMode.FLOAT32:
        return str(arithmetic.mode)
    return f"{arithmetic.mode} with {arithmetic.mantissa_bits}-bit mantissas"


def _refuse_choices(request: RunRequest) -> None:
    widths = ["--bits (or --weights, --activations)"] if request.points is not None else []
    options = ", ".join([*widths, *(option for option, _ in request.quantization_words)])
    if options:
        raise ConfigError(
            f"{request.network}: is quantized already and is run as it is: leave out {options}"
        )
    if request.noise:
        raise ConfigError(
            f"--noise: {request.network} is quantized already: there is no float network to "
            "compare with"
        )


def file_arithmetic(model: ImportedModel | IntegerModel, hardware: Hardware) -> FileArithmetic:
    """Return what a file rescales with: the form of its multipliers, or onnxruntime's kernels'."""
    built = hardware.rescale
    if isinstance(model, ImportedModel):
        return FileArithmetic(RescaleMode.FLOAT32, built.mantissa_bits, is_fixed=False)
    for layer in model.integer.layers:
        for rescale in operator_rescales(layer.operator):
            return FileArithmetic(rescale.mode, rescale.mantissa_bits, is_fixed=True)
    return FileArithmetic(built.mode, built.mantissa_bits, is_fixed=False)


def with_operands_of(integer: IntegerNetwork, machine: Hardware) -> Hardware:
    """Return a machine with PEs built for the widest weights and activations that are multiplied.

    It has multipliers for the scales of groups of weights, if there are any.

    Raises
    ------
    ConfigError
        If a tile of operands so wide does not fit the machine.
    """
    scale_bits = [
        layer.operator.vectors.scale_bits
        for layer in integer.layers
        if isinstance(layer.operator, IntegerMatrix | RunTimeMatrix)
        and layer.operator.vectors is not None
    ]
    widths = operand_bits(integer, machine)
    return machine.with_operand_bits(*widths, max(scale_bits, default=None))


def operand_bits(integer: IntegerNetwork, hardware: Hardware) -> tuple[int, int]:
    """Return the bits of the widest weights and of the widest activations in products.

    Those of the machine, if the network has no products.
    """
    weights, activations = 0, 0
    for layer in integer.layers:
        if isinstance(layer.operator, IntegerMatrix | RunTimeMatrix):
            weights = max(weights, layer.operator.weight_format.bits)
            activations = max(activations, integer.tensors[layer.inputs[0]].format.bits)
    if not weights:
        return hardware.array.weight_bits, hardware.array.activation_bits
    return max(weights, NARROWEST_BITS), max(activations, NARROWEST_BITS)


def _in_accumulators(integer: IntegerNetwork, accumulator: Accumulator) -> IntegerNetwork:
    """Return the network as it is summed up in the machine's accumulators."""
    for layer in integer.layers:
        if not isinstance(layer.operator, IntegerMatrix):
            continue
        bias = layer.operator.bias
        outside = np.flatnonzero((bias < accumulator.low) | (bias > accumulator.high))
        if outside.size:
            raise ConfigError(
                f"layer {layer.name!r}: bias {bias[outside[0]]} of output channel {outside[0]} "
                f"(its zero point folded in) does not fit the {accumulator.bits}-bit accumulator "
                f"[{accumulator.low}, {accumulator.high}], as for {outside.size} of {bias.size} "
                "channels; use a wider accumulator"
            )
    return replace(integer, accumulator=accumulator)
