"""What one operation costs, as a function of operand width: prices in pJ, for random operands.

A unit is *built* for its widths: a narrow operand on a wide multiplier costs what the wide
multiplier costs.
"""

from __future__ import annotations

from accelsim.arithmetic.rescale import RescaleMode
from accelsim.energy.amount import Amount
from accelsim.energy.table import TableValues

__all__ = [
    "adder",
    "clocked_bit",
    "comparison",
    "float32_add",
    "float32_multiply",
    "multiplier",
    "multiplier_extrapolation",
    "multiplier_row",
    "new_scale",
    "pe",
    "register",
    "rescale",
    "toggled_bit",
    "tree_bits",
    "vector",
]

_FLOAT32_BITS = 32
_TOGGLED_SHARE = 0.5
"""Of the bits of a register that takes random data."""


def multiplier(table: TableValues, a_bits: int, b_bits: int) -> Amount:
    """Return the price of one ``a_bits`` x ``b_bits`` multiplication.

    ``q * a * b + l * (a + b) / 2``: partial products and their rows. q and l are such that the
    table's two square multipliers come out exactly (with Horowitz' 45 nm points, QKeras'
    polynomial 0.002994791667 b^2 + 0.001041666667 b).
    """
    narrow, wide = table.multiply_narrow, table.multiply_wide
    narrow_slope = narrow.pj / narrow.width_bits
    wide_slope = wide.pj / wide.width_bits
    quadratic = (wide_slope - narrow_slope) / (wide.width_bits - narrow.width_bits)
    linear = narrow_slope - quadratic * narrow.width_bits
    pj = quadratic * (a_bits * b_bits) + linear * (a_bits + b_bits) / 2
    # Up to the narrow point's width its range is the one that counts.
    near = max(a_bits, b_bits) <= narrow.width_bits
    own = narrow.amount(pj, "multiply_narrow") if near else wide.amount(pj, "multiply_wide")
    return Amount(pj, own.low, own.high, ("multiply_narrow", "multiply_wide"))


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


def multiplier_row(table: TableValues, bits: int) -> Amount:
    """Return the price of one row of a multiplier: a word taken, negated or left out."""
    return multiplier(table, 1, bits)


def tree_bits(inputs: int, bits: int) -> int:
    """Return the bits of all adders of a tree that sums ``inputs`` words, a power of two of them.

    >>> tree_bits(1, 3), tree_bits(4, 3)
    (0, 10)
    """
    total = 0
    while inputs > 1:
        inputs //= 2
        total += inputs * bits
        bits += 1
    return total


def adder(table: TableValues, bits: int) -> Amount:
    """Return the price of one addition of ``bits`` bits: proportional to the width."""
    return table.add.amount(table.add.pj * bits / table.add.width_bits, "add")


def clocked_bit(table: TableValues) -> Amount:
    """Return the price of clocking one register bit."""
    entry = table.register_clock
    return entry.amount(entry.pj / entry.width_bits, "register_clock")


def toggled_bit(table: TableValues) -> Amount:
    """Return the price of one register bit that changes, its clock apart."""
    entry = table.register_toggle
    return entry.amount(entry.pj / entry.width_bits, "register_toggle")


def register(table: TableValues, bits: int) -> Amount:
    """Return the price of clocking ``bits`` register bits once, of which half change."""
    return (clocked_bit(table) + toggled_bit(table) * _TOGGLED_SHARE) * bits


def pe(table: TableValues, a_bits: int, b_bits: int) -> Amount:
    """Return the price of a cycle of a whole synthesized PE of these operand widths.

    Its law is fitted to synthesized arrays; it is what sums of parts are held against.
    """
    law = table.pe_energy
    pj = law.quadratic_pj * a_bits * b_bits + law.linear_pj * (a_bits + b_bits) / 2
    return law.amount(pj + law.constant_pj, "pe_energy")


def rescale(
    table: TableValues, mode: RescaleMode, accumulator_bits: int, mantissa_bits: int
) -> Amount:
    """Return the price of one rescaled result.

    A multiplication by the mantissa, the rounding adders of the mode at the product's width,
    and the zero point's addition. ``float32`` mode has a float32 multiplier instead.
    """
    zero_point = adder(table, accumulator_bits)
    if mode is RescaleMode.FLOAT32:
        return float32_multiply(table) + zero_point
    rounding_adders = {
        RescaleMode.DOUBLE_ROUND: 2,
        RescaleMode.SINGLE_ROUND: 1,
        RescaleMode.TRUNCATE: 0,
    }[mode]
    rounding = adder(table, accumulator_bits + mantissa_bits) * rounding_adders
    return multiplier(table, accumulator_bits, mantissa_bits) + rounding + zero_point


def float32_multiply(table: TableValues) -> Amount:
    """Return the price of one float32 multiplication."""
    entry = table.float32_multiply
    return entry.amount(entry.pj * _FLOAT32_BITS / entry.width_bits, "float32_multiply")


def float32_add(table: TableValues) -> Amount:
    """Return the price of one float32 addition."""
    entry = table.float32_add
    return entry.amount(entry.pj * _FLOAT32_BITS / entry.width_bits, "float32_add")


def comparison(table: TableValues) -> Amount:
    """Return the price of comparing a float32 word with the smallest and the largest so far.

    Two subtractions as of integers (floats of one sign are ordered as integers are) and the
    clocks of two registers, which change rarely.
    """
    return (adder(table, _FLOAT32_BITS) + clocked_bit(table) * _FLOAT32_BITS) * 2


def new_scale(table: TableValues) -> Amount:
    """Return the price of an image's scale, its reciprocal and its zero point.

    Three float32 divisions, each of two Newton-Raphson steps (four multiplications), a
    subtraction and a rounding addition.
    """
    return float32_multiply(table) * 12 + float32_add(table) * 2


def vector(table: TableValues, accumulator_bits: int) -> Amount:
    """Return the price of one lane operation: an addition and its result register."""
    return adder(table, accumulator_bits) + register(table, accumulator_bits)
