import numpy as np
import pytest

from accelsim.network import (
    Add,
    Convolution,
    Dense,
    Layer,
    Network,
    Window,
    layer_macs,
    layer_parameters,
    network_macs,
    network_parameters,
)


def zeros(*shape):
    return np.zeros(shape, np.float32)


CONV = Layer(
    "conv", Convolution(zeros(4, 1, 3, 2), zeros(4), Window((3, 2)), groups=2), ("x",), "y"
)
ADD = Layer("add", Add(), ("y", "y"), "z")
DENSE = Layer("dense", Dense(zeros(5, 7), zeros(5)), ("v",), "w")
NETWORK = Network(
    "n", "x", "w", (CONV, ADD, DENSE), {"x": (2, 6, 6), "y": (4, 4, 5), "v": (7,), "w": (5,)}
)


@pytest.mark.parametrize(
    ("layer", "macs", "parameters"),
    [(CONV, 4 * 4 * 5 * 1 * 3 * 2, 4 * 3 * 2 + 4), (ADD, 0, 0), (DENSE, 5 * 7, 5 * 7 + 5)],
)
def test_one_layer(layer, macs, parameters):
    assert layer_macs(layer, NETWORK) == macs
    assert layer_parameters(layer) == parameters


def test_the_network_is_the_sum_of_its_layers():
    assert network_macs(NETWORK) == 480 + 35
    assert network_parameters(NETWORK) == 28 + 40
