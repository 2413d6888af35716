"""What the compiler knows of a layer on the vector unit, and how it is cut into pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.compiler.input_rows import InputRows, input_rows, valid_taps
from accelsim.compiler.packed import bytes_of
from accelsim.network.geometry import Window

__all__ = ["SCALE_CYCLES", "Piece", "VectorKind", "VectorShape"]

VectorKind = Literal[
    "add",
    "max_pool",
    "average_pool",
    "quotient_pool",
    "clamp",
    "requantize",
    "multiply",
    "lookup",
    "pad",
    "quantize",
]

Integers = NDArray[np.int64]

SCALE_CYCLES = 24
"""From an image's last comparison to its scale and zero point: two float32 divisions, one after
the other, a subtraction and a rounding, at 8 cycles a division and 4 for each of the others."""


@dataclass(frozen=True)
class Piece:
    """A part of a vector layer that is fetched, computed and stored together.

    ``input_elements`` are needed of each input; ``input_bytes`` has one entry for each: what a
    tensor in DRAM costs.
    """

    operations: int
    input_elements: int
    input_bytes: tuple[int, ...]
    output_bytes: int


@dataclass(frozen=True)
class VectorShape:
    """A layer on the vector unit, as planes that a window slides over.

    Pools have a plane for each image and channel. Element-wise layers are planes of one element
    under a 1x1 window. An operation is one comparison or addition of one lane: a pool has one
    for each window element that is not padding, an element-wise layer one for each element.
    A pad has a plane for each image, whose lines hold the channels of all their pixels as memory
    does, under a 1x1 window with padding; it has an operation for each element that it writes.

    ``finds_range``: comparators keep each image's smallest and largest result. ``new_scales``:
    images whose scale and zero point have to be made before the layer starts.
    """

    kind: VectorKind
    planes: int
    height: int
    width: int
    window: Window
    input_bits: tuple[int, ...]
    output_bits: int
    finds_range: bool = False
    new_scales: int = 0

    @property
    def start_cycles(self) -> int:
        """Cycles until the last image's scale and zero point are there: one enters a cycle."""
        return SCALE_CYCLES + self.new_scales - 1 if self.new_scales else 0

    @cached_property
    def _output_size(self) -> tuple[int, int]:
        return self.window.output_size(self.height, self.width)

    @property
    def _rows(self) -> InputRows:
        return input_rows(self.window, self.height, self.width)

    @property
    def plane_lines(self) -> int:
        """Output lines of a plane."""
        return self._output_size[0]

    @property
    def lines(self) -> int:
        """Output lines of all planes: the finest cut."""
        return self.planes * self.plane_lines

    @property
    def operations(self) -> int:
        """Lane operations of the layer."""
        return self.element_writes if self.kind == "pad" else self._taps

    @property
    def _taps(self) -> int:
        """Window elements that are not padding."""
        return self.planes * prod(valid_taps(self.window, self.height, self.width))

    @property
    def element_reads(self) -> int:
        """Elements read from the activation scratchpad, of all inputs."""
        return self._taps * len(self.input_bits)

    @property
    def element_writes(self) -> int:
        """Elements written to the activation scratchpad."""
        return self.planes * prod(self._output_size)

    @property
    def line_elements(self) -> int:
        """Elements of an output line."""
        return self._output_size[1]

    def input_elements(self, first_line: ArrayLike, stop_line: ArrayLike) -> Integers:
        """Count the elements of each input that output lines [first_line, stop_line) need."""
        rows = self._rows.distinct(first_line, stop_line)
        return np.asarray(rows * self.width, dtype=np.int64)

    def bounds(self, chunk: ArrayLike, chunks: int) -> Integers:
        """Return the first line of a chunk when the lines are cut as evenly as possible."""
        return np.asarray(chunk, dtype=np.int64) * self.lines // chunks

    def cuts(self, chunks: int) -> tuple[Integers, Integers, Integers]:
        """Return operations, elements of each input and outputs of ``chunks`` pieces."""
        horizontal = valid_taps(self.window, self.height, self.width)[1]
        bounds = self.bounds(np.arange(chunks + 1), chunks)
        taps = np.diff(self._rows.taps_before(bounds)) * horizontal
        elements = self.input_elements(bounds[:-1], bounds[1:])
        outputs = np.diff(bounds) * self.line_elements
        return outputs if self.kind == "pad" else taps, elements, outputs

    def pieces(self, chunks: int) -> Iterator[Piece]:
        """Yield the layer cut into ``chunks`` pieces."""
        for done, needed, made in zip(*self.cuts(chunks), strict=True):
            yield Piece(
                operations=int(done),
                input_elements=int(needed),
                input_bytes=tuple(bytes_of(int(needed), bits) for bits in self.input_bits),
                output_bytes=bytes_of(int(made), self.output_bits),
            )
