import numpy as np
import pytest

from accelsim.errors import UnsupportedOperatorError, WorkloadError
from accelsim.frontend import load_onnx
from accelsim.network import Convolution, Reshape, Window

RANDOM = np.random.default_rng(4)


def floats(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def refused(path):
    with pytest.raises(WorkloadError) as caught:
        load_onnx(path)
    return str(caught.value).removeprefix(f"{path}: ")


NORM = {"scale": floats(3), "shift": floats(3), "mean": floats(3), "var": np.ones(3, np.float32)}


def test_depthwise_convolution(save):
    weights = floats(6, 1, 3, 3)
    nodes = [("Conv", ["x", "w"], "y", {"group": 3, "pads": [1, 1, 1, 1]})]
    (layer,) = load_onnx(save(nodes, {"w": weights}, (3, 5, 4))).network.layers
    assert layer.operator.groups == 3
    assert layer.operator.window == Window((3, 3), pads=(1, 1, 1, 1))
    np.testing.assert_array_equal(layer.operator.weights, weights)
    np.testing.assert_array_equal(layer.operator.bias, np.zeros(6))


def test_batch_norm_alone_on_a_feature_map(save):
    path = save([("BatchNormalization", ["x", *NORM], "y")], NORM, (3, 4, 4))
    (layer,) = load_onnx(path).network.layers
    assert isinstance(layer.operator, Convolution)
    assert (layer.operator.groups, layer.operator.window) == (3, Window((1, 1)))


def test_batch_norm_alone_on_a_vector_passes_through_one_pixel(save):
    path = save([("BatchNormalization", ["x", *NORM], "y")], NORM, (3,))
    network = load_onnx(path).network
    assert [type(layer.operator) for layer in network.layers] == [Reshape, Convolution, Reshape]
    assert network.shapes == {"x": (3,), "y:pixel": (3, 1, 1), "y:scaled": (3, 1, 1), "y": (3,)}


def test_constant_added_to_the_input(save):
    path = save([("Add", ["c", "x"], "y")], {"c": floats(3, 1, 1)}, (3, 4, 4))
    (layer,) = load_onnx(path).network.layers
    np.testing.assert_array_equal(layer.operator.weights, np.ones((3, 1, 1, 1)))


@pytest.mark.parametrize(
    ("node", "constants", "shape", "reason"),
    [
        (
            ("Conv", ["x", "w"], "y"),
            {"w": floats(4, 2, 3)},
            (2, 8),
            "only 2-dimensional kernels are supported, got 1",
        ),
        (
            ("Conv", ["x", "w"], "y"),
            {"w": floats(4, 3, 3, 3)},
            (2, 8, 8),
            "weights [4, 3, 3, 3] with group 1 do not fit input [batch, 2, 8, 8]",
        ),
        (
            ("Conv", ["x", "w"], "y", {"group": 2}),
            {"w": floats(3, 1, 3, 3)},
            (2, 8, 8),
            "weights [3, 1, 3, 3] with group 2 do not fit input [batch, 2, 8, 8]",
        ),
        (
            ("Conv", ["x", "w"], "y", {"group": 0}),
            {"w": floats(3, 1, 3, 3)},
            (2, 8, 8),
            "weights [3, 1, 3, 3] with group 0 do not fit input [batch, 2, 8, 8]",
        ),
        (
            ("Conv", ["x", "w"], "y", {"kernel_shape": [1, 1]}),
            {"w": floats(3, 2, 3, 3)},
            (2, 8, 8),
            "kernel_shape must be that of the weights, [3, 3]",
        ),
        (
            ("Conv", ["x", "w"], "y"),
            {"w": floats(3, 2, 9, 9)},
            (2, 8, 8),
            "the window does not fit in its input of shape [2, 8, 8]",
        ),
        (
            ("Conv", ["x", "w"], "y"),
            {"w": floats(3, 0, 3, 3)},
            (2, 8, 8),
            "weights of shape [3, 0, 3, 3]",
        ),
        (("Conv", ["x", "x"], "y"), {}, (2, 8, 8), "weights and bias must be constants"),
        (
            ("Conv", ["x", "w", "b"], "y"),
            {"w": floats(3, 2, 3, 3), "b": floats(2)},
            (2, 8, 8),
            "bias must be [3], got [2]",
        ),
        (
            ("Conv", ["x", "w"], "y"),
            {"w": floats(3, 2, 3, 3)},
            (8,),
            "input must be [batch, channels, height, width], got [batch, 8]",
        ),
        (
            ("Add", ["x", "c"], "y"),
            {"c": floats(8)},
            (2, 8, 8),
            "a constant of shape [8] is not one for each channel",
        ),
    ],
)
def test_refuses(save, node, constants, shape, reason):
    message = refused(save([node], constants, shape))
    assert message == f"node 'y' ({node[0]}): {reason}"


def test_refuses_dense_of_another_width(save):
    message = refused(save([("MatMul", ["x", "w"], "y")], {"w": floats(6, 4)}, (5,)))
    assert message == "node 'y' (Dense): input must be [batch, 6], got [batch, 5]"


def test_refuses_to_add_different_shapes(save):
    nodes = [("GlobalAveragePool", ["x"], "p"), ("Add", ["x", "p"], "y")]
    assert refused(save(nodes, {}, (2, 4, 4))) == (
        "node 'y' (Add): both inputs must have one shape, got [batch, 2, 4, 4] and [batch, 2, 1, 1]"
    )


def test_refuses_what_folding_makes_infinite(save):
    norm = {**NORM, "scale": np.full(3, 3e38, np.float32), "var": np.full(3, 1e-4, np.float32)}
    nodes = [("Conv", ["x", "w"], "c"), ("BatchNormalization", ["c", *norm], "y")]
    path = save(nodes, {"w": np.ones((3, 2, 1, 1), np.float32), **norm}, (2, 4, 4))
    assert refused(path) == (
        "node 'c' (Conv): folding makes weights that are NaN or infinite in float32"
    )


def test_the_kind_of_error_survives_the_file_name(save):
    with pytest.raises(UnsupportedOperatorError):
        load_onnx(save([("Conv", ["x", "x"], "y")], {}, (2, 8, 8)))
