"""Cut a product: into rows whose activations are not too large to hold, and into visits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from accelsim.compiler.program import Gemm, LoopOrder, TilePlan

__all__ = ["Visit", "cut", "row_pieces", "visits"]

_PIECE_WORDS = 1 << 22


def cut(start: int, stop: int, size: int) -> list[tuple[int, int]]:
    """Return half-open ranges of ``size``, the last one shorter, that cover [start, stop).

    >>> cut(2, 7, 3)
    [(2, 5), (5, 7)]
    """
    return [(first, min(first + size, stop)) for first in range(start, stop, size)]


def row_pieces(gemm: Gemm) -> list[tuple[int, int]]:
    """Return [start, stop) ranges of rows m: 4 Mi activations at most, a row at least.

    >>> row_pieces(Gemm(rows_m=3000, columns_n=1, depth_k=2048))
    [(0, 2048), (2048, 3000)]
    """
    return cut(0, gemm.rows_m, max(1, _PIECE_WORDS // gemm.depth_k))


class Visit(NamedTuple):
    """Consecutive passes of one block of rows m with one tile of columns n.

    Of a depth in parts, with one part of it; else ``k_start`` and ``k_stop`` are all of it.
    """

    group: int
    m_start: int
    m_stop: int
    n_start: int
    n_stop: int
    k_start: int
    k_stop: int


def visits(plan: TilePlan) -> Iterator[Visit]:
    """Yield a plan's visits in execution order: its outer loops."""
    blocks = cut(0, plan.gemm.rows_m, plan.block_m)
    strips = cut(0, plan.gemm.columns_n, plan.columns_together)
    if plan.order is LoopOrder.M_OUTER:
        together = [(block, strip) for block in blocks for strip in strips]
    else:
        together = [(block, strip) for strip in strips for block in blocks]
    parts = cut(0, plan.gemm.depth_k, plan.depth_together)
    for group in range(plan.gemm.groups):
        for block, strip in together:
            tiles = cut(*strip, plan.tile_n)
            yield from (Visit(group, *block, *tile, *part) for part in parts for tile in tiles)
