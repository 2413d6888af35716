"""Seeded integer products of the sizes that the questions ask for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accelsim.arithmetic.formats import Accumulator
from accelsim.hardware.schema import Array
from accelsim.simulator.array import run_array
from accelsim.simulator.array.product import MatrixProduct, whole_plan


@dataclass(frozen=True)
class Job:
    """A matrix product on an array by an engine; int8 unless the array says otherwise."""

    engine: str
    array: Array
    product: MatrixProduct
    switching: bool = False

    def __call__(self) -> object:
        plan = whole_plan(self.product.gemm, self.array)
        return run_array(self.engine, self.product, plan, self.array, Accumulator(), self.switching)

    @property
    def macs(self) -> int:
        gemm = self.product.gemm
        return gemm.rows_m * gemm.columns_n * gemm.depth_k * gemm.groups


def job(engine: str, m: int, n: int, k: int, array: Array, switching: bool = False) -> Job:
    generator = np.random.default_rng(1)
    left, right = generator.integers(-128, 128, (m, k)), generator.integers(-128, 128, (k, n))
    return Job(engine, array, MatrixProduct.from_arrays(left, right), switching)
