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
    """Consecutive passes of one block of rows m with one tile of columns n."""

    group: int
    m_start: int
    m_stop: int
    n_start: int
    n_stop: int


def visits(plan: TilePlan) -> Iterator[Visit]:
    """Yield a plan's visits in execution order: its outer loops."""
    blocks = cut(0, plan.gemm.rows_m, plan.block_m)
    columns = cut(0, plan.gemm.columns_n, plan.tile_n)
    for group in range(plan.gemm.groups):
        if plan.order is LoopOrder.M_OUTER:
            yield from (Visit(group, *block, *tile) for block in blocks for tile in columns)
        else:
            yield from (Visit(group, *block, *tile) for tile in columns for block in blocks)
