import numpy as np
import pytest
from onnx import TensorProto, helper

from accelsim.arithmetic import IntegerFormat
from accelsim.errors import WorkloadError
from accelsim.network import Clamp, Dense, IntegerRequantize, MaxPool, QuantizedTensor
from accelsim.quantize import MachineArithmetic, quantize_as_given

INT4 = IntegerFormat(4)
SCALES = {"s": np.float32(0.5), "s2": np.float32(0.25), "z": np.int8(3), "u": np.uint8(7)}
WEIGHTS = np.array([[1, -2, 3], [4, 5, -6]], np.int8)
PARTS = SCALES | {
    "w": WEIGHTS,
    "ws": np.array([0.1, 0.2], np.float32),
    "wz": np.zeros(2, np.int8),
    "b": np.array([10, -20], np.int32),
    "bs": np.array([0.05, 0.1], np.float32),
}
INPUT = [("QuantizeLinear", ["x", "s", "z"], "xq"), ("DequantizeLinear", ["xq", "s", "z"], "xd")]
CONSTANTS = [
    ("DequantizeLinear", ["w", "ws", "wz"], "wd", {"axis": 0}),
    ("DequantizeLinear", ["b", "bs"], "bd", {"axis": 0}),
]
GEMM = ("Gemm", ["xd", "wd", "bd"], "y", {"transB": 1})
OUTPUT = [("QuantizeLinear", ["y", "s2", "u"], "yq"), ("DequantizeLinear", ["yq", "s2", "u"], "yd")]
LAYER = [*INPUT, *CONSTANTS, GEMM, *OUTPUT]


def integers(model):
    return quantize_as_given(model.network, model.given, MachineArithmetic())


def described(scale, zero_point, format, shape=(3,)):
    return QuantizedTensor(shape, format, float(np.float32(scale)), zero_point)


def test_a_dense_layer_with_its_integers(load):
    model = load(LAYER, PARTS, (3,))
    assert model.given.tensors == {
        "x": described(0.5, 3, IntegerFormat(8)),
        "y": described(0.25, 7, IntegerFormat(8, signed=False), (2,)),
    }
    weights = model.given.weights["y"]
    assert np.array_equal(weights.integers, WEIGHTS)
    assert weights.format == IntegerFormat(8)
    assert weights.scales.tolist() == [float(np.float32(0.1)), float(np.float32(0.2))]
    assert weights.bias.tolist() == [10, -20]
    (layer,) = model.network.layers
    assert layer.name == "y"
    assert isinstance(layer.operator, Dense)
    np.testing.assert_allclose(layer.operator.weights, WEIGHTS * [[0.1], [0.2]], rtol=1e-6)
    found = model.report.quantization
    assert found.operators == ("DequantizeLinear", "QuantizeLinear")
    assert found.per_channel == ("y",)
    assert found.zero_points == ()
    assert len(model.report.folded) == 6


def test_clips_of_integers_are_formats_where_they_can_be(load):
    nodes = [
        ("QuantizeLinear", ["x", "s", "z"], "xq"),
        ("Clip", ["xq", "low", "high"], "xc"),
        ("Clip", ["xc", "two", "high"], "y"),
        ("DequantizeLinear", ["y", "s", "z"], "yd"),
    ]
    bounds = {"low": np.int8(-8), "high": np.int8(7), "two": np.int8(2)}
    model = load(nodes, PARTS | bounds, (3,))
    assert model.given.tensors == {"x": described(0.5, 3, INT4), "y": described(0.5, 3, INT4)}
    (layer,) = model.network.layers
    assert layer.operator == Clamp(-0.5, 2.0)
    (layer,) = integers(model).layers
    assert (layer.operator.clamp_low, layer.operator.clamp_high) == (2, 7)


def test_a_clip_that_is_not_the_only_reader_is_a_layer(load):
    nodes = [
        ("QuantizeLinear", ["x", "s", "z"], "xq"),
        ("Clip", ["xq", "low", "high"], "c"),
        ("DequantizeLinear", ["c", "s", "z"], "cd"),
        ("DequantizeLinear", ["xq", "s", "z"], "xd"),
        ("Add", ["cd", "xd"], "y"),
        *OUTPUT,
    ]
    model = load(nodes, PARTS | {"low": np.int8(-8), "high": np.int8(7)}, (3,))
    assert model.given.tensors["x"].format == IntegerFormat(8)
    assert [layer.name for layer in model.network.layers] == ["c", "y"]


