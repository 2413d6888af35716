"""Rows of activations summed up on the array: a grid of registers in plain Python, three engines.

The grid is docs/timing.md, step by step: a column of adders behind the last column (ws, os), a
vector of ones behind the last weights (is). It says in which cycle every sum is registered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.compiler.program import Gemm, LoopOrder, Residency, TilePlan
from accelsim.errors import InternalError
from accelsim.hardware.dataflow import DATAFLOWS, DataflowName
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array import measure_with_row_sums, run_array, run_with_row_sums
from accelsim.simulator.array.activity import measure_activity
from accelsim.simulator.prepare import count_pass
from accelsim.simulator.run import ArrayCounters
from tests.matrices import Matrices
from tests.plans import sometimes_in_parts

ENGINES = ("register", "cycle", "tile")


@dataclass(frozen=True, eq=False)
class Case(Matrices):
    """Operands, and a machine and a plan for them."""

    array: Array
    accumulator: Accumulator
    plan: TilePlan

    def run(self, engine, switching=False):
        return run_with_row_sums(engine, self, self.plan, self.array, self.accumulator, switching)


def codes(draw, generator, bits, shape):
    """Random codes of a width; now and then only the two ends, to force overflow."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    if draw(st.integers(0, 2)) == 0:
        return generator.choice([low, high], shape)
    return generator.integers(low, high + 1, shape)


@st.composite
def cases(draw, one_pass=False):
    size, length = st.integers(1, 6), st.integers(1, 14)
    array = Array(
        rows=draw(size),
        columns=draw(size),
        dataflow=draw(st.sampled_from(DataflowName)),
        weight_bits=draw(st.integers(2, 8)),
        activation_bits=draw(st.integers(2, 16)),
        weight_double_buffering=draw(st.booleans()),
        tile_overlap=draw(st.booleans()),
        drain=draw(st.sampled_from(Drain)),
        zero_gating=draw(st.booleans()),
        row_sums=True,
    )
    accumulator = Accumulator(draw(st.integers(8, 32)), draw(st.sampled_from(Overflow)))
    flow = DATAFLOWS[array.dataflow]
    limits = {"m": 14, "n": 14, "k": 14}
    if one_pass:
        limits |= {flow.rows: array.rows, flow.columns: array.columns}
    m, n, k = (draw(st.integers(1, limits[name])) for name in "mnk")
    gemm = Gemm(m, n, k, 1 if one_pass else draw(st.integers(1, 2)))
    tiles = {flow.rows: array.rows, flow.columns: array.columns, flow.stream: draw(length)}
    if one_pass:
        tiles[flow.stream] = 14
    plan = TilePlan(
        gemm=gemm,
        dataflow=flow,
        tile_m=tiles["m"],
        tile_n=tiles["n"],
        tile_k=tiles["k"],
        block_m=tiles["m"] + draw(st.integers(0, 9)),
        order=draw(st.sampled_from(LoopOrder)),
        weights_residency=Residency.PASS,
        activations_residency=Residency.BLOCK,
    )
    plan = draw(sometimes_in_parts(plan))
    generator = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    left = codes(draw, generator, array.activation_bits, (gemm.groups, m, k))
    right = codes(draw, generator, array.weight_bits, (gemm.groups, k, n))
    biases = codes(draw, generator, min(accumulator.bits, 16), (gemm.groups, n))
    left, right = left.astype(np.int32), right.astype(np.int32)
    return Case(left, right, biases, array, accumulator, plan)


def limited(total, accumulator):
    """Return a sum as the accumulator holds it, and whether it was outside."""
    if accumulator.low <= total <= accumulator.high:
        return total, 0
    if accumulator.overflow is Overflow.SATURATE:
        return max(accumulator.low, min(accumulator.high, total)), 1
    return (total - accumulator.low) % (1 << accumulator.bits) + accumulator.low, 1


def one_step_at_a_time(case):
    """Accumulators, row sums and overflow events in Python integers, in the order of the depth."""
    gemm = case.plan.gemm
    sums = np.zeros((gemm.groups, gemm.rows_m, gemm.columns_n), np.int64)
    rows = np.zeros((gemm.groups, gemm.rows_m), np.int64)
    events = 0
    for g, m in np.ndindex(*rows.shape):
        for k in range(gemm.depth_k):
            rows[g, m], outside = limited(
                int(rows[g, m]) + int(case.left[g, m, k]), case.accumulator
            )
            events += outside
        for n in range(gemm.columns_n):
            total = int(case.biases[g, n])
            for k in range(gemm.depth_k):
                product = int(case.left[g, m, k]) * int(case.right[g, k, n])
                total, outside = limited(total + product, case.accumulator)
                events += outside
            sums[g, m, n] = total
    return sums, rows, events


