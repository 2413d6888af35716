"""What a simulation returns: integers, cycles by cause, and counts of everything that happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import RunTimeCodes
from accelsim.compiler.program import Gemm

__all__ = [
    "LAYER_UNIT",
    "Activity",
    "ArrayCounters",
    "Cause",
    "LayerRun",
    "Run",
    "Span",
    "Switching",
    "Timing",
    "Traffic",
]


class Cause(StrEnum):
    """Why a cycle of the array passed. Every cycle has exactly one cause."""

    STREAM = "stream"
    """An element of the streamed operand entered the array."""
    PRELOAD = "preload"
    """Nothing streamed: the stationary operand was being shifted in."""
    FILL = "fill"
    """Nothing streamed: the wavefront had not reached the far edge yet."""
    DRAIN = "drain"
    """Nothing streamed: results were leaving the array."""
    STALL_WEIGHTS = "stall_weights"
    """Nothing streamed: the weight scratchpad did not hold, or could not deliver, the tile."""
    STALL_ACTIVATIONS = "stall_activations"
    """Nothing streamed: the activation scratchpad did not hold, or could not deliver, the rows."""
    STALL_OUTPUT = "stall_output"
    """Nothing streamed: results had no room, or were still on their way to DRAM."""
    STALL_RESCALE = "stall_rescale"
    """Nothing streamed: the accumulators were still being rescaled."""
    IDLE = "idle"
    """The layer runs on another unit (the vector unit)."""


@dataclass(frozen=True)
class ArrayCounters:
    """Events in the array and at its edges, for one execution of a layer.

    Elements, not bytes. ``stationary_writes``: elements shifted into PEs (only those that hold
    data, not the zeros of a partly filled tile). ``activation_feeds`` and ``weight_feeds``:
    elements that entered the array, moving or stationary, padding included. ``row_additions``:
    activations added to row sums, whose accumulators are read and written beside the others.
    ``scale_feeds``: integer scales of groups that came with the weights; ``scalings``: sums of
    groups multiplied by them and added to accumulators.
    """

    passes: int = 0
    macs: int = 0
    stationary_writes: int = 0
    activation_feeds: int = 0
    weight_feeds: int = 0
    bias_reads: int = 0
    accumulator_reads: int = 0
    accumulator_writes: int = 0
    row_additions: int = 0
    overflow_events: int = 0
    scale_feeds: int = 0
    scalings: int = 0

    def __add__(self, other: ArrayCounters) -> ArrayCounters:
        return ArrayCounters(
            **{name: getattr(self, name) + getattr(other, name) for name in vars(self)}
        )


@dataclass(frozen=True)
class Switching:
    """Register bits that changed, summed over all PEs and cycles (Hamming distances).

    A register that holds no valid token keeps its value and does not toggle.
    """

    moving_toggles: int = 0
    stationary_toggles: int = 0
    accumulator_toggles: int = 0

    def __add__(self, other: Switching) -> Switching:
        return Switching(
            **{name: getattr(self, name) + getattr(other, name) for name in vars(self)}
        )


@dataclass(frozen=True, eq=False)
class Activity:
    """What changed at the inputs of every PE's multiplier and adder: int64[rows, columns] each.

    A column of adders that sums up rows is the last one.

    ``partial_products``: ANDs of one bit of each operand that changed; ``product_bits``: bits of
    the product, sign-extended to the accumulator; ``sum_bits``: bits of the sum that the adder
    adds to; ``zero_products``: products of which an operand was zero; ``product_inputs``: inputs of
    those ANDs that changed, a changed bit of an operand as many as the other operand has bits.
    """

    partial_products: NDArray[np.int64]
    product_bits: NDArray[np.int64]
    sum_bits: NDArray[np.int64]
    zero_products: NDArray[np.int64]
    product_inputs: NDArray[np.int64]

    def __add__(self, other: Activity) -> Activity:
        return Activity(**{name: getattr(self, name) + getattr(other, name) for name in vars(self)})


@dataclass(frozen=True)
class Traffic:
    """What moved during one execution of a layer on one batch.

    Scratchpad counts are elements of the tensor's own width (padding is not read); DRAM counts
    are bytes on the bus, whole bursts, and rows opened for them (0 where the machine's rows have
    no size). Scales of groups of weights lie beside the weights.
    """

    activation_reads: int = 0
    activation_writes: int = 0
    weight_reads: int = 0
    weight_writes: int = 0
    accumulator_reads: int = 0
    accumulator_writes: int = 0
    bias_reads: int = 0
    dram_read_bytes: int = 0
    dram_write_bytes: int = 0
    scale_reads: int = 0
    scale_writes: int = 0
    dram_row_misses: int = 0


LAYER_UNIT = "layer"
"""The unit of spans that are whole layers."""


@dataclass(frozen=True)
class Span:
    """One piece of work of one unit, for timelines: [start_cycle, stop_cycle)."""

    unit: str
    label: str
    start_cycle: int
    stop_cycle: int


@dataclass(frozen=True)
class LayerRun:
    """One layer of a run. Cycles are for one batch; ``cycles`` sums to ``cycles_total``.

    The three ``*_bits`` are the widths of the layer's own tensors (``weight_bits`` is 0 for a
    layer without weights). ``row_sums``: its rows were summed up for its weights' zero points;
    ``scale_bits``: of its vectors' scales, 0 if it has none.
    """

    name: str
    operator: str
    gemm: Gemm | None
    weight_bits: int
    input_bits: int
    output_bits: int
    start_cycle: int
    cycles_total: int
    cycles: dict[Cause, int]
    array: ArrayCounters
    traffic: Traffic
    rescale_operations: int
    vector_operations: int
    row_sums: bool = False
    scale_bits: int = 0

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the layer for the batch."""
        return self.gemm.macs if self.gemm else 0


@dataclass(frozen=True)
class Timing:
    """The machine's answer for one batch: it depends on shapes, never on values.

    ``units`` gives, for every unit, its cycles by cause; each sums to ``cycles_total``.
    """

    cycles_total: int
    layers: tuple[LayerRun, ...]
    units: dict[str, dict[str, int]]
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, eq=False)
class Run:
    """A simulated network: integers out, and what it took.

    ``outputs``: int32[images, ...], the network's integer output; ``output_codes``: each image's
    scale and zero point, where these are found at run time. ``timing`` is for one batch
    of ``batch`` images; counts that depend on values (overflows, clips, switching, activity)
    are totals over all ``images`` and are keyed by layer name.
    """

    images: int
    batch: int
    outputs: NDArray[np.int32]
    timing: Timing
    overflow_events: dict[str, int] = field(default_factory=dict)
    clip_events: dict[str, int] = field(default_factory=dict)
    switching: dict[str, Switching] = field(default_factory=dict)
    activity: dict[str, Activity] = field(default_factory=dict)
    output_codes: RunTimeCodes | None = None
