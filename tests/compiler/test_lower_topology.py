"""Products of two tensors: worked by hand, and through the machine."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.compiler.plan import Gemm, Residency
from accelsim.compiler.program import MatrixInstruction, Place
from accelsim.compiler.shapes import MatrixShape
from accelsim.hardware import Hardware, load_hardware
from accelsim.network.topology import (
    ElementWise,
    HostFunction,
    Matmul,
    TokenMatrix,
    Topology,
    TopologyLayer,
    View,
)
from accelsim.simulator.timing import simulate_timing


def attention(heads: int = 2, depth: int = 3, tokens: int = 5, host: bool = False) -> Topology:
    features = heads * depth
    softmax = HostFunction("softmax") if host else ElementWise("lookup", "softmax")
    layers = (
        TopologyLayer("query", TokenMatrix(features), ("input",), "query"),
        TopologyLayer("key", TokenMatrix(features), ("input",), "key"),
        TopologyLayer("value", TokenMatrix(features), ("input",), "value"),
        TopologyLayer("scores", Matmul(heads, True), ("query", "key"), "scores"),
        TopologyLayer("softmax", softmax, ("scores",), "softmax"),
        TopologyLayer("context", Matmul(heads, False), ("softmax", "value"), "context"),
        TopologyLayer("last", View(), ("context",), "last"),
        TopologyLayer("head", TokenMatrix(4), ("last",), "head"),
    )
    shapes = dict.fromkeys(("input", "query", "key", "value", "context"), (features, tokens, 1))
    shapes |= dict.fromkeys(("scores", "softmax"), (heads * tokens, tokens, 1))
    shapes |= {"last": (features, 1, 1), "head": (4, 1, 1)}
    return Topology("attention", "", "", layers, shapes, ("input",), ("head",))


def small(dataflow: str = "ws", activations: str = "8KiB", **overrides: object) -> Hardware:
    changes = {
        "array.dataflow": dataflow,
        "scratchpads.activations.size": activations,
        **overrides,
    }
    return load_hardware("edge_4x4", [f"{name}={value}" for name, value in changes.items()])


def test_heads_and_images_are_groups() -> None:
    shapes = lower_topology(attention(), 2, 8, 8, 32)
    scores, context = shapes.layers[3].work, shapes.layers[5].work
    assert isinstance(scores, MatrixShape)
    assert isinstance(context, MatrixShape)
    assert scores.gemm == Gemm(rows_m=5, columns_n=5, depth_k=3, groups=4)
    assert context.gemm == Gemm(rows_m=5, columns_n=3, depth_k=5, groups=4)
    assert scores.weight_tile_bytes(5, 3, first_depth=True) == 15
    assert [layer.inputs for layer in shapes.layers[3:6]] == [
        ("query", "key"),
        ("scores",),
        ("softmax", "value"),
    ]


def test_the_right_tensor_fits_the_multipliers() -> None:
    shapes = lower_topology(attention(), 1, 4, 8, 32)
    assert {name: tensor.bits for name, tensor in shapes.tensors.items()} == dict.fromkeys(
        ("input", "query", "scores", "softmax", "context", "last", "head"), 8
    ) | {"key": 4, "value": 4}
    key, scores = shapes.layers[1].work, shapes.layers[3].work
    assert isinstance(key, MatrixShape)
    assert isinstance(scores, MatrixShape)
    assert (key.output_bits, scores.weight_bits, scores.input_bits) == (4, 4, 8)


def test_a_view_is_where_its_tensor_is() -> None:
    shapes = lower_topology(attention(), 1, 8, 8, 32)
    assert shapes.storage["last"] == "context"
    assert shapes.layers[-1].inputs == ("context",)


def test_what_the_host_reads_and_writes_is_in_dram() -> None:
    program = compile_shapes(lower_topology(attention(host=True), 1, 8, 8, 32), small())
    assert {name for name, place in program.places.items() if place is Place.DRAM} == {
        *("input", "scores", "softmax", "head")
    }
    assert "softmax" not in [instruction.layer for instruction in program.instructions]


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
def test_a_right_tensor_on_chip_is_read_from_the_activations(dataflow: str) -> None:
    hardware = small(dataflow)
    program = compile_shapes(lower_topology(attention(), 1, 8, 8, 32), hardware)
    instruction = program.instructions[3]
    assert isinstance(instruction, MatrixInstruction)
    assert instruction.plan.weights_residency is Residency.ON_CHIP
    run = simulate_timing(program, hardware).layers[3]
    assert run.operator == "matmul"
    assert run.traffic.dram_read_bytes == run.traffic.dram_write_bytes == 0
    assert run.traffic.weight_reads == run.traffic.bias_reads == run.array.bias_reads == 0
    left = instruction.plan.n_tiles * 2 * 5 * 3
    right = instruction.plan.m_tiles * 2 * 5 * 3
    assert run.traffic.activation_reads == left + right
    assert run.cycles.get("stall_weights", 0) == 0


def test_a_right_tensor_in_dram_is_fetched_when_its_layer_starts() -> None:
    """Keys are in DRAM only when the layer before has ended: weights may be ahead, these not."""
    hardware = small()
    topology = attention()
    kept = Topology(**{**vars(topology), "kept": ("head", "key", "value")})
    program = compile_shapes(lower_topology(kept, 1, 8, 8, 32), hardware)
    timing = simulate_timing(program, hardware, spans=True)
    scores = timing.layers[3]
    fetches = [s for s in timing.spans if s.unit == "dma_weights" and "scores" in s.label]
    assert fetches
    assert min(span.start_cycle for span in fetches) >= scores.start_cycle
    assert scores.traffic.dram_read_bytes >= 5 * 6
    assert scores.traffic.bias_reads == 0
    ahead = [s for s in timing.spans if s.unit == "dma_weights" and "key" in s.label]
    assert min(span.start_cycle for span in ahead) < timing.layers[1].start_cycle


@settings(max_examples=25, deadline=None)
@given(
    heads=st.integers(1, 3),
    depth=st.integers(1, 9),
    tokens=st.integers(1, 9),
    batch=st.integers(1, 2),
    host=st.booleans(),
    dataflow=st.sampled_from(["ws", "os", "is"]),
    activations=st.sampled_from(["256B", "512B", "8KiB"]),
    double=st.booleans(),
)
def test_the_machine_runs_what_is_compiled(
    heads: int,
    depth: int,
    tokens: int,
    batch: int,
    host: bool,
    dataflow: str,
    activations: str,
    double: bool,
) -> None:
    """Its own invariants hold; MACs are the topology's."""
    hardware = small(
        dataflow, activations, **{"scratchpads.weights.double_buffered": str(double).lower()}
    )
    topology = attention(heads, depth, tokens, host)
    program = compile_shapes(lower_topology(topology, batch, 8, 8, 32), hardware)
    timing = simulate_timing(program, hardware, method="events")
    assert simulate_timing(program, hardware, method="compiled") == timing
    features = heads * depth
    expected = 3 * features * features * tokens + 2 * features * tokens**2 + 4 * features
    assert sum(run.array.macs for run in timing.layers) == batch * expected
