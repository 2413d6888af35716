"""Kinds of PEs: the engines beside PEs that are stepped one by one, and plain products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.plan import LoopOrder, Residency, TilePlan
from accelsim.errors import ConfigError, InternalError
from accelsim.hardware.pe_kinds import PeKind, PeRate, lane_bits
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array import run_array
from accelsim.simulator.array.product import MatrixProduct, whole_plan
from accelsim.simulator.run import Cause
from tests.simulator.array import pe_witness

KINDS = [kind for kind in PeKind if kind is not PeKind.FIXED]


def integers(generator, bits, shape, extreme):
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return (
        generator.choice([low, high], shape)
        if extreme
        else generator.integers(low, high + 1, shape)
    )


@st.composite
def cases(draw, kind):
    size, length = st.integers(1, 4), st.integers(1, 9)
    weight_bits = 2 if kind is PeKind.TERNARY else draw(st.sampled_from([2, 3, 4, 7, 8, 13, 16]))
    activation_bits = draw(st.sampled_from([2, 3, 4, 5, 8, 11, 16]))
    pe_bits = {
        PeKind.COMPOSABLE: draw(st.sampled_from([None, 4, 8, 16])),
        PeKind.BIT_SERIAL: draw(st.sampled_from([None, 16])),
        PeKind.TERNARY: draw(st.sampled_from([None, 16])),
    }[kind]
    array = Array(
        rows=draw(size),
        columns=draw(size),
        dataflow=draw(st.sampled_from(["ws", "os", "is"])),
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        weight_double_buffering=draw(st.booleans()),
        tile_overlap=draw(st.booleans()),
        drain=draw(st.sampled_from(Drain)),
        pe_bits=pe_bits,
        pe_kind=kind,
    )
    generator = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    depth = array.pe_rate(weight_bits, activation_bits).depth
    m, n, k = draw(length), draw(length), draw(st.integers(1, 3 * depth * array.rows))
    extreme = draw(st.booleans())
    left = integers(generator, activation_bits, (m, k), extreme)
    right = integers(generator, weight_bits, (k, n), extreme)
    if kind is PeKind.TERNARY:
        right = generator.integers(-1, 2, (k, n))
    accumulator = Accumulator(draw(st.sampled_from([8, 17, 32])))
    bias = integers(generator, accumulator.bits, n, extreme)
    product = MatrixProduct.from_arrays(left, right, bias)
    return array, product, accumulator


def witness_of(array):
    weight_bits, activation_bits = array.weight_bits, array.activation_bits
    if array.pe_kind is PeKind.COMPOSABLE:
        return pe_witness.Composable(array.pe_bits or 8, weight_bits, activation_bits)
    if array.pe_kind is PeKind.BIT_SERIAL:
        return pe_witness.BitSerial(activation_bits)
    return pe_witness.Ternary(array.pe_bits or activation_bits, activation_bits)


def agree(array, product, accumulator):
    plan = whole_plan(product.gemm, array)
    operands = product.left, product.right, product.biases
    kind = witness_of(array)
    seen = pe_witness.run(kind, array, plan, *operands, accumulator.bits)
    exact = product.left.astype(object) @ product.right.astype(object) + product.biases
    wrapped = np.vectorize(lambda value: pe_witness.wrapped(value, accumulator.bits))(exact)
    np.testing.assert_array_equal(seen.sums, wrapped)
    assert (kind.depth, kind.cycles) == (plan.pe_rate.depth, plan.pe_rate.cycles)
    for engine in ("cycle", "tile"):
        result = run_array(engine, product, plan, array, accumulator)
        np.testing.assert_array_equal(result.accumulators[0], seen.sums.astype(np.int64))
        assert sum(result.cycles.values()) == seen.cycles
        assert result.cycles[Cause.STREAM] == seen.streamed_cycles
        assert result.counters.macs == product.gemm.macs
    # The last sum leaves in the last cycle, if the PEs that it would leave from are used.
    last = max(output.cycle for output in seen.outputs.values())
    columns = {"n": product.gemm.columns_n, "m": product.gemm.rows_m}[array.flow.columns]
    full = columns % array.columns == 0
    if not array.flow.preloads and array.drain == "free":
        full = full and product.gemm.rows_m % array.rows == 0
    assert last == seen.cycles - 1 if full else last < seen.cycles
    return seen, plan


@pytest.mark.parametrize("kind", KINDS)
def test_engines_agree_with_pes_that_are_stepped_one_by_one(kind):
    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(cases(kind))
    def check(case):
        agree(*case)

    check()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dataflow", ["ws", "is"])
def test_a_sum_leaves_a_column_when_its_last_cycle_has_passed_the_rows(kind, dataflow):
    """Docs/timing.md: token j of column c in cycle s + (j + 1) * cycles - 1 + R - 1 + c."""
    bits = 2 if kind is PeKind.TERNARY else 4
    array = Array(
        rows=3, columns=2, dataflow=dataflow, weight_bits=bits, activation_bits=5, pe_kind=kind
    )
    depth = array.pe_rate(bits, 5).depth * 3
    product = MatrixProduct.from_arrays(np.ones((2, depth), int), np.ones((depth, 2), int))
    seen, plan = agree(array, product, Accumulator())
    cycles = plan.pe_rate.cycles
    expected = {(0, j, c): 3 + (j + 1) * cycles - 1 + 2 + c for j in range(2) for c in range(2)}
    assert {place: output.cycle for place, output in seen.outputs.items()} == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_leaves_an_output_stationary_column_row_by_row(kind):
    bits = 2 if kind is PeKind.TERNARY else 4
    array = Array(
        rows=3, columns=2, dataflow="os", weight_bits=bits, activation_bits=5, pe_kind=kind
    )
    product = MatrixProduct.from_arrays(np.ones((3, 7), int), np.ones((7, 2), int))
    seen, plan = agree(array, product, Accumulator())
    length = plan.depth_steps * plan.pe_rate.cycles
    expected = {(0, r, c): length + 2 + c + 2 - r for r in range(3) for c in range(2)}
    assert {place: output.cycle for place, output in seen.outputs.items()} == expected


@pytest.mark.parametrize("pe_bits", [4, 8, 16])
def test_a_composable_pe_has_all_of_its_bricks_at_work(pe_bits):
    for weight_bits in range(2, 17):
        for activation_bits in range(2, 17):
            array = Array(
                rows=1,
                columns=1,
                dataflow="ws",
                weight_bits=weight_bits,
                activation_bits=activation_bits,
                pe_kind="composable",
                pe_bits=pe_bits,
            )
            rate = array.pe_rate(weight_bits, activation_bits)
            sides = [min(lane_bits(bits), pe_bits) for bits in (weight_bits, activation_bits)]
            assert rate.depth * sides[0] * sides[1] == pe_bits**2


def test_rates_of_bitfusion():
    """Sharma et al., ISCA 2018: 16 products of 2 bits, 4 of 4, 1 of 8; 16 bits in four cycles."""
    array = Array(rows=1, columns=1, dataflow="ws", pe_kind="composable")
    found = {bits: array.pe_rate(*bits) for bits in [(2, 2), (4, 4), (8, 8), (16, 16), (2, 8)]}
    assert found == {
        (2, 2): PeRate(16, 1),
        (4, 4): PeRate(4, 1),
        (8, 8): PeRate(1, 1),
        (16, 16): PeRate(1, 4),
        (2, 8): PeRate(4, 1),
    }


def test_a_depth_tile_that_leaves_lanes_over_before_the_end_is_our_mistake():
    array = Array(rows=2, columns=2, dataflow="os", pe_kind="composable", weight_bits=4)
    product = MatrixProduct.from_arrays([[1] * 9], [[1]] * 9)
    with pytest.raises(InternalError, match=r"^a depth of 3 is no multiple of 2$"):
        TilePlan(
            product.gemm,
            array.flow,
            1,
            1,
            3,
            1,
            LoopOrder.M_OUTER,
            Residency.PASS,
            Residency.LAYER,
            pe_rate=array.pe_rate(4, 8),
        )


@pytest.mark.parametrize("kind", KINDS)
def test_engines_that_follow_registers_are_of_fixed_pes(kind):
    array = Array(rows=2, columns=2, dataflow="ws", pe_kind=kind)
    product = MatrixProduct.from_arrays([[1]], [[1]])
    plan = whole_plan(product.gemm, array)
    with pytest.raises(ConfigError) as register:
        run_array("register", product, plan, array, Accumulator())
    assert str(register.value) == (
        "engine: 'register' steps the registers of fixed PEs, not of "
        f"array.pe_kind={kind}; use 'cycle' or 'tile'"
    )
    with pytest.raises(ConfigError) as switching:
        run_array("cycle", product, plan, array, Accumulator(), switching=True)
    assert str(switching.value) == (
        f"engine: switching is counted of fixed PEs, not of array.pe_kind={kind}"
    )
