"""What one operation costs, as a function of operand width. Energies in pJ, for random operands.

A unit is *built* for its widths: a narrow operand on a wide multiplier costs what the wide
multiplier costs.
"""

from __future__ import annotations

from accelsim.arithmetic.rescale import RescaleMode
from accelsim.energy.table import TableValues

__all__ = [
    "adder_pj",
    "dram_pj",
    "multiplier_extrapolation",
    "multiplier_pj",
    "pe_leakage_uw",
    "register_pj",
    "rescale_pj",
    "vector_pj",
]

_FLOAT32_BITS = 32


def multiplier_pj(table: TableValues, a_bits: int, b_bits: int) -> float:
    """Return the energy of one ``a_bits`` x ``b_bits`` multiplication.

    ``q * a * b + l * (a + b) / 2``: partial products and their rows. q and l are such that the
    table's two square multipliers come out exactly (with Horowitz' 45 nm points, QKeras'
    polynomial 0.002994791667 b^2 + 0.001041666667 b).
    """
    narrow, wide = table.multiply_narrow, table.multiply_wide
    narrow_slope = narrow.pj / narrow.width_bits
    wide_slope = wide.pj / wide.width_bits
    quadratic = (wide_slope - narrow_slope) / (wide.width_bits - narrow.width_bits)
    linear = narrow_slope - quadratic * narrow.width_bits
    return quadratic * (a_bits * b_bits) + linear * (a_bits + b_bits) / 2


def multiplier_extrapolation(table: TableValues, a_bits: int, b_bits: int) -> str | None:
    """Return a warning when a width is outside those of the table's two multipliers.

    It says which side, not which width: the points of a run give the same sentence.
    """
    narrow, wide = table.multiply_narrow.width_bits, table.multiply_wide.width_bits
    below = f"below {narrow}" if min(a_bits, b_bits) < narrow else ""
    above = f"above {wide}" if max(a_bits, b_bits) > wide else ""
    if not (below or above):
        return None
    outside = " and ".join(filter(None, (below, above)))
    return (
        f"multiplier energy {outside} bits is extrapolated from the {narrow}- and {wide}-bit "
        f"points of the table {table.name}"
    )


def adder_pj(table: TableValues, bits: int) -> float:
    """Return the energy of one addition of ``bits`` bits: proportional to the width."""
    return table.add.pj * bits / table.add.width_bits


def register_pj(table: TableValues, bits: int) -> float:
    """Return the energy of clocking ``bits`` register bits once."""
    return table.register_bit.pj * bits / table.register_bit.width_bits


def rescale_pj(
    table: TableValues, mode: RescaleMode, accumulator_bits: int, mantissa_bits: int
) -> float:
    """Return the energy of one rescaled result.

    A multiplication by the mantissa, the rounding adders of the mode at the product's width,
    and the zero point's addition. ``float32`` mode has a float32 multiplier instead.
    """
    zero_point = adder_pj(table, accumulator_bits)
    if mode is RescaleMode.FLOAT32:
        width_ratio = _FLOAT32_BITS / table.float32_multiply.width_bits
        return table.float32_multiply.pj * width_ratio + zero_point
    rounding_adders = {
        RescaleMode.DOUBLE_ROUND: 2,
        RescaleMode.SINGLE_ROUND: 1,
        RescaleMode.TRUNCATE: 0,
    }[mode]
    rounding = rounding_adders * adder_pj(table, accumulator_bits + mantissa_bits)
    return multiplier_pj(table, accumulator_bits, mantissa_bits) + rounding + zero_point


def vector_pj(table: TableValues, accumulator_bits: int) -> float:
    """Return the energy of one lane operation: an addition and its result register."""
    return adder_pj(table, accumulator_bits) + register_pj(table, accumulator_bits)


def dram_pj(table: TableValues, dram_type: str, transferred_bytes: int) -> float:
    """Return the energy of moving bytes over the DRAM bus, device included."""
    entry = table.dram[dram_type]
    return entry.pj / entry.width_bits * 8 * transferred_bytes


def pe_leakage_uw(table: TableValues, weight_bits: int, activation_bits: int) -> float:
    """Return the leakage of one PE in uW, never below zero."""
    law = table.pe_leakage
    power = (
        law.quadratic_uw * weight_bits * activation_bits
        + law.linear_uw * (weight_bits + activation_bits) / 2
        + law.constant_uw
    )
    return max(power, 0.0)
