"""`run_array` on known products, on every engine and dataflow."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.arithmetic.formats import Accumulator
from accelsim.errors import ConfigError, InternalError
from accelsim.hardware.schema import Array
from accelsim.simulator.array import run_array
from accelsim.simulator.run import ArrayCounters, Cause, Switching

ENGINES = ["register", "cycle", "tile"]
DATAFLOWS = ["ws", "os", "is"]

# The 4x4 example of quantized matrix multiplication in TinyML lecture notes ("Quantization Part
# I"), as integers: the weights printed there, and with the tie 0.90 * 255 rounded to even.
X = [[105, 64, 186, 168], [0, 105, 105, 145], [107, 61, 181, 255], [99, 209, 43, 89]]
W = [[247, 163, 189, 255], [148, 214, 214, 207], [0, 46, 229, 71], [145, 245, 204, 207]]
CASES = {
    "printed": (
        229,
        [650, 1300, 1951, 650],
        [
            [72053, 98397, 108881, 136671],
            [60231, 89559, 98933, 130187],
            [33483, 35589, 51283, 73335],
            [58196, 91362, 99170, 130978],
        ],
    ),
    "consistent": (
        230,
        [6502, 13005, 19508, 26010],
        [
            [77905, 104249, 114733, 142523],
            [71936, 101264, 110638, 141892],
            [51147, 53207, 69021, 91147],
            [83556, 116722, 124530, 156338],
        ],
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("case", CASES)
def test_worked_example(matrices, make_plan, engine, dataflow, case):
    tie, bias, expected = CASES[case]
    weights = np.array(W)
    weights[2, 2] = tie
    # The lecture's Y = W X + b has the weights on the left; here they are on the right.
    operands = matrices(np.transpose(X), weights.T, bias)
    array = Array(rows=4, columns=4, dataflow=dataflow)
    result = run_array(engine, operands, make_plan(operands.gemm, array), array, Accumulator())
    assert result.accumulators[0].T.tolist() == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_one_tile_alone_costs_what_the_timing_page_says(matrices, make_plan, engine):
    operands = matrices(np.ones((5, 3)), np.ones((3, 2)), [0, 0])
    costs = {}
    for dataflow in DATAFLOWS:
        array = Array(rows=8, columns=6, dataflow=dataflow)
        plan = make_plan(operands.gemm, array)
        costs[dataflow] = run_array(engine, operands, plan, array, Accumulator()).cycles
    causes = (Cause.PRELOAD, Cause.STREAM, Cause.FILL, Cause.DRAIN)
    assert {name: [cost[cause] for cause in causes] for name, cost in costs.items()} == {
        "ws": [8, 5, 7, 5],
        "os": [0, 3, 12, 8],
        "is": [8, 2, 7, 5],
    }


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("length", [1, 3, 4, 9])
def test_steady_state_costs_the_longer_of_stream_and_preload(matrices, make_plan, engine, length):
    array = Array(rows=4, columns=4, dataflow="ws")
    totals = []
    for passes in (5, 6):
        operands = matrices(np.ones((length, 4 * passes)), np.ones((4 * passes, 4)), [0] * 4)
        plan = make_plan(operands.gemm, array)
        totals.append(sum(run_array(engine, operands, plan, array, Accumulator()).cycles.values()))
    assert totals[0] == 4 + 4 * max(length, 4) + length + 4 + 4 - 2
    assert totals[1] - totals[0] == max(length, 4)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("largest", [32767, 32768, 65535])
def test_words_around_16_bits(matrices, make_plan, engine, dataflow, largest):
    """Codes without a sign need a bit more than registers of int16 have."""
    left, right = [[largest, -32768], [0, largest]], [[-1, 2], [1, -3]]
    operands = matrices(left, right, [3, -3])
    array = Array(rows=2, columns=2, dataflow=dataflow, weight_bits=16, activation_bits=16)
    result = run_array(engine, operands, make_plan(operands.gemm, array), array, Accumulator())
    assert result.accumulators[0].tolist() == (np.array(left) @ right + [3, -3]).tolist()
    assert result.counters.overflow_events == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_counters_of_two_partly_filled_tiles(matrices, make_plan, engine):
    # Depth 3 on 2 rows, 1 of 2 columns: passes of 2 and of 1 rows, 3 elements each.
    operands = matrices(np.ones((3, 3)), np.ones((3, 1)), [5])
    array = Array(rows=2, columns=2, dataflow="ws")
    result = run_array(engine, operands, make_plan(operands.gemm, array), array, Accumulator())
    assert result.counters == ArrayCounters(
        passes=2,
        macs=9,
        stationary_writes=3,
        activation_feeds=9,
        weight_feeds=3,
        bias_reads=1,
        accumulator_reads=3,
        accumulator_writes=6,
        overflow_events=0,
    )


@pytest.mark.parametrize("engine", ["register", "cycle"])
def test_switching_of_one_pe_by_hand(matrices, make_plan, engine):
    """Weight 3 enters (0 -> 3, shadow and stationary: 2 + 2 bits). Activations 0 -> 1 -> 2 -> -1
    in 8 bits: 1 + 2 + 7. Sums 0 -> 3 -> 6 -> -3 in 8 bits: 0x03, 0x06, 0xFD: 2 + 2 + 7."""
    operands = matrices([[1], [2], [-1]], [[3]], [0])
    array = Array(rows=1, columns=1, dataflow="ws")
    plan = make_plan(operands.gemm, array)
    result = run_array(engine, operands, plan, array, Accumulator(8), switching=True)
    assert result.switching == Switching(10, 4, 11)


@pytest.mark.parametrize("engine", ENGINES)
def test_switching_is_not_counted_unless_asked(matrices, make_plan, engine):
    operands = matrices([[1]], [[3]], [0])
    array = Array(rows=1, columns=1, dataflow="ws")
    plan = make_plan(operands.gemm, array)
    assert run_array(engine, operands, plan, array, Accumulator()).switching is None


def test_unknown_engine_is_refused(matrices, make_plan):
    operands = matrices([[1]], [[3]], [0])
    array = Array(rows=1, columns=1, dataflow="ws")
    with pytest.raises(ConfigError) as error:
        run_array("fast", operands, make_plan(operands.gemm, array), array, Accumulator())
    assert str(error.value) == (
        "engine: unknown engine 'fast', must be one of register, cycle, tile"
    )


def test_tile_engine_refuses_switching(matrices, make_plan):
    operands = matrices([[1]], [[3]], [0])
    array = Array(rows=1, columns=1, dataflow="ws")
    plan = make_plan(operands.gemm, array)
    with pytest.raises(ConfigError) as error:
        run_array("tile", operands, plan, array, Accumulator(), switching=True)
    assert str(error.value) == (
        "engine: 'tile' keeps no registers and cannot count switching, use 'cycle' or 'register'"
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_bias_outside_the_accumulator_is_our_bug(matrices, make_plan, engine):
    operands = matrices([[1]], [[3]], [128])
    array = Array(rows=1, columns=1, dataflow="ws")
    plan = make_plan(operands.gemm, array)
    with pytest.raises(InternalError) as error:
        run_array(engine, operands, plan, array, Accumulator(8))
    assert str(error.value) == "a bias of group 0 does not fit 8 bits"
