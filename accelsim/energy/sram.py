"""What an access to a scratchpad costs, by the size of its banks and the width of its port."""

from __future__ import annotations

import math

from accelsim.energy.table import TableValues
from accelsim.hardware.schema import Scratchpad
from accelsim.units import format_bytes

__all__ = ["extrapolation", "read_pj", "sram_leakage_uw", "write_pj"]


def read_pj(table: TableValues, pad: Scratchpad, bits: int) -> float:
    """Return the energy of reading ``bits`` bits from a scratchpad, in pJ.

    Elements are packed; the port is as wide as the scratchpad's bandwidth and reads all banks
    at once, so the number of accesses is ``ceil(bits / port)``. A bank delivers whole words of
    the table's width: a narrower port still pays for the word.
    """
    port_bits = pad.bandwidth * 8
    accesses = -(-bits // port_bits)
    words = pad.banks * -(-port_bits // (pad.banks * table.sram_read.width_bits))
    return accesses * words * _word_pj(table, pad.size / pad.banks)


def write_pj(table: TableValues, pad: Scratchpad, bits: int) -> float:
    """Return the energy of writing ``bits`` bits to a scratchpad, in pJ; see `read_pj`."""
    return table.sram_write.ratio * read_pj(table, pad, bits)


def sram_leakage_uw(table: TableValues, size_bytes: int) -> float:
    """Return the leakage of ``size_bytes`` of SRAM in uW: proportional to the size."""
    return table.sram_leakage.uw * size_bytes / table.sram_leakage.reference_size


def extrapolation(table: TableValues, name: str, pad: Scratchpad) -> str | None:
    """Return a warning when the scratchpad's banks are outside the sizes the law was fitted to."""
    law, bank = table.sram_read, pad.size // pad.banks
    if law.smallest_size <= bank <= law.largest_size:
        return None
    return (
        f"scratchpads.{name}: banks of {format_bytes(bank)} are outside the "
        f"{format_bytes(law.smallest_size)} to {format_bytes(law.largest_size)} of the table "
        f"{table.name}: their energy is extrapolated"
    )


def _word_pj(table: TableValues, bank_bytes: float) -> float:
    law = table.sram_read
    return law.pj * math.pow(bank_bytes / law.reference_size, law.exponent)
