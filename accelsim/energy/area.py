"""How large the machine is: PEs, scratchpads, lanes of both units, and what they leak.

Bounds are those of the table's entries. Routing, pads and controllers are not in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from accelsim.arithmetic.rescale import RescaleMode
from accelsim.energy.amount import Amount
from accelsim.energy.memories import pad_area_mm2, pad_leakage_uw
from accelsim.energy.operations import tree_bits
from accelsim.energy.registers import (
    plane_bits,
    register_bits,
    row_sum_bits,
    scaling_register_bits,
)
from accelsim.energy.table import TableValues
from accelsim.hardware.pe_kinds import BRICK_BITS, PeKind
from accelsim.hardware.schema import Array, Hardware

__all__ = [
    "Area",
    "area",
    "leakage_uw",
    "pe_leakage_uw",
    "pe_pitch_mm",
    "pe_um2",
    "synthesized_pe_um2",
]

_FLOAT32_MANTISSA_BITS = 24


@dataclass(frozen=True)
class Area:
    """mm2 of each part, with bounds."""

    mm2: Mapping[str, float]
    low_mm2: float
    high_mm2: float

    @property
    def total_mm2(self) -> float:
        """All parts."""
        return math.fsum(self.mm2.values())


def area(hardware: Hardware, table: TableValues) -> Area:
    """Return the area of the machine's parts in mm2."""
    array, pads = hardware.array, hardware.scratchpads
    pes = array.rows * array.columns
    parts = {
        "pe_array": (pe_um2(hardware, table) * pes + _below_um2(hardware, table)) * 1e-6,
        "activation_sram": pad_area_mm2(table, pads.activations),
        "weight_sram": pad_area_mm2(table, pads.weights),
        "accumulator_sram": pad_area_mm2(table, pads.accumulators),
        "rescale": _rescale_um2(hardware, table) * 1e-6,
        "vector": _vector_um2(hardware, table) * 1e-6,
    }
    if array.row_sums:
        parts["row_sums"] = _row_sums_um2(hardware, table) * 1e-6
    if array.scale_bits and array.flow.preloads:
        parts["scaling"] = _scaling_um2(hardware, table) * (array.columns * 1e-6)
    return Area(
        {name: part.value for name, part in parts.items()},
        math.fsum(part.low for part in parts.values()),
        math.fsum(part.high for part in parts.values()),
    )


def leakage_uw(hardware: Hardware, table: TableValues) -> dict[str, Amount]:
    """Return the leakage of the PEs, the scratchpads and the other logic in uW."""
    array, pads, cells = hardware.array, hardware.scratchpads, hardware.technology.sram_cells
    pes = array.rows * array.columns
    memories = Amount()
    for pad in (pads.activations, pads.weights, pads.accumulators):
        memories += pad_leakage_uw(table, pad, cells)
    logic_um2 = _rescale_um2(hardware, table) + _vector_um2(hardware, table)
    density = table.logic_leakage.uw_per_um2
    leaks = {
        "PEs": _pe_leakage(hardware, table) * pes,
        "scratchpads": memories,
        "rescale and vector units": table.logic_leakage.amount(
            logic_um2.value * density, "logic_leakage"
        ),
    }
    if array.row_sums:
        row_sums_um2 = _row_sums_um2(hardware, table).value
        leaks["row sums"] = table.logic_leakage.amount(row_sums_um2 * density, "logic_leakage")
    if array.scale_bits:
        units, _ = scaling_register_bits(array, hardware.accumulator.bits)
        scaling_um2 = _scaling_um2(hardware, table).value * units
        leaks["scales of groups of weights"] = table.logic_leakage.amount(
            scaling_um2 * density, "logic_leakage"
        )
    return leaks


def pe_um2(hardware: Hardware, table: TableValues) -> Amount:
    """Return the area of one PE in um2: multiplier, adder, and every register.

    Output stationary, what scales sums of groups of weights is in it.
    A composable PE is the fixed PE of its width times the ratio that synthesis found. A
    bit-serial one has a row of a multiplier, a ternary one a row a lane and an adder tree for
    the most lanes.
    """
    array, bits = hardware.array, hardware.accumulator.bits
    registers = register_bits(array, bits) // (array.rows * array.columns)
    if array.pe_kind is PeKind.BIT_SERIAL and array.flow.preloads:
        bits = plane_bits(array)
    elif array.pe_kind is PeKind.TERNARY:
        lanes = array.pe_rate(BRICK_BITS, BRICK_BITS).depth
        bits += tree_bits(lanes, BRICK_BITS + 1)
    product = _multiplier_um2(table, *array.multiplied_bits)
    whole = product + _adder_um2(table, bits) + _register_um2(table, registers)
    if array.pe_kind is PeKind.COMPOSABLE:
        return whole.at_ratio(table.composable_pe.area_ratio, "composable_pe")
    if array.scale_bits and not array.flow.preloads:
        return whole + _scaling_um2(hardware, table)
    return whole


