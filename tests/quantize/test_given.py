import re

import numpy as np
import pytest

from accelsim.arithmetic import IntegerFormat, RescaleMode
from accelsim.errors import WorkloadError
from accelsim.network import (
    Clamp,
    Dense,
    GivenQuantization,
    IntegerClamp,
    IntegerMatrix,
    IntegerPad,
    IntegerRequantize,
    IntegerReshape,
    Layer,
    Network,
    Pad,
    QuantizedTensor,
    QuantizedWeights,
    Reshape,
)
from accelsim.quantize import MachineArithmetic, quantize_as_given

WEIGHTS = QuantizedWeights(
    np.array([[1, -2], [3, 127]], np.int32),
    IntegerFormat(8),
    np.array([0.25, 0.5]),
    np.array([7, 1 << 30]),
    np.array([0.125, 0.25]),
)


def tensor(scale, zero_point, bits=8, shape=(2,)):
    return QuantizedTensor(shape, IntegerFormat(bits), scale, zero_point)


def network(*last, shapes=()):
    dense = Dense(np.zeros((2, 2), np.float32), np.zeros(2, np.float32))
    layers = (Layer("fc", dense, ("x",), "a"), *last)
    named = {"x": (2,), "a": (2,), "y": (2,)} | dict(shapes)
    return Network("net", "x", layers[-1].output, layers, named)


def quantized(net, tensors, weights=WEIGHTS):
    given = GivenQuantization(tensors, {"fc": weights} if weights else {})
    return quantize_as_given(net, given, MachineArithmetic())


def kinds(integer):
    return [(layer.name, type(layer.operator), layer.output) for layer in integer.layers]


def test_integers_scales_and_bias_are_the_given_ones():
    integer = quantized(network(), {"x": tensor(0.5, 3), "a": tensor(2.0, -1)})
    (layer,) = integer.layers
    operator = layer.operator
    assert np.array_equal(operator.weights[:, :, 0, 0], WEIGHTS.integers)
    assert operator.bias.tolist() == [7 - 3 * -1, (1 << 30) - 3 * 130]
    assert operator.rescale.mode is RescaleMode.FLOAT32
    assert operator.rescale.multipliers.tolist() == [0.0625, 0.125]
    assert integer.tensors == {"x": tensor(0.5, 3), "a": tensor(2.0, -1)}


def test_a_clamp_whose_input_has_no_integers_of_its_own_is_fused():
    net = network(Layer("relu", Clamp(0.0), ("a",), "y"))
    integer = quantized(net, {"x": tensor(0.5, 3), "y": tensor(2.0, -1)})
    assert kinds(integer) == [("fc", IntegerMatrix, "y")]
    assert integer.layers[0].operator.clamp_low == -1


@pytest.mark.parametrize(
    ("after", "kind"),
    [(tensor(2.0, -1, bits=4), IntegerClamp), (tensor(1.0, -1), IntegerRequantize)],
)
def test_a_clamp_between_two_quantizations_stays(after, kind):
    net = network(Layer("relu", Clamp(0.0), ("a",), "y"))
    integer = quantized(net, {"x": tensor(0.5, 3), "a": tensor(2.0, -1), "y": after})
    assert kinds(integer) == [("fc", IntegerMatrix, "a"), ("relu", kind, "y")]
    operator = integer.layers[1].operator
    assert (operator.clamp_low, operator.clamp_high) == (-1, after.format.high)


def test_a_reshape_to_another_scale_is_followed_by_a_requantization():
    net = network(Layer("view", Reshape((2, 1, 1)), ("a",), "y"), shapes={"y": (2, 1, 1)})
    target = tensor(0.5, 5, shape=(2, 1, 1))
    integer = quantized(net, {"x": tensor(0.5, 3), "a": tensor(2.0, -1), "y": target})
    assert kinds(integer)[1:] == [
        ("view", IntegerReshape, "y:kept"),
        ("view:requantize", IntegerRequantize, "y"),
    ]
    assert integer.tensors["y:kept"] == tensor(2.0, -1, shape=(2, 1, 1))
    assert integer.tensors["y"] == target
    assert integer.layers[2].operator.rescale.multipliers.tolist() == [4.0]


def test_a_reshape_of_which_the_file_says_nothing_keeps_the_integers():
    net = network(Layer("view", Reshape((2, 1, 1)), ("a",), "y"), shapes={"y": (2, 1, 1)})
    integer = quantized(net, {"x": tensor(0.5, 3), "a": tensor(2.0, -1)})
    assert integer.tensors["y"] == tensor(2.0, -1, shape=(2, 1, 1))


def test_everything_that_is_not_quantized_is_named_at_once():
    hint = "quantize it in the file too, or give the float network"
    message = "\n".join(
        [
            f"net: input 'x' is not quantized: {hint}",
            f"net: layer 'fc': its weights are not quantized: {hint}",
            f"net: layer 'fc': its output 'a' is not quantized: {hint}",
        ]
    )
    with pytest.raises(WorkloadError, match=f"^{re.escape(message)}$"):
        quantized(network(), {"y": tensor(1.0, 0)}, weights=None)


def test_what_only_the_file_quantizes_after_a_reshape_is_quantized_before_it():
    dense = Dense(np.zeros((2, 2), np.float32), np.zeros(2, np.float32))
    layers = (
        Layer("view", Reshape((2,)), ("x",), "flat"),
        Layer("fc", dense, ("flat",), "a"),
        Layer("relu", Clamp(0.0), ("a",), "b"),
        Layer("back", Reshape((2, 1, 1)), ("b",), "y"),
    )
    shapes = {"x": (1, 2, 1), "flat": (2,), "a": (2,), "b": (2,), "y": (2, 1, 1)}
    net = Network("net", "x", "y", layers, shapes)
    given = {"flat": tensor(0.5, 3), "y": tensor(2.0, -1, shape=(2, 1, 1))}
    integer = quantized(net, given)
    assert integer.tensors["x"] == tensor(0.5, 3, shape=(1, 2, 1))
    assert integer.tensors["b"] == tensor(2.0, -1)
    assert [layer.name for layer in integer.layers] == ["view", "fc", "back"]
    assert integer.layers[1].operator.clamp_low == -1


def test_a_padding_pads_with_the_zero_point():
    layers = (Layer("pad", Pad((0, 1, 0), (0, 0, 2)), ("x",), "y"),)
    net = Network("net", "x", "y", layers, {"x": (1, 2, 2), "y": (1, 3, 4)})
    integer = quantized(net, {"x": tensor(0.5, 3, shape=(1, 2, 2))}, weights=None)
    assert integer.layers[0].operator == IntegerPad((0, 1, 0), (0, 0, 2), fill=3)
    assert integer.tensors["y"] == tensor(0.5, 3, shape=(1, 3, 4))


def test_a_clamp_of_a_quantized_tensor_leaves_some_of_its_integers():
    net = network(Layer("relu", Clamp(0.0, 6.0), ("a",), "y"))
    integer = quantized(net, {"x": tensor(0.5, 3), "a": tensor(2.0, -1)})
    assert kinds(integer) == [("fc", IntegerMatrix, "y")]
    assert integer.tensors["y"] == tensor(2.0, -1)
    operator = integer.layers[0].operator
    assert (operator.clamp_low, operator.clamp_high) == (-1, 2)
