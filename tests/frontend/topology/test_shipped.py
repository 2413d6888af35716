"""The shipped topologies against published counts, and against a second count of their layers."""

from __future__ import annotations

from math import prod

import pytest

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.compiler.shapes import MatrixShape
from accelsim.frontend.topology import load_topology, topology_names
from accelsim.hardware import load_hardware
from accelsim.network.topology import (
    ElementWise,
    HostFunction,
    Topology,
    topology_macs,
    topology_weights,
)


def _transformer(layers: int, d: int, ff: int, tokens: int, context: int, head: int) -> int:
    """Four projections, a feed-forward of ``ff`` weights, scores and context, and a head."""
    return layers * ((4 * d * d + ff) * tokens + 2 * tokens * context * d) + head


MACS = {
    # Sze et al., Proc. IEEE 2017, Table II: 724 M; by layer: Eyeriss, JSSC 2017, Table V, plus
    # the three dense layers.
    "alexnet": 105_415_200
    + 223_948_800
    + 149_520_384
    + 112_140_288
    + 74_760_192
    + (9216 * 4096 + 4096 * 4096 + 4096 * 1000),
    # torchvision's model pages: 15.47, 1.814, 4.089, 0.301, 0.386, 17.56 G.
    "vgg16": 15_470_264_320,
    "resnet18": 1_814_073_344,
    "resnet50": 4_089_184_256,
    "mobilenet_v2": 300_774_272,
    "efficientnet_b0": 385_814_752,
    "vit_b16": _transformer(12, 768, 2 * 768 * 3072, 197, 197, 768 * 1000) + 196 * 768 * 768,
    # Howard et al., Table 8: 569 M.
    "mobilenet_v1": 568_740_352,
    # darknet: 6.97 BFLOPs, two a MAC.
    "tiny_yolov2": 3_485_520_896,
    # From the models' published sizes; BERT: 22.5 B FLOPs in MobileBERT, Table 4.
    "bert_base": _transformer(12, 768, 2 * 768 * 3072, 128, 128, 768 * 768),
    "gpt2_prefill": _transformer(12, 768, 2 * 768 * 3072, 1024, 1024, 768 * 50257),
    "gpt2_decode": _transformer(12, 768, 2 * 768 * 3072, 1, 1024, 768 * 50257),
    "llama2_7b_prefill": _transformer(32, 4096, 3 * 4096 * 11008, 512, 512, 4096 * 32000),
    "llama2_7b_decode": _transformer(32, 4096, 3 * 4096 * 11008, 1, 512, 4096 * 32000),
    # The Keras models of mlcommons/tiny.
    "mlperf_tiny_ds_cnn": 25 * 5 * (40 * 64 + 4 * (9 * 64 + 64 * 64)) + 64 * 12,
    "mlperf_tiny_resnet8": 12_501_632,
    "mlperf_tiny_mobilenet_v1": 7_489_664,
    "mlperf_tiny_autoencoder": 2 * 640 * 128 + 6 * 128 * 128 + 2 * 128 * 8,
}

WEIGHTS = {
    # torchvision's parameter counts, less biases and what batch norms learn.
    "vgg16": 138_357_544 - 13_416,
    "resnet18": 11_689_512 - 1000 - 2 * 4800,
    "resnet50": 25_557_032 - 1000 - 2 * 26560,
    "mobilenet_v2": 3_504_872 - 1000 - 2 * 17056,
    "gpt2_decode": 12 * 12 * 768 * 768 + 50257 * 768,
    "llama2_7b_decode": 6_738_415_616 - 65 * 4096 - 32000 * 4096,
}
ROUGHLY = {
    "alexnet": (724e6, 0.001),
    "bert_base": (22.5e9 / 2, 0.01),
    "mobilenet_v1": (569e6, 0.001),
    "mobilenet_v2": (300e6, 0.005),
    "efficientnet_b0": (0.39e9, 0.02),
    "tiny_yolov2": (6.97e9 / 2, 0.001),
    "vit_b16": (17.56e9, 0.001),
}


def test_every_network_is_counted() -> None:
    assert set(topology_names()) == set(MACS)


@pytest.fixture(scope="module", params=sorted(MACS))
def topology(request: pytest.FixtureRequest) -> Topology:
    return load_topology(request.param)


def test_macs(topology: Topology) -> None:
    assert topology_macs(topology) == topology.macs == MACS[topology.name]
    published, tolerance = ROUGHLY.get(topology.name, (topology.macs, 0))
    assert topology.macs == pytest.approx(published, rel=tolerance)


def test_weights(topology: Topology) -> None:
    if topology.name in WEIGHTS:
        assert topology_weights(topology) == WEIGHTS[topology.name]


def test_products_of_every_batch_have_the_files_macs(topology: Topology) -> None:
    for batch in (1, 3):
        shapes = lower_topology(topology, batch, 8, 8, 32)
        products = [layer.work for layer in shapes.layers if isinstance(layer.work, MatrixShape)]
        assert sum(work.gemm.macs for work in products) == batch * topology.macs


def test_each_layer_reads_what_another_wrote(topology: Topology) -> None:
    written = set(topology.given)
    for layer in topology.layers:
        assert set(layer.inputs) <= written
        written.add(layer.output)
    assert set(topology.kept) <= written
    read = {name for layer in topology.layers for name in layer.inputs}
    assert written == read | set(topology.kept), "a tensor that nobody reads"


def test_shapes_of_outputs_are_those_that_are_counted(topology: Topology) -> None:
    """A layer's elements, as units of the machine would write them, are its tensor's."""
    shapes = lower_topology(topology, 2, 8, 8, 32)
    for layer in shapes.layers:
        elements = 2 * prod(topology.shapes[layer.output])
        if isinstance(layer.work, MatrixShape):
            gemm = layer.work.gemm
            assert gemm.groups * gemm.rows_m * gemm.columns_n == elements
        else:
            assert layer.work.element_writes == elements


def test_compiles_for_a_mid_sized_machine(topology: Topology) -> None:
    hardware = load_hardware("mid_32x32")
    program = compile_shapes(lower_topology(topology, 1, 8, 8, 32), hardware)
    on_machine = [
        layer.name
        for layer in topology.layers
        if not isinstance(layer.operator, HostFunction) and layer.name in program.shapes
    ]
    assert [i.layer for i in program.instructions] == [
        name
        for name in on_machine
        if not name.endswith(("last_token", "first_token")) and not name.endswith("class_token")
    ]


def test_lookups_have_names() -> None:
    for name in topology_names():
        for layer in load_topology(name).layers:
            if isinstance(layer.operator, ElementWise) and layer.operator.kind == "lookup":
                assert layer.operator.function
