"""The loop nest of a matrix layer: what is covered, in which order, fetched and released when."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.compiler.program import Gemm, LoopOrder, Pass, Residency, TilePlan
from accelsim.errors import InternalError
from accelsim.hardware.dataflow import DATAFLOWS, DataflowName
from tests.plans import plans_in_parts

WS = DATAFLOWS[DataflowName.WEIGHT_STATIONARY]


def make_plan(
    gemm: Gemm,
    tiles: tuple[int, int, int],
    block_m: int,
    order: LoopOrder = LoopOrder.M_OUTER,
    weights: Residency = Residency.LAYER,
    activations: Residency = Residency.LAYER,
    **parts: int,
) -> TilePlan:
    return TilePlan(gemm, WS, *tiles, block_m, order, weights, activations, **parts)


@st.composite
def plans(draw: st.DrawFn) -> TilePlan:
    def size(high: int) -> int:
        return draw(st.integers(1, high))

    gemm = Gemm(size(9), size(7), size(7), size(3))
    if draw(st.booleans()):
        return draw(plans_in_parts(gemm, draw(st.sampled_from(DataflowName))))
    tile_m = size(gemm.rows_m)
    return make_plan(
        gemm,
        (tile_m, size(gemm.columns_n), size(gemm.depth_k)),
        draw(st.integers(tile_m, gemm.rows_m)),
        draw(st.sampled_from(LoopOrder)),
        draw(st.sampled_from([Residency.LAYER, Residency.BLOCK, Residency.PASS])),
        draw(st.sampled_from([Residency.LAYER, Residency.BLOCK, Residency.ON_CHIP])),
    )


def weight_tile(p: Pass) -> tuple[int, int, int]:
    return p.group, p.n_start, p.k_start


def bounds(p: Pass) -> tuple[int, ...]:
    return p.group, p.m_start, p.m_stop, p.n_start, p.n_stop, p.k_start, p.k_stop


@settings(derandomize=True, max_examples=60, deadline=None)
@given(plans())
def test_every_product_is_in_exactly_one_pass(plan: TilePlan) -> None:
    seen = [
        (p.group, m, n, k)
        for p in plan.passes()
        for m in range(p.m_start, p.m_stop)
        for n in range(p.n_start, p.n_stop)
        for k in range(p.k_start, p.k_stop)
    ]
    assert len(seen) == len(set(seen)) == plan.gemm.macs


@settings(derandomize=True, max_examples=60, deadline=None)
@given(plans())
def test_depth_ascends_for_each_output_tile_and_few_wait_at_a_time(plan: TilePlan) -> None:
    """Tiles start and end in one order, so that a queue of accumulator buffers will do."""
    waiting: dict[tuple[int, ...], int] = {}
    before: tuple[int, ...] | None = None
    for p in plan.passes():
        output = bounds(p)[:5]
        assert p.first_depth == (output not in waiting)
        assert p.k_start == waiting.setdefault(output, 0)
        assert len(waiting) <= plan.tiles_together
        waiting[output] = p.k_stop
        # Only a part of the depth has an end in the midst of a tile.
        if output != before:
            assert p.k_start % plan.depth_together == 0
        before = output
        assert p.last_depth == (p.k_stop == plan.gemm.depth_k)
        if p.last_depth:
            assert output == next(iter(waiting))
            del waiting[output]
    assert not waiting


@settings(derandomize=True, max_examples=60, deadline=None)
@given(plans())
def test_every_pass_finds_its_weights_and_every_fetch_has_one_release(plan: TilePlan) -> None:
    resident: set[tuple[int, int, int]] = set()
    for p in plan.passes():
        assert p.fetches_weights == (weight_tile(p) not in resident)
        resident.add(weight_tile(p))
        if p.releases_weights:
            resident.remove(weight_tile(p))
    assert not resident


@settings(derandomize=True, max_examples=60, deadline=None)
@given(plans())
def test_every_pass_finds_its_rows_and_every_fetch_has_one_release(plan: TilePlan) -> None:
    on_chip = plan.activations_residency is Residency.ON_CHIP
    resident: set[tuple[int, int, int]] = set()
    for p in plan.passes():
        block = (p.group, p.m_start // plan.block_m, p.k_start // plan.depth_together)
        if on_chip:
            assert not p.fetches_activations
            assert not p.releases_activations
            continue
        assert p.fetches_activations == (block not in resident)
        resident.add(block)
        if p.releases_activations:
            resident.remove(block)
    assert not resident


def flags(plan: TilePlan) -> list[str]:
    """One word a pass: m and n tile, then w/a for a fetch, W/A for a release."""
    return [
        f"m{p.m_start}n{p.n_start}"
        + "w" * p.fetches_weights
        + "a" * p.fetches_activations
        + "W" * p.releases_weights
        + "A" * p.releases_activations
        for p in plan.passes()
    ]


BLOCK, LAYER, PASS, ON_CHIP = (
    Residency.BLOCK,
    Residency.LAYER,
    Residency.PASS,
    Residency.ON_CHIP,
)
PARTS = {"weights": PASS, "activations": BLOCK, "block_n": 1, "block_k": 1}


@pytest.mark.parametrize(
    ("order", "weights", "activations", "expected"),
    [
        (
            LoopOrder.M_OUTER,
            BLOCK,
            BLOCK,
            "m0n0wa m1n0W m0n1w m1n1WA m2n0waW m2n1wWA",
        ),
        (
            LoopOrder.M_OUTER,
            LAYER,
            LAYER,
            "m0n0wa m1n0 m0n1w m1n1A m2n0aW m2n1WA",
        ),
        (
            LoopOrder.M_OUTER,
            PASS,
            ON_CHIP,
            "m0n0wW m1n0wW m0n1wW m1n1wW m2n0wW m2n1wW",
        ),
        (
            LoopOrder.N_OUTER,
            BLOCK,
            BLOCK,
            "m0n0wa m1n0A m2n0aWA m0n1wa m1n1A m2n1aWA",
        ),
        (
            LoopOrder.N_OUTER,
            LAYER,
            LAYER,
            "m0n0wa m1n0 m2n0aW m0n1w m1n1A m2n1WA",
        ),
        (
            LoopOrder.N_OUTER,
            PASS,
            BLOCK,
            "m0n0waW m1n0wWA m2n0waWA m0n1waW m1n1wWA m2n1waWA",
        ),
    ],
)
def test_fetches_and_releases_of_three_rows_and_two_columns_in_blocks_of_two(
    order: LoopOrder, weights: Residency, activations: Residency, expected: str
) -> None:
    plan = make_plan(Gemm(3, 2, 1), (1, 1, 1), 2, order, weights, activations)
    assert flags(plan) == expected.split()


def test_fetches_and_releases_of_a_depth_in_parts() -> None:
    """3 x 2 x 3 in blocks of 2 rows; two columns take turns with parts of 2 and 1."""
    plan = make_plan(
        Gemm(3, 2, 3), (2, 1, 1), 2, weights=PASS, activations=BLOCK, block_n=2, block_k=2
    )
    assert [f"k{p.k_start}{flag}" for p, flag in zip(plan.passes(), flags(plan), strict=True)] == [
        *("k0m0n0waW", "k1m0n0wW", "k0m0n1wW", "k1m0n1wWA"),
        *("k2m0n0waW", "k2m0n1wWA"),
        *("k0m2n0waW", "k1m2n0wW", "k0m2n1wW", "k1m2n1wWA"),
        *("k2m2n0waW", "k2m2n1wWA"),
    ]
    assert (plan.k_parts, plan.n_blocks, plan.tiles_together) == (2, 1, 2)


def test_tiles_start_anew_with_each_block() -> None:
    plan = make_plan(Gemm(7, 1, 1), (2, 1, 1), 3)
    assert [(p.m_start, p.m_stop) for p in plan.passes()] == [
        (0, 2),
        (2, 3),
        (3, 5),
        (5, 6),
        (6, 7),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"tiles": (2, 1, 1), "block_m": 1},
            r"^impossible tiles \(2, 1, 1\) in blocks of 1 rows$",
        ),
        (
            {"tiles": (1, 0, 1), "block_m": 1},
            r"^impossible tiles \(1, 0, 1\) in blocks of 1 rows$",
        ),
        (
            {"tiles": (1, 1, 1), "block_m": 1, "activations": PASS},
            r"^activations are fetched in blocks, never for a single pass$",
        ),
        (
            {"tiles": (1, 1, 1), "block_m": 1, "block_n": 1},
            r"^1 columns take turns with parts that there are not$",
        ),
        (
            {"tiles": (1, 1, 2), "block_m": 1, **PARTS, "block_k": 3},
            r"^blocks of 1 x 3 are no whole tiles$",
        ),
        (
            {"tiles": (1, 1, 1), "block_m": 1, **PARTS, "block_n": 0},
            r"^blocks of 0 x 1 are no whole tiles$",
        ),
        (
            {"tiles": (1, 1, 1), "block_m": 1, **PARTS, "activations": ON_CHIP},
            r"^tiles take turns with parts that are fetched for each visit$",
        ),
        (
            {"tiles": (1, 1, 1), "block_m": 2, **PARTS, "activations": LAYER},
            r"^tiles take turns with parts that are fetched for each visit$",
        ),
        (
            {"tiles": (1, 1, 1), "block_m": 1, **PARTS, "order": LoopOrder.N_OUTER},
            r"^a depth in parts has rows outside$",
        ),
        (
            {"tiles": (1, 1, 1), "block_m": 16, **PARTS},
            r"^16 output tiles do not take turns with parts of the depth$",
        ),
        (
            {"tiles": (1, 1, 1), "block_m": 2, **PARTS, "block_n": 2},
            r"^tiles that take turns lie along the rows or along the columns$",
        ),
    ],
)
def test_impossible_plans_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(InternalError, match=message):
        make_plan(Gemm(4, 4, 4), **arguments)
