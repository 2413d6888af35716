"""One matrix product from plain arrays: the shortest way to watch an array work."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.compiler.plan import Gemm, LoopOrder, Residency, TilePlan
from accelsim.errors import DataError, InternalError
from accelsim.hardware.schema import Array

__all__ = ["MatrixProduct", "whole_plan"]


@dataclass(frozen=True, eq=False)
class MatrixProduct:
    """``out[m, n] = bias[n] + sum_k activations[m, k] * weights[k, n]``, as operands of an engine.

    left: int32[rows_m, depth_k], right: int32[depth_k, columns_n], biases: int64[columns_n];
    vector_scales: int32[vectors, columns_n], of vectors of weights along the depth, or none.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    biases: NDArray[np.int64]
    vector_scales: NDArray[np.int32] | None = None

    @classmethod
    def from_arrays(
        cls, activations: ArrayLike, weights: ArrayLike, bias: ArrayLike | None = None
    ) -> MatrixProduct:
        """Return the product of two matrices of integers; no bias means zeros.

        Raises
        ------
        DataError
            Shapes that do not fit each other, a dimension of 0, values that are not integers, or
            integers that need more than 32 bits.

        Examples
        --------
        >>> MatrixProduct.from_arrays([[1, 2]], [[3], [4]]).gemm
        Gemm(rows_m=1, columns_n=1, depth_k=2, groups=1)
        """
        left, right = np.asarray(activations), np.asarray(weights)
        if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[0]:
            raise DataError(
                "matrix product: activations [m, k] and weights [k, n] are needed, "
                f"got {list(left.shape)} and {list(right.shape)}"
            )
        if 0 in (*left.shape, *right.shape):
            raise DataError(
                "matrix product: rows, columns and depth must be 1 at least, "
                f"got {list(left.shape)} and {list(right.shape)}"
            )
        biases = np.zeros(right.shape[1], np.int64) if bias is None else np.asarray(bias)
        if biases.shape != (right.shape[1],):
            raise DataError(f"bias: must be [{right.shape[1]}], got {list(biases.shape)}")
        words = np.iinfo(np.int32)
        for name, values in (("activations", left), ("weights", right), ("bias", biases)):
            if not np.issubdtype(values.dtype, np.integer):
                raise DataError(f"{name}: must be integers, got {values.dtype}")
            low, high = int(values.min()), int(values.max())
            if low < words.min or high > words.max:
                raise DataError(f"{name}: must fit 32 bits, got {low} to {high}")
        # A column of weights lies together, as a layer's do: engines read them column by column.
        weights = right.astype(np.int32, order="F")
        return cls(left.astype(np.int32), weights, biases.astype(np.int64))

    @property
    def gemm(self) -> Gemm:
        """The product's size."""
        return Gemm(self.left.shape[0], self.right.shape[1], self.left.shape[1])

    def activations(self, group: int, m_start: int, m_stop: int) -> NDArray[np.int32]:  # noqa: ARG002
        """Return int32[m_stop - m_start, depth_k]."""
        return self.left[m_start:m_stop]

    def weights(self, group: int) -> NDArray[np.int32]:  # noqa: ARG002
        """Return int32[depth_k, columns_n]."""
        return self.right

    def bias(self, group: int) -> NDArray[np.int64]:  # noqa: ARG002
        """Return int64[columns_n]."""
        return self.biases

    def scales(self, group: int) -> NDArray[np.int32]:  # noqa: ARG002
        """Return int32[vectors, columns_n]."""
        if self.vector_scales is None:
            raise InternalError("this product's weights have no vectors")
        return self.vector_scales


def whole_plan(gemm: Gemm, array: Array) -> TilePlan:
    """Return the plan that streams as much as there is through each tile, memory no limit."""
    flow, rate = array.flow, array.pe_rate(array.weight_bits, array.activation_bits)
    tiles = {"m": gemm.rows_m, "n": gemm.columns_n, "k": gemm.depth_k}
    tiles |= {flow.rows: array.rows, flow.columns: array.columns}
    if flow.rows == "k":
        tiles["k"] *= rate.depth
    return TilePlan(
        gemm=gemm,
        dataflow=flow,
        tile_m=tiles["m"],
        tile_n=tiles["n"],
        tile_k=tiles["k"],
        block_m=max(tiles["m"], gemm.rows_m),
        order=LoopOrder.M_OUTER,
        weights_residency=Residency.PASS,
        activations_residency=Residency.LAYER,
        pe_rate=rate,
    )
