"""Cut a vector layer into as few pieces as the activation scratchpad allows."""

from __future__ import annotations

from functools import lru_cache
from itertools import compress

import numpy as np

from accelsim.compiler.program import Footprint
from accelsim.compiler.shapes import VectorShape, bytes_of

__all__ = ["choose_chunks", "vector_footprint"]


def vector_footprint(
    shape: VectorShape,
    chunks: int,
    fetched: tuple[bool, ...],
    output_on_chip: bool,
    double_buffered: bool,
) -> Footprint:
    """Return the room for the pieces of ``chunks``, tensors that stay on chip left out.

    ``fetched`` says for each input whether it comes from DRAM. The room is that of the largest
    piece wherever it starts in a plane.
    """
    lines = -(-shape.lines // chunks)
    starts = np.arange(shape.plane_lines if chunks > 1 else 1)
    elements = int(shape.input_elements(starts, starts + lines).max())
    bits = compress(shape.input_bits, fetched)
    inputs = sum(bytes_of(elements, width) for width in bits)
    outputs = 0 if output_on_chip else bytes_of(lines * shape.line_elements, shape.output_bits)
    pieces_held = 2 if double_buffered and chunks > 1 else 1
    return Footprint(block_bytes=pieces_held * inputs, staging_bytes=pieces_held * outputs)


@lru_cache(maxsize=4096)
def choose_chunks(
    shape: VectorShape,
    fetched: tuple[bool, ...],
    output_on_chip: bool,
    room_bytes: int,
    double_buffered: bool,
) -> tuple[int, Footprint] | None:
    """Return the fewest pieces that fit in ``room_bytes``, None if single lines do not."""

    def cut(chunks: int) -> Footprint:
        return vector_footprint(shape, chunks, fetched, output_on_chip, double_buffered)

    few, enough = 0, 1
    while cut(enough).activation_bytes > room_bytes:
        if enough == shape.lines:
            return None
        few, enough = enough, min(2 * enough, shape.lines)
    while enough - few > 1:
        middle = (few + enough) // 2
        if cut(middle).activation_bytes <= room_bytes:
            enough = middle
        else:
            few = middle
    return enough, cut(enough)