@settings(max_examples=80, derandomize=True)
@given(cases())
def test_engines_and_witness_agree(case):
    sums, rows, events = one_step_at_a_time(case)
    register = case.run("register", switching=True)
    switched = case.run("cycle", switching=True)
    stationary = case.plan.dataflow.stationary
    counted = sum(
        (count_pass(part, stationary, row_sums=True) for part in case.plan.passes()),
        ArrayCounters(overflow_events=events),
    )
    for result in (register, switched, case.run("cycle"), case.run("tile")):
        np.testing.assert_array_equal(result.accumulators, sums)
        np.testing.assert_array_equal(result.row_sums, rows)
        assert result.cycles == register.cycles
        assert result.counters == counted
    assert switched.switching == register.switching
    assert counted.macs == case.plan.gemm.macs


class Grid:
    """One pass, register by register: ``registered[m, n]`` is the cycle at whose end a sum is
    there; a row's own sum is in the column behind the last."""

    def __init__(self, case):
        self.case, self.array = case, case.array
        gemm = case.plan.gemm
        self.rows, self.width = self.array.rows, self.array.columns
        self.left, self.right = case.left[0].tolist(), case.right[0].tolist()
        self.bias = case.biases[0].tolist()
        self.m, self.n, self.k = gemm.rows_m, gemm.columns_n, gemm.depth_k
        self.sums, self.registered = {}, {}
        self.last_cycle = 0

    def register(self, m, n, value, cycle):
        """A sum of an unused column is nobody's, but it is waited for."""
        self.last_cycle = max(self.last_cycle, cycle)
        if m < self.m and (n == "row" or n < self.n):
            self.sums[m, n], self.registered[m, n] = value, cycle

    def step(self):
        {"ws": self._resident, "is": self._resident, "os": self._accumulating}[
            self.array.dataflow
        ]()

    def _resident(self):
        by_rows = self.array.dataflow == "ws"
        width = self.width + by_rows
        length = self.m if by_rows else self.n + 1

        def moving(row, element):
            if row >= self.k:
                return 0
            if by_rows:
                return self.left[element][row]
            return self.right[row][element] if element < self.n else 1

        def resident(row, column):
            if by_rows and column == self.width:
                return 1
            if row >= self.k or column >= (self.n if by_rows else self.m):
                return 0
            return self.right[row][column] if by_rows else self.left[column][row]

        def start(column, element):
            n = column if by_rows else element
            return self.bias[n] if n < self.n else 0

        tokens = [[None] * width for _ in range(self.rows)]
        sums = [[0] * width for _ in range(self.rows)]
        for cycle in range(self.rows, 3 * self.rows + width + length):
            old_tokens, old_sums = [list(row) for row in tokens], [list(row) for row in sums]
            for row in range(self.rows):
                for column in range(width):
                    element = cycle - self.rows - row
                    entering = (element, moving(row, element)) if 0 <= element < length else None
                    token = old_tokens[row][column - 1] if column else entering
                    tokens[row][column] = token
                    if token is None:
                        continue
                    above = old_sums[row - 1][column] if row else start(column, token[0])
                    total = above + token[1] * resident(row, column)
                    sums[row][column] = limited(total, self.case.accumulator)[0]
                    if row == self.rows - 1:
                        m, n = (token[0], column) if by_rows else (column, token[0])
                        last = n == (self.width if by_rows else self.n)
                        self.register(m, "row" if last else n, sums[row][column], cycle)

    def _accumulating(self):
        width = self.width + 1
        tokens = [[None] * width for _ in range(self.rows)]
        down = [[0] * width for _ in range(self.rows)]
        sums = [[0] * width for _ in range(self.rows)]
        for cycle in range(self.k + self.rows + width):
            old_tokens, old_down = [list(row) for row in tokens], [list(row) for row in down]
            for row in range(self.rows):
                for column in range(width):
                    element = cycle - row
                    entering = None
                    if 0 <= element < self.k:
                        used = row < self.m
                        entering = (element, self.left[row][element] if used else 0)
                    token = old_tokens[row][column - 1] if column else entering
                    tokens[row][column] = token
                    if token is None:
                        continue
                    above = self.right[token[0]][column] if column < self.n else 0
                    down[row][column] = old_down[row - 1][column] if row else above
                    factor = 1 if column == self.width else down[row][column]
                    first = self.bias[column] if column < self.n else 0
                    before = sums[row][column] if token[0] else first
                    total = before + token[1] * factor
                    sums[row][column] = limited(total, self.case.accumulator)[0]
        for column in range(width):
            # After the last PE's last product the column shifts down, the last row first.
            done = self.k - 1 + (self.rows - 1) + column
            for row in range(self.rows):
                free = self.array.drain is Drain.FREE
                cycle = self.k - 1 + row + column if free else done + self.rows - row
                name = "row" if column == self.width else column
                self.register(row, name, sums[row][column], cycle)


