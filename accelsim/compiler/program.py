"""A program: what each unit of the machine has to do for one network and one batch. Data only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from accelsim.compiler.plan import Gemm, LoopOrder, Pass, Residency, TilePlan
from accelsim.compiler.shapes import MatrixShape, Piece, VectorKind, VectorShape
from accelsim.network.geometry import Shape

__all__ = [
    "Footprint",
    "Gemm",
    "Instruction",
    "LoopOrder",
    "MatrixInstruction",
    "Pass",
    "Piece",
    "Place",
    "Program",
    "Residency",
    "TilePlan",
    "VectorInstruction",
]


class Place(StrEnum):
    """Where a tensor lives between the layer that writes it and the last that reads it."""

    SCRATCHPAD = "scratchpad"
    DRAM = "dram"


@dataclass(frozen=True)
class Footprint:
    """The bytes of the scratchpads that are reserved for one layer.

    Attributes
    ----------
    weight_bytes
        Weight tiles: those in use and, double buffered, as many that follow.
    tensor_bytes
        Activations: whole tensors on chip that are alive during the layer, whoever reads them.
    block_bytes
        Activations: fetched blocks, those in use and, double buffered, as many that follow.
    staging_bytes
        Activations: output tiles on their way to DRAM.
    accumulator_bytes
        Output tiles that accumulate or are being rescaled.
    """

    weight_bytes: int = 0
    tensor_bytes: int = 0
    block_bytes: int = 0
    staging_bytes: int = 0
    accumulator_bytes: int = 0

    @property
    def activation_bytes(self) -> int:
        """Everything in the activation scratchpad."""
        return self.tensor_bytes + self.block_bytes + self.staging_bytes


@dataclass(frozen=True)
class MatrixInstruction:
    """A matrix product: the loop nest, and what its tiles cost to move.

    ``inputs`` and ``output`` name the tensors that hold the integers (a reshaped tensor under
    the name of the tensor it is a view of).
    """

    layer: str
    inputs: tuple[str, ...]
    output: str
    plan: TilePlan
    shape: MatrixShape
    footprint: Footprint

    def weight_tile_bytes(self, part: Pass) -> int:
        """Bytes of the weight tile of a pass, with its biases on the first depth tile."""
        return self.shape.weight_tile_bytes(part.n_size, part.k_size, part.first_depth)

    def activation_block_elements(self, part: Pass) -> int:
        """Input elements of one group that come with a pass: whole input rows, each once.

        Of a depth in parts, so much of each pixel's channels.
        """
        return int(self.shape.block_elements(*self._block(part)))

    def activation_block_bytes(self, part: Pass) -> int:
        """Bytes of `activation_block_elements`, rounded up."""
        return int(self.shape.block_bytes(*self._block(part)))

    def _block(self, part: Pass) -> tuple[int, int, int | None]:
        """Return rows [start, stop) and the depth that come with a pass; None: all of it."""
        plan, start = self.plan, part.m_start
        stop = min(start + plan.block_m, plan.gemm.rows_m)
        if not plan.in_parts:
            return start, stop, None
        return start, stop, min(plan.block_k, plan.gemm.depth_k - part.k_start)

    def output_tile_bytes(self, part: Pass) -> int:
        """Bytes of the rescaled output tile of a pass."""
        return self.shape.output_tile_bytes(part.m_size, part.n_size)

    @property
    def right_is_on_chip(self) -> bool:
        """Whether the array reads its right operand from the activation scratchpad, too."""
        return self.plan.weights_residency is Residency.ON_CHIP

    @property
    def activation_reads(self) -> int:
        """Elements the array reads from the activation scratchpad: padding is not read."""
        right = self._right_reads if self.right_is_on_chip else 0
        return self.plan.n_tiles * self.shape.valid_reads + right

    @property
    def weight_reads(self) -> int:
        """Elements the array reads from the weight scratchpad, biases left out."""
        return 0 if self.right_is_on_chip else self._right_reads

    @property
    def _right_reads(self) -> int:
        gemm = self.plan.gemm
        return gemm.groups * self.plan.m_tiles * gemm.columns_n * gemm.depth_k

    @property
    def scale_reads(self) -> int:
        """Scales of vectors read from the weight scratchpad: each pass reads its columns'."""
        plan = self.plan
        return plan.gemm.groups * plan.m_tiles * plan.gemm.columns_n * plan.depth_scales

    @property
    def bias_reads(self) -> int:
        """Biases read from the weight scratchpad: one for each column of each output tile."""
        if self.shape.right_is_tensor:
            return 0
        return self.plan.gemm.groups * self.plan.m_tiles * self.plan.gemm.columns_n


@dataclass(frozen=True)
class VectorInstruction:
    """A layer on the vector unit, cut into ``chunks`` pieces when its tensors are not on chip."""

    layer: str
    inputs: tuple[str, ...]
    output: str
    shape: VectorShape
    chunks: int
    footprint: Footprint

    @property
    def kind(self) -> VectorKind:
        """What the vector unit does."""
        return self.shape.kind

    @property
    def operations(self) -> int:
        """Lane operations (one comparison or addition each) for the whole batch."""
        return self.shape.operations

    @property
    def element_reads(self) -> int:
        """Elements the unit reads from the activation scratchpad."""
        return self.shape.element_reads

    @property
    def element_writes(self) -> int:
        """Elements the unit writes to the activation scratchpad."""
        return self.shape.element_writes

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces in execution order."""
        return self.shape.pieces(self.chunks)


Instruction = MatrixInstruction | VectorInstruction


@dataclass(frozen=True)
class Program:
    """Instructions in execution order and where every tensor lives (reshaped ones included)."""

    network: str
    batch: int
    instructions: tuple[Instruction, ...]
    places: dict[str, Place]
    shapes: dict[str, Shape]
    bits: dict[str, int]