@pytest.mark.parametrize(
    ("values", "zero_points", "stored", "expected"),
    [
        (np.array([[0, 128, 255], [1, 2, 3]], np.uint8), np.full(2, 128, np.uint8), "uint8", 8),
        (np.array([[0, 128, 255], [1, 2, 3]], np.uint8), np.full(2, 120, np.uint8), "uint8", 9),
        (np.array([[0, 100, 127], [1, 2, 3]], np.uint8), np.zeros(2, np.uint8), "uint8", 8),
        (np.array([[0, 100, 255], [1, 2, 3]], np.uint8), np.zeros(2, np.uint8), "uint8", 9),
        (np.array([[-128, 0, 127], [1, 2, 3]], np.int8), np.array([1, -1], np.int8), "int8", 9),
    ],
)
def test_zero_points_of_weights_are_subtracted_exactly(load, values, zero_points, stored, expected):
    model = load(LAYER, PARTS | {"w": values, "wz": zero_points}, (3,))
    weights = model.given.weights["y"]
    # Kept as stored (unsigned: moved down by half the range) where the difference is wider.
    assert weights.format == IntegerFormat(8)
    assert (weights.zero_points is None) == (expected == 8)
    plain = weights.without_zero_points()
    centred = values.astype(int) - zero_points[:, None].astype(int)
    for integers in (weights.centred, plain.integers):
        assert np.array_equal(integers, centred)
    assert (plain.format, plain.zero_points) == (IntegerFormat(expected), None)
    found = model.report.quantization
    assert str(found.weights["y"]) == stored
    assert found.zero_points == (("y",) if zero_points.any() else ())
    assert found.widened == ({"y": IntegerFormat(9)} if expected == 9 else {})


def test_four_bit_constants(load):
    packed = helper.make_tensor("w", TensorProto.INT4, (2, 3), [1, -2, 3, 4, 5, -6])
    zeros = helper.make_tensor("wz", TensorProto.INT4, (2,), [0, 0])
    model = load(LAYER, PARTS | {"w": packed, "wz": zeros}, (3,))
    assert model.given.weights["y"].format == INT4
    assert np.array_equal(model.given.weights["y"].integers, WEIGHTS)


def test_four_bit_activations(load):
    zero = {"z": helper.make_tensor("z", TensorProto.INT4, (), [3])}
    model = load(LAYER, PARTS | zero, (3,))
    assert model.given.tensors["x"] == described(0.5, 3, INT4)


def test_weights_that_the_file_itself_quantizes(load):
    """As Brevitas writes them: float, QuantizeLinear, Clip, DequantizeLinear."""
    nodes = [
        *INPUT,
        ("QuantizeLinear", ["w", "ws", "wz"], "wq", {"axis": 0}),
        ("Clip", ["wq", "low", "high"], "wc"),
        ("DequantizeLinear", ["wc", "ws", "wz"], "wd", {"axis": 0}),
        ("Transpose", ["wd"], "wt", {"perm": [1, 0]}),
        ("MatMul", ["xd", "wt"], "y"),
        *OUTPUT,
    ]
    values = np.array([[0.31, -0.2, 9.0], [0.5, -9.0, 0.1]], np.float32)
    bounds = {"low": np.int8(-7), "high": np.int8(7)}
    weights = load(nodes, PARTS | bounds | {"w": values}, (3,)).given.weights["y"]
    assert weights.integers.tolist() == [[3, -2, 7], [2, -7, 0]]
    assert weights.format == IntegerFormat(4, restricted=True)
    assert weights.bias is None


def test_what_moves_integers_moves_them(load):
    nodes = [
        ("QuantizeLinear", ["x", "s", "z"], "xq"),
        ("MaxPool", ["xq"], "m", {"kernel_shape": [2, 2]}),
        ("Pad", ["m", "pads", "z"], "p"),
        ("Flatten", ["p"], "f"),
        ("DequantizeLinear", ["f", "s", "z"], "y"),
    ]
    model = load(nodes, PARTS | {"pads": np.array([0, 0, 1, 0, 0, 0, 0, 0])}, (1, 3, 3))
    integer = integers(model)
    assert next(type(layer.operator) for layer in model.network.layers) is MaxPool
    assert {(t.scale, t.zero_point) for t in integer.tensors.values()} == {(0.5, 3)}
    assert integer.layers[1].operator.fill == 3