def synthesized_pe_um2(table: TableValues, a_bits: int, b_bits: int) -> float:
    """Return the area of a synthesized PE of these operand widths, its sums as narrow as theirs.

    Its law is fitted to synthesized arrays; it is what sums of parts are held against.
    """
    law = table.pe_area
    return law.quadratic_um2 * a_bits * b_bits + (
        law.linear_um2 * (a_bits + b_bits) / 2 + law.constant_um2
    )


def pe_leakage_uw(table: TableValues, array: Array) -> float:
    """Return the leakage in uW of one PE by the widths that it multiplies, never below zero.

    Of a composable PE, that of the fixed PE of its width.
    """
    law, (a, b) = table.pe_leakage, array.multiplied_bits
    return max(law.quadratic_uw * a * b + law.linear_uw * (a + b) / 2 + law.constant_uw, 0.0)


def _pe_leakage(hardware: Hardware, table: TableValues) -> Amount:
    law = table.pe_leakage.amount(pe_leakage_uw(table, hardware.array), "pe_leakage")
    if hardware.array.pe_kind is PeKind.COMPOSABLE:
        return law.at_ratio(table.composable_pe.leakage_ratio, "composable_pe")
    return law


def _below_um2(hardware: Hardware, table: TableValues) -> Amount:
    """Return the adder and register below each column that put parts of sums together."""
    array, bits = hardware.array, hardware.accumulator.bits
    takes_parts = array.pe_rate(array.weight_bits, array.activation_bits).cycles > 1
    if not (takes_parts and array.flow.preloads):
        return Amount()
    return (_adder_um2(table, bits) + _register_um2(table, bits)) * array.columns


def pe_pitch_mm(hardware: Hardware, table: TableValues) -> float:
    """Return the distance from one PE to the next in mm: PEs are square."""
    return math.sqrt(pe_um2(hardware, table).value) * 1e-3


def _rescale_um2(hardware: Hardware, table: TableValues) -> Amount:
    """All lanes: multiplier, rounding and zero point adders, a register a stage."""
    unit, bits = hardware.rescale, hardware.accumulator.bits
    float32 = unit.mode is RescaleMode.FLOAT32
    mantissa_bits = _FLOAT32_MANTISSA_BITS if float32 else unit.mantissa_bits
    product_bits = bits + mantissa_bits
    rounding = {RescaleMode.DOUBLE_ROUND: 2, RescaleMode.TRUNCATE: 0}.get(unit.mode, 1)
    lane = _multiplier_um2(table, bits, mantissa_bits)
    lane += _adder_um2(table, rounding * product_bits + bits)
    lane += _register_um2(table, unit.pipeline * product_bits)
    return lane * unit.lanes


def _row_sums_um2(hardware: Hardware, table: TableValues) -> Amount:
    """A column of adders (ws, os), and in each rescale lane what subtracts: one stage."""
    array, bits = hardware.array, hardware.accumulator.bits
    lane = _multiplier_um2(table, array.weight_bits, bits)
    lane += _adder_um2(table, bits) + _register_um2(table, bits)
    unit = lane * hardware.rescale.lanes
    if not array.has_row_sum_column:
        return unit
    column = _adder_um2(table, bits) * array.rows
    return unit + column + _register_um2(table, row_sum_bits(array, bits))


def _vector_um2(hardware: Hardware, table: TableValues) -> Amount:
    bits = hardware.accumulator.bits
    return (_adder_um2(table, bits) + _register_um2(table, bits)) * hardware.vector.lanes


def _scaling_um2(hardware: Hardware, table: TableValues) -> Amount:
    """What scales sums of groups of weights: a multiplier, and registers of scale and result.

    At the bottom of a column it has an adder of its own; in a PE, that of the products.
    """
    array, bits = hardware.array, hardware.accumulator.bits
    scale_bits = array.scale_bits or 0
    found = _multiplier_um2(table, bits, scale_bits)
    found += _register_um2(table, bits + scale_bits)
    return found + _adder_um2(table, bits) if array.flow.preloads else found


def _multiplier_um2(table: TableValues, a_bits: int, b_bits: int) -> Amount:
    entry = table.multiply_area
    return entry.amount(entry.um2 * a_bits * b_bits / entry.width_bits**2, "multiply_area")


def _adder_um2(table: TableValues, bits: int) -> Amount:
    entry = table.add_area
    return entry.amount(entry.um2 * bits / entry.width_bits, "add_area")


def _register_um2(table: TableValues, bits: int) -> Amount:
    entry = table.register_area
    return entry.amount(entry.um2 * bits / entry.width_bits, "register_area")
