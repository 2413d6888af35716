"""The machine as frozen, validated data. Every quantity carries its unit in its name or type."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.arithmetic.rescale import RescaleMode
from accelsim.hardware.dataflow import DataflowName

__all__ = [
    "AccumulatorSpec",
    "Array",
    "Dma",
    "Drain",
    "Dram",
    "Hardware",
    "RescaleUnit",
    "Scratchpad",
    "Scratchpads",
    "Technology",
    "VectorUnit",
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Drain(StrEnum):
    """How output-stationary results leave the PEs."""

    EXPOSED = "exposed"
    """Through the accumulators themselves: the next tile waits."""
    HIDDEN = "hidden"
    """Through a second register in each PE, behind the next tile's stream."""


class Array(_Part):
    """The PE grid."""

    rows: int = Field(ge=1, le=1024)
    columns: int = Field(ge=1, le=1024)
    dataflow: DataflowName
    weight_bits: int = Field(default=8, ge=2, le=16)
    activation_bits: int = Field(default=8, ge=2, le=16)
    weight_double_buffering: bool = True
    tile_overlap: bool = True
    drain: Drain = Drain.EXPOSED


class AccumulatorSpec(_Part):
    """Width and overflow policy of every accumulator and partial sum."""

    bits: int = Field(default=32, ge=8, le=32)
    overflow: Overflow = Overflow.WRAP

    @property
    def format(self) -> Accumulator:
        """The arithmetic that this describes."""
        return Accumulator(self.bits, self.overflow)


class Scratchpad(_Part):
    """An on-chip SRAM. ``size`` bytes, ``bandwidth`` bytes a cycle, in ``banks`` equal banks."""

    size: int
    bandwidth: int
    banks: int = Field(default=1, ge=1)
    double_buffered: bool = True


class Scratchpads(_Part):
    """The three on-chip memories."""

    activations: Scratchpad
    weights: Scratchpad
    accumulators: Scratchpad


class Dma(_Part):
    """The DMA engines (one each for weights, activations, outputs). ``bandwidth``: bytes a cycle."""

    bandwidth: int
    setup: int = Field(default=4, ge=0)
    outstanding: int = Field(default=4, ge=1)


class Dram(_Part):
    """One DRAM channel. ``bandwidth``: bytes a second; ``latency``: seconds; ``burst``: bytes."""

    type: str
    bandwidth: float
    latency: float
    burst: int


class RescaleUnit(_Part):
    """Fixed-point rescale: ``lanes`` results a cycle, ``pipeline`` cycles deep."""

    mode: RescaleMode = RescaleMode.SINGLE_ROUND
    mantissa_bits: Literal[16, 32] = 32
    lanes: int = Field(default=16, ge=1)
    pipeline: int = Field(default=4, ge=0)


class VectorUnit(_Part):
    """Element-wise additions and pooling: ``lanes`` operations a cycle."""

    lanes: int = Field(default=16, ge=1)


class Technology(_Part):
    """What the machine is made of. ``node``: nm; ``voltage``: V; ``table``: energy table name."""

    node: int
    voltage: float
    table: str


class Hardware(_Part):
    """A complete machine. ``clock``: Hz."""

    schema_version: Literal["accelsim.hardware/1"] = Field(alias="schema")
    name: str
    description: str = ""
    source: str = ""
    clock: float
    array: Array
    accumulator: AccumulatorSpec
    scratchpads: Scratchpads
    dma: Dma
    dram: Dram
    rescale: RescaleUnit
    vector: VectorUnit
    technology: Technology

    @property
    def dram_bytes_per_cycle(self) -> float:
        """DRAM bandwidth in bytes for one cycle of the machine's clock."""
        return self.dram.bandwidth / self.clock
