"""The kinds of entries of a technology table: what each states, in which unit, and its range."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from accelsim.energy.amount import Amount
from accelsim.hardware.quantities import (
    Bytes,
    BytesPerSecond,
    Count,
    Nanometres,
    Part,
    Seconds,
    Text,
    Volts,
    Word,
)
from accelsim.hardware.schema import SramCells
from accelsim.hardware.validation import Complaint, raise_complaints
from accelsim.units import format_seconds

__all__ = [
    "AreaEntry",
    "ComposablePe",
    "DramBackground",
    "DramEntry",
    "DramTiming",
    "Entry",
    "Evidence",
    "LogicLeakage",
    "MultiplyInputs",
    "PeArea",
    "PeEnergy",
    "PeLeakage",
    "Range",
    "RegisterFile",
    "Silicon",
    "Sourced",
    "SramArea",
    "SramLeakage",
    "SramRead",
    "SramWrite",
]

Picojoules = Annotated[float, Field(ge=0, le=1_000_000)]
SquareMicrometres = Annotated[float, Field(ge=0, le=1_000_000_000)]
Microwatts = Annotated[float, Field(ge=0, le=1_000_000_000)]
Milliwatts = Annotated[float, Field(ge=0, le=1_000_000)]
_Offset = Annotated[float, Field(ge=-1_000_000, le=1_000_000)]


class Evidence(StrEnum):
    """How much a number can be trusted."""

    PUBLISHED = "published"
    """Printed in the source, as it is there or as others quote it."""
    DERIVED = "derived"
    """Computed from published numbers, as the source line says."""
    MEASURED = "measured"
    """The result of running the tool that the source line names."""
    UNVERIFIED = "unverified"
    """Said to be in the source, which was not opened."""
    ASSUMPTION = "assumption"
    """No source states it; the source line says what speaks for it."""


class Range(Part):
    """Where sources differ: the least and the most, as shares of the entry's own number."""

    low: Annotated[float, Field(ge=0, le=1)] = 1.0
    high: Annotated[float, Field(ge=1, le=100)] = 1.0
    source: Annotated[Text, Field(min_length=1)]


class Sourced(Part):
    """What every entry has; ``range`` is given where sources differ."""

    per: Word
    tag: Annotated[Evidence, Field(strict=False)]
    source: Annotated[Text, Field(min_length=1)]
    range: Range | None = None

    def amount(self, value: float, name: str) -> Amount:
        """Return a number that this entry, of this name, stands for, with the entry's bounds."""
        low, high = (self.range.low, self.range.high) if self.range else (1.0, 1.0)
        return Amount(value, value * low, value * high, (name,))


class Silicon(Sourced):
    """An entry of the chip: it belongs to a node and changes with the voltage."""

    energies: ClassVar[tuple[str, ...]] = ()
    leakages: ClassVar[tuple[str, ...]] = ()

    node: Nanometres
    voltage: Volts

    def at_voltage(self, voltage: float) -> Self:
        """Return the entry at another voltage: energies by V^2, leakage (a current) by V."""
        ratio = voltage / self.voltage
        changes: dict[str, float] = {"voltage": voltage}
        changes |= {name: getattr(self, name) * ratio**2 for name in self.energies}
        changes |= {name: getattr(self, name) * ratio for name in self.leakages}
        return self.model_copy(update=changes)


class Entry(Silicon):
    """``pj`` for one operation on ``width_bits`` bits."""

    energies = ("pj",)

    pj: Picojoules
    width_bits: Count


class MultiplyInputs(Sourced):
    """The share of a random multiplication's energy that goes with bits of its operands.

    The lines across the multiplier, the gates on them, and what these change in its adders; the
    rest goes with partial products.
    """

    share: Annotated[float, Field(ge=0, le=1)]


class PeEnergy(Silicon):
    """``quadratic_pj * a * b + linear_pj * (a + b) / 2 + constant_pj``: a whole PE, one cycle."""

    energies = ("quadratic_pj", "linear_pj", "constant_pj")

    quadratic_pj: Picojoules
    linear_pj: Picojoules
    constant_pj: Picojoules


class PeArea(Silicon):
    """``quadratic_um2 * a * b + linear_um2 * (a + b) / 2 + constant_um2``: a whole PE."""

    quadratic_um2: SquareMicrometres
    linear_um2: SquareMicrometres
    constant_um2: SquareMicrometres


