"""Closed forms of the tile engine, and when its products leave floating point."""

from __future__ import annotations

import pytest

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.compiler.program import Gemm
from accelsim.hardware.schema import Array
from accelsim.simulator.array import run_array
from accelsim.simulator.array.tile import closed_form_counters, closed_form_cycles
from accelsim.simulator.run import Cause


def test_a_network_sized_product_takes_no_time_to_count(make_plan):
    array = Array(rows=16, columns=16, dataflow="ws")
    plan = make_plan(Gemm(100_000, 4096, 4096), array, stream=1000, block_m=10_000)
    cycles = closed_form_cycles(plan, array)
    assert cycles == {
        Cause.PRELOAD: 16,
        Cause.FILL: 15,
        Cause.STREAM: 256 * 256 * 100_000,
        Cause.DRAIN: 15,
    }
    assert closed_form_counters(plan).passes == 256 * 256 * 100


def test_short_last_tile_of_every_block_exposes_a_preload_but_the_last(make_plan):
    # Blocks of 5 rows in tiles of 4: lengths 4, 1, 4, 1. After each 1 but the last, 2 more wait.
    array = Array(rows=3, columns=2, dataflow="ws")
    plan = make_plan(Gemm(10, 2, 3), array, stream=4, block_m=5)
    assert closed_form_cycles(plan, array)[Cause.PRELOAD] == 3 + 2


@pytest.mark.parametrize(
    ("activation", "weight", "depth"),
    [(4097, 4095, 1), (4097, 4097, 1), (-4096, 4096, 1), (32767, 32767, 2), (-32768, 32767, 2)],
)
def test_products_are_exact_beyond_float32(matrices, make_plan, activation, weight, depth):
    """2^24 is the last integer up to which float32 holds them all; odd products show it."""
    operands = matrices([[activation] * depth], [[weight]] * depth, [1])
    array = Array(rows=4, columns=1, dataflow="ws", weight_bits=16, activation_bits=16)
    result = run_array("tile", operands, make_plan(operands.gemm, array), array, Accumulator())
    assert result.accumulators.tolist() == [[[depth * activation * weight + 1]]]
    assert result.counters.overflow_events == 0


def test_overflow_falls_back_to_one_product_at_a_time(matrices, make_plan):
    operands = matrices([[-32768] * 3], [[-32768]] * 3, [0])
    array = Array(rows=4, columns=1, dataflow="ws", weight_bits=16, activation_bits=16)
    plan = make_plan(operands.gemm, array)
    wrapped = run_array("tile", operands, plan, array, Accumulator())
    # 2^30, then 2^31 wraps to -2^31, then -2^31 + 2^30.
    assert wrapped.accumulators.tolist() == [[[-(1 << 30)]]]
    assert wrapped.counters.overflow_events == 1
    saturated = run_array("tile", operands, plan, array, Accumulator(32, Overflow.SATURATE))
    assert saturated.accumulators.tolist() == [[[(1 << 31) - 1]]]
    assert saturated.counters.overflow_events == 2
