"""How one matrix layer goes through the array: tiles, loop order, and what is fetched when.

A plan is a loop nest, not a list of tiles: passes are enumerated when needed, so a program's
size does not grow with the network's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from accelsim.errors import InternalError
from accelsim.hardware.dataflow import Dataflow
from accelsim.hardware.pe_kinds import ONE_A_CYCLE, PeRate

__all__ = ["Gemm", "LoopOrder", "Pass", "Residency", "TilePlan"]


_Range = tuple[int, int]


def _cut(start: int, stop: int, size: int) -> Iterator[_Range]:
    """Yield half-open ranges of ``size``, the last one shorter, that cover [start, stop)."""
    for first in range(start, stop, size):
        yield first, min(first + size, stop)


@dataclass(frozen=True)
class Gemm:
    """``groups`` independent products [rows_m, depth_k] x [depth_k, columns_n]."""

    rows_m: int
    columns_n: int
    depth_k: int
    groups: int = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all groups."""
        return self.groups * self.rows_m * self.columns_n * self.depth_k


class LoopOrder(StrEnum):
    """Which operand the outer loop walks: the other one is fetched again for each step."""

    M_OUTER = "m_outer"
    N_OUTER = "n_outer"


class Residency(StrEnum):
    """How long a fetched operand stays in its scratchpad."""

    LAYER = "layer"
    """Fetched at its first use in the layer, kept until its last."""
    BLOCK = "block"
    """Kept for one visit: weights for one (block of rows, column tile) when the rows are the
    outer loop, for one column tile when the columns are; activations while the innermost two
    outer loops stay at their block of rows."""
    PASS = "pass"
    """Weights only: fetched for every pass that reads them."""
    ON_CHIP = "on_chip"
    """An earlier layer left the tensor in the activation scratchpad; never fetched. Weights are
    never there, but a tensor that takes their place may be."""


@dataclass(frozen=True)
class Pass:
    """One tile through the array: a preload (if the dataflow has one) and a stream.

    Bounds are half-open and in the group's GEMM coordinates. ``first_depth``: accumulators start
    from the bias; ``last_depth``: they are complete when the pass has drained. ``fetches_*``: the
    operand is not in its scratchpad yet (weights: this pass's tile, activations: the block of
    rows m that starts here); ``releases_*``: this pass is its last use before that space is
    given away. Every fetch has exactly one release.
    """

    group: int
    m_start: int
    m_stop: int
    n_start: int
    n_stop: int
    k_start: int
    k_stop: int
    first_depth: bool
    last_depth: bool
    fetches_weights: bool
    fetches_activations: bool
    releases_weights: bool
    releases_activations: bool

    @property
    def m_size(self) -> int:
        """Rows of the product in this pass."""
        return self.m_stop - self.m_start

    @property
    def n_size(self) -> int:
        """Columns of the product in this pass."""
        return self.n_stop - self.n_start

    @property
    def k_size(self) -> int:
        """Depth of the product in this pass."""
        return self.k_stop - self.k_start


