"""Threads change nothing that the cycle engine says."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.arithmetic.formats import Accumulator
from accelsim.hardware.schema import Array
from accelsim.simulator.array import run_array
from accelsim.simulator.array.product import MatrixProduct, whole_plan


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize("switching", [False, True])
@pytest.mark.parametrize("bits", [32, 16])
def test_any_number_of_threads_gives_the_same(monkeypatch, dataflow, switching, bits):
    """16-bit accumulators overflow: their events are summed over the threads, too."""
    generator = np.random.default_rng(1)
    left, right = (
        generator.integers(-128, 128, (150, 150)),
        generator.integers(-128, 128, (150, 99)),
    )
    product = MatrixProduct.from_arrays(left, right)
    array = Array(rows=24, columns=40, dataflow=dataflow)
    plan = whole_plan(product.gemm, array)
    results = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("ACCELSIM_THREADS", threads)
        results.append(run_array("cycle", product, plan, array, Accumulator(bits), switching))
    for result in results[1:]:
        assert np.array_equal(result.accumulators, results[0].accumulators)
        assert result.counters == results[0].counters
        assert result.switching == results[0].switching
    if bits == 32:
        assert np.array_equal(results[0].accumulators[0], left @ right)
    else:
        assert results[0].counters.overflow_events > 0
