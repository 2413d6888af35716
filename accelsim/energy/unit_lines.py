"""What the units around the array cost: scratchpads, rescale and vector units, control, leakage."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from accelsim.arithmetic.rescale import RescaleMode
from accelsim.compiler.program import Instruction, MatrixInstruction, VectorInstruction
from accelsim.energy.amount import Amount
from accelsim.energy.area import Area, leakage_uw
from accelsim.energy.array_lines import wire_mm
from accelsim.energy.memories import access_count, read, write
from accelsim.energy.operations import adder, multiplier, register, rescale, vector
from accelsim.energy.result import Component, Line
from accelsim.energy.table import TableValues
from accelsim.errors import InternalError
from accelsim.hardware.schema import Hardware, Scratchpad
from accelsim.simulator.run import LayerRun

__all__ = [
    "UnitPrices",
    "leakage_lines",
    "rescale_lines",
    "scratchpad_lines",
    "unit_prices",
    "vector_lines",
]

_ADDRESS_BITS = 32
_ADDITIONS_AN_ACCESS = 2
"""An address generator steps an address and counts the loop that it is in."""


@dataclass(frozen=True)
class Pad:
    """A scratchpad, its component, and what one access of its whole port costs in pJ."""

    component: Component
    scratchpad: Scratchpad
    read: Amount
    write: Amount


@dataclass(frozen=True)
class UnitPrices:
    """What an event of this machine's units costs in pJ; the same in every layer.

    ``wire``: a bit to or from a scratchpad; ``address``: an access or a burst;
    ``buffered_byte``: a byte in the DMA engines; ``operation``: of a lane of the vector unit;
    ``subtraction``: of a row's sum times a weight's zero point, and its pipeline register.
    ``leakage_uw``: power, by part.
    """

    activations: Pad
    weights: Pad
    accumulators: Pad
    wire: Amount
    address: Amount
    buffered_byte: Amount
    rescale: Amount
    subtraction: Amount
    operation: Amount
    leakage_uw: Mapping[str, Amount]


def unit_prices(hardware: Hardware, table: TableValues, area: Area) -> UnitPrices:
    """Return the prices of this machine's units; wires are half an edge of its area long."""
    pads, unit, bits = hardware.scratchpads, hardware.rescale, hardware.accumulator.bits

    def pad(component: Component, scratchpad: Scratchpad) -> Pad:
        return Pad(component, scratchpad, read(table, scratchpad), write(table, scratchpad))

    address = adder(table, _ADDRESS_BITS) + register(table, _ADDRESS_BITS)
    return UnitPrices(
        activations=pad(Component.ACTIVATION_SRAM, pads.activations),
        weights=pad(Component.WEIGHT_SRAM, pads.weights),
        accumulators=pad(Component.ACCUMULATOR_SRAM, pads.accumulators),
        wire=wire_mm(table) * (math.sqrt(area.total_mm2) / 2),
        address=address * _ADDITIONS_AN_ACCESS,
        buffered_byte=register(table, 8) * 2,
        rescale=rescale(table, unit.mode, bits, unit.mantissa_bits),
        subtraction=multiplier(table, hardware.array.weight_bits, bits)
        + adder(table, bits)
        + register(table, bits),
        operation=vector(table, bits),
        leakage_uw=leakage_uw(hardware, table),
    )


