"""Golden against onnxruntime's integer operators, in the rescale mode that is onnxruntime's own.

QLinearConv, QGemm, MaxPool, Clip and QLinearGlobalAveragePool are specified to the last bit, and
equal it. QLinearAdd and QLinearAveragePool are specified as dequantize, compute, quantize in
float32 without an order of operations: there the bound is one integer step, on few elements.
"""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import RescaleMode
from accelsim.golden import execute
from accelsim.network.geometry import Window
from accelsim.network.graph import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    Layer,
    MaxPool,
    Network,
    Reshape,
)
from accelsim.quantize import QuantizationSpec, Range, observed_tensors, quantize_network

specs = st.builds(
    QuantizationSpec,
    weight_bits=st.integers(2, 8),
    activation_bits=st.integers(2, 8),
    per_channel=st.booleans(),
    symmetric_activations=st.booleans(),
    signed_activations=st.booleans(),
    restricted_weights=st.booleans(),
    rescale_mode=st.just(RescaleMode.FLOAT32),
)
clamps = st.sampled_from([Clamp(), Clamp(0.0), Clamp(-0.4, 1.1)])
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
seeds = st.integers(0, 2**32)


@st.composite
def windows(draw, height, width, dilated=True):
    kernel = draw(pairs)
    dilations = draw(st.tuples(st.integers(1, 2), st.integers(1, 2))) if dilated else (1, 1)
    pads = tuple(draw(st.integers(0, kernel[axis % 2] - 1)) for axis in range(4))
    window = Window(kernel, draw(pairs), pads, dilations)
    assume(min(window.output_size(height, width)) >= 1)
    return window


def network(layers, shapes):
    return Network("random", "x", layers[-1].output, tuple(layers), shapes)


def quantized(float_network, spec, generator):
    """Ranges that fit typical values, so that few integers clip and none is constant."""
    ranges = {
        name: Range(-generator.uniform(0, 2), generator.uniform(0.2, 2))
        for name in observed_tensors(float_network)
    }
    return quantize_network(float_network, ranges, spec)


def inputs_for(integer, generator, images=4):
    tensor = integer.tensors[integer.input]
    shape = (images, *tensor.shape)
    low, high = tensor.format.low, tensor.format.high
    return generator.integers(low, high, shape, np.int32, endpoint=True)


def assert_equal(witness, integer, generator):
    inputs = inputs_for(integer, generator)
    ours = execute(integer, inputs).tensors
    for name, theirs in witness(integer).run({"x": inputs}).items():
        assert np.array_equal(ours[name], theirs), name


@st.composite
def convolutions(draw):
    generator = np.random.default_rng(draw(seeds))
    groups, height, width = draw(st.integers(1, 4)), *draw(st.tuples(*[st.integers(1, 7)] * 2))
    inputs, outputs = draw(pairs)
    window = draw(windows(height, width))
    shape = (groups * outputs, inputs, *window.kernel)
    weights = generator.normal(size=shape).astype(np.float32)
    weights *= 2.0 ** generator.integers(-6, 0, (len(weights), 1, 1, 1))
    bias = generator.normal(size=len(weights)).astype(np.float32)
    layers = [
        Layer("conv", Convolution(weights, bias, window, groups), ("x",), "conv_out"),
        Layer("clamp", draw(clamps), ("conv_out",), "y"),
    ]
    out = (len(weights), *window.output_size(height, width))
    return network(layers, {"x": (groups * inputs, height, width), "conv_out": out, "y": out})


@settings(max_examples=60, deadline=None, derandomize=True)
@given(float_network=convolutions(), spec=specs, seed=seeds)
def test_convolutions_equal_qlinearconv(witness, float_network, spec, seed):
    generator = np.random.default_rng(seed)
    assert_equal(witness, quantized(float_network, spec, generator), generator)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(inputs=st.integers(1, 70), outputs=st.integers(1, 9), clamp=clamps, spec=specs, seed=seeds)
def test_dense_layers_equal_qgemm(witness, inputs, outputs, clamp, spec, seed):
    generator = np.random.default_rng(seed)
    weights = (generator.normal(size=(outputs, inputs)) / np.sqrt(inputs)).astype(np.float32)
    bias = generator.normal(size=outputs).astype(np.float32)
    layers = [
        Layer("dense", Dense(weights, bias), ("x",), "dense_out"),
        Layer("clamp", clamp, ("dense_out",), "y"),
    ]
    shapes = {"x": (inputs,), "dense_out": (outputs,), "y": (outputs,)}
    assert_equal(witness, quantized(network(layers, shapes), spec, generator), generator)


