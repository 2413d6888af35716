import re

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from accelsim.arithmetic import IntegerFormat
from accelsim.arithmetic.number_formats import parse_format
from accelsim.errors import ConfigError
from accelsim.frontend import load_data, load_onnx, run_float
from accelsim.frontend.workloads import workload_path
from accelsim.golden import execute
from accelsim.network.geometry import Window
from accelsim.network.graph import Convolution, Dense, Layer, Network
from accelsim.network.vectors import vector_bounds
from accelsim.quantize import (
    QuantizationSpec,
    RangeMethod,
    observed_tensors,
    quantize_calibrated,
    quantize_input,
)
from accelsim.quantize.codes import Codes
from accelsim.quantize.float_forward import float_forward
from accelsim.quantize.improve import adaround
from accelsim.quantize.improve.adaptive_rounding import output_errors, second_moments
from accelsim.quantize.noise import sqnr_db
from accelsim.quantize.observers import OBSERVERS
from accelsim.quantize.weight_groups import quantize_groups
from accelsim.quantize.weights import quantize_weights

seeds = st.integers(0, 2**32)


def random_weights(seed, channels=3, shape=(5, 2, 2)):
    """Weights whose groups have very different ranges."""
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(channels, *shape)) * 10.0 ** generator.uniform(
        -2, 1, (channels, *shape)
    )
    return weights.astype(np.float32)


def quantized(weights, size, scale_bits=8, bits=4, restricted=True, **choices):
    bias = np.zeros(len(weights), np.float32)
    form = IntegerFormat(bits, restricted=restricted)
    return quantize_groups(weights, bias, 0.02, form, size, scale_bits, **choices)


def deep(values):
    return np.moveaxis(values, 1, -1).reshape(len(values), -1)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=seeds,
    size=st.integers(1, 25),
    scale_bits=st.integers(2, 16),
    bits=st.integers(2, 8),
    restricted=st.booleans(),
    method=st.sampled_from(["min_max", "mse", "percentile", "octav"]),
)
def test_errors_are_half_a_step_inside_the_range(seed, size, scale_bits, bits, restricted, method):
    weights = random_weights(seed)
    result = quantized(
        weights, size, scale_bits, bits, restricted, method=RangeMethod(method), percent=99.0
    )
    form, scales = result.format, result.vectors.scales
    assert scales.shape == (-(-20 // size), 3)
    assert scales.min() >= 1
    assert scales.max() <= 2**scale_bits - 1
    assert result.integers.min() >= form.low
    assert result.integers.max() <= form.high
    steps, real = result.steps, weights.astype(np.float64)
    errors = np.abs(real - result.integers * steps)
    # Weights beyond the largest integer are cut off.
    inside = (real <= (form.high + 0.5) * steps) & (real >= (form.low - 0.5) * steps)
    assert (errors[inside] <= steps[inside] / 2 * (1 + 1e-9)).all()
    cut = ~inside
    assert np.isin(result.integers[cut], [form.low, form.high]).all()


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=seeds, size=st.integers(1, 25), scale_bits=st.integers(2, 16))
def test_a_scale_is_less_than_one_gamma_from_that_of_its_own_range(seed, size, scale_bits):
    weights = random_weights(seed)
    result = quantized(weights, size, scale_bits)
    for channel, row in enumerate(deep(weights).astype(np.float64)):
        ranges = [np.abs(row[slice(*at)]).max() / 7 for at in vector_bounds(row.size, size)]
        gamma = result.scales[channel]
        assert gamma == pytest.approx(max(ranges) / (2**scale_bits - 1), rel=1e-6)
        kept = result.vectors.scales[:, channel] * gamma
        assert (np.abs(kept - ranges) <= gamma * (1 + 1e-6)).all()


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=seeds, size=st.integers(2, 25))
def test_sixteen_bits_are_as_good_as_real_scales(seed, size):
    weights = random_weights(seed)
    rows = deep(weights).astype(np.float64)
    exact = np.zeros_like(rows)
    for channel, row in enumerate(rows):
        for start, stop in vector_bounds(row.size, size):
            step = np.abs(row[start:stop]).max() / 7
            exact[channel, start:stop] = np.rint(row[start:stop] / step).clip(-7, 7) * step
    result = quantized(weights, size, 16)
    found = deep(result.integers * result.steps)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    # A step is wrong by at most a 65535th of the channel's largest, an integer has 7 of them;
    # a weight in the middle of two integers may take the other one.
    off = np.abs(found - exact) > largest / 65535 * 1.01
    assert np.count_nonzero(off) <= 1


