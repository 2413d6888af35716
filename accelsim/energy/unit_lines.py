"""What the units around the array cost: scratchpads, rescale and vector units, control, leakage."""

from __future__ import annotations

import math
from collections.abc import Iterator

from accelsim.arithmetic.rescale import RescaleMode
from accelsim.compiler.program import VectorInstruction
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

__all__ = ["leakage_lines", "rescale_line", "scratchpad_lines", "vector_lines"]

_ADDRESS_BITS = 32
_ADDITIONS_AN_ACCESS = 2
"""An address generator steps an address and counts the loop that it is in."""


def scratchpad_lines(
    layer: LayerRun, hardware: Hardware, table: TableValues, area: Area
) -> Iterator[Line]:
    """Yield the accesses of the three scratchpads, their wires and their addresses.

    Every element is priced at its width. Reads of activations include outputs on their way to
    DRAM and writes include inputs that come from there; in a layer whose input and output
    widths differ the wider one is charged.
    """
    pads, traffic = hardware.scratchpads, layer.traffic
    activation_bits = max(layer.input_bits, layer.output_bits)
    accumulator_bits = hardware.accumulator.bits
    # A column's bias arrives with the first of its depth_k weights, once for each fetch.
    bias_writes = 0
    if layer.gemm and traffic.bias_reads:
        bias_writes = traffic.weight_writes // layer.gemm.depth_k
    moved = (
        (
            Component.ACTIVATION_SRAM,
            pads.activations,
            traffic.activation_reads * activation_bits,
            traffic.activation_writes * activation_bits,
        ),
        (
            Component.WEIGHT_SRAM,
            pads.weights,
            traffic.weight_reads * layer.weight_bits + traffic.bias_reads * accumulator_bits,
            traffic.weight_writes * layer.weight_bits + bias_writes * accumulator_bits,
        ),
        (
            Component.ACCUMULATOR_SRAM,
            pads.accumulators,
            traffic.accumulator_reads * accumulator_bits,
            traffic.accumulator_writes * accumulator_bits,
        ),
    )
    accesses = bits = 0
    for component, pad, read_bits, written_bits in moved:
        yield from _accesses(component, pad, read_bits, written_bits, table)
        accesses += access_count(pad, read_bits) + access_count(pad, written_bits)
        bits += read_bits + written_bits
    distance_mm = math.sqrt(area.total_mm2) / 2
    across = wire_mm(table) * distance_mm
    yield Line(Component.WIRES, "to and from scratchpads", bits, "bit", across)
    address = (adder(table, _ADDRESS_BITS) + register(table, _ADDRESS_BITS)) * _ADDITIONS_AN_ACCESS
    yield Line(Component.CONTROL, "addresses", accesses, "access", address)
    moved_bytes = traffic.dram_read_bytes + traffic.dram_write_bytes
    buffered = register(table, 8) * 2
    yield Line(Component.CONTROL, "DMA buffers", moved_bytes, "byte", buffered)
    bursts = -(-moved_bytes // hardware.dram.burst)
    yield Line(Component.CONTROL, "DMA addresses", bursts, "burst", address)


def _accesses(
    component: Component, pad: Scratchpad, read_bits: int, written_bits: int, table: TableValues
) -> Iterator[Line]:
    yield Line(component, "reads", access_count(pad, read_bits), "access", read(table, pad))
    yield Line(component, "writes", access_count(pad, written_bits), "access", write(table, pad))


def rescale_line(layer: LayerRun, hardware: Hardware, table: TableValues) -> Line:
    """Return what the rescale unit costs."""
    price = _one_rescale(hardware, table)
    return Line(Component.RESCALE, "rescaled results", layer.rescale_operations, "result", price)


def vector_lines(
    layer: LayerRun, instruction: VectorInstruction, hardware: Hardware, table: TableValues
) -> Iterator[Line]:
    """Yield lane operations, and the rescales inside the layer: they are in the vector unit.

    A quotient is a multiplication by the reciprocal, rounded: it costs what a rescale costs.
    """
    rescales = {
        "add": 3,
        "average_pool": 1,
        "quotient_pool": 1,
        "requantize": 1,
        "multiply": 1,
    }.get(instruction.kind, 0)
    if instruction.kind == "add" and hardware.rescale.mode is RescaleMode.FLOAT32:
        rescales = 2
    outputs = instruction.element_writes if layer.vector_operations else 0
    operation = vector(table, hardware.accumulator.bits)
    if instruction.kind == "multiply":
        operation += multiplier(table, *instruction.shape.input_bits)
    yield Line(Component.VECTOR, "lane operations", layer.vector_operations, "operation", operation)
    results = rescales * outputs
    yield Line(Component.VECTOR, "rescales", results, "result", _one_rescale(hardware, table))


def leakage_lines(layer: LayerRun, hardware: Hardware, table: TableValues) -> Iterator[Line]:
    """Yield what leaks while the layer runs, and how much of the PEs' leakage is of idle PEs."""
    us = layer.cycles_total / hardware.clock * 1e6
    array = hardware.array
    pe_cycles = array.rows * array.columns * layer.cycles_total
    busy = layer.array.macs / pe_cycles if pe_cycles else 0.0
    if busy > 1:
        raise InternalError(f"energy: layer {layer.name!r}: {busy:.3f} MACs a PE and cycle")
    for name, power_uw in leakage_uw(hardware, table).items():
        # 1 uW for 1 us is 1 pJ.
        if name == "PEs":
            yield Line(Component.LEAKAGE, "PEs at work", us * busy, "us", power_uw)
            yield Line(Component.LEAKAGE, "idle PEs", us * (1 - busy), "us", power_uw)
        else:
            yield Line(Component.LEAKAGE, name, us, "us", power_uw)


def _one_rescale(hardware: Hardware, table: TableValues) -> Amount:
    unit = hardware.rescale
    return rescale(table, unit.mode, hardware.accumulator.bits, unit.mantissa_bits)
