"""What the PE grid costs when every operation costs the mean of random operands."""

from __future__ import annotations

import math
from collections.abc import Iterator

from accelsim.compiler.program import MatrixInstruction
from accelsim.energy.amount import Amount
from accelsim.energy.area import pe_pitch_mm
from accelsim.energy.operations import adder, clocked_bit, multiplier, toggled_bit
from accelsim.energy.registers import RegisterUse, register_bits, register_use
from accelsim.energy.result import Component, Line
from accelsim.energy.table import TableValues
from accelsim.hardware.schema import ClockGating, Hardware
from accelsim.simulator.run import Cause, LayerRun

__all__ = ["clock_lines", "drain_hops_bits", "operation_lines", "use_of_registers", "wire_mm"]

_TOGGLED_SHARE = 0.5
"""Of the bits of a register that takes random data."""


def operation_lines(
    layer: LayerRun, instruction: MatrixInstruction, hardware: Hardware, table: TableValues
) -> Iterator[Line]:
    """Yield the lines of multipliers, adders, registers and the wires between PEs."""
    array, bits = hardware.array, hardware.accumulator.bits
    product = multiplier(table, array.pe_weight_bits, array.pe_activation_bits)
    yield Line(Component.MULTIPLIER, "multiplications", layer.array.macs, "MAC", product)
    yield Line(Component.ADDER, "additions", layer.array.macs, "MAC", adder(table, bits))
    use = use_of_registers(layer, instruction, hardware)
    changed = use.clocked_bits * _TOGGLED_SHARE
    yield Line(Component.REGISTERS, "changed bits", changed, "bit", toggled_bit(table))
    hop = wire_mm(table) * pe_pitch_mm(hardware, table)
    yield Line(Component.WIRES, "from PE to PE", use.hops_bits, "bit", hop)


def clock_lines(
    layer: LayerRun, instruction: MatrixInstruction, hardware: Hardware, table: TableValues
) -> Iterator[Line]:
    """Yield what the clock costs: the registers that it reaches, and the tree down to the PEs.

    The tree is an H tree over the array, never gated: 1.5 (sqrt(PEs) - 1) edges of the array
    long, and each cycle raises and lowers it.
    """
    array = hardware.array
    clocked = use_of_registers(layer, instruction, hardware).clocked_bits
    if array.clock_gating is ClockGating.NONE:
        clocked = register_bits(array, hardware.accumulator.bits) * layer.cycles_total
    yield Line(Component.REGISTERS, "clocked bits", clocked, "bit", clocked_bit(table))
    pes = array.rows * array.columns
    edge_mm = pe_pitch_mm(hardware, table) * math.sqrt(pes)
    length_mm = 1.5 * edge_mm * (math.sqrt(pes) - 1)
    # A wire that changes costs twice the mean of random data, and a clock changes twice a cycle.
    tree = wire_mm(table) * (4 * length_mm)
    yield Line(Component.CLOCK_TREE, "tree to the PEs", layer.cycles_total, "cycle", tree)


def use_of_registers(
    layer: LayerRun, instruction: MatrixInstruction, hardware: Hardware
) -> RegisterUse:
    """Count the layer's clocked register bits from its streams, passes and tiles."""
    plan, passes = instruction.plan, layer.array.passes
    return register_use(
        hardware.array,
        hardware.accumulator.bits,
        stream_cycles=layer.cycles.get(Cause.STREAM, 0),
        passes=passes,
        tiles=plan.gemm.groups * plan.m_tiles * plan.n_tiles if passes else 0,
    )


def drain_hops_bits(layer: LayerRun, instruction: MatrixInstruction, hardware: Hardware) -> int:
    """Count the bits of biases and results that pass PEs of an output-stationary layer."""
    plan = instruction.plan
    tiles = plan.gemm.groups * plan.m_tiles * plan.n_tiles if layer.array.passes else 0
    return register_use(hardware.array, hardware.accumulator.bits, 0, 0, tiles).hops_bits


def wire_mm(table: TableValues) -> Amount:
    """Return the price of a bit of random data over one mm."""
    return table.wire.amount(table.wire.pj / table.wire.width_bits, "wire")
