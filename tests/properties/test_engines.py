"""Three engines, one answer: random machines, plans and operands, and a witness in plain Python."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.compiler.program import Gemm, LoopOrder, Residency, TilePlan
from accelsim.hardware.dataflow import DATAFLOWS, DataflowName
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array import run_array
from accelsim.simulator.run import Cause
from tests.matrices import Matrices
from tests.plans import sometimes_in_parts


@dataclass(frozen=True, eq=False)
class Case(Matrices):
    """Operands, and a machine and a plan for them."""

    array: Array
    accumulator: Accumulator
    plan: TilePlan

    def run(self, engine, switching=False):
        return run_array(engine, self, self.plan, self.array, self.accumulator, switching)


def integers(draw, generator, bits, shape, signed=True):
    """Random codes of a width; now and then only the largest magnitudes, to force overflow."""
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if draw(st.integers(0, 3)) == 0:
        return generator.choice([low, high], shape)
    return generator.integers(low, high + 1, shape)


@st.composite
def cases(draw):
    size, length = st.integers(1, 9), st.integers(1, 40)
    array = Array(
        rows=draw(size),
        columns=draw(size),
        dataflow=draw(st.sampled_from(DataflowName)),
        weight_bits=draw(st.integers(2, 16)),
        activation_bits=draw(st.integers(2, 16)),
        weight_double_buffering=draw(st.booleans()),
        tile_overlap=draw(st.booleans()),
        drain=draw(st.sampled_from(Drain)),
        pe_bits=draw(st.sampled_from([None, 16])),
    )
    accumulator = Accumulator(draw(st.integers(8, 32)), draw(st.sampled_from(Overflow)))
    gemm = Gemm(draw(length), draw(length), draw(length), draw(st.integers(1, 2)))
    flow = DATAFLOWS[array.dataflow]
    tiles = {flow.rows: array.rows, flow.columns: array.columns, flow.stream: draw(length)}
    plan = TilePlan(
        gemm=gemm,
        dataflow=flow,
        tile_m=tiles["m"],
        tile_n=tiles["n"],
        tile_k=tiles["k"],
        block_m=tiles["m"] + draw(st.integers(0, 20)),
        order=draw(st.sampled_from(LoopOrder)),
        weights_residency=Residency.PASS,
        activations_residency=Residency.BLOCK,
    )
    plan = draw(sometimes_in_parts(plan))
    generator = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    groups, m, n, k = gemm.groups, gemm.rows_m, gemm.columns_n, gemm.depth_k
    signed = draw(st.booleans())
    left = integers(draw, generator, array.activation_bits, (groups, m, k), signed)
    right = integers(draw, generator, array.weight_bits, (groups, k, n))
    bias_bits = min(accumulator.bits, draw(st.integers(2, 32)))
    biases = integers(draw, generator, bias_bits, (groups, n))
    left, right = left.astype(np.int32), right.astype(np.int32)
    return Case(left, right, biases, array, accumulator, plan)


def one_product_at_a_time(case):
    """Accumulators and overflow events in Python integers, in the order of the depth."""
    gemm, accumulator = case.plan.gemm, case.accumulator
    left, right = case.left.tolist(), case.right.tolist()
    sums = np.zeros((gemm.groups, gemm.rows_m, gemm.columns_n), np.int64)
    events = 0
    for g, m, n in np.ndindex(*sums.shape):
        total = int(case.biases[g, n])
        for k in range(gemm.depth_k):
            total += left[g][m][k] * right[g][k][n]
            if accumulator.low <= total <= accumulator.high:
                continue
            events += 1
            if accumulator.overflow is Overflow.SATURATE:
                total = max(accumulator.low, min(accumulator.high, total))
            else:
                total = (total - accumulator.low) % (1 << accumulator.bits) + accumulator.low
        sums[g, m, n] = total
    return sums, events


@settings(max_examples=120, deadline=None, derandomize=True)
@given(cases())
def test_engines_and_witness_agree(case):
    sums, events = one_product_at_a_time(case)
    register = case.run("register", switching=True)
    switched = case.run("cycle", switching=True)
    for result in (register, switched, case.run("cycle"), case.run("tile")):
        np.testing.assert_array_equal(result.accumulators, sums)
        assert result.accumulators.dtype == np.int64
        assert result.counters.overflow_events == events
        assert result.cycles == register.cycles
        assert result.counters == register.counters
    assert switched.switching == register.switching
    assert register.counters.macs == case.plan.gemm.macs


@settings(max_examples=40, deadline=None, derandomize=True)
@given(cases())
def test_passes_follow_each_other_as_the_timing_page_says(case):
    """The table of docs/timing.md, start by start, against the register engine's total."""
    array, flow = case.array, case.plan.dataflow
    rows, columns = array.rows, array.columns
    corner = rows + columns - 2
    passes = list(case.plan.passes())
    if flow.preloads:
        lengths = [step.m_size if flow.stream == "m" else step.n_size for step in passes]
        start = rows
        for length in lengths[:-1]:
            if array.tile_overlap:
                start += max(length, rows) if array.weight_double_buffering else length + rows
            else:
                start += length + corner + (0 if array.weight_double_buffering else rows)
        total = start + lengths[-1] + corner
    else:
        tiles = Counter(step.last_depth for step in passes)[True]
        depth = case.plan.gemm.depth_k
        if array.drain is Drain.HIDDEN:
            each = max(depth, rows) if array.tile_overlap else depth + corner
        elif array.drain is Drain.FREE:
            each = depth if array.tile_overlap else depth + corner
        else:
            each = depth + rows - 1 if array.tile_overlap else depth + corner + rows
        drain = 0 if array.drain is Drain.FREE else rows
        total = (tiles - 1) * each + depth + corner + drain
    cycles = case.run("register").cycles
    assert sum(cycles.values()) == total
    streamed = sum(
        {"m": step.m_size, "n": step.n_size, "k": step.k_size}[flow.stream] for step in passes
    )
    assert cycles[Cause.STREAM] == streamed


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("overflow", list(Overflow))
@pytest.mark.parametrize("dataflow", list(DataflowName))
def test_most_negative_operands_overflow_alike(bits, overflow, dataflow):
    """INT_MIN * INT_MIN is the one product that needs all 2b bits; depth 3 overflows int32."""
    array = Array(rows=2, columns=2, dataflow=dataflow, weight_bits=16, activation_bits=16)
    flow = DATAFLOWS[dataflow]
    tiles = {flow.rows: 2, flow.columns: 2, flow.stream: 3}
    plan = TilePlan(
        gemm=Gemm(3, 3, 3),
        dataflow=flow,
        tile_m=tiles["m"],
        tile_n=tiles["n"],
        tile_k=tiles["k"],
        block_m=3,
        order=LoopOrder.M_OUTER,
        weights_residency=Residency.PASS,
        activations_residency=Residency.BLOCK,
    )
    lowest = np.full((1, 3, 3), -(1 << 15), np.int32)
    accumulator = Accumulator(bits, overflow)
    biases = np.full((1, 3), accumulator.high, np.int64)
    case = Case(lowest, lowest, biases, array, accumulator, plan)
    sums, events = one_product_at_a_time(case)
    assert events > 0
    for engine in ("register", "cycle", "tile"):
        result = case.run(engine)
        np.testing.assert_array_equal(result.accumulators, sums)
        assert result.counters.overflow_events == events