class PeLeakage(Silicon):
    """``quadratic_uw * a * b + linear_uw * (a + b) / 2 + constant_uw`` for one PE, in uW."""

    leakages = ("quadratic_uw", "linear_uw", "constant_uw")

    quadratic_uw: Microwatts
    linear_uw: Microwatts
    constant_uw: _Offset


class ComposablePe(Silicon):
    """A PE of 2-bit bricks, as multiples of the PE that is built for its widest operands."""

    energy_ratio: Annotated[float, Field(ge=1, le=100)]
    area_ratio: Annotated[float, Field(ge=1, le=100)]
    leakage_ratio: Annotated[float, Field(ge=1, le=100)]


class AreaEntry(Silicon):
    """``um2`` for a unit of ``width_bits`` bits."""

    um2: SquareMicrometres
    width_bits: Count


class LogicLeakage(Silicon):
    """``uw_per_um2`` of logic that is no PE."""

    leakages = ("uw_per_um2",)

    uw_per_um2: Annotated[float, Field(ge=0, le=10)]


class SramRead(Silicon):
    """One word: ``constant_pj + pj * (bank / reference_size) ** exponent``.

    For banks from ``smallest_size`` to ``largest_size``.
    """

    energies = ("constant_pj", "pj")

    constant_pj: Picojoules = 0.0
    pj: Picojoules
    width_bits: Count
    reference_size: Bytes
    exponent: Annotated[float, Field(ge=0, le=1)]
    smallest_size: Bytes
    largest_size: Bytes

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        raise_complaints(self._complaints())
        return self

    def _complaints(self) -> Iterator[Complaint]:
        if self.smallest_size > self.largest_size:
            yield Complaint(("smallest_size",), "must not be more than largest_size")


class SramWrite(Sourced):
    """A write's energy as a share of a read's."""

    ratio: Annotated[float, Field(ge=0, le=10)]


class SramLeakage(Silicon):
    """uW for every ``reference_size`` bytes, by the kind of cells.

    High performance, low operating power, low standby power.
    """

    leakages = ("hp_uw", "lop_uw", "lstp_uw")

    hp_uw: Microwatts
    lop_uw: Microwatts
    lstp_uw: Microwatts
    reference_size: Bytes

    def uw(self, cells: SramCells) -> float:
        """Return the uW of ``reference_size`` bytes of such cells."""
        return {
            SramCells.HP: self.hp_uw,
            SramCells.LOP: self.lop_uw,
            SramCells.LSTP: self.lstp_uw,
        }[cells]


class SramArea(Silicon):
    """``um2`` for every ``reference_size`` bytes."""

    um2: SquareMicrometres
    reference_size: Bytes


class RegisterFile(Silicon):
    """A memory of flip-flops, for each of its bits; ``pj`` for each bit read or written."""

    energies = ("pj",)
    leakages = ("uw",)

    pj: Picojoules
    width_bits: Count
    um2: SquareMicrometres
    uw: Microwatts


class DramBackground(Sourced):
    """What a channel burns whether it is used or not, and for each row that it opens.

    ``power_down_mw``: while the bus is idle. ``refresh_mw``: always.
    """

    power_down_mw: Milliwatts
    refresh_mw: Milliwatts
    activation_pj: Picojoules
    row_size: Bytes


class DramTiming(Sourced):
    """A channel of this type, to hold a machine's numbers against.

    ``bandwidth`` is the bus's peak; latencies are the device's own, to the last beat of a burst,
    for a row that is open, for one that is closed, and for one whose bank has another row open;
    ``burst`` is the least that moves; ``banks`` are those of a channel.
    """

    bandwidth: BytesPerSecond
    row_hit_latency: Seconds
    row_miss_latency: Seconds
    row_conflict_latency: Seconds
    burst: Bytes
    banks: Count

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        raise_complaints(self._complaints())
        return self

    def _complaints(self) -> Iterator[Complaint]:
        before = self.row_hit_latency
        for name in ("row_miss_latency", "row_conflict_latency"):
            latency = getattr(self, name)
            if latency < before:
                least, text = format_seconds(before), format_seconds(latency)
                yield Complaint((name,), f"must be at least {least}, got {text}")
            before = max(before, latency)


class DramEntry(Sourced):
    """``pj`` for ``width_bits`` bits on the bus: a property of the device, of no node."""

    pj: Picojoules
    width_bits: Count
    background: DramBackground
    timing: DramTiming
