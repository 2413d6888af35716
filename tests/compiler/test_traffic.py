"""Closed forms of a plan's traffic and room, against walking its passes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.compiler.plan import LoopOrder, Pass, Residency, TilePlan
from accelsim.compiler.program import Footprint, MatrixInstruction
from accelsim.compiler.shapes import MatrixShape
from accelsim.compiler.traffic import DramTraffic, dram_traffic, footprint, held_bytes
from accelsim.hardware.dataflow import DATAFLOWS

MANY = settings(derandomize=True, max_examples=60, deadline=None)


def instruction(shape: MatrixShape, plan: TilePlan) -> MatrixInstruction:
    return MatrixInstruction("layer", ("in",), "out", plan, shape, Footprint())


def block_of(plan: TilePlan, part: Pass) -> tuple[int, int, int]:
    """(group, block of rows, part of the depth) of a pass."""
    return part.group, part.m_start // plan.block_m, part.k_start // plan.depth_together


@MANY
@given(st.data(), st.sampled_from([1, 4, 64]), st.booleans())
def test_traffic_is_what_the_passes_move(kit, data, burst: int, output_on_chip: bool) -> None:
    shape, plan = data.draw(kit.shapes_and_plans())
    layer = instruction(shape, plan)
    moved: Counter[str] = Counter()
    loaded = 0

    def transfer(what: str, size: int) -> None:
        moved[what] += -(-size // burst) * burst

    for part in plan.passes():
        if part.fetches_weights:
            loaded += layer.weight_tile_bytes(part)
            moved["weights"] = max(moved["weights"], -(-loaded // burst) * burst)
        if part.fetches_activations:
            transfer("activations", layer.activation_block_bytes(part))
        if part.last_depth and not output_on_chip:
            transfer("outputs", layer.output_tile_bytes(part))
    expected = DramTraffic(moved["weights"], moved["activations"], moved["outputs"])
    assert dram_traffic(shape, plan, burst, output_on_chip) == expected
    assert expected.total_bytes == sum(moved.values())


@MANY
@given(st.data(), st.booleans())
def test_never_more_is_resident_than_the_footprint_claims(kit, data, buffered: bool) -> None:
    shape, plan = data.draw(kit.shapes_and_plans())
    layer = instruction(shape, plan)
    claim = footprint(shape, plan, kit.hardware(double_buffered=buffered).scratchpads, False)
    weights: dict[tuple[int, int, int], int] = {}
    blocks: dict[tuple[int, int, int], int] = {}
    for part in plan.passes():
        tile = (part.group, part.n_start, part.k_start)
        if part.fetches_weights:
            weights[tile] = layer.weight_tile_bytes(part)
        if part.fetches_activations:
            blocks[block_of(plan, part)] = layer.activation_block_bytes(part)
        assert sum(weights.values()) <= claim.weight_bytes
        assert sum(blocks.values()) <= claim.block_bytes
        assert layer.output_tile_bytes(part) <= claim.staging_bytes
        if part.releases_weights:
            del weights[tile]
        if part.releases_activations:
            del blocks[block_of(plan, part)]
    assert not weights
    assert not blocks


@MANY
@given(st.data())
def test_scratchpad_reads_and_pass_counts_are_those_of_the_passes(kit, data) -> None:
    shape, plan = data.draw(kit.shapes_and_plans())
    layer = instruction(shape, plan)
    passes = list(plan.passes())
    assert plan.pass_count == len(passes)
    assert layer.weight_reads == sum(part.n_size * part.k_size for part in passes)
    assert layer.bias_reads == sum(part.n_size for part in passes if part.first_depth)
    if shape.window.pads == (0, 0, 0, 0):
        assert layer.activation_reads == sum(part.m_size * part.k_size for part in passes)


def test_a_plan_worked_by_hand(kit) -> None:
    """5 rows in blocks of 3, 3 columns in tiles of 2, depth 4 in tiles of 3; int8, 32-bit bias."""
    shape = kit.shape((4, 5, 1), out_channels=3)
    flow = DATAFLOWS["ws"]
    plan = TilePlan(
        shape.gemm, flow, 2, 2, 3, 3, LoopOrder.M_OUTER, Residency.BLOCK, Residency.LAYER
    )
    assert plan.m_blocks == 2
    assert plan.m_tiles == 3
    assert plan.pass_count == 3 * 2 * 2
    weights = (2 * 3 + 2 * 4) + 2 * 1 + (1 * 3 + 1 * 4) + 1 * 1
    assert dram_traffic(shape, plan, 1, False) == DramTraffic(2 * weights, 5 * 4, 5 * 3)
    # The weights, twice 24 bytes, are one sequence of bytes: each burst is moved once.
    assert dram_traffic(shape, plan, 8, True) == DramTraffic(48, 16 + 8, 0)
    assert dram_traffic(shape, plan, 64, True).weight_bytes == 64
    assert footprint(shape, plan, kit.hardware().scratchpads, False) == Footprint(
        weight_bytes=16, block_bytes=12, staging_bytes=4, accumulator_bytes=16
    )
    double = kit.hardware(double_buffered=True).scratchpads
    assert footprint(shape, plan, double, False) == Footprint(
        weight_bytes=24, block_bytes=20, staging_bytes=8, accumulator_bytes=32
    )


def test_a_successor_that_does_not_exist_needs_no_room() -> None:
    assert held_bytes(10, 10, double_buffered=True) == 10
    assert held_bytes(10, 15, double_buffered=True) == 15
    assert held_bytes(10, 40, double_buffered=True) == 20
    assert held_bytes(10, 40, double_buffered=False) == 10
