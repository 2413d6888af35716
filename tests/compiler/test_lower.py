"""From integer layers to shapes: what is kept, what vanishes."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from accelsim.arithmetic.formats import Accumulator, IntegerFormat
from accelsim.arithmetic.rescale import Rescale, RescaleMode
from accelsim.compiler import compile_network
from accelsim.compiler.lower import lower_network
from accelsim.compiler.program import Place
from accelsim.compiler.shapes import MatrixShape, VectorShape
from accelsim.errors import CapacityError, ConfigError, WorkloadError
from accelsim.network.geometry import Shape, Window
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerLayer,
    IntegerLookup,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerNetwork,
    IntegerPad,
    IntegerQuotientPool,
    IntegerRequantize,
    IntegerReshape,
    IntegerSoftmax,
    QuantizedTensor,
)

ONE = Rescale(
    RescaleMode.SINGLE_ROUND,
    32,
    np.array([0.5]),
    np.array([1 << 30], dtype=np.int64),
    np.array([0], dtype=np.int64),
)
SAME = Window((3, 3), pads=(1, 1, 1, 1))
HALF = Window((2, 2), (2, 2))


def matrix(out_channels: int, depth: int, window: Window, groups: int = 1, bits: int = 4):
    weights = np.zeros((out_channels, depth, *window.kernel), np.int32)
    return IntegerMatrix(
        weights=weights,
        weight_format=IntegerFormat(bits),
        weight_scales=np.ones(1),
        bias=np.zeros(out_channels, np.int64),
        window=window,
        groups=groups,
        rescale=ONE,
        clamp_low=0,
        clamp_high=127,
    )


def tensor(shape: Shape, bits: int = 8) -> QuantizedTensor:
    return QuantizedTensor(shape, IntegerFormat(bits), 1.0, 0)


@pytest.fixture
def network() -> IntegerNetwork:
    """Every operator once: a residual block with a depthwise convolution, pools, a head."""
    layers = (
        ("conv", matrix(4, 1, SAME), ("x",), "a"),
        ("depthwise", matrix(4, 1, SAME, groups=4), ("a",), "b"),
        ("sum", IntegerAdd(ONE, ONE, ONE, 20, -128, 127), ("a", "b"), "c"),
        ("relu", IntegerClamp(0, 127), ("c",), "d"),
        ("max", IntegerMaxPool(HALF), ("d",), "e"),
        ("mean", IntegerAveragePool(Window((2, 2)), False, (4,), (ONE,), -128, 127), ("e",), "f"),
        ("flatten", IntegerReshape(), ("f",), "g"),
        ("head", matrix(10, 36, Window((1, 1))), ("g",), "y"),
    )
    return IntegerNetwork(
        name="all",
        input="x",
        output="y",
        layers=tuple(IntegerLayer(*layer) for layer in layers),
        tensors={
            "x": tensor((1, 8, 8)),
            "a": tensor((4, 8, 8), bits=6),
            "b": tensor((4, 8, 8), bits=5),
            "c": tensor((4, 8, 8)),
            "d": tensor((4, 8, 8)),
            "e": tensor((4, 4, 4)),
            "f": tensor((4, 3, 3)),
            "g": tensor((36,)),
            "y": tensor((10,)),
        },
        accumulator=Accumulator(),
    )


def test_each_operator_becomes_the_work_of_one_unit(network: IntegerNetwork) -> None:
    shapes = lower_network(network, batch=3, accumulator_bits=32)
    assert {layer.name: layer.work for layer in shapes.layers} == {
        "conv": MatrixShape((1, 8, 8), 4, SAME, 1, 3, 4, 8, 6, 32, weights_are_ternary=True),
        "depthwise": MatrixShape((4, 8, 8), 4, SAME, 4, 3, 4, 6, 5, 32, weights_are_ternary=True),
        "sum": VectorShape("add", 3 * 256, 1, 1, Window((1, 1)), (6, 5), 8),
        "relu": VectorShape("clamp", 3 * 256, 1, 1, Window((1, 1)), (8,), 8),
        "max": VectorShape("max_pool", 12, 8, 8, HALF, (8,), 8),
        "mean": VectorShape("average_pool", 12, 4, 4, Window((2, 2)), (8,), 8),
        "head": MatrixShape(
            (36, 1, 1), 10, Window((1, 1)), 1, 3, 4, 8, 8, 32, weights_are_ternary=True
        ),
    }


@pytest.fixture
def from_a_file() -> IntegerNetwork:
    """What files of integers have besides, with a softmax in the middle and one at the end."""
    layers = (
        ("pad", IntegerPad((0, 1, 0), (0, 1, 2), 0), ("x",), "a"),
        ("pool", IntegerQuotientPool(Window((2, 2), (2, 2)), -128, 127), ("a",), "b"),
        ("scale", IntegerRequantize(ONE, -128, 127), ("b",), "c"),
        ("table", IntegerLookup(np.zeros(256, np.int32)), ("c",), "d"),
        ("view", IntegerReshape(channels_last=True), ("d",), "e"),
        ("shares", IntegerSoftmax(2**30, 10, 200), ("e",), "f"),
        ("head", matrix(10, 45, Window((1, 1))), ("f",), "g"),
        ("softmax", IntegerSoftmax(2**30, 10, 200), ("g",), "y"),
    )
    return IntegerNetwork(
        name="file",
        input="x",
        output="y",
        layers=tuple(IntegerLayer(*layer) for layer in layers),
        tensors={
            "x": tensor((3, 4, 8)),
            "a": tensor((3, 6, 10)),
            "b": tensor((3, 3, 5)),
            "c": tensor((3, 3, 5), bits=4),
            "d": tensor((3, 3, 5), bits=6),
            "e": tensor((45,), bits=6),
            "f": tensor((45,)),
            "g": tensor((10,)),
            "y": tensor((10,)),
        },
        accumulator=Accumulator(),
    )


def test_operators_of_integer_files_become_work_of_the_vector_unit(from_a_file) -> None:
    shapes = lower_network(from_a_file, batch=2, accumulator_bits=32)
    element = Window((1, 1))
    assert {layer.name: layer.work for layer in shapes.layers} == {
        "pad": VectorShape("pad", 2, 4, 3 * 8, Window((1, 1), pads=(1, 0, 1, 6)), (8,), 8),
        "pool": VectorShape("quotient_pool", 6, 6, 10, Window((2, 2), (2, 2)), (8,), 8),
        "scale": VectorShape("requantize", 2 * 45, 1, 1, element, (8,), 4),
        "table": VectorShape("lookup", 2 * 45, 1, 1, element, (4,), 6),
        "head": MatrixShape((45, 1, 1), 10, element, 1, 2, 4, 8, 8, 32, weights_are_ternary=True),
    }


@pytest.mark.parametrize(
    ("shape", "pad"),
    [
        ((3, 4, 8), IntegerPad((1, 2, 0), (0, 1, 2), 0)),
        ((3, 4), IntegerPad((1, 2), (2, 0), 0)),
        ((5,), IntegerPad((2,), (1,), 0)),
    ],
)
def test_a_pad_reads_what_there_is_and_writes_what_comes_out(shape: Shape, pad: IntegerPad) -> None:
    padded = tuple(map(sum, zip(shape, pad.before, pad.after, strict=True)))
    tensors = {"x": tensor(shape), "y": tensor(padded)}
    layers = (IntegerLayer("pad", pad, ("x",), "y"),)
    network = IntegerNetwork("pad", "x", "y", layers, tensors, Accumulator())
    (layer,) = lower_network(network, batch=3, accumulator_bits=32).layers
    assert layer.work.element_reads == 3 * prod(shape)
    assert layer.work.element_writes == layer.work.operations == 3 * prod(padded)


def test_what_the_host_reads_and_writes_is_in_dram(kit, from_a_file) -> None:
    program = compile_network(from_a_file, kit.hardware())
    in_dram = {name for name, place in program.places.items() if place is Place.DRAM}
    assert in_dram == {"x", "d", "e", "f", "g", "y"}
    assert program.instructions[-1].inputs == ("f",)


def test_a_reshaped_tensor_is_another_view_of_the_same_storage(kit, network) -> None:
    program = compile_network(network, kit.hardware())
    assert program.instructions[-1].inputs == ("f",)
    assert program.places["g"] is program.places["f"] is Place.SCRATCHPAD
    assert program.shapes["g"] == (36,)
    assert program.bits["a"] == 6


def test_a_reshaped_output_is_stored_in_dram_under_both_names(kit, network) -> None:
    layers = (*network.layers, IntegerLayer("view", IntegerReshape(), ("y",), "z"))
    tensors = network.tensors | {"z": tensor((5, 2))}
    view = IntegerNetwork("view", "x", "z", layers, tensors, network.accumulator)
    program = compile_network(view, kit.hardware())
    assert program.places["y"] is program.places["z"] is Place.DRAM


def test_only_shapes_and_widths_reach_the_program(kit, network) -> None:
    assert compile_network(network, kit.hardware()) == compile_network(network, kit.hardware())


def test_operands_wider_than_the_pe_are_refused_all_at_once(kit, network) -> None:
    hardware = kit.hardware(weight_bits=3, activation_bits=6)
    with pytest.raises(ConfigError) as caught:
        compile_network(network, hardware)
    assert str(caught.value).splitlines() == [
        f"layers {layers}: {operand}s of {bits} bits do not fit array.{operand}_bits={limit}; "
        f"quantize them to {limit} bits or fewer, or set array.{operand}_bits={bits}"
        for layers, operand, bits, limit in (
            ("'conv', 'depthwise', 'head'", "weight", 4, 3),
            ("'conv', 'head'", "activation", 8, 6),
        )
    ]


def test_more_rows_than_can_be_placed_are_refused_all_at_once(kit, network) -> None:
    with pytest.raises(CapacityError) as caught:
        compile_network(network, kit.hardware(), 2**22)
    lines = str(caught.value).splitlines()
    rows = 2**22 * prod(network.tensors["a"].shape[1:])
    assert lines[0] == (
        f"layer 'conv': {rows} rows (output pixels of a batch of {2**22}), at most {2**24} are "
        f"supported; use a batch of {2**46 // rows} or fewer"
    )
    assert len(lines) > 1


def test_a_batch_of_nothing_is_refused(kit, network) -> None:
    with pytest.raises(ConfigError, match=r"^batch: must be at least 1, got 0$"):
        compile_network(network, kit.hardware(), batch=0)


def test_a_network_for_the_host_alone_is_refused(kit) -> None:
    layers = (
        IntegerLayer("view", IntegerReshape(), ("x",), "a"),
        IntegerLayer("softmax", IntegerSoftmax(2**30, 10, 200), ("a",), "y"),
    )
    tensors = {"x": tensor((2, 5)), "a": tensor((10,)), "y": tensor((10,))}
    network = IntegerNetwork("host", "x", "y", layers, tensors, Accumulator())
    with pytest.raises(WorkloadError) as caught:
        compile_network(network, kit.hardware())
    assert str(caught.value) == (
        "network 'host': nothing in it runs on the machine: it only reshapes, or leaves its work "
        "to the host"
    )