def test_sums_beyond_the_float32_mantissa_equal_qgemm(witness):
    # 4000 * 127 * 127 is above 2^24: converting the accumulator to float32 rounds it.
    generator = np.random.default_rng(7)
    weights = np.ones((3, 4000), dtype=np.float32)
    layers = [Layer("dense", Dense(weights, np.zeros(3, dtype=np.float32)), ("x",), "y")]
    float_network = network(layers, {"x": (4000,), "y": (3,)})
    spec = QuantizationSpec(8, 8, rescale_mode=RescaleMode.FLOAT32)
    ranges = {"x": Range(0.0, 1.0), "y": Range(0.0, 4000.0)}
    integer = quantize_network(float_network, ranges, spec)
    inputs = np.minimum(generator.integers(-128, 256, (64, 4000), np.int32), 127)
    ours = execute(integer, inputs)
    assert np.array_equal(ours.outputs, witness(integer).run({"x": inputs})["y"])
    sums = inputs @ integer.layers[0].operator.weights[:, :, 0, 0].T + 128 * 127 * 4000
    assert sums.max() > 2**24


@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data(), spec=specs, clamp=clamps, seed=seeds)
def test_max_pools_reshapes_and_clamps_equal_onnxruntime(witness, data, spec, clamp, seed):
    generator = np.random.default_rng(seed)
    channels, height, width = data.draw(st.tuples(*[st.integers(1, 6)] * 3))
    window = data.draw(windows(height, width))
    pooled = (channels, *window.output_size(height, width))
    features = (int(np.prod(pooled)),)
    layers = [
        Layer("clamp", clamp, ("x",), "clamped"),
        Layer("pool", MaxPool(window), ("clamped",), "pooled"),
        Layer("flatten", Reshape(features), ("pooled",), "y"),
    ]
    shape = (channels, height, width)
    shapes = {"x": shape, "clamped": shape, "pooled": pooled, "y": features}
    assert_equal(witness, quantized(network(layers, shapes), spec, generator), generator)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(shape=st.tuples(*[st.integers(1, 9)] * 3), spec=specs, clamp=clamps, seed=seeds)
def test_global_average_pools_equal_onnxruntime(witness, shape, spec, clamp, seed):
    generator = np.random.default_rng(seed)
    pooled = (shape[0], 1, 1)
    layers = [
        Layer("pool", AveragePool(Window(shape[1:])), ("x",), "pooled"),
        Layer("clamp", clamp, ("pooled",), "y"),
    ]
    shapes = {"x": shape, "pooled": pooled, "y": pooled}
    assert_equal(witness, quantized(network(layers, shapes), spec, generator), generator)


def differences(witness, integers, generator):
    """All element-wise differences of the outputs, over many networks."""
    steps = []
    for integer in integers:
        inputs = inputs_for(integer, generator, images=16)
        theirs = witness(integer).run({"x": inputs})[integer.output]
        steps.append((execute(integer, inputs).outputs - theirs).ravel())
    return np.concatenate(steps)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [8, 4])
def test_add_is_within_one_step_of_qlinearadd(witness, bits, signed):
    generator = np.random.default_rng(bits)
    shape = (4, 6, 6)
    layers = [
        Layer("clamp", Clamp(), ("x",), "left"),
        Layer(
            "conv",
            Convolution(
                np.eye(4, dtype=np.float32)[:, :, np.newaxis, np.newaxis],
                np.zeros(4, dtype=np.float32),
                Window((1, 1)),
            ),
            ("x",),
            "right",
        ),
        Layer("add", Add(), ("left", "right"), "y"),
    ]
    float_network = network(layers, dict.fromkeys(("x", "left", "right", "y"), shape))
    spec = QuantizationSpec(8, bits, signed_activations=signed, rescale_mode=RescaleMode.FLOAT32)
    integers = [quantized(float_network, spec, generator) for _ in range(20)]
    steps = differences(witness, integers, generator)
    assert np.abs(steps).max() <= 1
    assert np.count_nonzero(steps) <= steps.size * 0.002


@pytest.mark.parametrize("include_padding", [True, False])
@pytest.mark.parametrize("signed", [True, False])
def test_average_pool_is_within_one_step_of_qlinearaveragepool(witness, include_padding, signed):
    generator = np.random.default_rng(3)
    spec = QuantizationSpec(8, 8, signed_activations=signed, rescale_mode=RescaleMode.FLOAT32)
    integers = []
    for pads in [(0, 0, 0, 0), (1, 0, 2, 1), (1, 1, 1, 1)]:
        for strides in [(1, 1), (2, 3)]:
            window = Window((3, 2), strides, pads)
            pooled = (3, *window.output_size(7, 6))
            layers = [Layer("pool", AveragePool(window, include_padding), ("x",), "y")]
            float_network = network(layers, {"x": (3, 7, 6), "y": pooled})
            integers += [quantized(float_network, spec, generator) for _ in range(4)]
    steps = differences(witness, integers, generator)
    assert np.abs(steps).max() <= 1
    assert np.count_nonzero(steps) <= steps.size * 0.002
