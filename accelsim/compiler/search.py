"""Choose a matrix layer's loop nest: the least DRAM traffic among the plans that fit.

A layer that has to fetch operands several times may get its depth in parts, too (`search_parts`).

The dataflow says which two dimensions are cut to the array's rows and columns; the third, the
stream, is as long as the accumulators hold (or the whole depth). Ties go to fewer passes, then
to larger blocks, so the choice is a function of shapes and hardware alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from accelsim.compiler.plan import LoopOrder, Residency, TilePlan
from accelsim.compiler.search_parts import PartsRoom, PartsSearch, with_short_first_load
from accelsim.compiler.shapes import MatrixShape
from accelsim.compiler.tile_sizes import even, largest, stream_limit
from accelsim.compiler.traffic import (
    activation_loads,
    dram_traffic,
    fetched_bytes,
    staging_bytes,
    weight_bytes,
    weight_loads,
)
from accelsim.hardware.dataflow import DATAFLOWS, Dimension
from accelsim.hardware.schema import Hardware

__all__ = ["LayerRoom", "Nest", "Search"]

_ALL_SIZES = 12
"""Up to this size every tile or block size is tried; above it, those that can matter."""


@dataclass(frozen=True)
class LayerRoom:
    """What the activation scratchpad has left for a layer, and where the layer's tensors live."""

    activation_bytes: int
    input_on_chip: bool
    output_on_chip: bool
    right_on_chip: bool = False


@dataclass(frozen=True)
class Nest:
    """The loop order and how long weights stay; it fixes how long activations stay."""

    order: LoopOrder
    weights: Residency

    @property
    def activations(self) -> Residency:
        """Rows outside: each block is fetched once. Columns outside: once for each column tile."""
        return Residency.LAYER if self.order is LoopOrder.M_OUTER else Residency.BLOCK


_WHOLE_LAYER = Nest(LoopOrder.M_OUTER, Residency.LAYER)
_EACH_BLOCK = Nest(LoopOrder.M_OUTER, Residency.BLOCK)
_EACH_PASS = Nest(LoopOrder.M_OUTER, Residency.PASS)
_COLUMNS_OUTSIDE = Nest(LoopOrder.N_OUTER, Residency.BLOCK)
_NOTHING_FETCHED = Nest(LoopOrder.M_OUTER, Residency.ON_CHIP)
_NESTS = ((_WHOLE_LAYER,), (_EACH_BLOCK, _COLUMNS_OUTSIDE), (_EACH_PASS,))
"""From least to most weight traffic, for the same tiles: the first group that fits is enough.

With the columns outside, keeping every block costs what one block of all rows costs with the
rows outside, and fetching weights for each pass what it costs there.
"""


def _sizes(limit: int) -> list[int]:
    """Return tile sizes to try, the largest first."""
    if limit <= _ALL_SIZES:
        return list(range(limit, 0, -1))
    return [*_sizes_above(limit), 1]


def _sizes_above(limit: int) -> Iterator[int]:
    while limit > 1:
        yield limit
        limit //= 2


