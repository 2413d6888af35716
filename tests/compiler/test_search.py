"""The chosen plan against every plan, on layers small enough to try them all."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accelsim.compiler.plan import LoopOrder, Residency, TilePlan
from accelsim.compiler.search import LayerRoom, Search
from accelsim.compiler.tile_sizes import stream_limit
from accelsim.compiler.traffic import dram_traffic, footprint
from accelsim.hardware.dataflow import DATAFLOWS
from accelsim.network.geometry import Window

DATAFLOW_NAMES = st.sampled_from(["ws", "os", "is"])


def every_plan(shape, hardware, on_chip: bool):
    """All loop nests with tiles that the array and the accumulators hold."""
    gemm, flow = shape.gemm, DATAFLOWS[hardware.array.dataflow]
    limits = {
        flow.rows: hardware.array.rows,
        flow.columns: hardware.array.columns,
        flow.stream: stream_limit(shape, hardware),
    }
    sizes = {"m": gemm.rows_m, "n": gemm.columns_n, "k": gemm.depth_k}
    tiles = {
        name: range(1, min(size, limits[name]) + 1)
        if name == flow.stream
        else [min(size, limits[name])]
        for name, size in sizes.items()
    }
    activations = [Residency.ON_CHIP] if on_chip else [Residency.LAYER, Residency.BLOCK]
    for block_m in range(1, gemm.rows_m + 1):
        tile_m = min(block_m, limits["m"])
        for tile_n, tile_k, order, weights, kept in product(
            tiles["n"],
            tiles["k"],
            LoopOrder,
            (Residency.LAYER, Residency.BLOCK, Residency.PASS),
            activations,
        ):
            yield TilePlan(gemm, flow, tile_m, tile_n, tile_k, block_m, order, weights, kept)


def fits(shape, plan: TilePlan, room: LayerRoom, hardware) -> bool:
    pads = hardware.scratchpads
    claim = footprint(shape, plan, pads, room.output_on_chip)
    return (
        claim.weight_bytes <= pads.weights.size
        and claim.activation_bytes <= room.activation_bytes
        and claim.accumulator_bytes <= pads.accumulators.size
    )


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.data(), DATAFLOW_NAMES, st.booleans())
def test_no_plan_that_fits_moves_less(kit, data, dataflow: str, buffered: bool) -> None:
    """Rows and columns of 1: no stream is shorter than a preload, so every tile is allowed."""
    shape = data.draw(st.one_of(kit.shapes(largest=3), kit.pointwise_shapes()))
    assume(shape.gemm.rows_m <= 12)
    room = LayerRoom(data.draw(st.integers(1, 300)), False, data.draw(st.booleans()))
    hardware = kit.hardware(
        dataflow,
        activations=room.activation_bytes,
        rows=1,
        columns=data.draw(st.integers(1, 3)),
        weights=data.draw(st.integers(15, 300)),
        accumulators=data.draw(st.integers(24, 100)),
        double_buffered=buffered,
    )

    def moved(plan: TilePlan) -> int:
        return dram_traffic(shape, plan, 1, room.output_on_chip).total_bytes

    search = Search(shape, hardware)
    best = search.best(room)
    feasible = [
        plan
        for plan in every_plan(shape, hardware, on_chip=False)
        if fits(shape, plan, room, hardware)
    ]
    could_fit = (
        search.least_weight_bytes() <= hardware.scratchpads.weights.size
        and search.least_activation_bytes(room) <= room.activation_bytes
    )
    assert (best is not None) == could_fit
    if best is None:
        assert not feasible
        return
    assert fits(shape, best, room, hardware)
    if not feasible:
        assert best.in_parts
    elif best.in_parts:
        least = min((moved(plan), plan.pass_count) for plan in feasible)
        assert (moved(best), best.pass_count) < least
    else:
        assert moved(best) == min(map(moved, feasible))


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.data(), DATAFLOW_NAMES, st.booleans(), st.booleans())
def test_every_choice_fits_the_array_and_the_scratchpads(
    kit, data, dataflow: str, input_on_chip: bool, output_on_chip: bool
) -> None:
    shape = data.draw(kit.shapes(largest=9))
    rows, columns = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    hardware = kit.hardware(
        dataflow,
        rows,
        columns,
        weights=data.draw(st.integers(45, 2000)),
        accumulators=data.draw(st.integers(200, 2000)),
        double_buffered=data.draw(st.booleans()),
        burst=16,
    )
    room = LayerRoom(data.draw(st.integers(0, 2000)), input_on_chip, output_on_chip)
    plan = Search(shape, hardware).best(room)
    if plan is None:
        return
    tiles = {"m": plan.tile_m, "n": plan.tile_n, "k": plan.tile_k}
    assert fits(shape, plan, room, hardware)
    assert tiles[plan.dataflow.rows] <= rows
    assert tiles[plan.dataflow.columns] <= columns
    assert (plan.activations_residency is Residency.ON_CHIP) == input_on_chip


def describe(plan: TilePlan) -> str:
    tiles = f"{plan.tile_m}x{plan.tile_n}x{plan.tile_k} block {plan.block_m}"
    kept = f"weights {plan.weights_residency} activations {plan.activations_residency}"
    parts = f" {plan.block_n} columns by {plan.block_k}" if plan.in_parts else ""
    return f"{plan.order} {tiles} {kept}{parts}"


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({}, "m_outer 6x2x2 block 6 weights layer activations layer"),
        (
            # 4 columns x 8 deep + 4 biases = 48 bytes do not fit, two columns do: 24.
            {"weights": 47},
            "m_outer 6x2x2 block 6 weights block activations layer",
        ),
        (
            # All 6 rows of 8 bytes do not fit. Rows outside in two blocks: 2 x 48 bytes of
            # weights and 48 of activations. Half the depth of all rows does fit: weights
            # once, activations for each tile of columns. As many bytes, half as many passes.
            {"weights": 47, "activations": 48},
            "m_outer 6x2x2 block 6 weights pass activations block 2 columns by 4",
        ),
        (
            # One row at a time: rows outside would fetch the weights six times.
            {"weights": 47, "activations": 10},
            "n_outer 1x2x2 block 1 weights block activations block",
        ),
        (
            # Double buffered, one row fits, or a quarter of the depth of three. The accumulators
            # hold three tiles of 3 x 2, so both tiles of columns take turns with a part.
            {"weights": 47, "activations": 24, "accumulators": 72, "double_buffered": True},
            "m_outer 3x2x2 block 3 weights pass activations block 4 columns by 2",
        ),
        (
            # Not even two columns of weights fit, a tile of 2 x 2 and two biases does.
            {"weights": 12},
            "m_outer 6x2x2 block 6 weights pass activations layer",
        ),
        (
            # 16 bytes of accumulators are two rows of two columns.
            {"accumulators": 16},
            "m_outer 2x2x2 block 6 weights layer activations layer",
        ),
        (
            # Four rows would do it in two tiles; three are as good and even.
            {"accumulators": 32},
            "m_outer 3x2x2 block 6 weights layer activations layer",
        ),
    ],
)
def test_choices_worked_by_hand_for_a_6x4x8_product(kit, sizes, expected: str) -> None:
    hardware = kit.hardware("ws", 2, 2, **sizes)
    room = LayerRoom(hardware.scratchpads.activations.size, False, False)
    shape = kit.shape((8, 6, 1), out_channels=4)
    plan = Search(shape, hardware).best(room)
    assert plan is not None
    assert describe(plan) == expected


@pytest.mark.parametrize(
    ("dataflow", "sizes", "expected"),
    [
        ("os", {}, "m_outer 2x2x8 block 6 weights layer activations layer"),
        # A slice 8 deep with its biases needs 24 bytes; the depth is cut in two.
        ("os", {"weights": 16}, "m_outer 2x2x4 block 6 weights pass activations layer"),
        ("is", {}, "m_outer 2x4x2 block 6 weights layer activations layer"),
        ("is", {"accumulators": 24}, "m_outer 2x2x2 block 6 weights layer activations layer"),
    ],
)
def test_the_streamed_dimension_follows_the_dataflow(kit, dataflow, sizes, expected) -> None:
    hardware = kit.hardware(dataflow, 2, 2, **sizes)
    room = LayerRoom(1 << 20, False, False)
    plan = Search(kit.shape((8, 6, 1), out_channels=4), hardware).best(room)
    assert plan is not None
    assert describe(plan) == expected


def test_blocks_of_a_large_convolution_are_whole_lines(kit) -> None:
    """56 x 56 x 64, 3x3, 16 KiB for blocks: two lines of outputs need four of 3584 bytes."""
    shape = kit.shape((64, 56, 56), 64, Window((3, 3), pads=(1, 1, 1, 1)))
    hardware = kit.hardware("ws", 16, 16, accumulators=16384)
    plan = Search(shape, hardware).best(LayerRoom(16384, False, True))
    assert plan is not None
    assert plan.block_m == 2 * 56
