"""What the machine has to do, in the machine's own terms: cycles, bytes and flags.

Passes of a layer differ in few ways, so passes of equal work are one `PassWork` object: a layer
is a tuple of references, and a pass costs the machine no arithmetic on shapes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from accelsim.compiler.program import Gemm
from accelsim.simulator.run import ArrayCounters, Traffic

__all__ = ["ChunkWork", "LayerWork", "MatrixWork", "PassWork", "VectorWork"]


@dataclass(frozen=True, slots=True)
class PassWork:
    """One pass.

    Attributes
    ----------
    stream_cycles
        Cycles in which vectors enter: one a vector, or as many as its PEs take for it.
    activation_cycles, weight_cycles
        Cycles their scratchpad needs to deliver the streamed operand; 0 if it is not streamed.
    preload_cycles
        Array rows, or more if the scratchpad delivers the stationary operand slower; 0 for os.
    tile_stream_cycles
        ``stream_cycles`` of all passes along the depth of this tile.
    fetch_weight_bytes, fetch_activation_bytes
        What has to arrive from DRAM first; None if it is there already.
    releases_weights, releases_activations
        Whether the oldest fetch still held is given away when this pass has streamed.
    results
        Elements m * n of the tile.
    accumulators
        Words that the rescale unit reads for them: a row's sum beside those of its columns.
    stream_total_cycles
        Cycles from the first vector to the end of the stream, slow scratchpads included.
    waits
        Whether other units decide when it may stream: it fetches, or takes a buffer.
    output_bytes
        What the tile sends to DRAM when it is rescaled; 0 if its output stays on chip.
    """

    stream_cycles: int
    activation_cycles: int
    weight_cycles: int
    preload_cycles: int
    tile_stream_cycles: int
    first_depth: bool
    last_depth: bool
    fetch_weight_bytes: int | None
    fetch_activation_bytes: int | None
    releases_weights: bool
    releases_activations: bool
    results: int
    accumulators: int
    output_bytes: int
    counters: ArrayCounters
    stream_total_cycles: int = field(init=False)
    waits: bool = field(init=False)

    def __post_init__(self) -> None:
        slowest = max(self.stream_cycles, self.activation_cycles, self.weight_cycles)
        fetches = self.fetch_weight_bytes, self.fetch_activation_bytes
        object.__setattr__(self, "stream_total_cycles", slowest)
        object.__setattr__(self, "waits", self.first_depth or fetches != (None, None))


@dataclass(frozen=True, slots=True)
class ChunkWork:
    """One piece of a vector layer: bytes of each tensor fetched, cycles, bytes stored."""

    fetch_bytes: tuple[int, ...]
    compute_cycles: int
    operations: int
    output_bytes: int


@dataclass(frozen=True)
class LayerWork:
    """What every layer has.

    ``resident_bytes``: whole tensors in the activation scratchpad during the layer, whoever
    reads them. ``staging_bytes``: room there for outputs on their way to DRAM. ``traffic`` holds
    the scratchpad counts; DRAM bytes are counted by the machine.
    """

    name: str
    operator: str
    gemm: Gemm | None
    weight_bits: int
    input_bits: int
    output_bits: int
    resident_bytes: int
    staging_bytes: int
    traffic: Traffic


@dataclass(frozen=True)
class MatrixWork(LayerWork):
    """A layer on the array.

    ``fetches_ahead``: its right operand is weights, which are in DRAM before the layer starts,
    or is on chip and not fetched at all. ``row_sums``: its weights have zero points.
    ``scaling_cycles``: from the cycle in which a sum leaves the array until it is scaled and added
    to its accumulator. ``tiles_together``: output tiles whose sums wait for more at a time.
    """

    passes: tuple[PassWork, ...]
    fetches_ahead: bool = True
    row_sums: bool = False
    scaling_cycles: int = 0
    scale_bits: int = 0
    tiles_together: int = 1


@dataclass(frozen=True)
class VectorWork(LayerWork):
    """A layer on the vector unit."""

    chunks: tuple[ChunkWork, ...]
