"""The tile engine against what BLAS makes of the same product in float32."""

from __future__ import annotations

import numpy as np

from accelsim.hardware.schema import Array
from benchmarks.harness import Row, Size, interleave, rate_row
from benchmarks.products import job

QUESTION = "What does exactness cost against float32?"


def measure(size: Size) -> list[Row]:
    length = size.pick(1024, 16)
    work = job("tile", length, length, length, Array(rows=32, columns=32, dataflow="ws"))
    left = work.product.left.astype(np.float32)
    right = work.product.right.astype(np.float32)
    exact = work.product.left.astype(np.int64) @ work.product.right
    if not (work().accumulators[0] == exact).all():
        raise AssertionError("the tile engine is not exact")
    times = interleave({"blas": lambda: left @ right, "tile": work}, 3 * size.rounds)
    against = ("numpy float32 matmul, all cores", times["blas"], work.macs)
    what = f"exact int8 product of {length}^3"
    return [rate_row(what, times["tile"], work.macs, *against, target=0.5)]
