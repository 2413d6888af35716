"""Broken ONNX files by the thousand: each is a network, or an error of one clear kind."""

import resource
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from accelsim.errors import AccelsimError, UnsupportedOperatorError, WorkloadError
from accelsim.frontend import load_onnx
from accelsim.quantize import MachineArithmetic, quantize_as_given

MUTATIONS = 540
LONGEST_SECONDS = 5
LARGEST_GROWTH_BYTES = 300 << 20
NUMBERS = [0, 1, -1, 2, 7, 127, 255, 2**31, 2**40, 10**12, -(2**63), 2**63 - 1]
OTHERS = [
    "AveragePool",
    "Cast",
    "Clip",
    "Constant",
    "ConstantOfShape",
    "Dropout",
    "Flatten",
    "Gemm",
    "Identity",
    "MatMul",
    "Max",
    "Min",
    "Mul",
    "Pad",
    "Quant",
    "QuantizeLinear",
    "ReduceMean",
    "ReduceProd",
    "Reshape",
    "Shape",
    "Slice",
    "Softmax",
    "Squeeze",
    "Sub",
    "Transpose",
    "Unsqueeze",
]
DOMAINS = {"QGemm": "com.microsoft", "QLinearAdd": "com.microsoft", "Quant": "onnx.brevitas"}


