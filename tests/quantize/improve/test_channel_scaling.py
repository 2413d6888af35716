import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.network import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    Layer,
    MaxPool,
    Network,
    Reshape,
    Window,
)
from accelsim.quantize.float_forward import float_forward
from accelsim.quantize.improve import equalize, scaled_pairs, smooth


def convolution(random, outputs, inputs, groups=1):
    weights = random.normal(size=(outputs, inputs // groups, 3, 3)) * random.lognormal(
        sigma=1.5, size=(outputs, 1, 1, 1)
    )
    window = Window((3, 3), pads=(1, 1, 1, 1))
    bias = random.normal(size=outputs).astype(np.float32)
    return Convolution(weights.astype(np.float32), bias, window, groups)


def chain(seed=0, clamp=None, pool=None):
    """Convolution, clamp, depthwise convolution, ReLU, pool, flattening, dense layer."""
    random = np.random.default_rng(seed)
    dense = Dense(random.normal(size=(3, 6 * 4)).astype(np.float32), np.ones(3, dtype=np.float32))
    relu = Clamp(0.0)
    window = Window((2, 2), strides=(2, 2))
    steps = [
        ("first", convolution(random, 6, 2), (6, 4, 4)),
        ("clamp", clamp or relu, (6, 4, 4)),
        ("depthwise", convolution(random, 6, 6, groups=6), (6, 4, 4)),
        ("relu", relu, (6, 4, 4)),
        ("pool", pool or MaxPool(window), (6, 2, 2)),
        ("flat", Reshape((24,)), (24,)),
        ("dense", dense, (3,)),
    ]
    layers, shapes, last = [], {"x": (2, 4, 4)}, "x"
    for name, operator, shape in steps:
        layers.append(Layer(name, operator, (last,), f"{name}_out"))
        shapes[f"{name}_out"] = shape
        last = f"{name}_out"
    return Network("chain", "x", last, tuple(layers), shapes)


def images(seed=1, count=5):
    return np.random.default_rng(seed).normal(size=(count, 2, 4, 4))


def operators(network):
    return {layer.name: layer.operator for layer in network.layers}


def test_pairs_reach_over_relus_pools_and_flattenings():
    pairs = [(p.first, p.second, p.elements_per_channel) for p in scaled_pairs(chain())]
    assert pairs == [("first", "depthwise", 1), ("depthwise", "dense", 4)]


@pytest.mark.parametrize("clamp", [Clamp(0.0, 6.0), Clamp(-1.0), Clamp(0.1)])
def test_a_clamp_that_is_no_relu_parts_a_pair(clamp):
    assert [p.first for p in scaled_pairs(chain(clamp=clamp))] == ["depthwise"]


def test_a_tensor_that_somebody_else_reads_parts_a_pair():
    network = chain()
    extra = Layer("sum", Add(), ("clamp_out", "clamp_out"), "sum_out")
    shapes = {**network.shapes, "sum_out": (6, 4, 4)}
    branched = Network("b", "x", network.output, (*network.layers, extra), shapes)
    assert [p.first for p in scaled_pairs(branched)] == ["depthwise"]


def test_an_output_of_the_network_parts_a_pair():
    network = chain()
    early = Network("b", "x", "relu_out", network.layers, network.shapes)
    assert [p.first for p in scaled_pairs(early)] == ["first"]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 99),
    pool=st.sampled_from([None, AveragePool(Window((2, 2), strides=(2, 2)))]),
    strength=st.floats(0.0, 1.0),
)
def test_the_function_stays_the_same(seed, pool, strength):
    network = chain(seed, pool=pool)
    inputs = images(seed)
    before = float_forward(network, inputs)
    for changed in (equalize(network), smooth(network, before, strength)):
        after = float_forward(changed, inputs)[network.output]
        np.testing.assert_allclose(after, before[network.output], rtol=1e-4, atol=1e-4)


def test_equalized_ranges_are_equal_and_stay():
    equal = equalize(chain(3))
    found = operators(equal)
    first = np.abs(found["first"].weights).max(axis=(1, 2, 3))
    depthwise = np.abs(found["depthwise"].weights).max(axis=(1, 2, 3))
    dense = np.abs(found["dense"].weights).max(axis=0).reshape(6, 4).max(axis=1)
    np.testing.assert_allclose(first, depthwise, rtol=5e-3)
    np.testing.assert_allclose(depthwise, dense, rtol=5e-3)
    again = operators(equalize(equal))
    np.testing.assert_allclose(again["first"].weights, found["first"].weights, rtol=5e-3)


def test_a_dead_channel_is_left_alone():
    network = chain()
    first = operators(network)["first"]
    first.weights[2] = 0.0
    changed = operators(equalize(network))
    assert not changed["first"].weights[2].any()
    assert np.isfinite(changed["depthwise"].weights).all()


def test_smooth_scales_are_those_of_the_paper():
    network = chain(4)
    inputs = images(4)
    tensors = float_forward(network, inputs)
    changed = operators(smooth(network, tensors, 0.5))
    largest = np.abs(tensors["clamp_out"]).max(axis=(0, 2, 3))
    weights = np.abs(operators(network)["depthwise"].weights).max(axis=(1, 2, 3))
    alive = largest > 0.0
    scales = np.sqrt(np.where(alive, largest / weights, 1.0))
    expected = operators(network)["first"].weights / scales.reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(changed["first"].weights, expected, rtol=1e-5)
    smoothed = float_forward(smooth(network, tensors, 1.0), inputs)["clamp_out"]
    np.testing.assert_allclose(np.abs(smoothed).max(axis=(0, 2, 3)), alive, rtol=1e-4)