def test_the_depth_is_kernel_row_kernel_column_channel():
    weights = np.zeros((1, 2, 1, 3), np.float32)
    # Depth order: (column 0: channels 0, 1), (column 1: ...), (column 2: ...).
    weights[0, :, 0, :] = [[7.0, 0.7, 70.0], [3.7, 0.37, 37.0]]
    result = quantized(weights, 2, 16)
    steps = result.vectors.scales[:, 0] * result.scales[0]
    assert steps == pytest.approx([1.0, 0.1, 10.0], abs=10 / 65535)
    assert result.integers[0, :, 0, :].tolist() == [[7, 7, 7], [4, 4, 4]]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=seeds, size=st.integers(1, 21), bits=st.integers(2, 6), restricted=st.booleans())
def test_the_mse_search_is_that_of_single_ranges(seed, size, bits, restricted):
    # The widest scales hardly round: what is left is the range that the search found.
    weights = random_weights(seed)
    form = IntegerFormat(bits, restricted=restricted)
    result = quantized(weights, size, 16, bits, restricted, method=RangeMethod.MSE)
    codes = Codes(form, symmetric=True)
    for channel, row in enumerate(deep(weights)):
        for group, at in enumerate(vector_bounds(row.size, size)):
            part = row[slice(*at)]
            found = OBSERVERS[RangeMethod.MSE](part, codes, 100.0)
            exact = part.astype(np.float64)
            best = np.square(codes.rounded(exact, found.low, found.high) - exact).sum()
            half = (form.high - form.low) / 2
            wished = max(-found.low, found.high) / half
            kept = result.vectors.scales[group, channel] * result.scales[channel]
            if np.abs(part).max() > 1e-2 * np.abs(row).max() and restricted:
                step_off = result.scales[channel]
                error = np.square(np.rint(exact / kept).clip(form.low, form.high) * kept - exact)
                assert error.sum() <= best + 8 * np.abs(exact).sum() * step_off * 2**bits
            assert abs(kept - wished) <= wished + result.scales[channel]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=seeds, bits=st.integers(2, 8))
def test_no_group_is_worse_than_in_the_format_of_vs_quant(seed, bits):
    weights = random_weights(seed, 3, (25, 2, 1))
    rows = deep(weights).astype(np.float64)
    form = parse_format(f"vsq{bits}")
    scale_integers, channels = form.two_levels(
        np.stack([[np.abs(row[slice(*at)]).max() for at in vector_bounds(50, 16)] for row in rows])
    )
    result = quantized(weights, 16, form.scale_bits, bits)
    assert result.scales == pytest.approx(channels[:, 0], rel=1e-6)
    assert (np.abs(result.vectors.scales.T - scale_integers) <= 1).all()
    errors = [
        np.add.reduceat(np.square(found - rows), [0, 16, 32, 48], axis=1)
        for found in (deep(result.integers * result.steps), form.quantize(rows))
    ]
    assert (errors[0] <= errors[1] * (1 + 1e-4) + 1e-12).all()


def test_one_group_for_the_whole_depth_is_the_channel():
    weights = random_weights(1)
    whole = quantized(weights, 20, 8)
    channel = quantize_weights(
        weights, np.zeros(3, np.float32), 0.02, IntegerFormat(4, restricted=True), True
    )
    assert whole.vectors.scales.tolist() == [[255] * 3]
    assert np.array_equal(whole.integers, channel.integers)
    assert whole.scales * 255 == pytest.approx(channel.scales, rel=1e-6)


def test_groups_and_channels_of_zeros():
    weights = random_weights(2)
    weights[0] = 0.0
    weights[1, :, 0, 0] = 0.0
    result = quantized(weights, 5)
    assert not result.integers[0].any()
    assert result.vectors.scales[0, 1] == 1
    dead = quantized(np.zeros((2, 4), np.float32), 3)
    assert not dead.integers.any()
    assert (dead.scales > 0).all()


def test_a_small_channel_with_a_large_bias_takes_a_larger_scale():
    weights = np.full((1, 8), 1e-9, np.float32)
    bias = np.array([50.0], np.float32)
    form = IntegerFormat(4, restricted=True)
    result = quantize_groups(weights, bias, 0.02, form, 4, 8)
    assert bias[0] / (result.scales[0] * 0.02) <= 2**30 * (1 + 1e-6)


def test_stochastic_rounding_takes_a_neighbour():
    weights = random_weights(4)
    generator = np.random.default_rng(0)
    result = quantized(weights, 4, 8, 6, generator=generator)
    steps = weights / result.steps
    inside = np.abs(steps) <= 31
    assert (np.abs(result.integers - steps)[inside] < 1).all()


