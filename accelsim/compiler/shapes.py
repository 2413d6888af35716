"""What the compiler knows of a layer: shapes and widths, no values.

An `IntegerNetwork` is lowered to these records; a list of layer shapes without weights can be
written in them directly. All counts are for the whole batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.compiler.input_rows import InputRows, input_rows, valid_taps
from accelsim.compiler.plan import Gemm
from accelsim.network.geometry import Shape, Window

__all__ = [
    "SCALE_CYCLES",
    "LayerShape",
    "MatrixShape",
    "NetworkShape",
    "Piece",
    "TensorShape",
    "VectorKind",
    "VectorShape",
    "bytes_of",
]

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


def bytes_of(elements: int, bits: int) -> int:
    """Bytes that hold ``elements`` packed integers of ``bits``, rounded up."""
    return -(-elements * bits // 8)


@dataclass(frozen=True)
class TensorShape:
    """One image's tensor: its shape and the width of its elements."""

    shape: Shape
    bits: int

    def total_bytes(self, batch: int) -> int:
        """Bytes of the tensor for a whole batch."""
        return bytes_of(batch * prod(self.shape), self.bits)


@dataclass(frozen=True)
class MatrixShape:
    """A convolution, a dense layer, or a product of two activation tensors.

    Dense: a 1x1 window over (features, tokens, 1). Where ``right_is_tensor`` the operand that
    weights otherwise are is a tensor, ``weight_bits`` wide: it has no biases, a group is a head
    of an image, and ``batch`` is 1.

    ``input_shape`` is (channels, height, width) of one image; the GEMM's rows m are output
    pixels of all images (image, row, column: column fastest), its columns n a group's output
    channels, its depth k the kernel's rows, columns and the group's input channels.
    ``weights_are_ternary``: -1, 0 and +1 are all that there is; of shapes without values, all
    that their two bits are taken to be.

    ``row_sums``: its weights have zero points, so that rows of activations are summed up, too.
    ``vector_depth`` elements of the depth share an integer scale of ``scale_bits`` in each column;
    0: there are no such scales. ``vector_parts_add_up``: an array may cut the vectors, as scaled
    sums of their parts end in the same integers.
    ``finds_range``: comparators keep each image's smallest and largest result.
    """

    input_shape: tuple[int, int, int]
    out_channels: int
    window: Window
    groups: int
    batch: int
    weight_bits: int
    input_bits: int
    output_bits: int
    accumulator_bits: int
    right_is_tensor: bool = False
    row_sums: bool = False
    vector_depth: int = 0
    scale_bits: int = 0
    weights_are_ternary: bool = False
    finds_range: bool = False
    vector_parts_add_up: bool = True

    @property
    def operator(self) -> str:
        """What reports call the layer."""
        if self.right_is_tensor:
            return "matmul"
        tokens = self.window.kernel == (1, 1) and self.input_shape[2] == 1
        return "dense" if tokens else "convolution"

    @cached_property
    def output_size(self) -> tuple[int, int]:
        """(height, width) of the output."""
        return self.window.output_size(*self.input_shape[1:])

    @cached_property
    def gemm(self) -> Gemm:
        """The matrix product of the whole batch."""
        return Gemm(
            rows_m=self.batch * prod(self.output_size),
            columns_n=self.out_channels // self.groups,
            depth_k=prod(self.window.kernel) * self.group_channels,
            groups=self.groups,
        )

    @property
    def group_channels(self) -> int:
        """Input channels of one group."""
        return self.input_shape[0] // self.groups

    def weight_tile_bytes(self, n_size: int, k_size: int, first_depth: bool) -> int:
        """Bytes of a weight tile and the scales of its vectors.

        A first depth tile brings its columns' constants along.
        """
        column_bytes = bytes_of(n_size, self.column_bits) if first_depth else 0
        scales = -(-k_size // self.vector_depth) if self.vector_depth else 0
        scale_bytes = bytes_of(n_size * scales, self.scale_bits)
        return bytes_of(n_size * k_size, self.weight_bits) + scale_bytes + column_bytes

    @property
    def column_bits(self) -> int:
        """Bits that come once for each column: its bias, and its weights' zero point."""
        if self.right_is_tensor:
            return 0
        return self.accumulator_bits + (self.weight_bits if self.row_sums else 0)

    def accumulators(self, m_size: int, n_size: int) -> int:
        """Accumulators of an output tile; a row's sum lies beside the sums of its columns."""
        return m_size * (n_size + self.row_sums)

    def output_tile_bytes(self, m_size: int, n_size: int) -> int:
        """Bytes of a rescaled output tile."""
        return bytes_of(m_size * n_size, self.output_bits)

    def block_elements(self, m_start: ArrayLike, m_stop: ArrayLike) -> Integers:
        """Count the input elements that output rows [m_start, m_stop) of one group need.

        Distinct whole input rows of the group's channels, across images, each once.
        """
        _, height, width = self.input_shape
        out_width = self.output_size[1]
        first_line = np.asarray(m_start, dtype=np.int64) // out_width
        stop_line = -(-np.asarray(m_stop, dtype=np.int64) // out_width)
        rows = input_rows(self.window, height, width).distinct(first_line, stop_line)
        return np.asarray(rows * width * self.group_channels, dtype=np.int64)

    def block_bytes(self, m_start: ArrayLike, m_stop: ArrayLike) -> Integers:
        """Bytes of `block_elements` at the input's width, each block rounded up."""
        return -(-self.block_elements(m_start, m_stop) * self.input_bits // 8)

    @cached_property
    def valid_reads(self) -> int:
        """Elements of the im2col matrices of all groups that are not padding."""
        vertical, horizontal = valid_taps(self.window, *self.input_shape[1:])
        return self.batch * vertical * horizontal * self.input_shape[0]


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
    ``finds_range``: comparators keep each image's smallest and largest result. ``new_scales``:
    images whose scale and zero point have to be made before the layer starts.
    A pad has a plane for each image, whose lines hold the channels of all their pixels as memory
    does, under a 1x1 window with padding; it has an operation for each element that it writes.
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


@dataclass(frozen=True)
class LayerShape:
    """One layer with the stored tensors it reads and the one it writes."""

    name: str
    work: MatrixShape | VectorShape
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True)
class NetworkShape:
    """Layers in execution order for one batch.

    ``tensors`` has every tensor; ``storage`` names the tensor that holds its integers: itself,
    or for a reshaped tensor the one it is another view of. Layers name stored tensors only.
    ``kept`` names stored tensors that have to be in DRAM, besides ``input`` and ``output``.
    """

    name: str
    batch: int
    input: str
    output: str
    layers: tuple[LayerShape, ...]
    tensors: dict[str, TensorShape]
    storage: dict[str, str]
    kept: frozenset[str] = frozenset()
