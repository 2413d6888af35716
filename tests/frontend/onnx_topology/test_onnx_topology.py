"""ONNX files as topologies: what each operator becomes, and files that cannot become one."""

from __future__ import annotations

import re
from math import prod
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.errors import WorkloadError
from accelsim.frontend.lower import lower
from accelsim.frontend.onnx_topology import onnx_topology
from accelsim.frontend.parse_model import parse_model
from accelsim.frontend.passes import simplify
from accelsim.frontend.topology import load_topology
from accelsim.hardware import load_hardware
from accelsim.network.counts import layer_macs, network_macs
from accelsim.network.geometry import Window
from accelsim.network.topology import (
    ElementWise,
    FilterBank,
    HostFunction,
    Matmul,
    PoolWindow,
    TokenMatrix,
    View,
    topology_layer_macs,
)
from accelsim.simulator import simulate_timing

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
WORKLOADS = Path(__file__).parents[3] / "workloads"


def write(folder, nodes, shapes, constants=(), outputs=None, opset=17):
    """Write a model of nodes (operator, inputs, output, attributes), each named as its output.

    ``shapes``: of inputs. ``constants``: shapes of floats, or arrays.
    """
    protos = [
        helper.make_node(operator, inputs, [output], name=output, **dict(*attributes))
        for operator, inputs, output, *attributes in nodes
    ]
    arrays = {
        name: np.ones(value, np.float32) if isinstance(value, tuple) else np.asarray(value)
        for name, value in dict(constants).items()
    }
    graph = helper.make_graph(
        protos,
        "test",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in outputs or [nodes[-1][2]]
        ],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    path = folder / "net.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)
    return path


def read(path, **sizes):
    return onnx_topology(path, sizes).topology


def operators(topology):
    return [layer.operator for layer in topology.layers]


IMAGE = {"x": [1, 3, 16, 16]}


def test_a_published_model_is_the_shipped_topology():
    """The same layers, cycles and traffic as resnet50, which was written down from its table."""
    path = LIGHT / "light_resnet50.onnx"
    if not path.is_file():
        pytest.skip("this release of onnx has no light models")
    found, shipped = read(path), load_topology("resnet50")
    assert found.macs == shipped.macs

    def array_layers(topology):
        return sorted(
            (
                (topology.shapes[layer.inputs[0]], repr(layer.operator))
                for layer in topology.layers
                if isinstance(layer.operator, FilterBank)
            ),
        )

    assert array_layers(found) == array_layers(shipped)
    hardware = load_hardware("mid_32x32")
    first, second = (
        simulate_timing(compile_shapes(lower_topology(t, 1, 8, 8, 32), hardware), hardware)
        for t in (found, shipped)
    )
    assert first.cycles_total == second.cycles_total
    assert first.units["array"] == second.units["array"]
    assert [prod(found.shapes[name]) for name in found.kept] == [1000]


@pytest.mark.parametrize(
    ("name", "macs"),
    [
        # torchvision: 19.63, 2.83 G (and four batch norms behind pools); SqueezeNet 1.1's 0.35 G.
        ("vgg19", 19_632_062_464),
        ("densenet121", 2_834_161_664 + 376_320),
        ("squeezenet", 349_151_936),
    ],
)
def test_published_counts(name, macs):
    path = LIGHT / f"light_{name}.onnx"
    if not path.is_file():
        pytest.skip("this release of onnx has no light models")
    assert read(path).macs == macs


@pytest.mark.parametrize(
    ("name", "macs"), [("digits_cnn", 231_680), ("digits_resnet8", 12_206_720)]
)
def test_our_own_networks_have_their_counts(name, macs):
    topology = read(WORKLOADS / f"{name}.onnx")
    assert topology.macs == macs
    assert topology.host_functions == ()


