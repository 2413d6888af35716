"""Operands of a product in memory, for tests of several rooms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler.plan import Gemm


@dataclass(frozen=True, eq=False)
class Matrices:
    """MatrixOperands held in memory: [groups, m, k], [groups, k, n], [groups, n]."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    biases: NDArray[np.int64]

    def activations(self, group, m_start, m_stop):
        return self.left[group, m_start:m_stop]

    def weights(self, group):
        return self.right[group]

    def bias(self, group):
        return self.biases[group]

    @property
    def gemm(self) -> Gemm:
        groups, rows_m, depth_k = self.left.shape
        return Gemm(rows_m, self.right.shape[2], depth_k, groups)
