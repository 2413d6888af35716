"""What plans in parts gain on networks, and where they are not chosen."""

from __future__ import annotations

from math import prod

import pytest

from accelsim.compiler import compile_shapes, lower_topology, search
from accelsim.compiler.plan import TilePlan
from accelsim.compiler.program import MatrixInstruction, Place, Program, Residency
from accelsim.compiler.search import LayerRoom, Search
from accelsim.compiler.shapes import MatrixShape
from accelsim.compiler.traffic import DramTraffic, dram_traffic
from accelsim.frontend import load_shapes
from accelsim.hardware import load_hardware
from accelsim.hardware.schema import Hardware
from accelsim.network.geometry import Window
from accelsim.simulator import simulate_timing


def compiled(name: str, hardware: Hardware) -> Program:
    return compile_shapes(lower_topology(load_shapes(name).topology, 1, 8, 8, 32), hardware)


def moved(program: Program, hardware: Hardware) -> dict[str, DramTraffic]:
    return {
        item.layer: dram_traffic(
            item.shape,
            item.plan,
            hardware.dram.burst,
            program.places[item.output] is Place.SCRATCHPAD,
        )
        for item in program.instructions
        if isinstance(item, MatrixInstruction)
    }


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("edge_16x16", "bert_base"),
        ("edge_16x16", "resnet50"),
        ("edge_16x16", "efficientnet_b0"),
        ("mid_32x32", "llama2_7b_prefill"),
        ("mid_32x32", "vit_b16"),
        ("edge_4x4", "mlperf_tiny_mobilenet_v1"),
    ],
)
def test_no_layer_moves_more_than_with_its_depth_whole(
    monkeypatch: pytest.MonkeyPatch, preset: str, name: str, dataflow: str
) -> None:
    hardware = load_hardware(preset, [f"array.dataflow={dataflow}"])
    program = compiled(name, hardware)
    own = moved(program, hardware)
    monkeypatch.setattr(Search, "_best_in_parts", lambda _self, _sizes, _room, best: best)
    whole = moved(compiled(name, hardware), hardware)
    assert list(own) == list(whole)
    for layer, traffic in own.items():
        assert traffic.total_bytes <= whole[layer].total_bytes, layer
    in_parts = [
        item.layer
        for item in program.instructions
        if isinstance(item, MatrixInstruction) and item.plan.in_parts
        if item.plan.activations_residency is Residency.BLOCK
    ]
    assert (dataflow == "os") or in_parts
    for layer in in_parts:
        assert own[layer].total_bytes < whole[layer].total_bytes, layer


def test_weights_and_activations_are_fetched_once_for_blocks_that_fill_the_accumulators() -> None:
    """512 x 4096 x 11008 on 32 x 32 with 64 Ki accumulators: eight tiles of 256 x 32."""
    hardware = load_hardware("mid_32x32")
    program = compiled("llama2_7b_prefill", hardware)
    (item,) = (item for item in program.instructions if item.layer == "layer0_down")
    assert isinstance(item, MatrixInstruction)
    plan = item.plan
    assert (plan.tile_m, plan.block_m, plan.block_n, plan.tiles_together) == (256, 256, 7 * 32, 7)
    traffic = moved(program, hardware)["layer0_down"]
    assert traffic.weight_bytes == 2 * 4096 * (11008 + 4)
    assert traffic.activation_bytes == 19 * prod((512, 11008))
    # A block with its whole depth has 23 rows: the weights would be fetched 23 times.
    assert 512 * 1024 // (2 * 11008) == 23


def plan_of(tokens: int, depth: int, *changes: str) -> TilePlan:
    """The plan of a dense layer of 64 columns on the 16 x 16 machine, alone in DRAM."""
    hardware = load_hardware("edge_16x16", list(changes))
    shape = MatrixShape((depth, tokens, 1), 64, Window((1, 1)), 1, 1, 8, 8, 8, 32)
    room = LayerRoom(hardware.scratchpads.activations.size, False, False)
    plan = Search(shape, hardware).best(room)
    assert plan is not None
    return plan


def test_the_first_load_is_short_where_that_costs_nothing() -> None:
    """64 rows of 512 bytes, in bursts of 64; the latency of 60 ns is worth 768 bytes."""
    plan = plan_of(64, 512)
    assert (plan.block_m, plan.block_k, plan.block_n) == (64, 128, 16)
    assert plan.activations_residency is Residency.LAYER
    assert plan.weights_residency is Residency.LAYER
    # 4 rows of 512 bytes are two parts that take longer than the latency; 2 rows are not.
    assert plan_of(4, 512).k_parts == 2
    assert plan_of(2, 512).k_parts == 1
    # A quarter of 15 rows of 400 bytes, in tiles of 16, ends in the midst of a burst.
    assert plan_of(15, 400).k_parts == 1
    # Single buffered, a part would be fetched when the passes before it are over.
    assert plan_of(64, 512, "scratchpads.activations.double_buffered=false").k_parts == 1


@pytest.mark.parametrize(
    ("preset", "name"),
    [("mid_32x32", "gpt2_prefill"), ("tpu_v1", "gpt2_prefill"), ("mid_32x32", "resnet50")],
)
def test_a_short_first_load_moves_the_same_in_less_time(
    monkeypatch: pytest.MonkeyPatch, preset: str, name: str
) -> None:
    hardware = load_hardware(preset)
    program = compiled(name, hardware)
    monkeypatch.setattr(search, "with_short_first_load", lambda plan, _shape, _hardware: plan)
    whole = compiled(name, hardware)
    assert moved(program, hardware) == moved(whole, hardware)
    cycles, before = (simulate_timing(each, hardware).cycles_total for each in (program, whole))
    assert 0.95 < cycles / before < 0.99
