"""Which register bits toggle: the cycle engine against registers, on every small machine."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.plan import Gemm
from accelsim.hardware.dataflow import DATAFLOWS
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array import measure_with_row_sums, run_array, run_with_row_sums
from accelsim.simulator.array.activity import measure_activity
from accelsim.simulator.array.column_registers import Columns
from accelsim.simulator.array.register_trace import register_trace
from accelsim.simulator.array.stages import PlannedArray, stages
from tests.matrices import Matrices
from tests.plans import in_parts

BOTH = [False, True]


def random_words(generator, array, gemm, bits=32):
    """Operands of all codes, and biases that leave room for their products where bits are few."""
    groups = gemm.groups
    left = generator.integers(-128, 128, (groups, gemm.rows_m, gemm.depth_k))
    right = generator.integers(-128, 128, (groups, gemm.depth_k, gemm.columns_n))
    right >>= 8 - array.weight_bits
    left >>= 8 - array.activation_bits
    biases = generator.integers(-(1 << (bits - 2)), 1 << (bits - 2), (groups, gemm.columns_n))
    return Matrices(left.astype(np.int32), right.astype(np.int32), biases)


def agree(operands, plan, array, accumulator=None):
    """Run both engines, with row sums where the array makes them; return the register engine's."""
    run = run_with_row_sums if array.row_sums else run_array
    registers, lanes = (
        run(engine, operands, plan, array, accumulator or Accumulator(), True)
        for engine in ("register", "cycle")
    )
    assert np.array_equal(lanes.accumulators, registers.accumulators)
    assert lanes.counters == registers.counters
    assert lanes.cycles == registers.cycles
    assert lanes.switching == registers.switching, (array, plan)
    return registers


@pytest.mark.parametrize("drain", list(Drain))
@pytest.mark.parametrize("overlap", BOTH)
@pytest.mark.parametrize("row_sums", BOTH)
def test_drains_of_every_length_meet_the_next_tile(make_plan, drain, overlap, row_sums):
    """Depths below, at and above the rows: zeros follow a drain, or the next tile's values do."""
    generator = np.random.default_rng(3)
    for rows, columns, depth in product(range(1, 5), range(1, 4), range(1, 7)):
        array = Array(
            rows=rows,
            columns=columns,
            dataflow="os",
            drain=drain,
            tile_overlap=overlap,
            row_sums=row_sums,
        )
        # The last tiles leave rows and columns unused.
        gemm = Gemm(2 * rows + 1, 2 * columns + 1, depth)
        agree(random_words(generator, array, gemm), make_plan(gemm, array), array)


@pytest.mark.parametrize("dataflow", ["ws", "is"])
@pytest.mark.parametrize("double_buffered", BOTH)
@pytest.mark.parametrize("overlap", BOTH)
@pytest.mark.parametrize("row_sums", BOTH)
def test_preloads_meet_streams_of_every_length(
    make_plan, dataflow, double_buffered, overlap, row_sums
):
    generator = np.random.default_rng(4)
    for rows, columns, stream in product(range(1, 6), (1, 2, 5), (1, 2, 3, 4, 6)):
        array = Array(
            rows=rows,
            columns=columns,
            dataflow=dataflow,
            weight_double_buffering=double_buffered,
            tile_overlap=overlap,
            row_sums=row_sums,
        )
        flow = DATAFLOWS[dataflow]
        sizes = {flow.stream: 2 * stream + 1, flow.columns: columns + 1, flow.rows: 2 * rows + 1}
        gemm = Gemm(sizes["m"], sizes["n"], sizes["k"])
        agree(random_words(generator, array, gemm), make_plan(gemm, array, stream), array)


@pytest.mark.parametrize("dataflow", list(DATAFLOWS))
@pytest.mark.parametrize("rows", [1, 4, 17, 33])
@pytest.mark.parametrize("columns", [15, 16, 17, 32, 33, 36])
def test_lanes_that_are_full_empty_and_nearly_so(make_plan, dataflow, rows, columns):
    """Arrays around whole lanes, in groups of a product, with accumulators of fewer bits."""
    generator = np.random.default_rng([rows, columns])
    array = Array(rows=rows, columns=columns, dataflow=dataflow, weight_bits=3, activation_bits=4)
    flow = DATAFLOWS[dataflow]
    sizes = {flow.stream: 11, flow.columns: columns + 3, flow.rows: rows + 2}
    gemm = Gemm(sizes["m"], sizes["n"], sizes["k"], groups=2)
    operands = random_words(generator, array, gemm, bits=14)
    found = agree(operands, make_plan(gemm, array, 7), array, Accumulator(14))
    assert found.counters.overflow_events == 0


