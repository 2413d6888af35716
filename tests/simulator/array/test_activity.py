"""What multipliers and adders see, against PEs that are followed one by one in plain Python."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.hardware.dataflow import DATAFLOWS, DataflowName
from accelsim.hardware.schema import Array
from accelsim.simulator.array import run_array
from accelsim.simulator.array.activity import measure_activity
from accelsim.simulator.array.product import MatrixProduct, whole_plan
from tests.plans import sometimes_in_parts

INT32 = Accumulator(32, Overflow.WRAP)


def wrapped(value, accumulator):
    if accumulator.overflow is Overflow.SATURATE:
        return max(accumulator.low, min(accumulator.high, value))
    return (value - accumulator.low) % (1 << accumulator.bits) + accumulator.low


def follow(product, plan, array, accumulator):
    """Each PE's (moving, resident, product, sum before) of every product, in order."""
    flow, sums = plan.dataflow, {}
    left, right = product.left.tolist(), product.right.tolist()
    seen = defaultdict(list)
    for step in plan.passes():
        ranges = {
            "m": range(step.m_start, step.m_stop),
            "n": range(step.n_start, step.n_stop),
            "k": range(step.k_start, step.k_stop),
        }
        for instant in ranges[flow.stream]:
            for c in range(array.columns):
                for r in range(array.rows):
                    at = {flow.stream: instant}
                    used = True
                    for name, index in ((flow.rows, r), (flow.columns, c)):
                        used &= index < len(ranges[name])
                        at[name] = ranges[name][index] if index < len(ranges[name]) else None
                    m, n, k = at["m"], at["n"], at["k"]
                    a = 0 if m is None or k is None else left[m][k]
                    w = 0 if n is None or k is None else right[k][n]
                    if flow.preloads:
                        # The sum passes unused rows; unused columns hold zeros.
                        key = None if m is None or n is None else (m, n)
                    else:
                        # An unused row's accumulator takes the bias that passes it.
                        row = (step.m_start, r) if m is None else m
                        key = None if n is None else (row, n)
                    before = 0 if key is None else sums.get(key, int(product.biases[n]))
                    moving, resident = (w, a) if flow.moves_right == "weights" else (a, w)
                    seen[r, c].append((moving, resident, a * w, before))
                    if key is not None:
                        sums[key] = wrapped(before + a * w, accumulator)
    return seen


def ones(word, bits):
    return (word & ((1 << bits) - 1)).bit_count()


def count(seen, array, widths, accumulator_bits):
    """Partial products one by one, from their definition: bit i of one AND bit j of the other."""
    counts = np.zeros((5, array.rows, array.columns), np.int64)
    for (r, c), products in seen.items():
        last = (0, 0, 0, 0)
        for now in products:
            if now[2] == 0:
                counts[3, r, c] += 1
                if array.zero_gating:
                    continue
            for i in range(widths[0]):
                for j in range(widths[1]):
                    after = (now[0] >> i) & (now[1] >> j) & 1
                    before = (last[0] >> i) & (last[1] >> j) & 1
                    counts[0, r, c] += after != before
                    counts[4, r, c] += ((now[0] ^ last[0]) >> i) & 1
                    counts[4, r, c] += ((now[1] ^ last[1]) >> j) & 1
            counts[1, r, c] += ones(now[2] ^ last[2], accumulator_bits)
            counts[2, r, c] += ones(now[3] ^ last[3], accumulator_bits)
            last = now
    return counts


@st.composite
def cases(draw):
    size = st.integers(1, 4)
    array = Array(
        rows=draw(size),
        columns=draw(size),
        dataflow=draw(st.sampled_from(DataflowName)),
        weight_bits=draw(st.integers(2, 6)),
        activation_bits=draw(st.integers(2, 6)),
        zero_gating=draw(st.booleans()),
        pe_bits=draw(st.sampled_from([None, 7])),
    )
    accumulator = Accumulator(draw(st.sampled_from([8, 12, 32])), draw(st.sampled_from(Overflow)))
    generator = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    m, n, k = (draw(st.integers(1, 9)) for _ in range(3))

    def integers(bits, shape):
        limit = 1 << (bits - 1)
        values = generator.integers(-limit, limit, shape)
        return values * generator.integers(0, 2, shape)

    product = MatrixProduct.from_arrays(
        integers(array.activation_bits, (m, k)),
        integers(array.weight_bits, (k, n)),
        generator.integers(-100, 100, n),
    )
    plan = whole_plan(product.gemm, array)
    stream = draw(st.integers(1, 9))
    if plan.dataflow.stream == "m":
        plan = replace(plan, tile_m=stream, block_m=max(stream, draw(st.integers(1, 9))))
    elif plan.dataflow.stream == "n":
        plan = replace(plan, tile_n=stream)
    return product, draw(sometimes_in_parts(plan)), array, accumulator


