"""The machine as frozen, validated data. Every quantity carries its unit in its name or type.

In files a quantity is text with its unit ("64KiB"); in memory it is a number in the unit that
the field's documentation states. `accelsim.hardware.loader` reads and writes the files.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.arithmetic.rescale import RescaleMode
from accelsim.hardware import consistency
from accelsim.hardware.array import Array, ClockGating, Drain
from accelsim.hardware.quantities import (
    BurstBytes,
    Bytes,
    BytesPerCycle,
    BytesPerSecond,
    Count,
    Cycles,
    Hertz,
    Nanometres,
    Part,
    Seconds,
    Text,
    Volts,
    Word,
)
from accelsim.hardware.validation import raise_complaints, validate
from accelsim.hardware.yaml_files import Document, FieldPath, Place

__all__ = [
    "AccumulatorSpec",
    "Array",
    "Cells",
    "ClockGating",
    "Dma",
    "Drain",
    "Dram",
    "Hardware",
    "RescaleUnit",
    "RowPolicy",
    "Scratchpad",
    "Scratchpads",
    "SramCells",
    "Technology",
    "VectorUnit",
]


class SramCells(StrEnum):
    """What the cells of the scratchpads are made for: it decides their leakage."""

    HP = "hp"
    """High performance."""
    LOP = "lop"
    """Low operating power."""
    LSTP = "lstp"
    """Low standby power."""


class Cells(StrEnum):
    """What a scratchpad's bits are kept in."""

    SRAM = "sram"
    REGISTERS = "registers"
    """Flip-flops, for memories that are smaller than an SRAM is worth."""


class RowPolicy(StrEnum):
    """What the memory controller does with a row after a transfer."""

    OPEN = "open"
    """It stays open: a transfer that goes on where its stream stopped finds it so."""
    CLOSED = "closed"
    """It is closed: each transfer opens its rows anew."""


class AccumulatorSpec(Part):
    """Width and overflow policy of every accumulator and partial sum."""

    bits: int = Field(default=32, ge=8, le=32)
    overflow: Annotated[Overflow, Field(strict=False)] = Overflow.WRAP

    @property
    def format(self) -> Accumulator:
        """The arithmetic that this describes."""
        return Accumulator(self.bits, self.overflow)


class Scratchpad(Part):
    """An on-chip SRAM. ``size`` bytes, ``bandwidth`` bytes a cycle, in ``banks`` equal banks.

    An access goes to all banks at once: each has ``size / banks`` bytes and delivers
    ``bandwidth / banks`` bytes a cycle.
    """

    size: Bytes
    bandwidth: BytesPerCycle
    banks: int = Field(default=1, ge=1, le=1024)
    double_buffered: bool = True
    cells: Annotated[Cells, Field(strict=False)] = Cells.SRAM

    @model_validator(mode="after")
    def _consistent(self) -> Scratchpad:
        raise_complaints(consistency.check_scratchpad(self))
        return self


class Scratchpads(Part):
    """The three on-chip memories."""

    activations: Scratchpad
    weights: Scratchpad
    accumulators: Scratchpad


class Dma(Part):
    """The DMA engines, one each for weights, activations and outputs.

    ``bandwidth``: bytes a cycle of one engine; ``setup``: cycles before a transfer's first
    data; ``outstanding``: transfers between request and completion.
    """

    bandwidth: BytesPerCycle
    setup: Cycles = 4
    outstanding: Count = 4


class Dram(Part):
    """One DRAM channel. ``bandwidth``: bytes a second; ``latency``: seconds; ``burst``: bytes.

    ``type`` names a DRAM of the DRAM table ("ddr4", "lpddr4"). With ``row_size``, the bytes of
    the channel's open row, rows are counted, and opening one takes ``row_miss`` seconds; without
    it rows take no time. ``banks`` hold consecutive rows in turn: with more than one, a row is
    opened while others are read.
    """

    type: Word
    bandwidth: BytesPerSecond
    latency: Seconds
    burst: BurstBytes
    row_size: Bytes | None = None
    row_miss: Seconds = 0.0
    row_policy: Annotated[RowPolicy, Field(strict=False)] = RowPolicy.OPEN
    banks: int = Field(default=consistency.DEFAULT_DRAM_BANKS, ge=1, le=1024)

    @model_validator(mode="after")
    def _consistent(self) -> Dram:
        raise_complaints(consistency.check_dram(self))
        return self


class RescaleUnit(Part):
    """Fixed-point rescale: ``lanes`` results a cycle, ``pipeline`` cycles deep."""

    mode: Annotated[RescaleMode, Field(strict=False)] = RescaleMode.SINGLE_ROUND
    mantissa_bits: Literal[16, 32] = 32
    lanes: Count = 16
    pipeline: Cycles = 4


class VectorUnit(Part):
    """Element-wise additions and pooling: ``lanes`` operations a cycle."""

    lanes: Count = 16


class Technology(Part):
    """What the machine is made of.

    ``node``: nm; ``voltage``: V; ``table`` and ``dram_table``: name or path of the energy table
    and of that of the DRAM; ``sram_cells``: the cells of the scratchpads, which decide their
    leakage.
    """

    node: Nanometres
    voltage: Volts
    table: Word
    dram_table: Word = "devices"
    sram_cells: Annotated[SramCells, Field(strict=False)] = SramCells.LOP


class Hardware(Part):
    """A complete machine. ``clock``: Hz; ``source``: where its numbers come from."""

    schema_version: Literal["accelsim.hardware/1"] = Field(alias="schema")
    name: Word
    description: Text = ""
    source: Text = ""
    clock: Hertz
    array: Array
    accumulator: AccumulatorSpec
    scratchpads: Scratchpads
    dma: Dma
    dram: Dram
    rescale: RescaleUnit
    vector: VectorUnit
    technology: Technology

    @property
    def rescale_pipeline_cycles(self) -> int:
        """Cycles from an accumulator to its result: row sums are subtracted in one more."""
        return self.rescale.pipeline + self.array.row_sums

    @property
    def dram_bytes_per_cycle(self) -> float:
        """DRAM bandwidth in bytes for one cycle of the machine's clock."""
        return self.dram.bandwidth / self.clock

    def with_operand_bits(
        self, weight_bits: int, activation_bits: int, scale_bits: int | None = None
    ) -> Hardware:
        """Return this machine for other operand widths, 2 to 16 bits, its PEs built for them.

        PEs of a width of their own (``array.pe_bits``) keep it. A machine without multipliers for
        the scales of groups of weights gets them for ``scale_bits``.

        Raises ConfigError when a width is out of range, is more than that of such PEs, or a tile
        of it does not fit any more.
        """
        values = self.model_dump(mode="json", by_alias=True)
        widths = {"weight_bits": weight_bits, "activation_bits": activation_bits}
        values["array"] |= widths | {"scale_bits": self.array.scale_bits or scale_bits}
        places: dict[FieldPath, Place] = {(): Place(f"hardware {self.name}")}
        places |= {("array", name): Place(name, names_field=True) for name in widths}
        return validate(Document(values, places), Hardware)

    @model_validator(mode="after")
    def _consistent(self) -> Hardware:
        raise_complaints(consistency.check_hardware(self))
        return self
