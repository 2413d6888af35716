import math

import numpy as np
import pytest

from accelsim.errors import WorkloadError
from accelsim.frontend import load_onnx
from accelsim.network import AveragePool, Clamp, MaxPool, Reshape, Softmax, Window


def layer_of(path):
    (layer,) = load_onnx(path).network.layers
    return layer.operator


def refused(path):
    with pytest.raises(WorkloadError) as caught:
        load_onnx(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_relu(save):
    assert layer_of(save([("Relu", ["x"], "y")], {}, (3,))) == Clamp(0.0, math.inf)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (["low", "high"], Clamp(0.0, 6.0)),
        (["", "high"], Clamp(-math.inf, 6.0)),
        (["low"], Clamp(0.0, math.inf)),
        ([], Clamp()),
    ],
)
def test_clip_with_inputs(save, inputs, expected):
    constants = {"low": np.float32(0), "high": np.array([6], np.float32)}
    if "high" in inputs:
        constants["high"] = np.float32(6)
    used = {k: v for k, v in constants.items() if k in inputs}
    assert layer_of(save([("Clip", ["x", *inputs], "y")], used, (3,))) == expected


def test_clip_with_attributes(save):
    path = save([("Clip", ["x"], "y", {"min": 0.0, "max": 6.0})], {}, (3,), opset=7)
    assert layer_of(path) == Clamp(0.0, 6.0)


@pytest.mark.parametrize(
    ("low", "reason"),
    [
        (np.float32(7), "min must be at most max, got 7 and 6"),
        (np.float32(np.nan), "min must be at most max, got nan and 6"),
        (np.zeros(2, np.float32), "min must be one constant number"),
    ],
)
def test_clip_refuses(save, low, reason):
    path = save([("Clip", ["x", "l", "h"], "y")], {"l": low, "h": np.float32(6)}, (2,))
    assert refused(path) == f"node 'y' (Clip): {reason}"


def test_pools(save):
    shape, attributes = (2, 6, 4), {"kernel_shape": [2, 2], "strides": [2, 2]}
    window = Window((2, 2), (2, 2))
    assert layer_of(save([("MaxPool", ["x"], "y", attributes)], {}, shape)) == MaxPool(window)
    assert layer_of(save([("AveragePool", ["x"], "y", attributes)], {}, shape)) == AveragePool(
        window
    )
    attributes["count_include_pad"] = 1
    assert layer_of(save([("AveragePool", ["x"], "y", attributes)], {}, shape)) == AveragePool(
        window, True
    )
    path = save([("GlobalAveragePool", ["x"], "y")], {}, shape)
    assert layer_of(path) == AveragePool(Window((6, 4)))
    assert load_onnx(path).network.shapes["y"] == (2, 1, 1)


@pytest.mark.parametrize("axis", [1, -3])
def test_flatten(save, axis):
    path = save([("Flatten", ["x"], "y", {"axis": axis})], {}, (2, 6, 4))
    assert layer_of(path) == Reshape((48,))


@pytest.mark.parametrize("axis", [0, 2, -1])
def test_flatten_refuses_another_axis(save, axis):
    path = save([("Flatten", ["x"], "y", {"axis": axis})], {}, (2, 6, 4))
    assert refused(path) == (f"node 'y' (Flatten): axis must be 1 (all but the batch), got {axis}")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ([-1, 48], (48,)),
        ([0, -1], (48,)),
        ([0, 0, -1], (2, 24)),
        ([-1, 12, 2, 2], (12, 2, 2)),
        ([1, 48], (48,)),
        ([1, -1], (48,)),
    ],
)
def test_reshape(save, asked, expected):
    path = save([("Reshape", ["x", "s"], "y")], {"s": np.array(asked)}, (2, 6, 4))
    assert layer_of(path) == Reshape(expected)


@pytest.mark.parametrize(
    "asked", [[-1], [48], [-1, 24], [2, 24, 0], [-1, -1], [0, 5, -1], [-2, 48], [0, 2, 6, 4, 0]]
)
def test_reshape_refuses_to_mix_images(save, asked):
    path = save([("Reshape", ["x", "s"], "y")], {"s": np.array(asked)}, (2, 6, 4))
    assert refused(path) == (
        f"node 'y' (Reshape): shape {asked} does not keep the batch of input [batch, 2, 6, 4]"
    )


def test_reshape_refuses_a_computed_shape(save):
    path = save([("Reshape", ["x", "x"], "y")], {}, (2, 6, 4))
    assert refused(path) == "node 'y' (Reshape): the shape must be a constant"


def test_softmax_on_the_host(save):
    path = save([("Softmax", ["x"], "y")], {}, (3,))
    assert layer_of(path) == Softmax()
    assert load_onnx(path).report.on_host == ("y",)


def test_softmax_refuses(save):
    path = save([("Softmax", ["x"], "a"), ("Relu", ["a"], "y")], {}, (3,))
    assert refused(path) == (
        "node 'a' (Softmax): runs on the host, so it is supported only as the last node"
    )
    path = save([("Softmax", ["x"], "y", {"axis": 1})], {}, (3, 4, 4))
    assert refused(path) == (
        "node 'y' (Softmax): only [batch, classes] over its last axis is supported, "
        "got [batch, 3, 4, 4]"
    )


def test_a_constant_where_an_image_must_be(save):
    path = save([("Relu", ["c"], "y")], {"c": np.ones(3, np.float32)}, (3,))
    assert refused(path) == (
        "node 'y' (Relu): input 'c' is a constant; it must be computed from the image"
    )


def test_huge_tensors_are_refused_before_they_are_made(save):
    pads = {"pads": [2**20, 2**20, 0, 0]}
    path = save(
        [("Conv", ["x", "w"], "y", pads)], {"w": np.ones((1, 1, 1, 1), np.float32)}, (1, 1, 1)
    )
    assert refused(path) == (
        "node 'y' (Conv): 1099513724929 elements for one image; at most 268435456 are supported"
    )
    path = save([("Relu", ["x"], "y")], {}, (2**40,))
    assert refused(path) == (
        "input 'x': 1099511627776 elements for one image; at most 268435456 are supported"
    )


def test_nothing_to_compute(save):
    assert refused(save([("Identity", ["x"], "y")], {}, (3,))) == (
        "output 'x' does not depend on input 'x'"
    )
