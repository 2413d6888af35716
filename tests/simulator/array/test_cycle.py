"""Neither threads nor lanes that are nearly empty change what the cycle engine says."""

from __future__ import annotations

from dataclasses import replace

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


@pytest.mark.parametrize("dataflow", ["ws", "is"])
@pytest.mark.parametrize("columns", range(6))
@pytest.mark.parametrize("stream", [1, 3, 4, 9])
@pytest.mark.parametrize("double_buffered", [False, True])
def test_lanes_that_are_nearly_empty_toggle_as_the_registers_do(
    dataflow, columns, stream, double_buffered
):
    """The lanes held sums of 4 columns before; the last tile of the depth leaves rows unused."""
    generator = np.random.default_rng(2)
    array = Array(rows=5, columns=20, dataflow=dataflow, weight_double_buffering=double_buffered)
    across, along = 20 + 16 + columns, 22
    m, n = (along, across) if dataflow == "ws" else (across, along)
    product = MatrixProduct.from_arrays(
        generator.integers(-128, 128, (m, 11)),
        generator.integers(-128, 128, (11, n)),
        generator.integers(-1000, 1000, n),
    )
    # Several streams: sweeps of the same and of other lanes follow each other.
    cut = {"tile_m": stream} if dataflow == "ws" else {"tile_n": stream}
    plan = replace(whole_plan(product.gemm, array), **cut)
    lanes, registers = (
        run_array(engine, product, plan, array, Accumulator(), True)
        for engine in ("cycle", "register")
    )
    assert np.array_equal(lanes.accumulators, registers.accumulators)
    assert lanes.switching == registers.switching