def test_attention(tmp_path):
    """Two heads of 8 features over as many tokens as are asked for; shapes are computed."""
    split = [("Reshape", [f"{t}0", "split"], f"{t}1") for t in "qkv"]
    turns = {"q": (0, 2, 1, 3), "k": (0, 2, 3, 1), "v": (0, 2, 1, 3)}
    path = write(
        tmp_path,
        [
            ("Shape", ["x"], "shape"),
            ("Gather", ["shape", "one"], "tokens"),
            ("Concat", ["batch", "tokens", "heads"], "split", {"axis": 0}),
            *[("MatMul", ["x", f"w{t}"], f"{t}0") for t in "qkv"],
            *split,
            *[("Transpose", [f"{t}1"], t, {"perm": turns[t]}) for t in "qkv"],
            ("MatMul", ["q", "k"], "raw"),
            ("Div", ["raw", "root"], "scores"),
            ("Softmax", ["scores"], "weights", {"axis": -1}),
            ("MatMul", ["weights", "v"], "heads_out"),
            ("Transpose", ["heads_out"], "turned", {"perm": (0, 2, 1, 3)}),
            ("Reshape", ["turned", "flat"], "joined"),
            ("MatMul", ["joined", "wo"], "projected"),
            ("Add", ["projected", "bias"], "out"),
            ("Add", ["out", "x"], "y"),
        ],
        {"x": ["batch", "sequence", 16]},
        {
            **{f"w{t}": (16, 16) for t in "qkvo"},
            "bias": (16,),
            "root": np.float32(2),
            "one": np.array([1]),
            "batch": np.array([1]),
            "heads": np.array([2, 8]),
            "flat": np.array([1, -1, 16]),
        },
    )
    topology = read(path, sequence=5)
    assert [(layer.name, layer.inputs) for layer in topology.layers] == [
        *[(f"{t}0", ("input",)) for t in "qkv"],
        ("raw", ("q0", "k0")),
        ("weights", ("raw",)),
        ("heads_out", ("weights", "v0")),
        ("projected", ("heads_out",)),
        ("y", ("projected", "input")),
    ]
    assert operators(topology) == [
        *[TokenMatrix(16)] * 3,
        Matmul(2, transposed=True),
        HostFunction("Softmax"),
        Matmul(2, transposed=False),
        TokenMatrix(16),
        ElementWise("add"),
    ]
    assert topology.shapes["raw"] == (2 * 5, 5, 1)
    assert topology.shapes["y"] == (16, 5, 1)
    assert topology.macs == 4 * 5 * 16 * 16 + 2 * 2 * 5 * 5 * 8


def test_functions_of_one_element_are_one_table(tmp_path):
    """GELU as exporters write it, twice read; a ReLU that is not all that is read."""
    path = write(
        tmp_path,
        [
            ("MatMul", ["x", "w"], "m"),
            ("Add", ["m", "bias"], "a"),
            ("Div", ["a", "root"], "d"),
            ("Erf", ["d"], "e"),
            ("Add", ["e", "one"], "f"),
            ("Mul", ["a", "f"], "g"),
            ("MatMul", ["g", "w"], "n"),
            ("Relu", ["n"], "r"),
            ("Mul", ["n", "r"], "s"),
            ("MatMul", ["s", "w"], "o"),
            ("Relu", ["o"], "p"),
            ("Add", ["p", "g"], "y"),
        ],
        {"x": [1, 4, 8]},
        {"w": (8, 8), "bias": (8,), "root": np.float32(1.4), "one": np.float32(1)},
    )
    topology = read(path)
    assert [(layer.name, layer.inputs) for layer in topology.layers] == [
        ("m", ("input",)),
        ("g", ("m",)),
        ("n", ("g",)),
        ("s", ("n",)),
        ("o", ("s",)),
        ("y", ("o", "g")),
    ]
    assert operators(topology)[1] == ElementWise("lookup", "div erf add mul")
    assert operators(topology)[3] == ElementWise("lookup", "relu mul")


