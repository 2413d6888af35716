"""Products and plans to run: operands from nested lists, plans that fill an array."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.compiler.program import Gemm, LoopOrder, Residency, TilePlan
from accelsim.hardware.dataflow import DATAFLOWS
from accelsim.hardware.schema import Array
from tests.matrices import Matrices


def matrices(left, right, bias) -> Matrices:
    """Operands of one group from nested lists."""
    return Matrices(
        np.array([left], np.int32), np.array([right], np.int32), np.array([bias], np.int64)
    )


def make_plan(gemm: Gemm, array: Array, stream=None, block_m=None, order=LoopOrder.M_OUTER):
    """A plan that fills the array; ``stream``: the largest streamed length (default: all)."""
    flow = DATAFLOWS[array.dataflow]
    lengths = {"m": gemm.rows_m, "n": gemm.columns_n, "k": gemm.depth_k}
    tiles = {flow.rows: array.rows, flow.columns: array.columns}
    tiles[flow.stream] = lengths[flow.stream] if stream is None else stream
    return TilePlan(
        gemm=gemm,
        dataflow=flow,
        tile_m=tiles["m"],
        tile_n=tiles["n"],
        tile_k=tiles["k"],
        block_m=max(tiles["m"], gemm.rows_m if block_m is None else block_m),
        order=order,
        weights_residency=Residency.PASS,
        activations_residency=Residency.BLOCK,
    )


@pytest.fixture(name="matrices", scope="session")
def _matrices():
    return matrices


@pytest.fixture(name="make_plan", scope="session")
def _make_plan():
    return make_plan
