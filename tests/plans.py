"""Plans that fetch a part of the depth at a time, drawn rather than searched."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from accelsim.compiler.plan import MOST_TILES_TOGETHER, Gemm, LoopOrder, Residency, TilePlan
from accelsim.hardware.dataflow import DATAFLOWS, DataflowName
from accelsim.hardware.pe_kinds import ONE_A_CYCLE, PeRate

__all__ = ["in_parts", "plans_in_parts", "sometimes_in_parts"]


def in_parts(plan: TilePlan, tiles: int, part_tiles: int) -> TilePlan:
    """The plan with its depth in parts of so many tiles each; up to ``tiles`` take turns."""
    tiles = tiles if plan.dataflow.preloads else 1
    strips, stacks = (tiles, 1) if plan.dataflow.columns == "n" else (1, tiles)
    return replace(
        plan,
        block_m=stacks * plan.tile_m,
        order=LoopOrder.M_OUTER,
        activations_residency=Residency.BLOCK,
        block_n=strips * plan.tile_n,
        block_k=part_tiles * plan.tile_k,
    )


@st.composite
def sometimes_in_parts(draw: st.DrawFn, plan: TilePlan) -> TilePlan:
    """Every second time the plan with its depth in parts, of the same tiles."""
    if draw(st.booleans()):
        return plan
    return in_parts(plan, draw(st.integers(1, 4)), draw(st.integers(1, 3)))


@st.composite
def plans_in_parts(
    draw: st.DrawFn,
    gemm: Gemm,
    dataflow: DataflowName,
    largest: tuple[int, int, int] | None = None,
    together: int = MOST_TILES_TOGETHER,
    vector_depth: int = 0,
    pe_rate: PeRate = ONE_A_CYCLE,
    right_on_chip: bool = False,
) -> TilePlan:
    """A plan of ``gemm`` in parts, its tiles at most ``largest`` (m, n, k).

    Parts are kept for the layer or fetched for each visit. If the latter, output stationary one
    tile, else up to ``together`` tiles take turns: the columns of the array.
    """
    flow = DATAFLOWS[dataflow]
    sizes = gemm.rows_m, gemm.columns_n, gemm.depth_k
    tile_m, tile_n, tile_k = (
        draw(st.integers(1, min(pair))) for pair in zip(sizes, largest or sizes, strict=True)
    )
    if vector_depth:
        tile_k = min(gemm.depth_k, vector_depth)
    elif tile_k < gemm.depth_k:
        tile_k = -(-tile_k // pe_rate.depth) * pe_rate.depth
    kept = draw(st.integers(0, 3)) == 0
    tiles = draw(st.integers(1, together)) if flow.preloads and not kept else 1
    strips, stacks = (tiles, 1) if flow.columns == "n" else (1, tiles)
    weights = draw(st.sampled_from([Residency.PASS, Residency.BLOCK, Residency.LAYER]))
    return TilePlan(
        gemm=gemm,
        dataflow=flow,
        tile_m=tile_m,
        tile_n=tile_n,
        tile_k=tile_k,
        block_m=stacks * tile_m,
        order=LoopOrder.M_OUTER,
        weights_residency=Residency.ON_CHIP if right_on_chip else weights,
        activations_residency=Residency.LAYER if kept else Residency.BLOCK,
        vector_depth=vector_depth,
        pe_rate=pe_rate,
        block_n=strips * tile_n,
        block_k=draw(st.integers(1, -(-gemm.depth_k // tile_k))) * tile_k,
    )
