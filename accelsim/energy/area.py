"""How large the machine is: PEs, scratchpads, rescale and vector lanes, and what they leak.

Bounds are those of the table's entries. Routing, pads and controllers are not in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from accelsim.arithmetic.rescale import RescaleMode
from accelsim.energy.amount import Amount
from accelsim.energy.memories import pad_area_mm2, pad_leakage_uw
from accelsim.energy.table import TableValues
from accelsim.hardware.schema import Array, Hardware

__all__ = ["Area", "area", "leakage_uw", "pe_area_um2", "pe_leakage_uw", "pe_pitch_mm"]

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
    one_pe = table.pe_area.amount(pe_area_um2(table, array) * 1e-6, "pe_area")
    parts = {
        "pe_array": one_pe * (array.rows * array.columns),
        "activation_sram": pad_area_mm2(table, pads.activations),
        "weight_sram": pad_area_mm2(table, pads.weights),
        "accumulator_sram": pad_area_mm2(table, pads.accumulators),
        "rescale": _rescale_um2(hardware, table) * 1e-6,
        "vector": _vector_um2(hardware, table) * 1e-6,
    }
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
    return {
        "PEs": table.pe_leakage.amount(pe_leakage_uw(table, array) * pes, "pe_leakage"),
        "scratchpads": memories,
        "rescale and vector units": table.logic_leakage.amount(
            logic_um2.value * density, "logic_leakage"
        ),
    }


def pe_area_um2(table: TableValues, array: Array) -> float:
    """Return the area of one PE in um2."""
    law, a, b = table.pe_area, array.weight_bits, array.activation_bits
    return law.quadratic_um2 * a * b + law.linear_um2 * (a + b) / 2 + law.constant_um2


def pe_leakage_uw(table: TableValues, array: Array) -> float:
    """Return the leakage of one PE in uW, never below zero."""
    law, a, b = table.pe_leakage, array.weight_bits, array.activation_bits
    return max(law.quadratic_uw * a * b + law.linear_uw * (a + b) / 2 + law.constant_uw, 0.0)


def pe_pitch_mm(table: TableValues, array: Array) -> float:
    """Return the distance from one PE to the next in mm: PEs are square."""
    return math.sqrt(pe_area_um2(table, array)) * 1e-3


def _rescale_um2(hardware: Hardware, table: TableValues) -> Amount:
    """All lanes: multiplier, rounding and zero point adders, a register a stage."""
    unit, bits = hardware.rescale, hardware.accumulator.bits
    float32 = unit.mode is RescaleMode.FLOAT32
    mantissa_bits = _FLOAT32_MANTISSA_BITS if float32 else unit.mantissa_bits
    product_bits = bits + mantissa_bits
    rounding = {RescaleMode.DOUBLE_ROUND: 2, RescaleMode.TRUNCATE: 0}.get(unit.mode, 1)
    multiplier = table.multiply_area
    um2 = multiplier.um2 * bits * mantissa_bits / multiplier.width_bits**2
    lane = multiplier.amount(um2, "multiply_area")
    lane += _adder_um2(table, rounding * product_bits + bits)
    lane += _register_um2(table, unit.pipeline * product_bits)
    return lane * unit.lanes


def _vector_um2(hardware: Hardware, table: TableValues) -> Amount:
    bits = hardware.accumulator.bits
    return (_adder_um2(table, bits) + _register_um2(table, bits)) * hardware.vector.lanes


def _adder_um2(table: TableValues, bits: int) -> Amount:
    entry = table.add_area
    return entry.amount(entry.um2 * bits / entry.width_bits, "add_area")


def _register_um2(table: TableValues, bits: int) -> Amount:
    entry = table.register_area
    return entry.amount(entry.um2 * bits / entry.width_bits, "register_area")
