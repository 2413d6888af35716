from dataclasses import replace

import numpy as np
import pytest

from accelsim.arithmetic import Accumulator, Overflow
from accelsim.compiler import compile_network
from accelsim.errors import ConfigError, InternalError
from accelsim.golden import execute
from accelsim.hardware import load_hardware
from accelsim.simulator import simulate
from accelsim.simulator.execute import MatrixExecution, VectorExecution, execute_batch
from accelsim.simulator.timing import simulate_timing


@pytest.fixture(scope="module")
def hardware():
    return load_hardware("edge_4x4")


@pytest.mark.parametrize("seed", range(5))
def test_every_tensor_equals_golden(make_network, make_images, hardware, seed):
    integer = make_network(seed)
    images = make_images(3, seed)
    program = compile_network(integer, hardware, batch=3)
    batch = execute_batch(program, integer, hardware, images, "tile")
    golden = execute(integer, images)
    assert set(batch.tensors) == set(golden.tensors)
    for name, tensor in golden.tensors.items():
        assert batch.tensors[name].dtype == np.int32
        assert np.array_equal(batch.tensors[name], tensor), name


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize(("bits", "overflow"), [(32, "wrap"), (15, "wrap"), (15, "saturate")])
def test_weights_with_zero_points_equal_golden(make_network, make_images, dataflow, bits, overflow):
    accumulator = Accumulator(bits, Overflow(overflow))
    images = make_images(2, bits)
    integer = make_network(bits, accumulator=accumulator, zero_points=True)
    golden = execute(integer, images)
    assert any(golden.overflow_events.values()) == (bits < 32)
    changes = [f"array.dataflow={dataflow}", f"accumulator.bits={bits}", "array.row_sums=true"]
    machine = load_hardware("edge_4x4", [*changes, f"accumulator.overflow={overflow}"])
    program = compile_network(integer, machine, batch=2)
    for engine in ("register", "cycle", "tile"):
        run = simulate(program, integer, machine, images, engine)
        assert np.array_equal(run.outputs, golden.outputs)
        assert run.overflow_events == golden.overflow_events
        assert run.clip_events == golden.clip_events


def test_without_adders_zero_points_are_refused(make_network, hardware):
    with pytest.raises(ConfigError) as caught:
        compile_network(make_network(zero_points=True), hardware)
    assert str(caught.value) == (
        "layers 'stem', 'depthwise', 'head': weights with zero points need the sums of their "
        "rows, which edge_4x4 has no adders for; set array.row_sums=true, or use symmetric weights"
    )


def test_zero_points_and_row_sums_are_moved_and_waited_for(make_network, make_images):
    """What a dense layer of one row costs more."""
    counts, weight_bytes = {}, {}
    for zero_points in (False, True):
        machine = load_hardware("edge_4x4", ["array.row_sums=true"])
        program = compile_network(make_network(zero_points=zero_points), machine)
        counts[zero_points] = simulate_timing(program, machine).layers[-1]
        shape = program.instructions[-1].shape
        weight_bytes[zero_points] = shape.weight_tile_bytes(5, 16, True)
    before, after = counts[False], counts[True]
    assert (before.row_sums, after.row_sums) == (False, True)
    # 5 columns in two tiles of one row m, 16 deep in 4 passes each.
    assert after.array.row_additions == 2 * 16
    assert after.array.accumulator_writes == before.array.accumulator_writes + 2 * 4
    assert after.array.accumulator_reads == before.array.accumulator_reads + 2 * 3
    assert after.traffic.accumulator_reads == before.traffic.accumulator_reads + 2 * 4
    assert after.array.macs == before.array.macs == 80
    # 16 * 5 weights and 5 biases of 4 bytes, and 5 zero points of one.
    assert weight_bytes == {False: 100, True: 105}


def test_layers_are_told_apart_by_their_unit(make_network, make_images, hardware):
    integer = make_network()
    program = compile_network(integer, hardware)
    batch = execute_batch(program, integer, hardware, make_images(1), "tile")
    kinds = {name: type(layer) for name, layer in batch.layers.items()}
    assert kinds == {
        "stem": MatrixExecution,
        "depthwise": MatrixExecution,
        "add": VectorExecution,
        "max_pool": VectorExecution,
        "clamp": VectorExecution,
        "mean": VectorExecution,
        "head": MatrixExecution,
    }
    assert batch.layers["add"].operations == 4 * 6 * 5
    assert batch.layers["max_pool"].clip_events is None
    assert batch.layers["head"].counters.macs == 16 * 5
    assert batch.layers["stem"].switching is None


def test_images_do_not_influence_each_other(make_network, make_images, hardware):
    integer = make_network()
    images = make_images(3)
    program = compile_network(integer, hardware, batch=3)
    together = execute_batch(program, integer, hardware, images, "tile").tensors["head"]
    alone = [
        execute_batch(program, integer, hardware, images[i : i + 1], "tile").tensors["head"]
        for i in range(3)
    ]
    assert np.array_equal(together, np.concatenate(alone))


def test_a_program_without_one_of_the_products_is_our_mistake(make_network, make_images, hardware):
    integer = make_network()
    program = compile_network(integer, hardware)
    headless = replace(program, instructions=program.instructions[:-1])
    with pytest.raises(InternalError, match=r"^layer 'head': the program has no product for it$"):
        execute_batch(headless, integer, hardware, make_images(1), "tile")


def test_an_unknown_engine(make_network, make_images, hardware):
    integer = make_network()
    program = compile_network(integer, hardware)
    with pytest.raises(ConfigError, match=r"^engine: unknown engine 'magic', must be one of "):
        execute_batch(program, integer, hardware, make_images(1), "magic")
