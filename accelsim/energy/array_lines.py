"""What the PE grid costs when every operation costs the mean of random operands."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from accelsim.compiler.program import MatrixInstruction
from accelsim.energy.amount import Amount
from accelsim.energy.area import pe_pitch_mm
from accelsim.energy.operations import (
    adder,
    clocked_bit,
    multiplier,
    multiplier_row,
    register,
    toggled_bit,
    tree_bits,
)
from accelsim.energy.registers import (
    RegisterUse,
    plane_bits,
    register_bits,
    register_use,
    row_sum_bits,
    row_sum_use,
    scaling_register_bits,
)
from accelsim.energy.result import Component, Line
from accelsim.energy.table import TableValues
from accelsim.hardware.pe_kinds import BRICK_BITS, PeKind
from accelsim.hardware.schema import ClockGating, Hardware
from accelsim.simulator.run import Cause, LayerRun

__all__ = [
    "ArrayPrices",
    "array_prices",
    "clock_lines",
    "drain_hops_bits",
    "operation_lines",
    "pe_cycles",
    "row_sum_clock_line",
    "row_sum_lines",
    "use_of_registers",
    "wire_mm",
]

_TOGGLED_SHARE = 0.5
"""Of the bits of a register that takes random data."""


@dataclass(frozen=True)
class ArrayPrices:
    """What an event of this machine's PE grid costs in pJ; the same in every layer.

    ``hop``: a bit on its way to the next PE; ``clock_tree``: a cycle; ``scales``: the
    multiplication of a sum of a group of weights by its scale, and the registers of scale and
    result. The others are those of fixed PEs, or of composable ones as multiples of these.
    """

    multiplication: Amount
    addition: Amount
    clocked_bit: Amount
    toggled_bit: Amount
    hop: Amount
    clock_tree: Amount
    scales: tuple[Amount, Amount]


def array_prices(hardware: Hardware, table: TableValues) -> ArrayPrices:
    """Return the prices of this machine's PE grid.

    The clock tree is an H tree over the array, 1.5 (sqrt(PEs) - 1) edges of the array long; each
    cycle of a layer on the array raises and lowers it.
    """
    array, pitch_mm = hardware.array, pe_pitch_mm(hardware, table)
    pes, accumulator_bits = array.rows * array.columns, hardware.accumulator.bits
    edge_mm = pitch_mm * math.sqrt(pes)
    length_mm = 1.5 * edge_mm * (math.sqrt(pes) - 1)

    def built(price: Amount) -> Amount:
        if array.pe_kind is not PeKind.COMPOSABLE:
            return price
        return price.at_ratio(table.composable_pe.energy_ratio, "composable_pe")

    return ArrayPrices(
        multiplication=built(multiplier(table, array.pe_weight_bits, array.pe_activation_bits)),
        addition=built(adder(table, accumulator_bits)),
        clocked_bit=built(clocked_bit(table)),
        toggled_bit=built(toggled_bit(table)),
        hop=wire_mm(table) * pitch_mm,
        # A wire that changes costs twice the mean of random data; a clock changes twice a cycle.
        clock_tree=wire_mm(table) * (4 * length_mm),
        scales=(
            multiplier(table, accumulator_bits, array.scale_bits or 0),
            register(table, accumulator_bits + (array.scale_bits or 0)),
        ),
    )


def operation_lines(
    layer: LayerRun,
    instruction: MatrixInstruction,
    use: RegisterUse,
    prices: ArrayPrices,
    hardware: Hardware,
    table: TableValues,
) -> Iterator[Line]:
    """Yield the lines of multipliers, adders, registers and the wires between PEs."""
    changed = use.clocked_bits * _TOGGLED_SHARE
    if hardware.array.pe_kind is PeKind.FIXED:
        macs = layer.array.macs
        yield Line(Component.MULTIPLIER, "multiplications", macs, "MAC", prices.multiplication)
        yield Line(Component.ADDER, "additions", macs, "MAC", prices.addition)
    else:
        yield from _kind_lines(layer, instruction, prices, hardware, table)
    yield Line(Component.REGISTERS, "changed bits", changed, "bit", prices.toggled_bit)
    yield Line(Component.WIRES, "from PE to PE", use.hops_bits, "bit", prices.hop)
    scaled = layer.array.scalings
    if scaled:
        product, registers = prices.scales
        yield Line(Component.MULTIPLIER, "scaled sums of groups", scaled, "sum", product)
        yield Line(Component.ADDER, "scaled sums of groups", scaled, "sum", prices.addition)
        yield Line(Component.REGISTERS, "scaled sums of groups", scaled, "sum", registers)


def pe_cycles(layer: LayerRun, instruction: MatrixInstruction) -> int:
    """Return the cycles in which PEs multiplied in a layer, summed over PEs."""
    plan = instruction.plan
    return layer.array.macs * plan.pe_cycles // plan.gemm.macs


def _kind_lines(
    layer: LayerRun,
    instruction: MatrixInstruction,
    prices: ArrayPrices,
    hardware: Hardware,
    table: TableValues,
) -> Iterator[Line]:
    """Yield what PEs that are not fixed multiply and add, a line for each part at work."""
    array, bits, plan = hardware.array, hardware.accumulator.bits, instruction.plan
    count, rate = pe_cycles(layer, instruction), plan.pe_rate
    multiplied: tuple[str, Amount]
    added = prices.addition
    if array.pe_kind is PeKind.COMPOSABLE:
        multiplied = "all bricks of a PE", prices.multiplication
    elif array.pe_kind is PeKind.BIT_SERIAL:
        multiplied = "a weight by a bit", multiplier_row(table, array.pe_weight_bits)
        added = adder(table, plane_bits(array)) if array.flow.preloads else added
    else:
        lane = instruction.shape.input_bits
        what = "XNOR of each lane" if lane == BRICK_BITS else "sign of each lane"
        multiplied = what, multiplier_row(table, lane) * rate.depth
        if rate.depth > 1:
            what = "population count" if lane == BRICK_BITS else "sums of lanes"
            tree = adder(table, tree_bits(rate.depth, lane + 1))
            yield Line(Component.ADDER, what, count, "PE cycle", tree)
    what, price = multiplied
    yield Line(Component.MULTIPLIER, what, count, "PE cycle", price)
    yield Line(Component.ADDER, "additions", count, "PE cycle", added)
    if array.flow.preloads and rate.cycles > 1:
        gemm = plan.gemm
        parts = gemm.groups * gemm.rows_m * gemm.columns_n * plan.k_tiles * rate.cycles
        both = adder(table, bits) + register(table, bits)
        parts = parts if layer.array.macs else 0
        yield Line(Component.ADDER, "parts put together below columns", parts, "sum", both)


def row_sum_lines(
    layer: LayerRun, instruction: MatrixInstruction, hardware: Hardware, prices: ArrayPrices
) -> Iterator[Line]:
    """Yield what summing up rows costs, in a column of adders or as products with ones."""
    if not layer.row_sums:
        return
    additions = layer.array.row_additions
    yield Line(Component.ADDER, "row sums", additions, "addition", prices.addition)
    if not hardware.array.has_row_sum_column:
        price = prices.multiplication
        yield Line(Component.MULTIPLIER, "row sums, by ones", additions, "MAC", price)
        return
    use = _use_of_row_sums(layer, instruction, hardware)
    changed = use.clocked_bits * _TOGGLED_SHARE
    yield Line(Component.REGISTERS, "row sums, changed bits", changed, "bit", prices.toggled_bit)
    yield Line(Component.WIRES, "row sums", use.hops_bits, "bit", prices.hop)


def row_sum_clock_line(
    layer: LayerRun, instruction: MatrixInstruction, hardware: Hardware, prices: ArrayPrices
) -> Iterator[Line]:
    """Yield the clock of the registers of a column of adders, if the array has one."""
    array, bits = hardware.array, hardware.accumulator.bits
    clocked = 0
    if array.clock_gating is ClockGating.NONE:
        clocked = row_sum_bits(array, bits) * layer.cycles_total
    elif layer.row_sums:
        clocked = _use_of_row_sums(layer, instruction, hardware).clocked_bits
    if clocked:
        price = prices.clocked_bit
        yield Line(Component.REGISTERS, "row sums, clocked bits", clocked, "bit", price)


def _use_of_row_sums(
    layer: LayerRun, instruction: MatrixInstruction, hardware: Hardware
) -> RegisterUse:
    plan = instruction.plan
    return row_sum_use(
        hardware.array,
        hardware.accumulator.bits,
        stream_cycles=layer.cycles.get(Cause.STREAM, 0),
        tiles=plan.gemm.groups * plan.m_tiles * plan.n_tiles if layer.array.passes else 0,
    )


def clock_lines(
    layer: LayerRun, use: RegisterUse, hardware: Hardware, prices: ArrayPrices
) -> Iterator[Line]:
    """Yield what the clock costs: the registers that it reaches, and the tree down to the PEs."""
    array, cycles, clocked = hardware.array, layer.cycles_total, use.clocked_bits
    if array.clock_gating is ClockGating.NONE:
        units, scaling_bits = scaling_register_bits(array, hardware.accumulator.bits)
        clocked = register_bits(array, hardware.accumulator.bits) * cycles
        # A sum that is scaled pays for its own clock.
        clocked += scaling_bits * (units * cycles - layer.array.scalings)
    yield Line(Component.REGISTERS, "clocked bits", clocked, "bit", prices.clocked_bit)
    yield Line(Component.CLOCK_TREE, "tree to the PEs", cycles, "cycle", prices.clock_tree)


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
        operand_bits=(instruction.shape.weight_bits, instruction.shape.input_bits),
    )


def drain_hops_bits(layer: LayerRun, instruction: MatrixInstruction, hardware: Hardware) -> int:
    """Count the bits of biases and results that pass PEs of an output-stationary layer."""
    plan = instruction.plan
    tiles = plan.gemm.groups * plan.m_tiles * plan.n_tiles if layer.array.passes else 0
    return register_use(hardware.array, hardware.accumulator.bits, 0, 0, tiles).hops_bits


def wire_mm(table: TableValues) -> Amount:
    """Return the price of a bit of random data over one mm."""
    return table.wire.amount(table.wire.pj / table.wire.width_bits, "wire")