def test_a_second_quantization_is_a_requantization(load):
    nodes = [*INPUT, ("QuantizeLinear", ["xd", "s2", "u"], "y")]
    nodes.append(("DequantizeLinear", ["y", "s2", "u"], "yd"))
    model = load(nodes, PARTS, (3,))
    (layer,) = integers(model).layers
    assert (layer.name, layer.output) == ("y", "y")
    assert isinstance(layer.operator, IntegerRequantize)
    assert layer.operator.rescale.multipliers.tolist() == [2.0]


def test_an_identity_between_two_quantizations_of_one_kind_is_gone(load):
    nodes = [*INPUT, ("Identity", ["xd"], "i"), ("Relu", ["i"], "y"), *OUTPUT]
    integer = integers(load(nodes, PARTS, (3,)))
    assert [type(layer.operator) for layer in integer.layers] == [IntegerRequantize]


REFUSED = [
    (
        {"s": np.float32(0)},
        "node 'xq' (QuantizeLinear): scale 's' must be positive and finite, got 0",
    ),
    (
        {"s": np.float32(-1)},
        "node 'xq' (QuantizeLinear): scale 's' must be positive and finite, got -1",
    ),
    (
        {"s": np.float32(np.nan)},
        "node 'xq' (QuantizeLinear): scale 's' must be positive and finite, got nan",
    ),
    (
        {"ws": np.array([1, np.inf], np.float32)},
        "node 'wd' (DequantizeLinear): scale 'ws' must be positive and finite, got inf at 1 of 2",
    ),
    ({"s": np.int32(1)}, "node 'xq' (QuantizeLinear): scale 's' must be float, is int32[]"),
    (
        {"ws": np.ones(3, np.float32)},
        "node 'wd' (DequantizeLinear): scale 'ws' must be [2] for "
        "axis 0 of a tensor of shape [2, 3], is [3]",
    ),
    (
        {"ws": np.ones((2, 1), np.float32)},
        "node 'wd' (DequantizeLinear): scale 'ws' must have at most one axis, got [2, 1]",
    ),
    (
        {"wz": np.zeros(2, np.uint8)},
        "node 'wd' (DequantizeLinear): zero point 'wz' is uint8, the integers 'w' are int8",
    ),
    (
        {"wz": np.zeros(1, np.int8)},
        "node 'wd' (DequantizeLinear): zero point 'wz' must be [2] as its scale, is [1]",
    ),
    (
        {"wz": np.zeros(2, np.float32)},
        "node 'wd' (DequantizeLinear): zero point 'wz' must be an "
        "integer of 2 to 32 bits, is float32",
    ),
    (
        {"w": WEIGHTS.astype(np.int64)},
        "node 'wd' (DequantizeLinear): 'w' must be integers of 2 to "
        "16 bits (weights) or int32 (a bias), is int64",
    ),
    (
        {"z": np.int32(3)},
        "node 'xq' (QuantizeLinear): must make integers of 2 to 16 bits, makes int32",
    ),
    (
        {"s": np.array([1, 2, 3], np.float32), "z": np.zeros(3, np.int8)},
        "node 'xq' (QuantizeLinear): 3 scales for a tensor that is computed; one is supported",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=range(len(REFUSED)))
def test_parameters_that_cannot_be(load, tmp_path, changes, message):
    with pytest.raises(WorkloadError) as caught:
        load(LAYER, PARTS | changes, (3,))
    assert str(caught.value) == f"{tmp_path / 'net.onnx'}: {message}"


GRAPHS = [
    (
        [*INPUT, ("Relu", ["x"], "r"), ("Add", ["r", "xd"], "y"), *OUTPUT],
        "node 'xq' (QuantizeLinear): 'x' is also read by node 'r' (Relu) without being quantized; "
        "let both read the quantized tensor",
    ),
    (
        [
            *INPUT,
            ("QuantizeLinear", ["x", "s2", "u"], "other"),
            ("DequantizeLinear", ["other", "s2", "u"], "od"),
            ("Add", ["od", "xd"], "y"),
            *OUTPUT,
        ],
        "node 'other' (QuantizeLinear): 'x' is quantized twice, to different integers; quantize "
        "it once",
    ),
    (
        [("QuantizeLinear", ["x", "s", "z"], "xq"), ("DequantizeLinear", ["xq", "s2", "z"], "y")],
        "node 'y' (DequantizeLinear): dequantizes 'xq' with scale 0.25 and zero point 3, but it "
        "was quantized with 0.5 and 3",
    ),
    (
        [("QuantizeLinear", ["x", "s", "z"], "xq"), ("Relu", ["xq"], "y")],
        "node 'y' (Relu): reads the integers 'xq'; dequantize them first",
    ),
    (
        [
            ("QuantizeLinear", ["x", "s", "z"], "xq"),
            ("Cast", ["xq"], "c", {"to": 2}),
            ("DequantizeLinear", ["c", "s", "z"], "y"),
        ],
        "node 'c' (Cast): casts int8 integers to uint8, which does not hold them",
    ),
    (
        [("DequantizeLinear", ["x", "s", "z"], "y")],
        "node 'y' (DequantizeLinear): 'x' holds no integers that the file quantized",
    ),
    (
        [
            *INPUT,
            ("DequantizeLinear", ["w", "w3"], "wd", {"axis": 1}),
            ("Gemm", ["xd", "wd"], "y", {"transB": 1}),
            *OUTPUT,
        ],
        "node 'y' (Dense): its weights have scales along their inputs; only one for each output "
        "channel, or one for all, can be rescaled",
    ),
    (
        [
            *INPUT,
            ("DequantizeLinear", ["w", "ws"], "wd", {"axis": 2}),
            ("Gemm", ["xd", "wd"], "y", {"transB": 1}),
            *OUTPUT,
        ],
        "node 'wd' (DequantizeLinear): axis must be one of a tensor of shape [2, 3], got 2",
    ),
    (
        [
            *INPUT,
            ("DequantizeLinear", ["w", "blocks"], "wd", {"axis": 1, "block_size": 3}),
            ("Gemm", ["xd", "wd"], "y", {"transB": 1}),
            *OUTPUT,
        ],
        "node 'wd' (DequantizeLinear): scales of blocks are not supported; use one for each "
        "output channel",
    ),
]


@pytest.mark.parametrize(("nodes", "message"), GRAPHS, ids=range(len(GRAPHS)))
def test_quantization_without_a_counterpart(load, tmp_path, nodes, message):
    more = {"w3": np.ones(3, np.float32), "blocks": np.ones((2, 1), np.float32)}
    with pytest.raises(WorkloadError) as caught:
        load(nodes, PARTS | more, (3,))
    assert str(caught.value) == f"{tmp_path / 'net.onnx'}: {message}"


def test_a_float_file_has_no_quantization(load):
    model = load([("Relu", ["x"], "y")], {}, (3,))
    assert model.given is None
    assert model.report.quantization is None


def test_a_bias_in_another_scale_is_brought_to_that_of_the_sum(load):
    scales = {"bs": np.array([0.1, 0.025], np.float32)}
    integer = integers(load(LAYER, PARTS | scales, (3,)))
    sums = WEIGHTS.sum(axis=1)
    assert integer.layers[0].operator.bias.tolist() == [20 - 3 * sums[0], -5 - 3 * sums[1]]


def test_constants_between_quantizers_are_a_layer_with_exact_weights(load):
    factors = np.array([-0.3, 0.0, 1.7], np.float32)
    nodes = [*INPUT, ("Mul", ["xd", "f"], "y"), *OUTPUT]
    model = load(nodes, PARTS | {"f": factors}, (3,))
    weights = model.given.weights["y"]
    assert weights.integers.ravel().tolist() == [-64, 0, 64]
    reals = weights.integers.ravel() * weights.scales
    assert np.array_equal(reals.astype(np.float32), factors)
    assert [layer.name for layer in integers(model).layers] == ["y:to_pixel", "y", "y:to_vector"]