@pytest.mark.parametrize("kind", ["dense", "convolution"])
def test_adaround_lowers_the_output_error_of_groups(kind):
    generator = np.random.default_rng(3)
    if kind == "dense":
        weights = generator.normal(size=(6, 12)).astype(np.float32)
        operator = Dense(weights, np.zeros(6, np.float32))
        inputs = generator.normal(size=(64, 12)) @ generator.normal(size=(12, 12))
    else:
        weights = generator.normal(size=(6, 4, 2, 2)).astype(np.float32)
        operator = Convolution(weights, np.zeros(6, np.float32), Window((2, 2)), 1)
        inputs = generator.normal(size=(16, 4, 4, 4)) + 1.0
    layer = Layer("layer", operator, ("x",), "y")
    before = quantized(weights, 5, 6, 3)
    network = Network("one", "x", "y", (layer,), {"x": inputs.shape[1:], "y": (6, 3, 3)})
    after = adaround(network, {"layer": before}, {"x": inputs})["layer"]
    moments = second_moments(operator, inputs)[0]

    def error(found):
        differences = (found.integers * found.steps - weights).reshape(6, -1)
        return output_errors(differences, moments)

    assert (error(after) <= error(before) * (1 + 1e-9)).all()
    assert error(after).sum() < 0.8 * error(before).sum()
    steps = weights / before.steps
    inside = np.abs(steps) <= 3
    assert (np.abs(after.integers - steps)[inside] < 1 + 1e-9).all()
    assert after.vectors is before.vectors


def output_noise(network, images, calibration, activations, **choices):
    """(integers that the network gives, SQNR of its output in dB) with weights of 4 bits."""
    spec = QuantizationSpec(4, 8, **choices)
    integer = quantize_calibrated(network, calibration, activations, spec)
    run = execute(integer, quantize_input(integer, images), keep_tensors=False)
    described = integer.tensors[integer.output]
    exact = float_forward(network, images)[network.output]
    real = (run.outputs.astype(np.float64) - described.zero_point) * described.scale
    error = exact - real.reshape(exact.shape)
    noise = sqnr_db(float(np.square(exact).sum()), float(np.square(error).sum()))
    return run.outputs.reshape(len(images), -1), noise


def test_groups_recover_on_the_digits_cnn_what_one_scale_a_layer_loses():
    workload = workload_path("digits_cnn")
    model = load_onnx(workload.model)
    network, data = model.network, load_data(workload.data, model.network)
    activations = run_float(model, data.calibration_images, observed_tensors(network))
    given = network, data.images, data.calibration_images, activations
    _, lost = output_noise(*given, per_channel=False)
    _, mse = output_noise(*given, group_size=32, weight_range_method="mse")
    outputs, rounded = output_noise(*given, group_size=16, weight_rounding="adaround")
    assert mse > lost + 5
    assert rounded > lost + 9
    exact = float_forward(network, data.images)[network.output]
    right = [np.mean(each.argmax(axis=1) == data.labels) for each in (outputs, exact)]
    assert right[0] >= right[1]


@pytest.mark.parametrize("seed", range(3))
def test_groups_recover_on_a_random_onnx_file_what_one_scale_a_layer_loses(tmp_path, seed):
    generator = np.random.default_rng(seed)

    def tailed(name, *shape):
        """Heavy-tailed weights: a few large ones set the step of everything else."""
        depth = np.prod(shape[1:])
        values = generator.standard_t(3, shape) / np.sqrt(depth)
        return numpy_helper.from_array(values.astype(np.float32), name)

    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2"], ["c"], kernel_shape=[3, 3], strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Flatten", ["d"], ["e"]),
        helper.make_node("Gemm", ["e", "w3"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "random",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])],
        [tailed("w1", 12, 4, 3, 3), tailed("w2", 16, 12, 3, 3), tailed("w3", 10, 144)],
    )
    path = tmp_path / "random.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    model = load_onnx(path)
    images = generator.normal(size=(96, 4, 8, 8)).astype(np.float32)
    calibration, images = images[:64], images[64:]
    activations = run_float(model, calibration, observed_tensors(model.network))
    given = model.network, images, calibration, activations
    _, lost = output_noise(*given, per_channel=False)
    _, mse = output_noise(*given, group_size=16, weight_range_method="mse")
    _, rounded = output_noise(*given, group_size=16, weight_rounding="adaround")
    assert mse > lost + 6
    assert rounded > lost + 6


def test_a_size_or_a_width_that_there_is_not():
    def refused(message, **choices):
        with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
            QuantizationSpec(4, 8, **choices)

    refused("group_size: must be 1 to 1048576, got 0", group_size=0)
    refused("scale_bits: must be 2 to 16, got 1", group_size=16, scale_bits=1)
    refused("scale_bits: must be 2 to 16, got 17", group_size=16, scale_bits=17)
    refused(
        "group_size: groups have scales within their output channel's; leave out one scale for the "
        "whole layer",
        group_size=16,
        per_channel=False,
    )