def scratchpad_lines(
    layer: LayerRun, instruction: Instruction, hardware: Hardware, prices: UnitPrices
) -> Iterator[Line]:
    """Yield the accesses of the three scratchpads, their wires and their addresses.

    Every element is priced at its width. Reads of activations include outputs on their way to
    DRAM, which have the output's width, and writes include inputs that come from there.
    """
    traffic = layer.traffic
    outputs = (
        layer.rescale_operations
        if isinstance(instruction, MatrixInstruction)
        else instruction.element_writes
    )
    stored = outputs if traffic.dram_write_bytes else 0
    wider = layer.output_bits - layer.input_bits
    accumulator_bits = hardware.accumulator.bits
    column_bits = accumulator_bits + (layer.weight_bits if layer.row_sums else 0)
    # A column's bias (and zero point) arrives with the first of its depth_k weights.
    bias_writes = 0
    if layer.gemm and traffic.bias_reads:
        bias_writes = traffic.weight_writes // layer.gemm.depth_k
    moved = (
        (
            prices.activations,
            traffic.activation_reads * layer.input_bits + stored * wider,
            traffic.activation_writes * layer.input_bits + outputs * wider,
        ),
        (
            prices.weights,
            traffic.weight_reads * layer.weight_bits
            + traffic.scale_reads * layer.scale_bits
            + traffic.bias_reads * column_bits,
            traffic.weight_writes * layer.weight_bits
            + traffic.scale_writes * layer.scale_bits
            + bias_writes * column_bits,
        ),
        (
            prices.accumulators,
            traffic.accumulator_reads * accumulator_bits,
            traffic.accumulator_writes * accumulator_bits,
        ),
    )
    accesses = bits = 0
    for pad, read_bits, written_bits in moved:
        reads = access_count(pad.scratchpad, read_bits)
        writes = access_count(pad.scratchpad, written_bits)
        port_bits = 8 * pad.scratchpad.bandwidth
        yield Line(pad.component, "reads", reads, "access", pad.read, port_bits)
        yield Line(pad.component, "writes", writes, "access", pad.write, port_bits)
        accesses += reads + writes
        bits += read_bits + written_bits
    yield Line(Component.WIRES, "to and from scratchpads", bits, "bit", prices.wire)
    yield Line(Component.CONTROL, "addresses", accesses, "access", prices.address)
    moved_bytes = traffic.dram_read_bytes + traffic.dram_write_bytes
    yield Line(Component.CONTROL, "DMA buffers", moved_bytes, "byte", prices.buffered_byte)
    bursts = -(-moved_bytes // hardware.dram.burst)
    yield Line(Component.CONTROL, "DMA addresses", bursts, "burst", prices.address)


def rescale_lines(layer: LayerRun, prices: UnitPrices) -> Iterator[Line]:
    """Yield what the rescale unit costs, and its subtraction of row sums where there are any."""
    count = layer.rescale_operations
    yield Line(Component.RESCALE, "rescaled results", count, "result", prices.rescale)
    if layer.row_sums:
        yield Line(Component.RESCALE, "row sums subtracted", count, "result", prices.subtraction)


def vector_lines(
    layer: LayerRun,
    instruction: VectorInstruction,
    hardware: Hardware,
    table: TableValues,
    prices: UnitPrices,
) -> Iterator[Line]:
    """Yield lane operations, and the rescales inside the layer: they are in the vector unit.

    A quotient is a multiplication by the reciprocal, rounded: it costs what a rescale costs.
    """
    rescales = {
        "add": 3,
        "average_pool": 1,
        "quotient_pool": 1,
        "requantize": 1,
        "quantize": 1,
        "multiply": 1,
    }.get(instruction.kind, 0)
    if instruction.kind == "add" and hardware.rescale.mode is RescaleMode.FLOAT32:
        rescales = 2
    outputs = instruction.element_writes if layer.vector_operations else 0
    operation = prices.operation
    if instruction.kind == "multiply":
        operation += multiplier(table, *instruction.shape.input_bits)
    yield Line(Component.VECTOR, "lane operations", layer.vector_operations, "operation", operation)
    results = rescales * outputs
    yield Line(Component.VECTOR, "rescales", results, "result", prices.rescale)


def leakage_lines(
    layer: LayerRun, busy_pe_cycles: int, hardware: Hardware, prices: UnitPrices
) -> Iterator[Line]:
    """Yield what leaks while the layer runs, and how much of the PEs' leakage is of idle PEs."""
    us = layer.cycles_total / hardware.clock * 1e6
    array = hardware.array
    pe_cycles = array.rows * array.columns * layer.cycles_total
    busy = busy_pe_cycles / pe_cycles if pe_cycles else 0.0
    if busy > 1:
        raise InternalError(f"energy: layer {layer.name!r}: PEs work for {busy:.3f} of its cycles")
    for name, power_uw in prices.leakage_uw.items():
        # 1 uW for 1 us is 1 pJ.
        if name == "PEs":
            yield Line(Component.LEAKAGE, "PEs at work", us * busy, "us", power_uw)
            yield Line(Component.LEAKAGE, "idle PEs", us * (1 - busy), "us", power_uw)
        else:
            yield Line(Component.LEAKAGE, name, us, "us", power_uw)
