"""Traces against text worked by hand; evaluation order; the window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accelsim.arithmetic.formats import Accumulator
from accelsim.errors import ConfigError
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array.register_trace import register_trace

HERE = Path(__file__).parent


def written(trace, names):
    """The trace as the golden files spell it."""
    lines = []
    for i, cause in enumerate(trace.causes):
        grids = [
            " | ".join(" ".join(str(value) for value in row) for row in trace.registers[name][i])
            for name in names
        ]
        lines.append(f"{trace.start_cycle + i} {cause}: " + "; ".join(grids))
    return lines + ["out " + " ".join(map(str, event)) for event in trace.outputs]


def golden(name):
    lines = (HERE / name).read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_two_weight_stationary_tiles_as_worked_by_hand(matrices, make_plan):
    operands = matrices([[1, 2, 3, 4], [5, 6, 7, 8]], [[1, 2], [3, 4], [5, 6], [7, 8]], [10, 20])
    array = Array(rows=2, columns=2, dataflow="ws")
    trace = register_trace(operands, make_plan(operands.gemm, array), array, Accumulator())
    names = ("stationary", "shadow", "moving", "sum")
    assert written(trace, names) == golden("weight_stationary_2x2.txt")


def test_two_output_stationary_tiles_as_worked_by_hand(matrices, make_plan):
    operands = matrices([[1, 2], [3, 4], [5, 6], [7, 8]], [[1, 2], [3, 4]], [10, 20])
    array = Array(rows=2, columns=2, dataflow="os")
    trace = register_trace(operands, make_plan(operands.gemm, array), array, Accumulator())
    names = ("moving", "down", "bias", "sum")
    assert written(trace, names) == golden("output_stationary_2x2.txt")


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize("second_register", [True, False])
@pytest.mark.parametrize("bits", [16, 32])
def test_evaluation_order_of_pes_changes_nothing(
    matrices, make_plan, dataflow, second_register, bits
):
    # 16 bits may overflow, so PEs are evaluated one by one in any case; 32 bits cannot.
    generator = np.random.default_rng(7)
    left, right = generator.integers(-128, 128, (7, 9)), generator.integers(-128, 128, (9, 5))
    operands = matrices(left, right, generator.integers(-99, 99, 5))
    array = Array(
        rows=3,
        columns=4,
        dataflow=dataflow,
        weight_double_buffering=second_register,
        drain=Drain.HIDDEN if second_register else Drain.EXPOSED,
    )
    plan = make_plan(operands.gemm, array, stream=4)
    accumulator = Accumulator(bits)
    straight = register_trace(operands, plan, array, accumulator)
    for order in (np.arange(12)[::-1].copy(), generator.permutation(12)):
        shuffled = register_trace(operands, plan, array, accumulator, order=order)
        assert shuffled.outputs == straight.outputs
        assert shuffled.causes == straight.causes
        for name, contents in straight.registers.items():
            np.testing.assert_array_equal(shuffled.registers[name], contents)


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize("second_register", [True, False])
def test_many_pes_at_once_hold_what_each_holds_alone(
    matrices, make_plan, dataflow, second_register
):
    generator = np.random.default_rng(8)
    left, right = generator.integers(-128, 128, (40, 70)), generator.integers(-128, 128, (70, 70))
    operands = matrices(left, right, generator.integers(-99, 99, 70))
    array = Array(
        rows=34,
        columns=66,
        dataflow=dataflow,
        weight_double_buffering=second_register,
        drain=Drain.HIDDEN if second_register else Drain.FREE,
    )
    plan = make_plan(operands.gemm, array)
    window = {"start_cycle": 60, "stop_cycle": 160}
    together = register_trace(operands, plan, array, Accumulator(), **window)
    order = generator.permutation(34 * 66)
    alone = register_trace(operands, plan, array, Accumulator(), order=order, **window)
    assert together.outputs == alone.outputs
    assert together.causes == alone.causes
    for name, contents in together.registers.items():
        np.testing.assert_array_equal(alone.registers[name], contents)


def test_window_shows_the_same_cycles_as_the_whole_run(matrices, make_plan):
    operands = matrices([[1, 2, 3], [4, 5, 6]], [[1, 2], [3, 4], [5, 6]], [0, 0])
    array = Array(rows=2, columns=2, dataflow="ws")
    plan = make_plan(operands.gemm, array)
    whole = register_trace(operands, plan, array, Accumulator())
    part = register_trace(operands, plan, array, Accumulator(), start_cycle=3, stop_cycle=5)
    assert len(whole.causes) == sum(whole.result.cycles.values())
    assert part.causes == whole.causes[3:5]
    assert part.outputs == whole.outputs
    np.testing.assert_array_equal(part.registers["sum"], whole.registers["sum"][3:5])


def test_last_partial_sums_are_the_accumulators(matrices, make_plan):
    operands = matrices([[1, 2, 3], [4, 5, 6]], [[1, 2], [3, 4], [5, 6]], [7, 8])
    array = Array(rows=2, columns=2, dataflow="is")
    trace = register_trace(operands, make_plan(operands.gemm, array), array, Accumulator())
    last = {(e.position, e.column): e.value for e in trace.outputs if e.pass_number == 1}
    # Input stationary: the stream is n, the columns hold m.
    assert last == {(n, m): int(trace.result.accumulators[0, m, n]) for n in (0, 1) for m in (0, 1)}


@pytest.mark.parametrize("window", [(0, 0), (5, 4), (-1, 4), (0, 1 << 23)])
def test_impossible_window_is_refused(matrices, make_plan, window):
    operands = matrices([[1]], [[1]], [0])
    array = Array(rows=2, columns=2, dataflow="ws")
    with pytest.raises(ConfigError) as error:
        register_trace(operands, make_plan(operands.gemm, array), array, Accumulator(), *window)
    assert str(error.value) == (
        f"window: must be 1 to 4194304 cycles of a 2x2 array, got [{window[0]}, {window[1]})"
    )
