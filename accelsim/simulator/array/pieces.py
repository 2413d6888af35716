"""Cut a product into ranges of rows whose activations are not too large to hold at once."""

from __future__ import annotations

from collections.abc import Iterator

from accelsim.compiler.program import Gemm

__all__ = ["row_pieces"]

_PIECE_WORDS = 1 << 22


def row_pieces(gemm: Gemm) -> Iterator[tuple[int, int]]:
    """Yield [start, stop) ranges of rows m: 4 Mi activations at most, a row at least.

    >>> list(row_pieces(Gemm(rows_m=3000, columns_n=1, depth_k=2048)))
    [(0, 2048), (2048, 3000)]
    """
    size = max(1, _PIECE_WORDS // gemm.depth_k)
    for start in range(0, gemm.rows_m, size):
        yield start, min(start + size, gemm.rows_m)