def floats(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def integers(*shape):
    return np.random.default_rng(0).integers(-127, 128, shape).astype(np.int8)


def model_of(nodes, constants, shape=(2, 4, 4)):
    protos = [
        helper.make_node(kind, inputs, [out], out, domain=DOMAINS.get(kind, ""), **dict(*rest))
        for kind, inputs, out, *rest in nodes
    ]
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", *shape])
    target = helper.make_tensor_value_info(nodes[-1][2], TensorProto.FLOAT, None)
    initializers = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(protos, "test", [source], [target], initializers)
    entries = [("", 17), ("com.microsoft", 1), ("onnx.brevitas", 1)]
    imports = [helper.make_opsetid(*entry) for entry in entries]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


SCALES = {"s": np.float32(0.1), "z": np.int8(3)}
FOUR = {"ws": np.full(4, 0.2, np.float32), "b": np.arange(4, dtype=np.int32)}
MODELS = {
    "float": model_of(
        [
            ("Pad", ["x", "p"], "pad"),
            ("Conv", ["pad", "w"], "a"),
            ("BatchNormalization", ["a", "c", "c", "c", "c"], "n"),
            ("Mul", ["n", "c1"], "m"),
            ("Relu", ["m"], "r"),
            ("Transpose", ["r"], "t", {"perm": [0, 2, 3, 1]}),
            ("Transpose", ["t"], "u", {"perm": [0, 3, 1, 2]}),
            ("MaxPool", ["u"], "pool", {"kernel_shape": [2, 2]}),
            ("Shape", ["pool"], "shape"),
            ("Gather", ["shape", "zero"], "g"),
            ("Unsqueeze", ["g", "first"], "count"),
            ("Concat", ["count", "rest"], "target", {"axis": 0}),
            ("Reshape", ["pool", "target"], "f"),
            ("Gemm", ["f", "w2", "b2"], "y"),
        ],
        {
            "p": np.array([0, 0, 1, 1, 0, 0, 0, 0]),
            "w": floats(4, 2, 2, 2),
            "c": np.full(4, 1.5, np.float32),
            "c1": floats(4, 1, 1),
            "zero": np.array(0),
            "first": np.array([0]),
            "rest": np.array([-1]),
            "w2": floats(36, 3),
            "b2": floats(3),
        },
    ),
    "QDQ": model_of(
        [
            ("QuantizeLinear", ["x", "s", "z"], "xq"),
            ("DequantizeLinear", ["xq", "s", "z"], "xd"),
            ("DequantizeLinear", ["w", "ws", "wz"], "wd", {"axis": 0}),
            ("DequantizeLinear", ["b", "s"], "bd"),
            ("Conv", ["xd", "wd", "bd"], "c"),
            ("Relu", ["c"], "r"),
            ("QuantizeLinear", ["r", "s", "z"], "rq"),
            ("Clip", ["rq", "low", "high"], "rc"),
            ("DequantizeLinear", ["rc", "s", "z"], "rd"),
            ("Add", ["rd", "rd"], "a"),
            ("QuantizeLinear", ["a", "s", "z"], "aq"),
            ("MaxPool", ["aq"], "m", {"kernel_shape": [2, 2]}),
            ("DequantizeLinear", ["m", "s", "z"], "md"),
            ("GlobalAveragePool", ["md"], "g"),
            ("QuantizeLinear", ["g", "s", "z"], "gq"),
            ("DequantizeLinear", ["gq", "s", "z"], "y"),
        ],
        SCALES
        | FOUR
        | {"w": integers(4, 2, 2, 2), "wz": np.zeros(4, np.int8)}
        | {"low": np.int8(-8), "high": np.int8(7)},
    ),
    "operators on integers": model_of(
        [
            ("QuantizeLinear", ["x", "s", "z"], "xq"),
            ("QLinearConv", ["xq", "s", "z", "w", "ws", "wz", "s", "z", "b"], "c"),
            ("QLinearAdd", ["c", "s", "z", "c", "s", "z", "s", "z"], "a"),
            ("Flatten", ["a"], "f"),
            ("QGemm", ["f", "s", "z", "w2", "s", "z", "b2", "s", "z"], "g"),
            ("QLinearMatMul", ["g", "s", "z", "w3", "s", "z", "s", "z"], "m"),
            ("DequantizeLinear", ["m", "s", "z"], "y"),
        ],
        SCALES
        | FOUR
        | {"w": integers(4, 2, 2, 2), "wz": np.zeros(4, np.int8), "w2": integers(36, 3)}
        | {"b2": np.arange(3, dtype=np.int32), "w3": integers(3, 3)},
    ),
    "QONNX": model_of(
        [
            ("Quant", ["x", "s", "zero", "bits"], "xq", {"signed": 1, "narrow": 0}),
            ("Quant", ["w", "ws", "zero", "bits"], "wq", {"signed": 1, "narrow": 1}),
            ("Conv", ["xq", "wq"], "c"),
            ("Relu", ["c"], "r"),
            ("Quant", ["r", "s", "zero", "bits"], "y", {"signed": 0, "rounding_mode": "ROUND"}),
        ],
        {
            "s": np.float32(0.1),
            "zero": np.float32(0),
            "bits": np.float32(4),
            "w": floats(4, 2, 2, 2),
            "ws": np.full((4, 1, 1, 1), 0.2, np.float32),
        },
    ),
}


def mutated_bytes(content, random):
    """Bytes changed, cut out, put in, or the file cut off."""
    changed = bytearray(content)
    for _ in range(random.integers(1, 5)):
        kind, place = random.integers(4), int(random.integers(len(changed)))
        count = int(random.integers(1, 9))
        if kind == 0:
            changed[place] = random.integers(256)
        elif kind == 1:
            del changed[place : place + count]
        elif kind == 2:
            changed[place:place] = random.bytes(count)
        elif random.random() < 0.2:
            del changed[place:]
        if not changed:
            break
    return bytes(changed)


def mutated_message(content, random):
    """A file that is still protobuf, with numbers, types, names and operators changed."""
    model = onnx.ModelProto.FromString(content)
    graph = model.graph
    names = ["", *(name for node in graph.node for name in (*node.input, *node.output))]

    def one(values):
        return values[random.integers(len(values))]

    for _ in range(random.integers(1, 4)):
        node, tensor = one(graph.node), one(graph.initializer)
        kind = random.integers(8)
        if kind == 0 and node.attribute:
            attribute = one(node.attribute)
            if attribute.ints:
                attribute.ints[random.integers(len(attribute.ints))] = one(NUMBERS)
            else:
                attribute.i = one(NUMBERS)
        elif kind == 1 and tensor.dims:
            tensor.dims[random.integers(len(tensor.dims))] = one(NUMBERS)
        elif kind == 2:
            tensor.data_type = int(random.integers(30))
        elif kind == 3 and node.input:
            node.input[random.integers(len(node.input))] = one(names)
        elif kind == 4:
            node.op_type = one([*OTHERS, *(other.op_type for other in graph.node)])
        elif kind == 5 and node.input:
            del node.input[random.integers(len(node.input)) :]
        elif kind == 6:
            tensor.raw_data = mutated_bytes(tensor.raw_data or b"\0", random)
        else:
            sizes = graph.input[0].type.tensor_type.shape.dim
            sizes[random.integers(len(sizes))].dim_value = one(NUMBERS)
    return model.SerializeToString()


@pytest.mark.parametrize("name", MODELS)
def test_every_broken_file_is_a_network_or_a_clear_error(tmp_path, name):
    path = tmp_path / "net.onnx"
    content = MODELS[name].SerializeToString()
    random = np.random.default_rng(len(name))
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    outcomes = {"network": 0, "error": 0}
    for count in range(MUTATIONS):
        mutate = mutated_bytes if count % 2 else mutated_message
        path.write_bytes(mutate(content, random) if count else content)
        start = time.monotonic()
        try:
            model = load_onnx(path)
            if model.given is not None:
                quantize_as_given(model.network, model.given, MachineArithmetic())
            outcomes["network"] += 1
        except AccelsimError:
            outcomes["error"] += 1
        assert time.monotonic() - start < LONGEST_SECONDS
    assert outcomes["network"] >= 20
    assert outcomes["error"] >= 200
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - peak_bytes
    assert grown < LARGEST_GROWTH_BYTES


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.INT8, TensorProto.INT4])
def test_a_constant_that_says_it_is_enormous(tmp_path, kind):
    model = model_of([("MatMul", ["x", "w"], "y")], {"w": floats(3, 2)}, (3,))
    weights = model.graph.initializer[0]
    weights.data_type = kind
    weights.dims[:] = [10**6, 10**6]
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(WorkloadError) as caught:
        load_onnx(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_an_operator_that_makes_an_enormous_constant(tmp_path):
    nodes = [("ConstantOfShape", ["n"], "c"), ("Add", ["x", "c"], "y")]
    path = tmp_path / "net.onnx"
    path.write_bytes(model_of(nodes, {"n": np.full(3, 10**12)}, (3,)).SerializeToString())
    with pytest.raises(UnsupportedOperatorError) as caught:
        load_onnx(path)
    first = str(caught.value).splitlines()[0]
    assert first == f"{path}: operator ConstantOfShape is not supported: node 'c'"


def test_an_image_that_says_it_is_enormous(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(model_of([("Relu", ["x"], "y")], {}, (10**6, 10**6)).SerializeToString())
    with pytest.raises(WorkloadError) as caught:
        load_onnx(path)
    assert str(caught.value) == (
        f"{path}: input 'x': 1000000000000 elements for one image; at most 268435456 are supported"
    )


def test_nodes_in_a_circle(tmp_path):
    nodes = [("Relu", ["b"], "a"), ("Relu", ["a"], "b"), ("Add", ["x", "b"], "y")]
    path = tmp_path / "net.onnx"
    path.write_bytes(model_of(nodes, {}, (3,)).SerializeToString())
    with pytest.raises(WorkloadError) as caught:
        load_onnx(path)
    assert str(caught.value).startswith(f"{path}: is not valid ONNX: ")
    assert "\n" not in str(caught.value)


def test_graphs_within_graphs(tmp_path):
    inner = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "inner", [], [])
    for _ in range(60):
        node = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
        inner = helper.make_graph([node], "outer", [], [])
        if inner.ByteSize() > 1 << 20:
            break
    model = model_of([("Relu", ["x"], "y")], {}, (3,))
    model.graph.node.append(inner.node[0])
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UnsupportedOperatorError) as caught:
        load_onnx(path)
    assert str(caught.value).splitlines()[0] == (
        f"{path}: operator If is not supported: node 'If_1'"
    )


def test_a_graph_of_very_many_nodes(tmp_path):
    path = tmp_path / "net.onnx"
    chain = [("Add", [f"t{i}", "c"], f"t{i + 1}") for i in range(10_001)]
    chain[0] = ("Add", ["x", "c"], "t1")
    path.write_bytes(model_of(chain, {"c": np.float32(1)}, (1, 2, 2)).SerializeToString())
    with pytest.raises(WorkloadError) as caught:
        load_onnx(path)
    assert str(caught.value) == f"{path}: 10001 nodes; at most 10000 are supported"
    del chain[-1]
    path.write_bytes(model_of(chain, {"c": np.float32(1)}, (1, 2, 2)).SerializeToString())
    start = time.monotonic()
    assert len(load_onnx(path).network.layers) == len(chain)
    assert time.monotonic() - start < 10 * LONGEST_SECONDS
