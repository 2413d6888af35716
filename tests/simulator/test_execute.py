from dataclasses import replace

import numpy as np
import pytest

from accelsim.compiler import compile_network
from accelsim.errors import ConfigError, InternalError
from accelsim.golden import execute
from accelsim.hardware import load_hardware
from accelsim.simulator.execute import MatrixExecution, VectorExecution, execute_batch


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
