"""Operands as the cycle engine's kernels read them: blocks of four depths, lanes of columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.simulator.array import cycle_kernel
from accelsim.simulator.array.lanes import LANES
from accelsim.simulator.threads import run_tasks, shares

__all__ = ["LANES", "blocks_of", "pack_factors", "pack_moving", "row_major"]

Words = NDArray[np.int32]


def row_major(words: Words) -> Words:
    """Return int32 in C order, the same array if it is that already."""
    return np.ascontiguousarray(words, dtype=np.int32)


def pack_moving(words: Words, tile: int, threads: int = 1) -> Words:
    """Return int32[elements, depth] as int32[blocks, elements, 4], in tiles of the depth."""
    elements, depth = words.shape
    packed = np.empty((blocks_of(depth, tile), elements, 4), np.int32)

    def run(part: tuple[int, int]) -> None:
        cycle_kernel.pack_moving(words, *part, tile, packed)

    run_tasks(run, shares(elements, threads), threads)
    return packed


def pack_factors(words: Words, start: int, stop: int, tile: int) -> Words:
    """Return at most 16 rows of int32[columns, depth] as int32[4 * blocks, 16].

    The rows may lie side by side in memory: either way they are read in the order they lie in.
    """
    depth_first = words.flags.f_contiguous
    packed = np.empty((4 * blocks_of(words.shape[1], tile), LANES), np.int32)
    if depth_first:
        cycle_kernel.pack_lines(words.T, start, stop - start, tile, packed)
    else:
        cycle_kernel.pack_factors(row_major(words), start, stop - start, tile, packed)
    return packed


def blocks_of(depth: int, tile: int) -> int:
    """Count blocks of four depths; each tile of the depth starts a new one."""
    whole, rest = divmod(depth, tile)
    return whole * -(-tile // 4) + -(-rest // 4)