@dataclass(frozen=True)
class TilePlan:
    """The loop nest of a matrix layer.

    ::

        for group:
            M_OUTER: for m_block: for n_tile: for m_tile in m_block: for k_tile: pass
            N_OUTER: for n_tile: for m_block: for m_tile in m_block: for k_tile: pass

    ``tile_m``, ``tile_n``, ``tile_k`` are a pass's largest sizes: the array's rows and columns
    for the two dimensions that the dataflow lays out, the streamed length for the third.
    ``block_m`` is the number of rows m whose activations are fetched together, at least
    ``tile_m``; tiles start anew with each block, so a block's last tile may be partly filled.
    Edge tiles are partly filled too. ``pe_rate`` is what a PE does with the layer's operands:
    where rows hold the depth, a row holds ``pe_rate.depth`` of it.

    ``vector_depth``: so many elements of the depth share a scale, 0 if there are no scales. A tile
    of the depth then holds whole vectors, or is a part of one.
    """

    gemm: Gemm
    dataflow: Dataflow
    tile_m: int
    tile_n: int
    tile_k: int
    block_m: int
    order: LoopOrder
    weights_residency: Residency
    activations_residency: Residency
    vector_depth: int = 0
    pe_rate: PeRate = ONE_A_CYCLE

    def __post_init__(self) -> None:
        sizes = (self.tile_m, self.tile_n, self.tile_k)
        if min(sizes) < 1 or self.block_m < self.tile_m:
            raise InternalError(f"impossible tiles {sizes} in blocks of {self.block_m} rows")
        if self.vector_depth and not self._holds_vectors:
            raise InternalError(f"tiles {sizes} cut vectors of {self.vector_depth} unevenly")
        if self.activations_residency is Residency.PASS:
            raise InternalError("activations are fetched in blocks, never for a single pass")
        if self.tile_k < self.gemm.depth_k and self.tile_k % self.pe_rate.depth:
            raise InternalError(f"a depth of {self.tile_k} is no multiple of {self.pe_rate.depth}")

    @property
    def m_blocks(self) -> int:
        """Blocks of rows of one group."""
        return -(-self.gemm.rows_m // self.block_m)

    @property
    def m_tiles(self) -> int:
        """Tiles along the rows of one group, all blocks together."""
        whole, rest = divmod(self.gemm.rows_m, self.block_m)
        return whole * -(-self.block_m // self.tile_m) + -(-rest // self.tile_m)

    @property
    def n_tiles(self) -> int:
        """Tiles along the columns of one group."""
        return -(-self.gemm.columns_n // self.tile_n)

    @property
    def k_tiles(self) -> int:
        """Tiles along the depth."""
        return -(-self.gemm.depth_k // self.tile_k)

    @property
    def _holds_vectors(self) -> bool:
        """Whether no tile of the depth has the end of a vector in its middle and goes on.

        Operands stationary, a column scales its sums once, as they leave the array. Output
        stationary, any number of vectors may end in a pass.
        """
        vector, tile, depth = self.vector_depth, self.tile_k, self.gemm.depth_k
        if self.dataflow.preloads:
            return vector >= depth or vector % tile == 0
        return tile >= depth or tile % vector == 0

    def scales(self, k_size: int) -> int:
        """Return the scales of each column that ``k_size`` elements of a tile take; none: 0."""
        return -(-k_size // self.vector_depth) if self.vector_depth else 0

    @property
    def depth_scales(self) -> int:
        """Scales that all tiles along the depth take for each column."""
        whole, rest = divmod(self.gemm.depth_k, self.tile_k)
        return whole * self.scales(self.tile_k) + self.scales(rest)

    def stream_cycles(self, m_size: int, n_size: int, k_size: int) -> int:
        """Return the cycles in which a pass of these sizes streams.

        A vector takes as many as a PE needs for its part of it. Output stationary, a scale
        follows the last element of its vector.
        """
        steps = -(-k_size // self.pe_rate.depth) + self.scales(k_size)
        vectors = {"m": m_size, "n": n_size, "k": steps}[self.dataflow.stream]
        return vectors * self.pe_rate.cycles

    @property
    def scaling_cycles(self) -> int:
        """Cycles that sums take to be scaled at the array's edge, after they have left it."""
        return 1 if self.vector_depth and self.dataflow.preloads else 0

    @property
    def pass_count(self) -> int:
        """How many passes `passes` yields."""
        return self.gemm.groups * self.m_tiles * self.n_tiles * self.k_tiles

    @property
    def depth_steps(self) -> int:
        """Steps in which a PE takes the whole depth: no tile but the last leaves lanes over."""
        return -(-self.gemm.depth_k // self.pe_rate.depth)

    @property
    def pe_cycles(self) -> int:
        """Cycles in which PEs multiply, summed over PEs."""
        gemm = self.gemm
        return gemm.groups * gemm.rows_m * gemm.columns_n * self.depth_steps * self.pe_rate.cycles

    def passes(self) -> Iterator[Pass]:
        """Yield the passes in execution order."""
        for group in range(self.gemm.groups):
            for block, columns in self._visits():
                yield from self._visit(group, block, columns)

    def _visits(self) -> Iterator[tuple[_Range, _Range]]:
        """Yield (block of rows m, tile of columns n) in the order of the two outer loops."""
        gemm = self.gemm
        if self.order is LoopOrder.M_OUTER:
            for block in _cut(0, gemm.rows_m, self.block_m):
                for columns in _cut(0, gemm.columns_n, self.tile_n):
                    yield block, columns
        else:
            for columns in _cut(0, gemm.columns_n, self.tile_n):
                for block in _cut(0, gemm.rows_m, self.block_m):
                    yield block, columns

    def _visit(self, group: int, block: _Range, columns: _Range) -> Iterator[Pass]:
        """Yield the passes of one block of rows with one tile of columns."""
        gemm = self.gemm
        m_outer = self.order is LoopOrder.M_OUTER
        weights = self.weights_residency
        each_pass = weights is Residency.PASS
        each_block = weights is Residency.BLOCK and m_outer
        right_fetched = weights is not Residency.ON_CHIP
        first_rows, last_rows = block if each_block else (0, gemm.rows_m)
        fetched = self.activations_residency is not Residency.ON_CHIP
        each_visit = self.activations_residency is Residency.BLOCK and not m_outer
        enters = fetched and (each_visit or columns[0] == 0)
        leaves = fetched and (each_visit or columns[1] == gemm.columns_n)
        for rows in _cut(*block, self.tile_m):
            for depth in _cut(0, gemm.depth_k, self.tile_k):
                first_depth, last_depth = depth[0] == 0, depth[1] == gemm.depth_k
                yield Pass(
                    group,
                    *rows,
                    *columns,
                    *depth,
                    first_depth=first_depth,
                    last_depth=last_depth,
                    fetches_weights=right_fetched and (each_pass or rows[0] == first_rows),
                    fetches_activations=enters and first_depth and rows[0] == block[0],
                    releases_weights=right_fetched and (each_pass or rows[1] == last_rows),
                    releases_activations=leaves and last_depth and rows[1] == block[1],
                )