def test_windows(tmp_path):
    path = write(
        tmp_path,
        [
            ("Conv", ["x", "a"], "a1", {"dilations": [2, 1], "pads": [2, 1, 2, 1]}),
            ("BatchNormalization", ["a1", "s", "s", "s", "s"], "b1"),
            ("Clip", ["b1"], "c1"),
            ("Conv", ["c1", "d"], "d1", {"group": 8, "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
            ("MaxPool", ["d1"], "e1", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
            ("GlobalAveragePool", ["e1"], "g1"),
            ("Conv", ["g1", "h"], "h1"),
            ("Sigmoid", ["h1"], "i1"),
            ("Mul", ["i1", "e1"], "j1"),
            ("Flatten", ["j1"], "k1"),
            ("Gemm", ["k1", "m", "n"], "y", {"transB": 1}),
        ],
        IMAGE,
        {
            "a": (8, 3, 3, 3),
            "s": (8,),
            "d": (8, 1, 3, 3),
            "h": (8, 8, 1, 1),
            "m": (5, 128),
            "n": (5,),
        },
    )
    topology = read(path)
    assert operators(topology) == [
        FilterBank(8, Window((3, 3), (1, 1), (2, 1, 2, 1), (2, 1))),
        FilterBank(8, Window((3, 3), (2, 2), (1, 1, 0, 0)), groups=8),
        PoolWindow("max_pool", Window((3, 3), (2, 2), (0, 0, 1, 1))),
        PoolWindow("average_pool", Window((4, 4))),
        FilterBank(8, Window((1, 1))),
        ElementWise("lookup", "sigmoid"),
        ElementWise("multiply"),
        TokenMatrix(5, flattens=True),
    ]
    assert topology.layers[6].inputs == ("e1", "i1")
    assert topology.shapes["e1"] == (8, 4, 4)


def test_what_keeps_its_channels_moves_nothing(tmp_path):
    """An image's pixels as tokens are where they were; channels that are split are reordered."""
    nodes = [
        ("Conv", ["x", "a"], "c"),
        ("Reshape", ["c", "shape"], "r"),
        ("Transpose", ["r"], "t", {"perm": (0, 2, 1)}),
        ("MatMul", ["t", "w"], "y"),
    ]
    constants = {"a": (8, 3, 1, 1), "w": (8, 4)}
    topology = read(write(tmp_path, nodes, IMAGE, constants | {"shape": np.array([1, 8, 256])}))
    assert operators(topology)[1:] == [View(), TokenMatrix(4)]
    assert topology.shapes[topology.layers[1].output] == (8, 256, 1)
    constants = {"a": (8, 3, 1, 1), "w": (16, 4), "shape": np.array([1, 16, 128])}
    topology = read(write(tmp_path, nodes, IMAGE, constants))
    assert operators(topology)[1:] == [HostFunction("reorder"), TokenMatrix(4)]
    assert topology.shapes[topology.layers[1].output] == (16, 128, 1)


def test_columns_and_several_inputs(tmp_path):
    path = write(
        tmp_path,
        [
            ("Conv", ["x", "a"], "c", {"pads": [1, 1]}),
            ("Add", ["c", "z"], "s"),
            ("Concat", ["s", "x"], "y", {"axis": 1}),
        ],
        {"x": [1, 3, 16], "z": [1, 8, 16]},
        {"a": (8, 3, 3)},
    )
    topology = read(path)
    assert topology.given == ("input", "z")
    assert topology.shapes["z"] == topology.shapes["c"] == (8, 16, 1)
    assert operators(topology) == [
        FilterBank(8, Window((3, 1), (1, 1), (1, 0, 1, 0))),
        ElementWise("add"),
        HostFunction("Concat"),
    ]


CONV = [("Conv", ["x", "a"], "y")]


@pytest.mark.parametrize(
    ("nodes", "shapes", "constants", "sizes", "message"),
    [
        (
            CONV,
            {"x": ["n", 3, "h", "w"]},
            {"a": (8, 3, 3, 3)},
            {"h": 8},
            "input 'x' has shape [1, 3, 8, w]: all but the first must be numbers; give them, such "
            "as --size w=128",
        ),
        (
            CONV,
            IMAGE,
            {"a": (8, 3, 3, 3)},
            {"tokens": 8},
            "--size tokens: no input has a size of this name",
        ),
        (
            CONV,
            {"x": [2, 3, 8, 8]},
            {"a": (8, 3, 3, 3)},
            {},
            "node 'y' (Conv): only images [1, channels, height, width] are supported, "
            "got [2, 3, 8, 8]",
        ),
        (
            [("LSTM", ["x", "a", "b"], "l"), ("Einsum", ["l", "l"], "y", {"equation": "a,a->a"})],
            {"x": [5, 1, 4]},
            {"a": (1, 32, 4), "b": (1, 32, 8)},
            {},
            "node 'l' (LSTM): has products that no layer of a topology has\n"
            "node 'y' (Einsum): has products that no layer of a topology has",
        ),
        ([("Relu", ["x"], "y")], IMAGE, {}, {}, "has no matrix products or convolutions"),
        (
            [("Conv", ["x", "a"], "c"), ("NonZero", ["c"], "y")],
            IMAGE,
            {"a": (8, 3, 3, 3)},
            {},
            "node 'y' (NonZero): the shape of 'y' cannot be worked out from the inputs'",
        ),
        (
            [("Conv", ["x", "a"], "c"), ("Identity", ["a"], "y")],
            IMAGE,
            {"a": (8, 3, 3, 3)},
            {},
            "no output depends on an input",
        ),
    ],
)
def test_files_that_have_no_topology(tmp_path, nodes, shapes, constants, sizes, message):
    path = write(tmp_path, nodes, shapes, constants)
    expected = re.escape("\n".join(f"{path}: {line}" for line in message.splitlines()))
    with pytest.raises(WorkloadError, match=f"^{expected}$"):
        read(path, **sizes)


def test_operators_of_other_domains_are_not_guessed(tmp_path):
    path = write(tmp_path, CONV, IMAGE, {"a": (8, 3, 3, 3)})
    model = onnx.load(path)
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    onnx.save(model, path)
    with pytest.raises(WorkloadError) as caught:
        read(path)
    assert str(caught.value) == (
        f"{path}: node 'y' (Conv): is of the domain 'com.example': what it computes is not known"
    )


def is_scale(operator):
    """Whether each channel is only scaled: one weight for each."""
    kernel = getattr(getattr(operator, "window", None), "kernel", None)
    channels = getattr(operator, "out_channels", None) or len(getattr(operator, "bias", ()))
    return kernel == (1, 1) and channels and operator.groups == channels


@settings(max_examples=80, deadline=None, derandomize=True)
@given(data=st.data())
def test_random_networks_have_the_macs_of_their_layers(
    random_networks, model_of, tmp_path_factory, data
):
    """Counted from the values' road, too: parsed, rewritten, lowered."""
    drawn = data.draw(random_networks)
    # Of one number, where nothing takes it in, a topology has a table, values a depthwise layer.
    # Padding by itself, and what scales its result, is the host's in a topology.
    assume(
        not any(operator == "Pad" for operator, *_ in drawn.nodes)
        and all(
            np.size(drawn.constants.get(name, (0, 0))) > 1
            for operator, inputs, *_ in drawn.nodes
            if operator in ("Add", "Sub", "Mul", "Div")
            for name in inputs
        )
    )
    model = model_of(drawn.nodes, drawn.constants, drawn.input_shape, opset=17)
    simplified = simplify(parse_model(model))
    assume(simplified.nodes)
    network = lower(simplified)
    expected = network_macs(network)
    path = tmp_path_factory.getbasetemp() / "random.onnx"
    onnx.save(model, path)
    if not expected:
        with pytest.raises(WorkloadError, match=r"has no matrix products or convolutions$"):
            read(path)
        return
    topology = read(path)
    # Two scales in a row are one here, and two layers there.
    assert topology.macs <= expected
    assert sum(
        topology_layer_macs(layer, topology)
        for layer in topology.layers
        if not is_scale(layer.operator)
    ) == sum(layer_macs(layer, network) for layer in network.layers if not is_scale(layer.operator))
    assert [prod(topology.shapes[name]) for name in topology.kept] == [
        prod(network.shapes[network.output])
    ]
