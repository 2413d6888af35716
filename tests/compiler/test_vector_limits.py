"""Which tiles of the depth vectors of weights get, and which layers a machine refuses for them."""

from dataclasses import replace

import numpy as np
import pytest

from accelsim.arithmetic import RescaleMode, make_rescale
from accelsim.arithmetic.formats import Accumulator, IntegerFormat, Overflow
from accelsim.compiler import compile_network
from accelsim.errors import ConfigError, InternalError
from accelsim.hardware import load_hardware
from accelsim.network.geometry import Window
from accelsim.network.integer import (
    IntegerLayer,
    IntegerMatrix,
    IntegerNetwork,
    QuantizedTensor,
)
from accelsim.network.vectors import WeightVectors


def one_dense(vector=24, weight_bits=8, scale_bits=8, depth=24, accumulator=32, overflow="wrap"):
    """Weights of the lowest integer, scales of the highest."""
    form = IntegerFormat(weight_bits)
    scales = np.full((-(-depth // vector), 1), (1 << scale_bits) - 1, np.int32)
    operator = IntegerMatrix(
        weights=np.full((1, depth, 1, 1), form.low, np.int32),
        weight_format=form,
        weight_scales=np.ones(1),
        bias=np.zeros(1, np.int64),
        window=Window((1, 1)),
        groups=1,
        rescale=make_rescale([1e-6], RescaleMode.SINGLE_ROUND),
        clamp_low=-128,
        clamp_high=127,
        vectors=WeightVectors(vector, scale_bits, scales),
    )
    source = QuantizedTensor((depth,), IntegerFormat(8), 1.0, 0)
    target = QuantizedTensor((1,), IntegerFormat(8), 1.0, 0)
    layers = (IntegerLayer("layer", operator, ("x",), "y"),)
    tensors = {"x": source, "y": target}
    return IntegerNetwork(
        "one", "x", "y", layers, tensors, Accumulator(accumulator, Overflow(overflow))
    )


def test_a_machine_without_multipliers_for_scales():
    message = (
        r"^layer 'layer': scales of 8 bits of groups of weights do not fit array.scale_bits={}; "
        r"set array.scale_bits=8$"
    )
    with pytest.raises(ConfigError, match=message.format("none")):
        compile_network(one_dense(), load_hardware("edge_4x4"))
    with pytest.raises(ConfigError, match=message.format("6")):
        compile_network(one_dense(), load_hardware("edge_4x4", ["array.scale_bits=6"]))


def test_a_vector_whose_own_sum_could_overflow():
    # 24 * 128 * 128 = 393216, and 19 bits reach 262143.
    hardware = load_hardware("edge_4x4", ["array.scale_bits=8", "accumulator.bits=19"])
    message = (
        "^layer 'layer': sums of groups of 24 weights reach 393216, more than the 19-bit "
        "accumulator holds; use smaller groups, fewer bits or a wider accumulator$"
    )
    with pytest.raises(ConfigError, match=message):
        compile_network(one_dense(accumulator=19), hardware)


@pytest.mark.parametrize("dataflow", ["ws", "is"])
def test_a_vector_longer_than_the_array_must_not_saturate(dataflow):
    # 393216 * 255 = 100270080: 27 bits reach 67108863, 28 bits 134217727.
    changes = [f"array.dataflow={dataflow}", "array.scale_bits=8"]
    message = (
        "^layer 'layer': groups of 24 weights go through the array in parts of 4, and scaled one "
        "by one these could overflow the 27-bit accumulator: where it saturates would depend on "
        "the array; use groups of 4, fewer scale bits or a wider accumulator$"
    )
    narrow = load_hardware("edge_4x4", [*changes, "accumulator.bits=27"])
    with pytest.raises(ConfigError, match=message):
        compile_network(one_dense(accumulator=27, overflow="saturate"), narrow)
    # In 27 bits that wrap, the order changes nothing.
    for network, bits in (
        (one_dense(accumulator=28, overflow="saturate"), 28),
        (one_dense(accumulator=27), 27),
    ):
        machine = load_hardware("edge_4x4", [*changes, f"accumulator.bits={bits}"])
        assert compile_network(network, machine).instructions[0].plan.tile_k == 4
    # Output stationary, a part stays in its register: nothing depends on the array.
    stays = load_hardware(
        "edge_4x4", ["array.dataflow=os", "array.scale_bits=8", "accumulator.bits=27"]
    )
    network = one_dense(accumulator=27, overflow="saturate")
    assert compile_network(network, stays).instructions[0].plan.tile_k == 24


@pytest.mark.parametrize(
    ("dataflow", "vector", "tile", "scales"),
    [
        # Four rows: a vector, or the longest even part of one; 24 elements are 8, 6, 1, 24 vectors.
        ("ws", 3, 3, 8),
        ("is", 4, 4, 6),
        ("ws", 6, 3, 8),
        ("ws", 7, 1, 24),
        ("ws", 1, 1, 24),
        # One vector is all of the depth: its parts are those of the array.
        ("ws", 24, 4, 6),
        ("is", 100, 4, 6),
        # Output stationary the depth is not cut at all here.
        ("os", 5, 24, 5),
        ("os", 1, 24, 24),
        ("os", 100, 24, 1),
    ],
)
def test_a_pass_holds_whole_vectors_or_an_even_part_of_one(dataflow, vector, tile, scales):
    machine = load_hardware("edge_4x4", [f"array.dataflow={dataflow}", "array.scale_bits=8"])
    (instruction,) = compile_network(one_dense(vector), machine).instructions
    plan = instruction.plan
    assert (plan.tile_k, plan.depth_scales) == (tile, scales)
    assert instruction.scale_reads == plan.m_tiles * scales
    # 8 bits of each weight and scale, 32 of the bias, in bytes.
    tiles = list(plan.passes())
    fetched = [instruction.weight_tile_bytes(part) for part in tiles]
    assert sum(fetched) == 24 + scales + 4
    streamed = sum(plan.stream_cycles(p.m_size, p.n_size, p.k_size) for p in tiles)
    assert streamed == (24 + scales if dataflow == "os" else len(tiles))


@pytest.mark.parametrize(("room", "tile"), [("33B", 24), ("32B", 10), ("24B", 5)])
def test_output_stationary_tiles_of_a_small_scratchpad_are_whole_vectors(room, tile):
    pad = f"scratchpads.weights.size={room}", "scratchpads.weights.double_buffered=true"
    changes = ["array.dataflow=os", "array.scale_bits=8", *pad]
    (instruction,) = compile_network(one_dense(5), load_hardware("edge_4x4", changes)).instructions
    assert instruction.plan.tile_k == tile


def test_a_tile_that_cuts_vectors_unevenly_is_our_mistake():
    machine = load_hardware("edge_4x4", ["array.scale_bits=8"])
    plan = compile_network(one_dense(4), machine).instructions[0].plan
    with pytest.raises(InternalError, match=r"^tiles \(1, 1, 3\) cut vectors of 4 unevenly$"):
        replace(plan, tile_k=3)
    with pytest.raises(InternalError, match=r"^tiles \(1, 1, 8\) cut vectors of 4 unevenly$"):
        replace(plan, tile_k=8)
