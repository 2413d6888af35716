"""What the compiler knows of a layer: shapes and widths, no values.

An `IntegerNetwork` is lowered to these records; a list of layer shapes without weights can be
written in them directly. All counts are for the whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.compiler.input_rows import input_rows, valid_taps
from accelsim.compiler.packed import bytes_of
from accelsim.compiler.plan import Gemm
from accelsim.compiler.vector_shape import Piece, VectorKind, VectorShape
from accelsim.network.geometry import Shape, Window

__all__ = [
    "LayerShape",
    "MatrixShape",
    "NetworkShape",
    "Piece",
    "TensorShape",
    "VectorKind",
    "VectorShape",
    "bytes_of",
]

Integers = NDArray[np.int64]


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

    @property
    def depth_has_parts(self) -> bool:
        """Whether a part of the depth is a part of the input: of each pixel's channels."""
        return self.window.kernel == (1, 1)

    def block_elements(
        self, m_start: ArrayLike, m_stop: ArrayLike, depth_k: int | None = None
    ) -> Integers:
        """Count the input elements that output rows [m_start, m_stop) of one group need.

        Distinct whole input rows of the group's channels, across images, each once. ``depth_k``:
        of so much of the depth only, where it has parts.
        """
        _, height, width = self.input_shape
        out_width = self.output_size[1]
        first_line = np.asarray(m_start, dtype=np.int64) // out_width
        stop_line = -(-np.asarray(m_stop, dtype=np.int64) // out_width)
        rows = input_rows(self.window, height, width).distinct(first_line, stop_line)
        channels = self.group_channels if depth_k is None else depth_k
        return np.asarray(rows * width * channels, dtype=np.int64)

    def block_bytes(
        self, m_start: ArrayLike, m_stop: ArrayLike, depth_k: int | None = None
    ) -> Integers:
        """Bytes of `block_elements` at the input's width, each block rounded up."""
        return -(-self.block_elements(m_start, m_stop, depth_k) * self.input_bits // 8)

    @cached_property
    def valid_reads(self) -> int:
        """Elements of the im2col matrices of all groups that are not padding."""
        vertical, horizontal = valid_taps(self.window, *self.input_shape[1:])
        return self.batch * vertical * horizontal * self.input_shape[0]


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