@settings(max_examples=60, deadline=None, derandomize=True)
@given(cases())
def test_every_pe_sees_what_it_multiplies(case):
    product, plan, array, accumulator = case
    widths = {"activations": array.pe_activation_bits, "weights": array.pe_weight_bits}
    flow = plan.dataflow
    second = flow.stationary if flow.preloads else flow.moves_down
    seen = follow(product, plan, array, accumulator)
    expected = count(seen, array, (widths[flow.moves_right], widths[second]), accumulator.bits)
    found = measure_activity(product, plan, array, accumulator)
    np.testing.assert_array_equal(found.partial_products, expected[0])
    np.testing.assert_array_equal(found.product_bits, expected[1])
    np.testing.assert_array_equal(found.sum_bits, expected[2])
    np.testing.assert_array_equal(found.zero_products, expected[3])
    np.testing.assert_array_equal(found.product_inputs, expected[4])


def random_product(m, n, k, bits=8, seed=0):
    generator = np.random.default_rng(seed)
    limit = 1 << (bits - 1)
    return MatrixProduct.from_arrays(
        generator.integers(-limit, limit, (m, k)), generator.integers(-limit, limit, (k, n))
    )


@pytest.mark.parametrize("bits", [4, 8])
def test_random_operands_change_three_eighths_of_the_partial_products(bits):
    """Both operands new each time (output stationary): 2 x 1/4 x 3/4 of them."""
    array = Array(rows=4, columns=4, dataflow="os", weight_bits=bits, activation_bits=bits)
    product = random_product(4, 4, 4000, bits)
    found = measure_activity(product, whole_plan(product.gemm, array), array, INT32)
    changed = found.partial_products.sum() / product.gemm.macs
    assert changed == pytest.approx(0.375 * bits**2, rel=0.02)
    assert found.product_inputs.sum() / product.gemm.macs == pytest.approx(bits**2, rel=0.02)


def test_a_resident_operand_changes_fewer():
    """popcount(weight) x Hamming distance of the stream: 1/2 x 1/2 of them at random."""
    array = Array(rows=8, columns=8, dataflow="ws")
    product = random_product(4000, 8, 8)
    found = measure_activity(product, whole_plan(product.gemm, array), array, INT32)
    assert found.partial_products.sum() / product.gemm.macs == pytest.approx(16, rel=0.1)
    stream = (product.left[1:] ^ product.left[:-1]) & 0xFF
    distances = np.bitwise_count(stream.astype(np.uint8)).sum(0).astype(np.int64)
    first = np.bitwise_count((product.left[0] & 0xFF).astype(np.uint8)).astype(np.int64)
    resident = np.bitwise_count((product.right & 0xFF).astype(np.uint8)).astype(np.int64)
    np.testing.assert_array_equal(
        found.partial_products, resident * (distances + first)[:, np.newaxis]
    )


@pytest.mark.parametrize("dataflow", list(DataflowName))
def test_zeros_cost_nothing_when_they_are_gated(dataflow):
    array = Array(rows=4, columns=4, dataflow=dataflow, zero_gating=True)
    product = MatrixProduct.from_arrays(np.zeros((9, 9), int), np.ones((9, 9), int), [7] * 9)
    found = measure_activity(product, whole_plan(product.gemm, array), array, INT32)
    for counts in (found.partial_products, found.product_inputs, found.product_bits):
        assert not counts.any()
    assert not found.sum_bits.any()


@pytest.mark.parametrize("dataflow", ["ws", "is"])
def test_the_sum_of_a_pe_is_the_register_of_the_one_above(dataflow):
    """What the engines count at the registers is what adders see below, but for the last row."""
    array = Array(rows=3, columns=4, dataflow=dataflow)
    product = random_product(6, 7, 8)
    plan = whole_plan(product.gemm, array)
    found = measure_activity(product, plan, array, INT32)
    switching = run_array("cycle", product, plan, array, INT32, switching=True).switching
    seen = follow(product, plan, array, INT32)
    leaving = 0
    for c in range(array.columns):
        values = [0, *(before + changed for _, _, changed, before in seen[2, c])]
        leaving += sum(ones(a ^ b, 32) for a, b in pairwise(values))
    assert found.sum_bits[1:].sum() + leaving == switching.accumulator_toggles


def test_activity_adds_up_by_pe():
    array = Array(rows=2, columns=2, dataflow="ws")
    product = random_product(5, 2, 2)
    once = measure_activity(product, whole_plan(product.gemm, array), array, INT32)
    twice = once + once
    for name, counts in vars(once).items():
        np.testing.assert_array_equal(getattr(twice, name), 2 * counts)
    assert DATAFLOWS[array.dataflow].preloads
