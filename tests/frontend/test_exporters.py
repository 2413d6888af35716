"""What exporters write around the layers: the network computes what onnxruntime computes."""

import numpy as np
import onnx
import pytest

from accelsim.errors import UnsupportedOperatorError
from accelsim.frontend import load_onnx, run_float
from accelsim.network import AveragePool, Clamp, Convolution, Dense, MaxPool, Pad, Reshape

RANDOM = np.random.default_rng(5)


def floats(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


W, W1, C = floats(4, 3, 3, 3), floats(4, 4, 1, 1), floats(4)
AXES, TWO = np.array([2, 3]), np.array(2, np.int64)
IMAGE = (3, 6, 5)

# name: (nodes, constants, image shape, kinds of the layers)
GRAPHS = {
    "batch norm as product and sum": (
        [
            ("Conv", ["x", "w"], "a"),
            ("Mul", ["a", "s"], "b"),
            ("Add", ["b", "t"], "c"),
            ("Div", ["c", "s"], "d"),
            ("Sub", ["d", "t"], "y"),
        ],
        {"w": W, "s": floats(4, 1, 1), "t": floats(1, 4, 1, 1)},
        IMAGE,
        [Convolution],
    ),
    "an image normalized": (
        [("Sub", ["x", "m"], "a"), ("Div", ["a", "d"], "b"), ("Conv", ["b", "w"], "y")],
        {"w": W, "m": floats(3, 1, 1), "d": np.float32(0.3)},
        IMAGE,
        [Convolution, Convolution, Convolution],
    ),
    "a padding before a convolution": (
        [
            ("Pad", ["x", "p"], "a"),
            ("Conv", ["a", "w"], "y", {"strides": [2, 2], "pads": [1, 0, 0, 1]}),
        ],
        {"w": W, "p": np.array([0, 0, 0, 1, 0, 0, 1, 2])},
        IMAGE,
        [Convolution],
    ),
    "a padding before a pool": (
        [
            ("Pad", ["x", "p"], "a"),
            ("MaxPool", ["a"], "y", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ],
        {"p": np.array([0, 1, 0, 1, 0, 0, 1, 2])},
        IMAGE,
        [Pad, MaxPool],
    ),
    "a mean of rows and columns": (
        [("ReduceMean", ["x"], "a", {"axes": [2, 3], "keepdims": 0}), ("Gemm", ["a", "w"], "y")],
        {"w": floats(3, 2)},
        IMAGE,
        [AveragePool, Reshape, Dense],
    ),
    "a mean that keeps its axes, squeezed": (
        [
            ("ReduceMean", ["x"], "a", {"axes": [-1, -2]}),
            ("Squeeze", ["a", "axes"], "b"),
            ("Unsqueeze", ["b", "last"], "y"),
        ],
        {"axes": AXES, "last": np.array([-1])},
        IMAGE,
        [AveragePool, Reshape, Reshape],
    ),
    "a view by the size of the batch": (
        [
            ("Shape", ["x"], "shape"),
            ("Gather", ["shape", "zero"], "count"),
            ("Unsqueeze", ["count", "first"], "counts"),
            ("Concat", ["counts", "rest"], "target", {"axis": 0}),
            ("Reshape", ["x", "target"], "y"),
        ],
        {"zero": np.array(0), "first": np.array([0]), "rest": np.array([-1])},
        IMAGE,
        [Reshape],
    ),
    "a view by computed sizes": (
        [
            ("Shape", ["x"], "shape"),
            ("Slice", ["shape", "one", "three"], "sizes"),
            ("Gather", ["shape", "three"], "width"),
            ("Cast", ["width"], "cast", {"to": 7}),
            ("Mul", ["sizes", "cast"], "more"),
            ("Div", ["more", "cast"], "same"),
            ("Concat", ["minus", "same", "width"], "target", {"axis": 0}),
            ("Reshape", ["x", "target"], "y"),
        ],
        {"one": np.array([1]), "three": np.array([3]), "minus": np.array([-1])},
        IMAGE,
        [Reshape],
    ),
    "six as a minimum of a maximum": (
        [("Max", ["x", "z"], "a"), ("Min", ["s", "a"], "b"), ("Sum", ["b", "x"], "y")],
        {"z": np.float32(0), "s": np.float32(0.6)},
        IMAGE,
        [Clamp, Clamp, None],
    ),
    "weights turned and shaped": (
        [
            ("Transpose", ["w"], "wt", {"perm": [3, 2, 0, 1]}),
            ("Conv", ["x", "wt"], "a"),
            ("Reshape", ["b", "s"], "bias"),
            ("Add", ["a", "bias"], "y"),
        ],
        {"w": floats(3, 3, 3, 4), "b": C, "s": np.array([1, 4, 1, 1])},
        IMAGE,
        [Convolution],
    ),
    "channels last around everything": (
        [
            ("Sub", ["x", "mean"], "x0"),
            ("Transpose", ["x0"], "x1", {"perm": [0, 3, 1, 2]}),
            ("Conv", ["x1", "w"], "a"),
            ("Transpose", ["a"], "b", {"perm": [0, 2, 3, 1]}),
            ("Add", ["b", "c"], "d"),
            ("Relu", ["d"], "e"),
            ("Pad", ["e", "p"], "pad"),
            ("Transpose", ["pad"], "f", {"perm": [0, 3, 1, 2]}),
            ("Conv", ["f", "w1"], "g", {"pads": [0, 0, 1, 1]}),
            ("Transpose", ["g"], "h", {"perm": [0, 2, 3, 1]}),
            ("Mul", ["h", "c"], "h2"),
            ("Reshape", ["h2", "flat"], "i"),
            ("Relu", ["i"], "j"),
            ("MatMul", ["j", "m"], "y"),
        ],
        {
            "w": W,
            "w1": W1,
            "c": C,
            "mean": floats(3),
            "p": np.array([0, 1, 1, 0, 0, 0, 0, 0]),
            "flat": np.array([-1, 6 * 5 * 4]),
            "m": floats(120, 2),
        },
        (6, 5, 3),
        [Convolution, Convolution, Clamp, Convolution, Reshape, Clamp, Dense],
    ),
    "a mean in channels last": (
        [
            ("Transpose", ["x"], "x1", {"perm": [0, 3, 1, 2]}),
            ("Conv", ["x1", "w"], "a"),
            ("Transpose", ["a"], "b", {"perm": [0, 2, 3, 1]}),
            ("ReduceMean", ["b"], "c", {"axes": [1, 2], "keepdims": 1}),
            ("Flatten", ["c"], "y"),
        ],
        {"w": W},
        (6, 5, 3),
        [Convolution, AveragePool, Reshape, Reshape],
    ),
    "a residual in channels last": (
        [
            ("Transpose", ["x"], "x1", {"perm": [0, 3, 1, 2]}),
            ("Conv", ["x1", "w"], "a"),
            ("Transpose", ["a"], "b", {"perm": [0, 2, 3, 1]}),
            ("Relu", ["b"], "c"),
            ("Add", ["b", "c"], "d"),
            ("ReduceMean", ["d"], "y", {"axes": [1, 2], "keepdims": 0}),
        ],
        {"w": W},
        (6, 5, 3),
        [Convolution, Clamp, None, AveragePool, Reshape],
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_exported_graphs_equal_onnxruntime(save, run, evaluate, name):
    nodes, constants, shape, kinds = GRAPHS[name]
    path = save(nodes, constants, shape, opset=13)
    model = load_onnx(path)
    network = model.network
    found = [type(layer.operator) for layer in network.layers]
    assert len(found) == len(kinds)
    assert all(kind in (None, type_) for kind, type_ in zip(kinds, found, strict=True)), found
    images = np.random.default_rng(0).standard_normal((3, *shape), np.float32)
    expected = run(onnx.load(path), images)
    ours = images.transpose(0, 3, 1, 2) if model.channels_last else images
    tensors = evaluate(network, ours)
    output = tensors[network.output]
    np.testing.assert_allclose(output.reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)
    # Every tensor of the network, as onnxruntime computes it in the file's own order of axes.
    names = [name for name in network.shapes if ":" not in name]
    for tensor, values in run_float(model, ours, names).items():
        np.testing.assert_allclose(values, tensors[tensor], rtol=1e-4, atol=1e-4)
    gone = len(model.report.folded)
    left = {layer.name.removesuffix(":flatten").split(":")[0] for layer in network.layers}
    assert len(left) + gone == model.report.nodes


@pytest.mark.parametrize("opset", range(13, onnx.defs.onnx_opset_version() + 1))
def test_every_opset_since_13_is_read(save, opset):
    axes_are_inputs = opset >= 18
    constants = {"w": W, "p": np.array([1, 0, 0, 1]), "zero": np.float32(0), "axes": AXES}
    pads = ["x", "p", "zero", "axes"] if axes_are_inputs else ["x", "p8", "zero"]
    mean = [["b", "axes"], {}] if axes_are_inputs else [["b"], {"axes": [2, 3]}]
    if not axes_are_inputs:
        constants["p8"] = np.array([0, 0, 1, 0, 0, 0, 0, 1])
    used = {"s": np.ones(4, np.float32), "v": np.ones(4, np.float32), "m": floats(4, 2)}
    nodes = [
        ("Pad", pads, "padded"),
        ("Conv", ["padded", "w"], "conv"),
        ("BatchNormalization", ["conv", "s", "s", "s", "v"], "a"),
        ("Clip", ["a", "zero"], "b"),
        ("ReduceMean", mean[0], "c", mean[1] | {"keepdims": 0}),
        ("MatMul", ["c", "m"], "d"),
        ("QuantizeLinear", ["d", "scale"], "q"),
        ("DequantizeLinear", ["q", "scale"], "y"),
    ]
    constants |= used | {"scale": np.float32(0.5)}
    read = {name for node in nodes for name in node[1]}
    path = save(nodes, {k: v for k, v in constants.items() if k in read}, IMAGE, opset=opset)
    network = load_onnx(path).network
    kinds = [type(layer.operator) for layer in network.layers]
    assert kinds == [Convolution, Clamp, AveragePool, Reshape, Dense]
    assert network.layers[0].operator.window.pads == (1, 0, 0, 1)


TURNS = (
    "turns the axes of its input; that is supported where another Transpose turns them back, or a "
    "Flatten and a dense layer follow"
)
P = {"perm": [0, 2, 3, 1]}
BATCH = "computes with the batch; the batch must stay the first dimension"


@pytest.mark.parametrize(
    ("nodes", "constants", "message"),
    [
        ([("Transpose", ["x"], "y", P)], {}, f"node 'y:turned' (Transpose): {TURNS}"),
        (
            [("Transpose", ["x"], "y", {"perm": [1, 0, 2, 3]})],
            {},
            "node 'y' (Transpose): must keep the batch first, got perm [1, 0, 2, 3]",
        ),
        (
            [("Transpose", ["x"], "a", P), ("Flatten", ["a"], "y")],
            {},
            f"node 'a:turned' (Transpose): {TURNS}",
        ),
        (
            [("Mul", ["x", "x"], "y")],
            {},
            "node 'y' (Mul): only the product of a tensor and a constant is supported",
        ),
        (
            [("Sum", ["x", "x", "x"], "y")],
            {},
            "node 'y' (Sum): only sums of two are supported, got 3",
        ),
        (
            [("Max", ["x", "x"], "y")],
            {},
            "node 'y' (Max): only of one tensor and one constant number is supported",
        ),
        (
            [("Sub", ["c", "x"], "y")],
            {"c": np.float32(1)},
            "node 'y' (Sub): only a tensor with a constant on the right is supported",
        ),
        (
            [("Div", ["x", "c"], "y")],
            {"c": np.float32(0)},
            "node 'y' (Div): divides by zero: 'c'",
        ),
        (
            [("Pad", ["x", "p"], "y", {"mode": "reflect"})],
            {"p": np.zeros(8, np.int64)},
            "node 'y' (Pad): mode must be constant, got reflect",
        ),
        (
            [("Pad", ["x", "p", "v"], "y")],
            {"p": np.zeros(8, np.int64), "v": np.float32(2)},
            "node 'y' (Pad): must pad with zeros, got 2",
        ),
        (
            [("Pad", ["x", "p"], "y")],
            {"p": np.array([0, 0, -1, 0, 0, 0, 0, 0])},
            "node 'y' (Pad): must pad all axes but the batch by 0 or more, got "
            "[0, 0, -1, 0, 0, 0, 0, 0]",
        ),
        (
            [("ReduceMean", ["x"], "y", {"axes": [1]})],
            {},
            "node 'y' (ReduceMean): only a mean over height and width is supported, got axes [1]",
        ),
        (
            [("ReduceMean", ["x"], "y")],
            {},
            "node 'y' (ReduceMean): only a mean over height and width is supported, got axes all",
        ),
        (
            [("Squeeze", ["x", "a"], "y")],
            {"a": np.array([2])},
            "node 'y' (Squeeze): axes [2] are not all of one element in [batch, 3, 6, 5]",
        ),
        (
            [("Unsqueeze", ["x", "a"], "y")],
            {"a": np.array([0])},
            "node 'y' (Unsqueeze): axes [0] do not fit behind the batch of [batch, 3, 6, 5]",
        ),
        (
            [("Shape", ["x"], "s"), ("Add", ["s", "s"], "t"), ("Reshape", ["x", "t"], "y")],
            {},
            f"node 't' (Add): {BATCH}",
        ),
        (
            [("Cast", ["x"], "y", {"to": 1})],
            {},
            "node 'y' (Cast): is supported on constants, shapes and integers only",
        ),
    ],
)
def test_what_has_no_counterpart(save, nodes, constants, message):
    path = save(nodes, constants, IMAGE, opset=13)
    with pytest.raises(UnsupportedOperatorError) as caught:
        load_onnx(path)
    assert str(caught.value) == f"{path}: {message}"
