"""What scratchpads cost: accesses by the size of a bank and the width of its port, and leakage."""

from __future__ import annotations

import math

from accelsim.energy.amount import Amount
from accelsim.energy.table import TableValues
from accelsim.hardware.schema import Cells, Scratchpad, SramCells
from accelsim.units import format_bytes

__all__ = ["access_count", "extrapolation", "pad_area_mm2", "pad_leakage_uw", "read", "write"]


def access_count(pad: Scratchpad, bits: int) -> int:
    """Return the accesses that ``bits`` bits take.

    Elements are packed; the port is as wide as the scratchpad's bandwidth and reads all banks
    at once.
    """
    return -(-bits // (pad.bandwidth * 8))


def read(table: TableValues, pad: Scratchpad) -> Amount:
    """Return the price of one read of the whole port.

    An SRAM's bank delivers whole words of the table's width: a narrower port still pays for the
    word. Registers pay for each bit of the port.
    """
    port_bits = pad.bandwidth * 8
    if pad.cells is Cells.REGISTERS:
        file = table.register_file
        return file.amount(file.pj / file.width_bits * port_bits, "register_file")
    law = table.sram_read
    words = pad.banks * -(-port_bits // (pad.banks * law.width_bits))
    bank = pad.size / pad.banks
    word_pj = law.constant_pj + law.pj * math.pow(bank / law.reference_size, law.exponent)
    return law.amount(words * word_pj, "sram_read")


def write(table: TableValues, pad: Scratchpad) -> Amount:
    """Return the price of one write of the whole port; see `read`."""
    if pad.cells is Cells.REGISTERS:
        return read(table, pad)
    price = read(table, pad) * table.sram_write.ratio
    return Amount(price.value, price.low, price.high, (*price.entries, "sram_write"))


def pad_leakage_uw(table: TableValues, pad: Scratchpad, cells: SramCells) -> Amount:
    """Return the leakage of a scratchpad in uW: proportional to its size."""
    if pad.cells is Cells.REGISTERS:
        return table.register_file.amount(table.register_file.uw * 8 * pad.size, "register_file")
    entry = table.sram_leakage
    return entry.amount(entry.uw(cells) * pad.size / entry.reference_size, "sram_leakage")


def pad_area_mm2(table: TableValues, pad: Scratchpad) -> Amount:
    """Return the area of a scratchpad in mm2: proportional to its size."""
    if pad.cells is Cells.REGISTERS:
        area = table.register_file.um2 * 8 * pad.size
        return table.register_file.amount(area * 1e-6, "register_file")
    entry = table.sram_area
    return entry.amount(entry.um2 * pad.size / entry.reference_size * 1e-6, "sram_area")


def extrapolation(table: TableValues, name: str, pad: Scratchpad) -> str | None:
    """Return a warning when the scratchpad's banks are outside the sizes the law was fitted to."""
    law, bank = table.sram_read, pad.size // pad.banks
    if pad.cells is Cells.REGISTERS or law.smallest_size <= bank <= law.largest_size:
        return None
    return (
        f"scratchpads.{name}: banks of {format_bytes(bank)} are outside the "
        f"{format_bytes(law.smallest_size)} to {format_bytes(law.largest_size)} of the table "
        f"{table.name}: their energy is extrapolated"
    )