@settings(max_examples=80, derandomize=True)
@given(cases(one_pass=True))
def test_a_grid_of_registers_makes_them_in_the_cycles_that_are_charged(case):
    grid = Grid(case)
    grid.step()
    sums, rows, _ = one_step_at_a_time(case)
    for (m, n), value in grid.sums.items():
        assert value == (rows[0, m] if n == "row" else sums[0, m, n])
    assert len(grid.sums) == case.plan.gemm.rows_m * (case.plan.gemm.columns_n + 1)
    for engine in ENGINES:
        assert sum(case.run(engine).cycles.values()) == grid.last_cycle + 1
    last = case.array.columns
    if case.array.dataflow == "ws":
        # A cycle after the last column's, whether that is used or not.
        for m in range(case.plan.gemm.rows_m):
            assert grid.registered[m, "row"] == 2 * case.array.rows - 1 + m + last
            assert grid.registered[m, 0] == grid.registered[m, "row"] - last


@settings(max_examples=25, derandomize=True)
@given(cases())
def test_what_switches_is_the_products_own_and_the_adders(case):
    together = measure_with_row_sums(case, case.plan, case.array, case.accumulator)
    if case.array.dataflow == "is":
        assert together.sum_bits.shape == (case.array.rows, case.array.columns)
        return
    alone = measure_activity(case, case.plan, case.array, case.accumulator)
    for name, counts in vars(alone).items():
        np.testing.assert_array_equal(getattr(together, name)[:, :-1], counts[:, :-1])
        assert not counts[:, -1].any()
    assert not together.partial_products[:, -1].any()
    # What the adders add are the activations that pass them: a product with ones is no more.
    registers = run_array("cycle", case, case.plan, case.array, case.accumulator, switching=True)
    added = case.run("cycle", switching=True).switching
    assert added.stationary_toggles == registers.switching.stationary_toggles
    assert added.moving_toggles >= registers.switching.moving_toggles


@pytest.mark.parametrize("overflow", list(Overflow))
@pytest.mark.parametrize("dataflow", list(DataflowName))
def test_most_negative_activations_overflow_a_row_sum(dataflow, overflow):
    """256 times INT_MIN of 16 bits is INT_MIN of 24 bits; one more leaves it."""
    array = Array(rows=2, columns=2, dataflow=dataflow, activation_bits=16, row_sums=True)
    flow = DATAFLOWS[dataflow]
    tiles = {"m": 2, "n": 3, "k": 257} | {flow.rows: 2, flow.columns: 2}
    plan = TilePlan(
        gemm=Gemm(2, 3, 257),
        dataflow=flow,
        tile_m=tiles["m"],
        tile_n=tiles["n"],
        tile_k=tiles["k"],
        block_m=2,
        order=LoopOrder.M_OUTER,
        weights_residency=Residency.PASS,
        activations_residency=Residency.BLOCK,
    )
    left = np.full((1, 2, 257), -(1 << 15), np.int32)
    right, biases = np.zeros((1, 257, 3), np.int32), np.zeros((1, 3), np.int64)
    accumulator = Accumulator(24, overflow)
    case = Case(left, right, biases, array, accumulator, plan)
    wrapped = (1 << 23) - (1 << 15)
    expected = -(1 << 23) if overflow is Overflow.SATURATE else wrapped
    for engine in ENGINES:
        result = case.run(engine)
        assert result.row_sums.tolist() == [[expected, expected]]
        # Once for each of the two rows, not for each tile of columns.
        assert result.counters.overflow_events == 2


def test_an_array_without_adders_for_them():
    array = Array(rows=2, columns=2, dataflow="ws", row_sums=True)
    gemm = Gemm(1, 1, 1)
    plan = TilePlan(
        gemm, array.flow, 1, 2, 2, 1, LoopOrder.M_OUTER, Residency.PASS, Residency.BLOCK
    )
    ones = np.ones((1, 1, 1), np.int32)
    case = Case(ones, ones, np.zeros((1, 1), np.int64), array, Accumulator(), plan)
    assert case.run("tile").row_sums.tolist() == [[1]]
    plain = replace(case, array=array.model_copy(update={"row_sums": False}))
    with pytest.raises(InternalError, match=r"^the array has no adders for the sums of rows$"):
        plain.run("tile")
