import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.errors import UnsupportedOperatorError
from accelsim.network.geometry import Window
from accelsim.network.graph import (
    Add,
    AveragePool,
    Clamp,
    Dense,
    Layer,
    MaxPool,
    Network,
    Reshape,
    Softmax,
)
from accelsim.quantize.fusion import plan_network


def chain(*operators, output=None, extra=()):
    """x -> t0 -> t1 ...; shapes play no part in planning."""
    layers = [
        Layer(f"layer{i}", operator, (f"t{i - 1}" if i else "x",), f"t{i}")
        for i, operator in enumerate(operators)
    ]
    layers += extra
    return Network("chain", "x", output or layers[-1].output, tuple(layers))


def dense():
    return Dense(np.ones((1, 1), dtype=np.float32), np.zeros(1, dtype=np.float32))


def summary(network):
    plan = plan_network(network)
    return [(item.layer.name, item.layer.output, item.clamp) for item in plan.layers]


@pytest.mark.parametrize(
    "operator", [dense(), Add(), AveragePool(Window((1, 1)))], ids=["dense", "add", "pool"]
)
def test_a_clamp_is_fused_into_a_layer_that_rescales(operator):
    assert summary(chain(operator, Clamp(0.0))) == [("layer0", "t1", Clamp(0.0))]


@pytest.mark.parametrize(
    "operator", [MaxPool(Window((1, 1))), Reshape((1,))], ids=["max pool", "reshape"]
)
def test_a_clamp_after_a_layer_that_keeps_integers_stands_alone(operator):
    network = chain(operator, Clamp(0.0))
    assert summary(network) == [("layer0", "t0", Clamp()), ("layer1", "t1", Clamp())]
    assert plan_network(network).scale_owners == {"x": "x", "t0": "x", "t1": "x"}


def test_a_chain_of_clamps_becomes_one():
    network = chain(dense(), Clamp(0.0), Clamp(-1.0, 6.0), Clamp(1.0))
    assert summary(network) == [("layer0", "t3", Clamp(1.0, 6.0))]
    assert plan_network(network).scale_owners == {"x": "x", "t3": "t3"}


bounds = st.tuples(st.integers(-4, 4), st.integers(-4, 4)).map(sorted)


@given(first=bounds, second=bounds, value=st.integers(-6, 6))
def test_fused_clamps_equal_one_after_the_other(first, second, value):
    plan = plan_network(chain(dense(), Clamp(*first), Clamp(*second)))
    clamp = plan.layers[0].clamp
    expected = min(max(min(max(value, first[0]), first[1]), second[0]), second[1])
    assert clamp.low <= clamp.high
    assert min(max(value, clamp.low), clamp.high) == expected


def test_a_clamp_is_not_fused_if_its_input_has_another_reader():
    extra = [Layer("add", Add(), ("t0", "t1"), "y")]
    network = chain(dense(), Clamp(0.0), extra=extra)
    assert [name for name, _, _ in summary(network)] == ["layer0", "layer1", "add"]
    assert plan_network(network).scale_owners == {"x": "x", "t0": "t0", "t1": "t0", "y": "y"}


def test_a_clamp_is_not_fused_if_its_input_is_the_network_output():
    network = chain(dense(), Clamp(0.0), output="t0")
    assert [name for name, _, _ in summary(network)] == ["layer0", "layer1"]


def test_a_clamp_of_the_network_input_stands_alone():
    assert summary(chain(Clamp(0.0))) == [("layer0", "t0", Clamp())]


def test_scales_are_shared_through_layers_that_keep_integers(network):
    plan = plan_network(network)
    assert plan.scale_owners == {
        "x": "x", "b": "b", "c": "c", "e": "e", "f": "e", "g": "g", "h": "g", "i": "i",
    }  # fmt: skip


def test_a_last_softmax_runs_on_the_host(network):
    plan = plan_network(network)
    assert plan.host_layers == ("softmax",)
    assert plan.output == "i"


def test_a_softmax_before_the_end_is_refused():
    message = "layer 'layer1': Softmax runs on the host and must be the network's last layer"
    with pytest.raises(UnsupportedOperatorError, match=f"^{re.escape(message)}$"):
        plan_network(chain(dense(), Softmax(), dense()))