class Search:
    """The plans of one layer shape on one machine."""

    def __init__(self, shape: MatrixShape, hardware: Hardware) -> None:
        self._shape, self._hardware = shape, hardware
        self._flow = DATAFLOWS[hardware.array.dataflow]
        self._pads = hardware.scratchpads
        self._burst = hardware.dram.burst
        self._rate = hardware.array.pe_rate(shape.weight_bits, shape.input_bits)
        gemm = shape.gemm
        limits: dict[Dimension, int] = {
            self._flow.rows: hardware.array.rows,
            self._flow.columns: hardware.array.columns,
            self._flow.stream: stream_limit(shape, hardware),
        }
        if self._flow.rows == "k":
            limits["k"] *= self._rate.depth
        self._m_limit = min(limits["m"], gemm.rows_m)
        n_sizes = self._tile_sizes("n", gemm.columns_n, limits["n"])
        enough = min(-(-hardware.array.rows // self._rate.cycles), n_sizes[0])
        self._n_sizes = [size for size in n_sizes if size >= enough]
        self._short_n_sizes = [size for size in n_sizes if size < enough]
        self._least_n = n_sizes[-1]
        self._k_sizes = self._tile_sizes("k", gemm.depth_k, limits["k"])
        if shape.vector_depth:
            self._k_sizes = self._whole_vectors(self._k_sizes, shape.vector_depth)
        self._parts = PartsSearch(shape, hardware, self._k_sizes)

    def _whole_vectors(self, sizes: list[int], vector: int) -> list[int]:
        """Return tiles of the depth without the end of a vector in their middle.

        Operands stationary, a tile is a vector, or an even part of one that is longer than the
        array; output stationary, it is any number of whole vectors.
        """
        depth = self._shape.gemm.depth_k
        if not self._flow.preloads:
            whole = [size if size == depth else size - size % vector for size in sizes]
            return list(dict.fromkeys(max(size, vector) for size in whole))
        limit = sizes[0]
        if vector >= depth:
            return sizes
        return [max(size for size in range(1, min(limit, vector) + 1) if vector % size == 0)]

    def _tile_sizes(self, dimension: Dimension, size: int, limit: int) -> list[int]:
        """Return the tile sizes to try: the array's own, or shorter streams if need be."""
        largest = min(limit, size)
        if dimension != self._flow.stream:
            return [largest]
        evened = (even(size, tile) for tile in _sizes(largest))
        if dimension == "k":
            unit = self._rate.depth
            evened = (min(size, -(-tile // unit) * unit) for tile in evened)
        return list(dict.fromkeys(evened))

    def least_weight_bytes(self) -> int:
        """Return the room for weights without which no plan fits."""
        return self._weight_bytes(self._least_n, self._k_sizes[-1], _EACH_PASS)

    def least_activation_bytes(self, room: LayerRoom) -> int:
        """Return the room for activations without which no plan fits."""
        staging = self._staging_bytes(1, self._least_n, room)
        if room.input_on_chip:
            return staging
        least = fetched_bytes(self._shape, 1, self._pads)
        if self._shape.depth_has_parts:
            least = min(least, self._parts.least_bytes())
        return staging + least

    def best(self, room: LayerRoom) -> TilePlan | None:
        """Return the plan with the least DRAM traffic, None if none fits.

        Streams shorter than the preload that each pass pays for anyway are the last resort. So is
        a depth in parts where it does not fit whole beside other tensors: these had better go.
        """
        for n_sizes in (self._n_sizes, self._short_n_sizes):
            plans = self._plans(n_sizes, room)
            best = min(plans, key=lambda plan: self._cost(plan, room), default=None)
            if best is not None or room.activation_bytes == self._pads.activations.size:
                best = self._best_in_parts(n_sizes, room, best)
            if best is not None:
                return with_short_first_load(best, self._shape, self._hardware)
        return None

    def _best_in_parts(
        self, n_sizes: list[int], room: LayerRoom, best: TilePlan | None
    ) -> TilePlan | None:
        """Return a plan in parts if it moves less than the best other one, else that one."""
        shape = self._shape
        if room.input_on_chip or not shape.depth_has_parts or not n_sizes:
            return best
        moved = None
        if best is not None:
            if weight_loads(best) <= 1 and activation_loads(best) == 1:
                return best
            traffic = dram_traffic(shape, best, 1, room.output_on_chip)
            moved = (traffic.weight_bytes + traffic.activation_bytes) // shape.gemm.groups
        own = PartsRoom(
            room.activation_bytes,
            lambda rows, columns: self._staging_bytes(rows, columns, room),
            room.right_on_chip,
        )
        plans = [best] if best is not None else []
        plans += self._parts.plans(n_sizes, own, moved)
        return min(plans, key=lambda plan: self._cost(plan, room), default=None)

    def _cost(self, plan: TilePlan, room: LayerRoom) -> tuple[int, ...]:
        traffic = dram_traffic(self._shape, plan, self._burst, room.output_on_chip)
        return traffic.total_bytes, plan.pass_count, plan.in_parts, -plan.block_m, plan.tile_m

    def _plans(self, n_sizes: list[int], room: LayerRoom) -> Iterator[TilePlan]:
        """Yield the plans worth comparing; all of them fit."""
        for tile_n in n_sizes:
            rows = list(self._rows(tile_n, room))
            for tile_k in self._k_sizes:
                nests = self._nests(tile_n, tile_k, room)
                for nest in nests:
                    for block_m, tile_m in rows:
                        yield self._plan((tile_m, tile_n, tile_k), block_m, nest, room)
                if nests:
                    break

    def _plan(
        self, tiles: tuple[int, int, int], block_m: int, nest: Nest, room: LayerRoom
    ) -> TilePlan:
        activations = Residency.ON_CHIP if room.input_on_chip else nest.activations
        return TilePlan(
            *(self._shape.gemm, self._flow, *tiles, block_m),
            *(nest.order, nest.weights, activations, self._shape.vector_depth, self._rate),
        )

    def _nests(self, tile_n: int, tile_k: int, room: LayerRoom) -> tuple[Nest, ...]:
        """Return the loop nests with the least weight traffic for which the weights fit."""
        if room.right_on_chip:
            return (_NOTHING_FETCHED,)
        for nests in _NESTS:
            if self._weight_bytes(tile_n, tile_k, nests[0]) <= self._pads.weights.size:
                return nests
        return ()

    def _weight_bytes(self, tile_n: int, tile_k: int, nest: Nest) -> int:
        plan = self._plan((1, tile_n, tile_k), 1, nest, LayerRoom(0, True, True))
        return weight_bytes(self._shape, plan, self._pads)

    def _staging_bytes(self, tile_m: int, tile_n: int, room: LayerRoom) -> int:
        if room.output_on_chip:
            return 0
        return staging_bytes(self._shape, tile_m, tile_n, self._pads)

    def _rows(self, tile_n: int, room: LayerRoom) -> Iterator[tuple[int, int]]:
        """Yield (rows of a block, rows of a tile) that fit, for one width of output tiles."""
        blocks = (
            self._on_chip_rows(tile_n, room)
            if room.input_on_chip
            else self._fetched_rows(tile_n, room)
        )
        for block_m, tile_m in blocks:
            yield from ((block_m, tile) for tile in {tile_m, even(block_m, tile_m)})

    def _on_chip_rows(self, tile_n: int, room: LayerRoom) -> list[tuple[int, int]]:
        """All rows are there: one block, and the largest tile whose staging fits."""
        tile_m = largest(
            self._m_limit,
            lambda size: self._staging_bytes(size, tile_n, room) <= room.activation_bytes,
        )
        return [(self._shape.gemm.rows_m, tile_m)] if tile_m else []

    def _fetched_rows(self, tile_n: int, room: LayerRoom) -> list[tuple[int, int]]:
        """Blocks that fit: all of them, or the largest and those without ragged edges."""

        def needs(block_m: int) -> int:
            tile_m = min(block_m, self._m_limit)
            staging = self._staging_bytes(tile_m, tile_n, room)
            return staging + fetched_bytes(self._shape, block_m, self._pads)

        rows_m = self._shape.gemm.rows_m
        if needs(rows_m) <= room.activation_bytes:
            blocks = {rows_m}
        elif rows_m <= _ALL_SIZES:
            blocks = set(range(1, rows_m))
        else:
            blocks = self._block_sizes(needs, room)
        return [
            (block_m, min(block_m, self._m_limit))
            for block_m in sorted(blocks)
            if needs(block_m) <= room.activation_bytes
        ]

    def _block_sizes(self, needs: Callable[[int], int], room: LayerRoom) -> set[int]:
        """Return the largest block of each kind: any, of whole tiles, lines or images.

        A block that starts in the middle of a line of outputs needs more input rows than one of
        the same size that does not: each kind is bisected by itself, and so are parts of a line.
        """
        rows_m = self._shape.gemm.rows_m
        height, width = self._shape.output_size

        def most(unit: int) -> int:
            fits = lambda count: needs(unit * count) <= room.activation_bytes  # noqa: E731
            return unit * largest(rows_m // unit, fits)

        sizes = {most(unit) for unit in (1, self._m_limit, width, height * width)}
        parts = {width // count for count in range(2, _ALL_SIZES) if width % count == 0}
        evened = {even(rows_m, size) for size in sizes if size}
        return (sizes | parts | evened | {1}) - {0}
