"""What plans in parts gain on networks, and where they are not chosen."""

from __future__ import annotations

from math import prod

import pytest

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.compiler.program import MatrixInstruction, Place, Program
from accelsim.compiler.search import Search
from accelsim.compiler.traffic import DramTraffic, dram_traffic
from accelsim.frontend import load_shapes
from accelsim.hardware import load_hardware
from accelsim.hardware.schema import Hardware


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
