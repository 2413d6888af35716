from itertools import product

import pytest

from accelsim.compiler import compile_network, compile_shapes
from accelsim.compiler.program import MatrixInstruction
from accelsim.compiler.shapes import LayerShape, MatrixShape, NetworkShape, TensorShape
from accelsim.hardware import load_hardware
from accelsim.network.geometry import Window
from accelsim.simulator.array.tile import closed_form_counters
from accelsim.simulator.prepare import prepare
from accelsim.simulator.run import Traffic
from accelsim.simulator.timing import simulate_timing
from accelsim.simulator.work import MatrixWork, VectorWork


def dense(rows=1, depth=6, columns=5, bits=4):
    """A dense layer of ``rows`` images: activations and weights of ``bits``."""
    shape = MatrixShape((depth, 1, 1), columns, Window((1, 1)), 1, rows, bits, bits, bits, 32)
    tensors = {"x": TensorShape((depth,), bits), "y": TensorShape((columns,), bits)}
    layer = LayerShape("fc", shape, ("x",), "y")
    return NetworkShape("net", rows, "x", "y", (layer,), tensors, {"x": "x", "y": "y"})


def machine(dataflow="ws", **fields):
    settings = {"array.dataflow": dataflow, "array.rows": 4, "array.columns": 4} | fields
    return load_hardware("edge_4x4", [f"{name}={value}" for name, value in settings.items()])


def test_a_weight_stationary_tile_in_cycles_and_bytes():
    # 3 x 6 times 6 x 5 on 4 x 4: the first pass is m 3, n 4, k 4, the second k 2.
    # Weights of 4 bits, biases of 32: 8 + 16 bytes, then 4; 2 bytes a cycle: preloads of 4 and
    # 4 (R, not 2) cycles; streamed 3 x 4 activations of 4 bits: 6 bytes, 6 cycles at 1 byte.
    hardware = machine(
        **{
            "scratchpads.weights.bandwidth": "2B/cycle",
            "scratchpads.activations.bandwidth": "1B/cycle",
        }
    )
    (layer,) = prepare(compile_shapes(dense(rows=3), hardware), hardware)
    assert isinstance(layer, MatrixWork)
    first, second = layer.passes[:2]
    assert (first.stream_cycles, first.activation_cycles, first.weight_cycles) == (3, 6, 0)
    assert (first.preload_cycles, second.preload_cycles) == (4, 4)
    assert (first.fetch_weight_bytes, second.fetch_weight_bytes) == (24, 4)
    assert (first.results, first.output_bytes, second.output_bytes) == (12, 0, 6)
    assert (first.first_depth, first.last_depth, second.last_depth) == (True, False, True)


def test_an_output_stationary_tile_streams_both_operands():
    hardware = machine("os", **{"scratchpads.weights.bandwidth": "1B/cycle"})
    (layer,) = prepare(compile_shapes(dense(rows=3), hardware), hardware)
    assert isinstance(layer, MatrixWork)
    part = layer.passes[0]
    assert (part.preload_cycles, part.tile_stream_cycles) == (0, 6)
    # k x n = 6 x 4 weights of 4 bits are 12 bytes.
    assert part.weight_cycles == 12 * part.stream_cycles // 6


def test_passes_of_equal_work_are_one_object():
    hardware = machine()
    (layer,) = prepare(compile_shapes(dense(rows=40, depth=64, columns=64), hardware), hardware)
    assert isinstance(layer, MatrixWork)
    assert len(layer.passes) >= 256
    assert len({id(part) for part in layer.passes}) < 16


def test_traffic_of_a_dense_layer():
    # 1 x 6 times 6 x 5: inputs and outputs in DRAM. Two column tiles read the 6 activations
    # each; outputs are written to the staging area and read from there by the store.
    hardware = machine()
    timing = simulate_timing(compile_shapes(dense(), hardware), hardware)
    assert timing.layers[0].traffic == Traffic(
        activation_reads=2 * 6 + 5,
        activation_writes=6 + 5,
        weight_reads=30,
        weight_writes=30,
        accumulator_reads=5 + 5,
        accumulator_writes=2 * 5,
        bias_reads=5,
        dram_read_bytes=timing.layers[0].traffic.dram_read_bytes,
        dram_write_bytes=timing.layers[0].traffic.dram_write_bytes,
    )
    run = timing.layers[0]
    assert (run.operator, run.weight_bits, run.input_bits, run.output_bits) == ("dense", 4, 4, 4)


@pytest.mark.parametrize(
    ("dataflow", "preset", "batch"),
    list(product(["ws", "os", "is"], ["edge_4x4", "edge_16x16"], [1, 3])),
)
def test_a_network_with_every_operator(make_network, dataflow, preset, batch):
    hardware = load_hardware(preset, [f"array.dataflow={dataflow}"])
    program = compile_network(make_network(), hardware, batch)
    works = prepare(program, hardware)
    timing = simulate_timing(program, hardware)
    for instruction, work, run in zip(program.instructions, works, timing.layers, strict=True):
        if isinstance(instruction, MatrixInstruction):
            assert run.array == closed_form_counters(instruction.plan)
            assert run.traffic.weight_reads == run.array.weight_feeds
            assert run.traffic.activation_reads <= run.array.activation_feeds + run.macs
            assert run.gemm == instruction.plan.gemm
        else:
            assert isinstance(work, VectorWork)
            assert sum(chunk.operations for chunk in work.chunks) == run.vector_operations
            assert run.weight_bits == 0
