"""How one matrix layer goes through the array: tiles, loop order, and what is fetched when.

A plan is a loop nest, not a list of tiles: passes are enumerated when needed, so a program's
size does not grow with the network's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from accelsim.compiler.passes import Pass
from accelsim.errors import InternalError
from accelsim.hardware.dataflow import Dataflow
from accelsim.hardware.pe_kinds import ONE_A_CYCLE, PeRate

__all__ = ["MOST_TILES_TOGETHER", "Gemm", "LoopOrder", "Pass", "Residency", "TilePlan"]

MOST_TILES_TOGETHER = 15
"""Output tiles that may take turns with parts of the depth: so many, and one that is rescaled, have
places in the accumulator scratchpad that the machine keeps track of."""


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
    outer loops stay at their block of rows. Of a depth in parts, each part by itself."""
    PASS = "pass"
    """Weights only: fetched for every pass that reads them."""
    ON_CHIP = "on_chip"
    """An earlier layer left the tensor in the activation scratchpad; never fetched. Weights are
    never there, but a tensor that takes their place may be."""


@dataclass(frozen=True)
class TilePlan:
    """The loop nest of a matrix layer.

    ::

        for group:
            M_OUTER: for m_block: for n_tile: for m_tile in m_block: for k_tile: pass
            N_OUTER: for n_tile: for m_block: for m_tile in m_block: for k_tile: pass
            in parts: for m_block: for n_block: for k_block:
                          for n_tile in n_block: for m_tile in m_block: for k_tile in k_block: pass

    ``tile_m``, ``tile_n``, ``tile_k`` are a pass's largest sizes: the array's rows and columns
    for the two dimensions that the dataflow lays out, the streamed length for the third.
    ``block_m`` is the number of rows m whose activations are fetched together, at least
    ``tile_m``; tiles start anew with each block, so a block's last tile may be partly filled.
    Edge tiles are partly filled too. ``pe_rate`` is what a PE does with the layer's operands:
    where rows hold the depth, a row holds ``pe_rate.depth`` of it.

    ``vector_depth``: so many elements of the depth share a scale, 0 if there are no scales. A tile
    of the depth then holds whole vectors, or is a part of one.

    ``block_k``: so much of the depth of a block of rows is fetched together, whole tiles of it; 0:
    all. Each part meets ``block_n`` columns before the next one comes, and the accumulators hold
    the sums of all these rows and columns: whole tiles, several along the rows or along the
    columns. They are added up in the same order as ever. Parts are given away after each visit; or
    they are kept for the layer, then a block is one tile of rows and of columns.
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
    block_n: int = 0
    block_k: int = 0

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
        if self.in_parts:
            self._check_parts()
        elif self.block_n:
            raise InternalError(f"{self.block_n} columns take turns with parts that there are not")

    def _check_parts(self) -> None:
        """Check what a depth in parts needs: whole tiles, and a place for each sum."""
        tiles = self.tiles_together
        if self.block_k % self.tile_k or self.block_n % self.tile_n or not self.block_n:
            raise InternalError(f"blocks of {self.block_n} x {self.block_k} are no whole tiles")
        kept = self.activations_residency is Residency.LAYER
        if self.order is not LoopOrder.M_OUTER:
            raise InternalError("a depth in parts has rows outside")
        if self.activations_residency is Residency.ON_CHIP or (kept and tiles > 1):
            raise InternalError("tiles take turns with parts that are fetched for each visit")
        if tiles > (MOST_TILES_TOGETHER if self.dataflow.preloads else 1):
            raise InternalError(f"{tiles} output tiles do not take turns with parts of the depth")
        if self.block_n > self.tile_n and self.block_m > self.tile_m:
            raise InternalError("tiles that take turns lie along the rows or along the columns")

    @property
    def in_parts(self) -> bool:
        """Whether a part of the depth of a block of rows is fetched at a time."""
        return self.block_k > 0

    @property
    def columns_together(self) -> int:
        """Columns n that a part of the depth meets before the next part comes."""
        return self.block_n or self.tile_n

    @property
    def depth_together(self) -> int:
        """The depth of a block of rows that is fetched together."""
        return self.block_k or self.gemm.depth_k

    @property
    def k_parts(self) -> int:
        """Parts in which the depth is fetched: 1 if it is fetched whole."""
        return -(-self.gemm.depth_k // self.depth_together)

    @property
    def n_blocks(self) -> int:
        """Visits of a block of rows: blocks of columns, or tiles of them."""
        return -(-self.gemm.columns_n // self.columns_together)

    @property
    def tiles_together(self) -> int:
        """Output tiles whose sums wait in the accumulators at a time."""
        if not self.in_parts:
            return 1
        return -(-self.block_m // self.tile_m) * (self.columns_together // self.tile_n)

    @property
    def fetched_each_visit(self) -> bool:
        """Whether each visit fetches its activations anew."""
        if self.activations_residency is not Residency.BLOCK:
            return False
        return self.in_parts or self.order is LoopOrder.N_OUTER

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
                for depth in _cut(0, self.gemm.depth_k, self.depth_together):
                    yield from self._visit(group, block, columns, depth)

    def _visits(self) -> Iterator[tuple[_Range, _Range]]:
        """Yield (block of rows m, block of columns n) in the order of the two outer loops."""
        gemm, together = self.gemm, self.columns_together
        if self.order is LoopOrder.M_OUTER:
            for block in _cut(0, gemm.rows_m, self.block_m):
                for columns in _cut(0, gemm.columns_n, together):
                    yield block, columns
        else:
            for columns in _cut(0, gemm.columns_n, together):
                for block in _cut(0, gemm.rows_m, self.block_m):
                    yield block, columns

    def _visit(self, group: int, block: _Range, strip: _Range, part: _Range) -> Iterator[Pass]:
        """Yield the passes of a block of rows with a block of columns and a part of the depth."""
        gemm = self.gemm
        weights = self.weights_residency
        each_pass = weights is Residency.PASS
        each_block = weights is Residency.BLOCK and self.order is LoopOrder.M_OUTER
        right_fetched = weights is not Residency.ON_CHIP
        first_rows, last_rows = block if each_block else (0, gemm.rows_m)
        fetched = self.activations_residency is not Residency.ON_CHIP
        each_visit = self.fetched_each_visit
        enters = fetched and (each_visit or strip[0] == 0)
        leaves = fetched and (each_visit or strip[1] == gemm.columns_n)
        start, stop = (block[0], strip[0], part[0]), (block[1], strip[1], part[1])
        for columns in _cut(*strip, self.tile_n):
            for rows in _cut(*block, self.tile_m):
                for depth in _cut(*part, self.tile_k):
                    yield Pass(
                        group,
                        *rows,
                        *columns,
                        *depth,
                        first_depth=depth[0] == 0,
                        last_depth=depth[1] == gemm.depth_k,
                        fetches_weights=right_fetched and (each_pass or rows[0] == first_rows),
                        fetches_activations=enters and (rows[0], columns[0], depth[0]) == start,
                        releases_weights=right_fetched and (each_pass or rows[1] == last_rows),
                        releases_activations=leaves and (rows[1], columns[1], depth[1]) == stop,
                    )
