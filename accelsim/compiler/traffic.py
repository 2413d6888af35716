"""What a plan costs, in closed form: bytes over the DRAM bus, bytes held in the scratchpads.

A plan with a million passes is costed in microseconds; the tests count the passes instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from accelsim.compiler.plan import LoopOrder, Residency, TilePlan
from accelsim.compiler.program import Footprint
from accelsim.compiler.shapes import MatrixShape, bytes_of
from accelsim.hardware.schema import Scratchpads

__all__ = [
    "BlockBytes",
    "DramTraffic",
    "activation_loads",
    "block_bytes",
    "dram_traffic",
    "fetched_bytes",
    "footprint",
    "group_weight_bytes",
    "held_bytes",
    "staging_bytes",
    "weight_bytes",
    "weight_loads",
]

_Tiles = tuple[tuple[int, int], ...]
"""(size, count) of the tiles along one dimension."""


@dataclass(frozen=True)
class DramTraffic:
    """Bytes on the bus for one execution of a matrix layer, in whole bursts.

    Blocks and output tiles are rounded up one by one, the weights as one sequence of bytes.
    """

    weight_bytes: int
    activation_bytes: int
    output_bytes: int

    @property
    def total_bytes(self) -> int:
        """Everything read and written."""
        return self.weight_bytes + self.activation_bytes + self.output_bytes


@dataclass(frozen=True)
class BlockBytes:
    """The activation blocks of one group: the largest, and all of them together.

    ``sizes`` and ``counts`` are sizes and how many blocks have them. Of a depth in parts, each part
    of a block is a block here; ``largest_whole``: all parts of the largest.
    """

    largest: int
    largest_whole: int
    total: int
    sizes: tuple[int, ...]
    counts: tuple[int, ...]

    def bus_bytes(self, burst: int) -> int:
        """Bytes of all blocks when each is fetched in whole bursts."""
        pairs = zip(self.sizes, self.counts, strict=True)
        return sum(count * _in_bursts(size, burst) for size, count in pairs)


def _tiles(size: int, tile: int) -> _Tiles:
    whole, rest = divmod(size, tile)
    return ((tile, whole), (rest, 1)) if rest else ((tile, whole),)


def _row_tiles(plan: TilePlan) -> _Tiles:
    """(size, count) of the tiles of rows, which start anew with each block."""
    return tuple(
        (size, count * blocks)
        for block, blocks in _tiles(plan.gemm.rows_m, plan.block_m)
        for size, count in _tiles(block, plan.tile_m)
    )


def _in_bursts(transfer_bytes: int, burst: int) -> int:
    return -(-transfer_bytes // burst) * burst


def _column_bytes(shape: MatrixShape, plan: TilePlan, n_size: int, depth_k: int) -> int:
    """Bytes of the weight tiles over ``n_size`` columns and the first ``depth_k`` of the depth.

    Each is rounded up.
    """
    total = 0
    first = True
    for k_size, count in _tiles(depth_k, plan.tile_k):
        if first:
            total += shape.weight_tile_bytes(n_size, k_size, True)
            count, first = count - 1, False
        total += count * shape.weight_tile_bytes(n_size, k_size, False)
    return total


def group_weight_bytes(shape: MatrixShape, plan: TilePlan) -> int:
    """Return the bytes of all weight tiles of a group, each rounded up."""
    return sum(
        count * _column_bytes(shape, plan, n_size, plan.gemm.depth_k)
        for n_size, count in _tiles(plan.gemm.columns_n, plan.tile_n)
    )


@lru_cache(maxsize=65536)
def block_bytes(shape: MatrixShape, block_m: int, block_k: int = 0) -> BlockBytes:
    """Return what the activation blocks of one group hold when cut every ``block_m`` rows.

    ``block_k``: and cut every so much of the depth; 0: not.
    """
    rows_m = shape.gemm.rows_m
    starts = np.arange(0, rows_m, block_m, dtype=np.int64)
    stops = np.minimum(starts + block_m, rows_m)
    parts = _tiles(shape.gemm.depth_k, block_k) if block_k else ((None, 1),)
    sizes: list[int] = []
    counts: list[int] = []
    whole = 0
    for depth_k, repeats in parts:
        of_part = np.unique(shape.block_bytes(starts, stops, depth_k), return_counts=True)
        sizes += of_part[0].tolist()
        counts += (of_part[1] * repeats).tolist()
        whole += int(of_part[0][-1]) * repeats
    return BlockBytes(
        largest=max(sizes),
        largest_whole=whole,
        total=sum(size * count for size, count in zip(sizes, counts, strict=True)),
        sizes=tuple(sizes),
        counts=tuple(counts),
    )


def dram_traffic(
    shape: MatrixShape, plan: TilePlan, burst: int, output_on_chip: bool
) -> DramTraffic:
    """Return the DRAM traffic of one execution of ``plan``."""
    activations = 0
    if plan.activations_residency is not Residency.ON_CHIP:
        blocks = block_bytes(shape, plan.block_m, plan.block_k)
        activations = activation_loads(plan) * blocks.bus_bytes(burst)
    outputs = 0
    if not output_on_chip:
        outputs = sum(
            m_count * n_count * _in_bursts(shape.output_tile_bytes(m_size, n_size), burst)
            for m_size, m_count in _row_tiles(plan)
            for n_size, n_count in _tiles(plan.gemm.columns_n, plan.tile_n)
        )
    groups = plan.gemm.groups
    weights = groups * weight_loads(plan) * group_weight_bytes(shape, plan)
    return DramTraffic(_in_bursts(weights, burst), groups * activations, groups * outputs)


def weight_loads(plan: TilePlan) -> int:
    """Return how often each weight is fetched."""
    m_outer = plan.order is LoopOrder.M_OUTER
    return {
        Residency.LAYER: 1,
        Residency.BLOCK: plan.m_blocks if m_outer else 1,
        Residency.PASS: plan.m_tiles,
        Residency.ON_CHIP: 0,
    }[plan.weights_residency]


def activation_loads(plan: TilePlan) -> int:
    """Return how often each block of activations is fetched."""
    if plan.activations_residency is Residency.ON_CHIP:
        return 0
    return plan.n_blocks if plan.fetched_each_visit else 1


def held_bytes(unit: int, whole: int, double_buffered: bool) -> int:
    """Return the room for a unit in use and, double buffered, for its successor if there is one."""
    return min(2 * unit, whole) if double_buffered else unit


def staging_bytes(shape: MatrixShape, tile_m: int, tile_n: int, scratchpads: Scratchpads) -> int:
    """Return the room for output tiles on their way to DRAM."""
    gemm = shape.gemm
    alone = gemm.groups == 1 and tile_m == gemm.rows_m and tile_n == gemm.columns_n
    tile = shape.output_tile_bytes(tile_m, tile_n)
    return tile if alone else held_bytes(tile, 2 * tile, scratchpads.activations.double_buffered)


def fetched_bytes(
    shape: MatrixShape,
    block_m: int,
    scratchpads: Scratchpads,
    whole_group: bool = False,
    block_k: int = 0,
    kept: bool = True,
) -> int:
    """Return the room for fetched blocks, of which one or all of a group are in use at a time.

    ``kept``: if the depth is fetched in parts, whether all parts of a block are.
    """
    blocks = block_bytes(shape, block_m, block_k)
    unit = blocks.largest_whole if kept else blocks.largest
    if whole_group:
        unit = blocks.total
    return held_bytes(
        unit, shape.gemm.groups * blocks.total, scratchpads.activations.double_buffered
    )


def footprint(
    shape: MatrixShape, plan: TilePlan, scratchpads: Scratchpads, output_on_chip: bool
) -> Footprint:
    """Return the scratchpad bytes that ``plan`` needs, tensors that stay on chip left out."""
    fetched = 0
    if plan.activations_residency is not Residency.ON_CHIP:
        kept = plan.activations_residency is Residency.LAYER
        whole_group = kept and plan.order is LoopOrder.N_OUTER
        kept = kept or not plan.in_parts
        fetched = fetched_bytes(
            shape, plan.block_m, scratchpads, whole_group, plan.block_k, kept=kept
        )
    staged = 0 if output_on_chip else staging_bytes(shape, plan.tile_m, plan.tile_n, scratchpads)
    accumulating = bytes_of(shape.accumulators(plan.tile_m, plan.tile_n), shape.accumulator_bits)
    return Footprint(
        weight_bytes=weight_bytes(shape, plan, scratchpads),
        block_bytes=fetched,
        staging_bytes=staged,
        accumulator_bytes=accumulating
        * (plan.tiles_together + scratchpads.accumulators.double_buffered),
    )


def weight_bytes(shape: MatrixShape, plan: TilePlan, scratchpads: Scratchpads) -> int:
    """Return the room for weight tiles."""
    if plan.weights_residency is Residency.ON_CHIP:
        return 0
    group = group_weight_bytes(shape, plan)
    if plan.weights_residency is Residency.PASS:
        unit = shape.weight_tile_bytes(plan.tile_n, plan.tile_k, True)
    elif plan.weights_residency is Residency.BLOCK or plan.order is LoopOrder.N_OUTER:
        unit = _column_bytes(shape, plan, plan.tile_n, plan.depth_together)
    else:
        unit = group
    return held_bytes(unit, plan.gemm.groups * group, scratchpads.weights.double_buffered)