@pytest.mark.parametrize("together", [1, 2])
def test_factors_are_kept_of_no_more_tiles_than_take_turns(make_plan, together):
    generator = np.random.default_rng(10)
    array = Array(rows=4, columns=4, dataflow="ws")
    gemm = Gemm(6, 23, 10)
    operands = random_words(generator, array, gemm, bits=16)
    plan = make_plan(gemm, array, 3)
    if together > 1:
        plan = in_parts(plan, tiles=together, part_tiles=1)
    planned = PlannedArray(plan, array, Accumulator(), threads=1)
    columns, sums = Columns.at_reset(array, 0), np.empty((1, 6, 23), np.int64)
    for stage in stages(operands, planned):
        columns.run(stage, planned, sums)
        assert len(columns.factors) <= together
    assert np.array_equal(sums, operands.left @ operands.right + operands.biases[:, np.newaxis])


@pytest.mark.parametrize("drain", list(Drain))
@pytest.mark.parametrize("rows", [1, 5])
def test_a_tile_ends_when_nothing_else_happens(make_plan, drain, rows):
    """So deep that the first element has left all lanes before the last one enters."""
    generator = np.random.default_rng(7)
    array = Array(rows=rows, columns=3, dataflow="os", drain=drain)
    gemm = Gemm(2 * rows, 4, 80)
    agree(random_words(generator, array, gemm), make_plan(gemm, array), array)


@pytest.mark.parametrize("columns", [3, 17])
def test_long_streams_pass_rows_that_are_not_used(make_plan, columns):
    """More elements than are counted together, in rows that only let sums pass."""
    generator = np.random.default_rng(6)
    array = Array(rows=6, columns=columns, dataflow="ws")
    gemm = Gemm(2 * 4096 + 3, columns, 1)
    agree(random_words(generator, array, gemm), make_plan(gemm, array), array)


def with_ones(operands):
    """A product of one group with a column of ones behind the others."""
    ones = np.ones_like(operands.right[:, :, :1])
    return Matrices(
        operands.left,
        np.concatenate([operands.right, ones], axis=2),
        np.concatenate([operands.biases, [[0]]], axis=1),
    )


def toggled(contents, bits):
    """The bits that change from cycle to cycle in int64[cycles, ...] registers, at first 0."""
    before = np.concatenate([np.zeros_like(contents[:1]), contents[:-1]])
    changed = (contents ^ before) & ((1 << bits) - 1)
    return int(np.bitwise_count(changed).sum())


@pytest.mark.parametrize(
    ("dataflow", "drain"), [("ws", "exposed"), *(("os", drain) for drain in Drain)]
)
@pytest.mark.parametrize("overlap", BOTH)
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 1), (4, 3)])
def test_adders_toggle_what_a_column_of_ones_is_seen_to(
    make_plan, dataflow, drain, overlap, rows, columns
):
    """Their own registers, cycle by cycle: activations that pass, sums, and what drains them."""
    generator = np.random.default_rng(8)
    options = {"rows": rows, "dataflow": dataflow, "drain": drain, "tile_overlap": overlap}
    array = Array(**options, columns=columns, row_sums=True)
    gemm = Gemm(2 * rows + 1, columns, 2 * rows + 1)
    operands = random_words(generator, array, gemm)
    plan = make_plan(gemm, array, 3 if dataflow == "ws" else None)
    added = agree(operands, plan, array).switching
    pes = run_array("register", operands, plan, array, Accumulator(), switching=True).switching

    beside = with_ones(operands)
    wide = replace(plan, gemm=beside.gemm, tile_n=columns + 1)
    seen = register_trace(beside, wide, array, Accumulator()).registers
    adders = {name: contents[:, :, -1] for name, contents in seen.items()}
    sums = [adders[name] for name in ("sum", "bias", "result") if name in adders]
    assert added.moving_toggles - pes.moving_toggles == toggled(adders["moving"], 8)
    assert added.stationary_toggles == pes.stationary_toggles
    expected = sum(toggled(contents, 32) for contents in sums)
    assert added.accumulator_toggles - pes.accumulator_toggles == expected


@pytest.mark.parametrize("dataflow", ["ws", "os"])
@pytest.mark.parametrize("zero_gating", BOTH)
def test_adders_see_what_a_column_of_ones_does(make_plan, dataflow, zero_gating):
    """Sums and what is added to them; there is no product that multiplies."""
    generator = np.random.default_rng(9)
    array = Array(rows=3, columns=4, dataflow=dataflow, row_sums=True, zero_gating=zero_gating)
    gemm = Gemm(7, 4, 7)
    operands = random_words(generator, array, gemm)
    operands.left[generator.random(operands.left.shape) < 0.2] = 0
    plan = make_plan(gemm, array, 3 if dataflow == "ws" else None)
    found = measure_with_row_sums(operands, plan, array, Accumulator())
    beside = with_ones(operands)
    wide = array.model_copy(update={"columns": 5, "row_sums": False})
    five = replace(plan, gemm=beside.gemm, tile_n=5)
    expected = measure_activity(beside, five, wide, Accumulator())
    np.testing.assert_array_equal(found.product_bits[:, -1], expected.product_bits[:, -1])
    np.testing.assert_array_equal(found.sum_bits[:, -1], expected.sum_bits[:, -1])
    assert found.sum_bits[:, -1].all()
    for counts in (found.partial_products, found.zero_products, found.product_inputs):
        assert not counts[:, -1].any()
