"""What a bundle plays: the first rows of a layer, or a random product that has every edge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.rescale import Rescale, make_rescale, requantize
from accelsim.compiler import compile_network
from accelsim.compiler.plan import TilePlan
from accelsim.compiler.program import MatrixInstruction
from accelsim.errors import ConfigError, InternalError
from accelsim.golden import execute
from accelsim.hardware import Hardware, PeKind
from accelsim.network.integer import IntegerLayer, IntegerMatrix, IntegerNetwork
from accelsim.network.run_time import RunTimeMatrix
from accelsim.simulator.address_generator import AddressGenerator
from accelsim.simulator.array import MatrixOperands, run_array
from accelsim.simulator.array.product import MatrixProduct, whole_plan

__all__ = ["PlayedProduct", "layer_product", "random_product"]

_LONGEST_CYCLES = 1 << 18


@dataclass(frozen=True, eq=False)
class PlayedProduct:
    """A matrix product and what the rescale unit makes of it.

    ``accumulators``: int64[m, channels]; ``outputs``: int32[m, channels], from a witness that
    knows nothing of the RTL. ``clamp``, ``zero_point`` and ``output_bits`` are the output's.
    """

    title: str
    operands: MatrixOperands
    plan: TilePlan
    accumulators: NDArray[np.int64]
    outputs: NDArray[np.int32]
    rescale: Rescale
    zero_point: int
    clamp: tuple[int, int]
    output_bits: int


def layer_product(
    integer: IntegerNetwork,
    name: str | None,
    images: NDArray[np.int32],
    machine: Hardware,
    rows: int,
) -> PlayedProduct:
    """Return the first ``rows`` rows m of a layer, with golden's outputs.

    Parameters
    ----------
    integer
        The network, its operands built for the machine's widths.
    name
        One of its layers on the array.
    images
        int32[images, *input shape]: as many of the first ones as the rows need are one batch.
    machine, rows
        Where, and how many rows at most.

    Raises
    ------
    ConfigError
        No such layer on the array, one that would run for too long, or one whose weights have
        scales for groups.
    """
    layer, operator = _find(integer, name)
    if operator.vectors is not None:
        raise ConfigError(
            f"layer {layer.name!r}: scales of groups of weights have no RTL; quantize it without"
        )
    rows_an_image = prod(integer.tensors[layer.output].shape[1:])
    batch = images[: -(-rows // rows_an_image)]
    tensors = execute(integer, batch).tensors
    source, target = integer.tensors[layer.inputs[0]], integer.tensors[layer.output]
    operands = AddressGenerator(tensors[layer.inputs[0]], source.zero_point, operator)
    plan = _plan_of(layer.name, integer, machine, len(batch))
    played = min(rows, operands.rows_m)
    plan = replace(plan, gemm=replace(plan.gemm, rows_m=played))
    channels = target.shape[0]
    pixels = tensors[layer.output].reshape(len(batch), channels, -1).transpose(0, 2, 1)
    return PlayedProduct(
        title=f"{integer.name}, layer {layer.name}, rows 1 to {played} of {len(batch)} image(s)",
        operands=operands,
        plan=plan,
        accumulators=_accumulators(operands, plan, machine),
        outputs=pixels.reshape(-1, channels)[:played],
        rescale=operator.rescale,
        zero_point=target.zero_point,
        clamp=(operator.clamp_low, operator.clamp_high),
        output_bits=target.format.bits,
    )


def random_product(machine: Hardware, stream: int, seed: int) -> PlayedProduct:
    """Return a random product: two whole tiles and an edge tile along rows and columns.

    ``stream``: length of the streamed dimension. The outputs are the arithmetic's definition.
    """
    array = machine.array
    generator = np.random.default_rng(seed)
    sizes = {
        array.flow.rows: 2 * array.rows + (array.rows + 1) // 2,
        array.flow.columns: 2 * array.columns + (array.columns + 1) // 2,
        array.flow.stream: stream,
    }
    # Whole tiles of the depth are as deep as rows of PEs that take several elements at once.
    if array.flow.rows == "k":
        sizes["k"] *= array.pe_rate(array.weight_bits, array.activation_bits).depth
    product = MatrixProduct.from_arrays(
        _integers(generator, array.activation_bits, (sizes["m"], sizes["k"])),
        _weights(generator, machine, (sizes["k"], sizes["n"])),
        _integers(generator, min(machine.accumulator.bits, 16), (sizes["n"],)),
    )
    plan = whole_plan(product.gemm, array)
    accumulators = _accumulators(product, plan, machine)
    # So that the largest outputs are clipped, the others not.
    largest = float(np.abs(accumulators).max() + 1)
    high = (1 << (array.activation_bits - 1)) - 1
    multipliers = 2 * high / largest * generator.uniform(0.25, 1, sizes["n"])
    unit = make_rescale(multipliers, machine.rescale.mode, machine.rescale.mantissa_bits)
    return PlayedProduct(
        title=f"a random product {sizes['m']} x {sizes['k']} x {sizes['n']} (seed {seed})",
        operands=product,
        plan=plan,
        accumulators=accumulators,
        outputs=requantize(accumulators, unit, -1, -high - 1, high),
        rescale=unit,
        zero_point=-1,
        clamp=(-high - 1, high),
        output_bits=array.activation_bits,
    )


def _find(integer: IntegerNetwork, name: str | None) -> tuple[IntegerLayer, IntegerMatrix]:
    names = []
    for layer in integer.layers:
        if isinstance(layer.operator, RunTimeMatrix) and layer.name == name:
            raise ConfigError(
                f"--layer: {name!r} finds its range at run time, which the RTL's rescale lane does "
                "not; quantize the network with a calibrated range"
            )
        if isinstance(layer.operator, IntegerMatrix):
            if layer.name == name:
                return layer, layer.operator
            names.append(layer.name)
    got = "" if name is None else f", got {name!r}"
    raise ConfigError(f"--layer: must be one of {integer.name}'s {', '.join(names)}{got}")


def _plan_of(name: str, integer: IntegerNetwork, machine: Hardware, images: int) -> TilePlan:
    for instruction in compile_network(integer, machine, images).instructions:
        if instruction.layer == name and isinstance(instruction, MatrixInstruction):
            return instruction.plan
    raise InternalError(f"layer {name!r}: the program has no product for it")


def _accumulators(operands: MatrixOperands, plan: TilePlan, machine: Hardware) -> NDArray[np.int64]:
    """Return int64[m, channels]; a group's columns are neighbouring channels."""
    result = run_array("tile", operands, plan, machine.array, machine.accumulator.format)
    cycles = sum(result.cycles.values())
    if cycles > _LONGEST_CYCLES:
        raise ConfigError(
            f"--rows: {plan.gemm.rows_m} rows take {cycles:,} cycles, more than the "
            f"{_LONGEST_CYCLES:,} that a testbench plays; give fewer rows or a larger array"
        )
    return result.accumulators.transpose(1, 0, 2).reshape(plan.gemm.rows_m, -1)


def _weights(
    generator: np.random.Generator, machine: Hardware, shape: tuple[int, ...]
) -> NDArray[np.int64]:
    if machine.array.pe_kind is PeKind.TERNARY:
        return generator.integers(-1, 2, shape)
    return _integers(generator, machine.array.weight_bits, shape)


def _integers(
    generator: np.random.Generator, bits: int, shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Draw signed integers; the most negative one, and zero, more often than chance gives them."""
    lowest = -(1 << (bits - 1))
    values = generator.integers(lowest, -lowest, shape)
    values[generator.random(shape) < 0.05] = lowest
    values[generator.random(shape) < 0.05] = 0
    return values
