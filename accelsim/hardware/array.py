"""The PE grid as frozen, validated data: what it is built of and for."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from accelsim.hardware.dataflow import DATAFLOWS, Dataflow, DataflowName
from accelsim.hardware.pe_kinds import PeKind, PeRate, pe_rate
from accelsim.hardware.quantities import Part

__all__ = ["Array", "ClockGating", "Drain"]


class Drain(StrEnum):
    """How output-stationary results leave the PEs."""

    EXPOSED = "exposed"
    """Through the accumulators themselves: the next tile waits."""
    HIDDEN = "hidden"
    """Through a second register in each PE, behind the next tile's stream."""
    FREE = "free"
    """Through a port of its own in each PE, as it is complete: what SCALE-Sim assumes."""


class ClockGating(StrEnum):
    """When the registers of a PE are clocked."""

    TOKEN = "token"
    """When a valid token passes."""
    NONE = "none"
    """In every cycle."""


class Array(Part):
    """The PE grid.

    ``weight_bits`` and ``activation_bits`` are the widths of the operands. PEs are built for
    them, or for ``pe_bits`` of both: then narrower operands run sign-extended on wider
    multipliers and registers, with the same integers in the same cycles.

    ``pe_kind`` changes cycles and energy, never integers: see `PeKind`. Composable PEs are built
    for ``pe_bits`` of 4, 8 (unless said) or 16; bit-serial ones take weights of ``pe_bits``;
    ternary ones have lanes for ``pe_bits`` bits of activations.

    ``clock_gating`` and ``zero_gating`` change energy, never integers or cycles. Zero gating: a
    product of which an operand is zero reaches neither multiplier nor adder; each operand carries
    a bit that says so.

    ``row_sums``: beside its products the array sums up each row of activations, as weights with
    zero points need: ``ws``, ``os`` in a column of adders behind the last column; ``is`` with
    ones behind the last weights. The rescale unit subtracts them, a stage longer.

    ``scale_bits``: the array multiplies sums of groups of weights by integer scales of so many
    bits; None: it has no multipliers for that. They are at the bottom of each column, or, output
    stationary, in each PE.
    """

    rows: int = Field(ge=1, le=1024)
    columns: int = Field(ge=1, le=1024)
    dataflow: Annotated[DataflowName, Field(strict=False)]
    weight_bits: int = Field(default=8, ge=2, le=16)
    activation_bits: int = Field(default=8, ge=2, le=16)
    weight_double_buffering: bool = True
    tile_overlap: bool = True
    drain: Annotated[Drain, Field(strict=False)] = Drain.EXPOSED
    clock_gating: Annotated[ClockGating, Field(strict=False)] = ClockGating.TOKEN
    zero_gating: bool = False
    pe_bits: int | None = Field(default=None, ge=2, le=16)
    row_sums: bool = False
    scale_bits: int | None = Field(default=None, ge=2, le=16)
    pe_kind: Annotated[PeKind, Field(strict=False)] = PeKind.FIXED

    @property
    def stepped_columns(self) -> int:
        """Columns that a pass goes through: C, and the column of adders that sums up rows."""
        return self.columns + self.has_row_sum_column

    @property
    def has_row_sum_column(self) -> bool:
        """Whether rows are summed up in adders of their own, not in the PEs."""
        return self.row_sums and self.flow.stationary != "activations"

    @property
    def pe_weight_bits(self) -> int:
        """Bits of a weight that a PE is built for."""
        if self.pe_kind is PeKind.TERNARY:
            return self.weight_bits
        return self.own_pe_bits or self.weight_bits

    @property
    def pe_activation_bits(self) -> int:
        """Bits of activations that a PE is built for."""
        if self.pe_kind is PeKind.BIT_SERIAL:
            return self.activation_bits
        return self.own_pe_bits or self.activation_bits

    @property
    def multiplied_bits(self) -> tuple[int, int]:
        """Widths of what a PE's multiplier, or the row that is left of one, multiplies."""
        if self.pe_kind is PeKind.BIT_SERIAL:
            return self.pe_weight_bits, 1
        if self.pe_kind is PeKind.TERNARY:
            return 1, self.pe_activation_bits
        return self.pe_weight_bits, self.pe_activation_bits

    @property
    def own_pe_bits(self) -> int | None:
        """Bits of PEs that are not built for the operands' widths."""
        return self.pe_bits or (8 if self.pe_kind is PeKind.COMPOSABLE else None)

    def pe_rate(self, weight_bits: int, activation_bits: int) -> PeRate:
        """Return what a PE does with a layer's operands of these widths."""
        return pe_rate(self.pe_kind, self.pe_activation_bits, weight_bits, activation_bits)

    @property
    def flow(self) -> Dataflow:
        """What the dataflow lays on rows, columns and time."""
        return DATAFLOWS[self.dataflow]
