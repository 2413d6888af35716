"""Sizes of tiles: what accumulators and scratchpads bound, cut evenly."""

from __future__ import annotations

from collections.abc import Callable

from accelsim.compiler.shapes import MatrixShape
from accelsim.hardware.dataflow import DATAFLOWS
from accelsim.hardware.schema import Hardware

__all__ = ["even", "largest", "stream_limit"]


def stream_limit(shape: MatrixShape, hardware: Hardware, tiles: int = 1) -> int:
    """Return the longest stream of a pass: what the accumulators hold, or the whole depth.

    They are as wide as the array: each streamed m or n takes a row of C accumulators. Every
    machine has at least one row; output stationary ones have a tile of R x C. Row sums take one
    more of each row, or (input stationary) a row. ``tiles``: so many wait for parts of the depth
    at a time; double buffered, one more is rescaled.
    """
    spec, array = hardware.scratchpads.accumulators, hardware.array
    if DATAFLOWS[array.dataflow].stream == "k":
        return shape.gemm.depth_k
    usable_bytes = spec.size // (tiles + spec.double_buffered)
    usable = usable_bytes * 8 // shape.accumulator_bits
    if not shape.row_sums:
        return usable // array.columns
    return usable // array.stepped_columns - (not array.has_row_sum_column)


def even(size: int, limit: int) -> int:
    """Return the tile that cuts ``size`` into as few tiles as ``limit`` does, evenly.

    >>> even(10, 4)
    4
    >>> even(9, 4)
    3
    """
    return -(-size // -(-size // limit))


def largest(limit: int, fits: Callable[[int], bool]) -> int:
    """Return the largest size up to ``limit`` that fits, 0 if 1 does not: bisected."""
    fitting, too_large = 0, limit + 1
    while too_large - fitting > 1:
        middle = (fitting + too_large) // 2
        if fits(middle):
            fitting = middle
        else:
            too_large = middle
    return fitting
