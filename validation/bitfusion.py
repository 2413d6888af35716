"""Synthesized arrays of BitFusion, by operand width; and INT4 against INT8 in silicon.

results/systolic_array_synth.csv of github.com/hsharma35/bitfusion (Sharma et al., ISCA 2018), the
4x4 arrays of PEs that are built for one width, 500 MHz.
"""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.energy.area import pe_leakage_uw, synthesized_pe_um2
from accelsim.energy.operations import pe
from accelsim.energy.table import TableValues
from accelsim.hardware import Array, PeKind

__all__ = [
    "COMPOSABLE",
    "KELLER_TOPS_PER_W",
    "SYNTHESIZED",
    "Synthesized",
    "composable_product_pj",
    "modelled",
    "modelled_composable",
]

_PES = 16
_HERTZ = 500e6


@dataclass(frozen=True)
class Synthesized:
    """One array: area in um2, leakage and dynamic power in nW, as printed."""

    bits: int
    area_um2: float
    leakage_nw: float
    dynamic_nw: float

    @property
    def pe_um2(self) -> float:
        """Area of a PE."""
        return self.area_um2 / _PES

    @property
    def pe_uw(self) -> float:
        """Leakage of a PE."""
        return self.leakage_nw * 1e-3 / _PES

    @property
    def pe_pj(self) -> float:
        """Energy of a PE in a cycle."""
        return self.dynamic_nw * 1e-9 / _PES / _HERTZ * 1e12


SYNTHESIZED = (
    Synthesized(2, 1297.069191, 27768, 325616),
    Synthesized(4, 3066.008364, 84995, 659402),
    Synthesized(8, 8171.729995, 257700, 1627500),
    Synthesized(16, 26870.48336, 912260, 4821500),
)
COMPOSABLE = Synthesized(8, 27752.83558, 949240, 3673500)

KELLER_TOPS_PER_W = {8: 39.1, 4: 91.1}
"""Keller et al., VLSI 2022, 5 nm at 0.46 V, half of the inputs not zero: INT8 and INT4."""


def modelled(table: TableValues, bits: int) -> tuple[float, float, float]:
    """Return (pJ a cycle, um2, uW) of a PE by the table's laws."""
    array = Array(rows=1, columns=1, dataflow="ws", weight_bits=bits, activation_bits=bits)
    area_um2 = synthesized_pe_um2(table, bits, bits)
    return pe(table, bits, bits).value, area_um2, pe_leakage_uw(table, array)


def modelled_composable(table: TableValues) -> tuple[float, float, float]:
    """Return (pJ a cycle, um2, uW) of the composable PE: the 8-bit laws times the ratios."""
    pj, um2, uw = modelled(table, 8)
    ratios = table.composable_pe
    return pj * ratios.energy_ratio, um2 * ratios.area_ratio, uw * ratios.leakage_ratio


def composable_product_pj(pe_pj: float, bits: int) -> float:
    """Return what a product of ``bits`` costs on a composable PE, of all that it takes at once."""
    array = Array(rows=1, columns=1, dataflow="ws", pe_kind=PeKind.COMPOSABLE)
    return pe_pj / array.pe_rate(bits, bits).macs_per_cycle
