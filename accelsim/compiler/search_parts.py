"""Plans that fetch a part of the depth at a time.

They are for layers that fetch operands several times (`PartsSearch`), and let the array start
before a block is there whole (`with_short_first_load`).

A block of rows whose whole depth lies in the scratchpad is a small one where the depth is long, and
each block fetches the weights anew. In parts the accumulators bound the block, not the scratchpad:
weights are fetched once for each block of rows, activations once for each block of columns, so
blocks whose sums fill the accumulators move least. Sums never leave the accumulators half done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from accelsim.compiler.packed import bytes_of
from accelsim.compiler.plan import MOST_TILES_TOGETHER, LoopOrder, Residency, TilePlan
from accelsim.compiler.shapes import MatrixShape
from accelsim.compiler.tile_sizes import even, largest, stream_limit
from accelsim.compiler.traffic import block_bytes
from accelsim.hardware.dataflow import DATAFLOWS
from accelsim.hardware.schema import Hardware

__all__ = ["PartsRoom", "PartsSearch", "with_short_first_load"]

_MOST_PARTS = 4
"""Parts of a block that is kept: the array waits for the first one; more would gain little more."""

_TRIED = 2
"""Divisions of the accumulators whose plans are costed exactly: those that are estimated best."""


@dataclass(frozen=True)
class PartsRoom:
    """The activation scratchpad's room for one layer.

    ``staging``: what output tiles of so many rows and columns take of it. ``right_on_chip``:
    whether what takes the weights' place need not be fetched.
    """

    total_bytes: int
    staging: Callable[[int, int], int]
    right_on_chip: bool


@dataclass(frozen=True)
class _Division:
    """The accumulators, divided among tiles that take turns with parts of the depth."""

    tile_m: int
    tile_n: int
    block_m: int
    block_n: int


def with_short_first_load(plan: TilePlan, shape: MatrixShape, hardware: Hardware) -> TilePlan:
    """Return the plan with blocks that are kept fetched in parts, if that moves no burst more.

    The array waits for the first part of the first block and not for all of it; passes and what
    they find in the scratchpads are the same. Blocks that are one tile of rows: others are short.
    """
    if (
        plan.in_parts
        or plan.activations_residency is not Residency.LAYER
        or plan.order is not LoopOrder.M_OUTER
        or plan.block_m != plan.tile_m
        or not shape.depth_has_parts
        or not hardware.scratchpads.activations.double_buffered
    ):
        return plan
    dram, whole = hardware.dram, block_bytes(shape, plan.block_m)
    # A part that takes less than the DRAM's latency would not come much sooner.
    worth = int(min(whole.largest / (dram.latency * dram.bandwidth + 1), _MOST_PARTS))
    if worth < 2:
        return plan
    burst, tiles = dram.burst, -(-plan.k_tiles // worth)
    while tiles < plan.k_tiles:
        parts = block_bytes(shape, plan.block_m, tiles * plan.tile_k)
        if (parts.total, parts.bus_bytes(burst)) == (whole.total, whole.bus_bytes(burst)):
            return replace(plan, block_n=plan.tile_n, block_k=tiles * plan.tile_k)
        tiles *= 2
    return plan


class PartsSearch:
    """The plans in parts of one layer shape on one machine: none where depth has no parts."""

    def __init__(self, shape: MatrixShape, hardware: Hardware, k_sizes: Sequence[int]) -> None:
        self._shape, self._hardware, self._k_sizes = shape, hardware, k_sizes
        self._flow = DATAFLOWS[hardware.array.dataflow]
        self._rate = hardware.array.pe_rate(shape.weight_bits, shape.input_bits)
        # Streams that are shorter than a preload are slower, so they gain nothing.
        self._enough = -(-hardware.array.rows // self._rate.cycles)
        gemm = shape.gemm
        self._weight_bytes = bytes_of(gemm.columns_n * gemm.depth_k, shape.weight_bits)
        self._activation_bytes = self._held_bytes(gemm.rows_m, gemm.depth_k, buffers=1)
        self._buffers = 1 + hardware.scratchpads.activations.double_buffered

    def least_bytes(self) -> int:
        """Return the room for the smallest part of the smallest block, and for its successor."""
        return self._held_bytes(1, self._k_sizes[-1], self._buffers)

    def plans(
        self, n_sizes: Sequence[int], room: PartsRoom, less_than_bytes: int | None
    ) -> Iterator[TilePlan]:
        """Yield the plans worth comparing; all of them fit.

        Parameters
        ----------
        n_sizes
            Columns of a tile to try, the largest first.
        room
            For blocks of activations and output tiles.
        less_than_bytes
            What a group's operands move in another plan: only plans that are estimated to move
            less are of interest. None: there is no other.
        """
        found = []
        for division in self._divisions(n_sizes):
            if less_than_bytes is None or self._moves(division, room) < less_than_bytes:
                fitted = self._fitted(division, room)
                if fitted is not None:
                    found.append(fitted)
        found.sort(key=lambda division: self._moves(division, room))
        tried = 0
        for division in found:
            plan = self._plan(division, room)
            if plan is not None and tried < _TRIED:
                tried += 1
                yield plan

    def _moves(self, division: _Division, room: PartsRoom) -> int:
        """Estimate the bytes of a group's operands."""
        gemm = self._shape.gemm
        weights = 0 if room.right_on_chip else self._weight_bytes
        loads = -(-gemm.rows_m // division.block_m), -(-gemm.columns_n // division.block_n)
        return loads[0] * weights + loads[1] * self._activation_bytes

    def _divisions(self, n_sizes: Sequence[int]) -> Iterator[_Division]:
        """Yield divisions whose tiles have as many rows as the accumulators hold."""
        gemm, array, pads = self._shape.gemm, self._hardware.array, self._hardware.scratchpads
        if self._flow.stream == "k":
            rows = min(array.rows, gemm.rows_m)
            yield from (_Division(rows, columns, rows, columns) for columns in n_sizes)
            return
        by_columns = self._flow.columns == "n"
        most = MOST_TILES_TOGETHER if pads.accumulators.double_buffered else 1
        for tiles in range(1, most + 1):
            limit = stream_limit(self._shape, self._hardware, tiles)
            if by_columns:
                rows, sizes, stream = min(limit, gemm.rows_m), n_sizes[:1], gemm.rows_m
                across = -(-gemm.columns_n // n_sizes[0])
            else:
                rows, sizes, stream = min(array.columns, gemm.rows_m), n_sizes, gemm.columns_n
                across = -(-gemm.rows_m // rows)
                if tiles > 1:
                    sizes = [even(gemm.columns_n, min(limit, n_sizes[0]))] if limit else []
            if tiles > 1 and (tiles > across or limit < min(self._enough, stream)):
                return
            for columns in sizes:
                strips, stacks = (tiles, 1) if by_columns else (1, tiles)
                yield _Division(rows, columns, stacks * rows, strips * columns)

    def _fitted(self, division: _Division, room: PartsRoom) -> _Division | None:
        """Return the division with as many rows as fit with the smallest part, None if none do."""
        least, columns = self._k_sizes[-1], division.tile_n

        def fits(rows: int, block: int) -> bool:
            held = self._held_bytes(block, least, self._buffers)
            return room.staging(rows, columns) + held <= room.total_bytes

        if division.block_m > division.tile_m:
            return division if fits(division.tile_m, division.block_m) else None
        rows = largest(division.tile_m, lambda size: fits(size, size))
        if not rows:
            return None
        gemm, width = self._shape.gemm, self._shape.output_size[1]
        lines = rows // width if width > 1 else 0
        # A block that ends within a line of outputs fetches what the next one fetches, too.
        rows = even(gemm.rows_m // width, lines) * width if lines else even(gemm.rows_m, rows)
        if division.block_n > division.tile_n and rows < min(self._enough, gemm.rows_m):
            return None
        return replace(division, tile_m=rows, block_m=rows)

    def _plan(self, division: _Division, room: PartsRoom) -> TilePlan | None:
        """Return the plan with the largest parts, None if the weights or whole depth do not fit.

        Of a depth that fits whole nothing need be fetched in parts.
        """
        shape, pads = self._shape, self._hardware.scratchpads
        several = division.block_m > division.tile_m
        left_bytes = room.total_bytes - room.staging(division.tile_m, division.tile_n)
        buffers = 1 + pads.weights.double_buffered
        for tile_k in self._k_sizes:
            tile_bytes = shape.weight_tile_bytes(division.tile_n, tile_k, True)
            if room.right_on_chip:
                tile_bytes = 0

            def fits(count: int, size: int = tile_k, tile_bytes: int = tile_bytes) -> bool:
                held = self._held_bytes(division.block_m, count * size, self._buffers)
                weights = buffers * tile_bytes * (count if several else 1)
                return held <= left_bytes and weights <= pads.weights.size

            tiles = -(-shape.gemm.depth_k // tile_k)
            count = largest(tiles, fits)
            if count == tiles > 1:
                return None
            if count:
                return self._in_parts(division, tile_k, even(tiles, count) * tile_k, room)
        return None

    def _in_parts(
        self, division: _Division, tile_k: int, block_k: int, room: PartsRoom
    ) -> TilePlan:
        weights = Residency.BLOCK if division.block_m > division.tile_m else Residency.PASS
        return TilePlan(
            gemm=self._shape.gemm,
            dataflow=self._flow,
            tile_m=division.tile_m,
            tile_n=division.tile_n,
            tile_k=tile_k,
            block_m=division.block_m,
            order=LoopOrder.M_OUTER,
            weights_residency=Residency.ON_CHIP if room.right_on_chip else weights,
            activations_residency=Residency.BLOCK,
            vector_depth=self._shape.vector_depth,
            pe_rate=self._rate,
            block_n=division.block_n,
            block_k=block_k,
        )

    def _held_bytes(self, rows: int, depth_k: int, buffers: int) -> int:
        """Return the room for so much of the depth of a block, wherever it starts in a line."""
        shape = self._shape
        width = shape.output_size[1]
        lines = -(-rows // width)
        if rows % width and width % rows:
            lines += 1
        elements = lines * shape.input_shape[2] * depth_k
        return buffers * bytes_of(elements, shape.input_bits)
