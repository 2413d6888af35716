from math import inf

import numpy as np
import pytest

from accelsim.frontend import load_onnx, run_float, workload_path
from accelsim.golden import execute
from accelsim.quantize import (
    QuantizationSpec,
    dequantize_output,
    measure_noise,
    observe_ranges,
    observed_tensors,
    quantize_calibrated,
    quantize_input,
    quantize_network,
    scaled_network,
)
from accelsim.quantize.noise import Noise, sqnr_db


@pytest.fixture
def quantized(float_run, images):
    """Return (integer network, float tensors) of a network at some bits."""

    def make(network, spec):
        activations = float_run(network, images)
        integer = quantize_network(network, observe_ranges(network, activations, spec), spec)
        return integer, activations

    return make


def test_noise_is_what_is_left_of_dequantized_integers(make_network, quantized, images):
    network = make_network(softmax=False)
    integer, exact = quantized(network, QuantizationSpec(5, 6))
    measured = measure_noise(network, integer, images)
    run = execute(integer, quantize_input(integer, images))
    np.testing.assert_array_equal(measured.outputs, run.outputs)
    assert list(measured.layers) == ["conv1", "conv2", "add", "max", "mean", "flatten", "dense"]
    for layer in integer.layers:
        tensor = integer.tensors[layer.output]
        real = (run.tensors[layer.output] - tensor.zero_point) * tensor.scale
        found = measured.layers[layer.name]
        assert found.mse == pytest.approx(np.mean((real - exact[layer.output]) ** 2))
        assert found.signal_power == pytest.approx(np.mean(exact[layer.output] ** 2))
        assert found.sqnr_db == pytest.approx(10 * np.log10(found.signal_power / found.mse))
    assert measured.output == measured.layers["dense"]
    real = dequantize_output(integer, run.outputs)
    assert measured.output.mse == pytest.approx(np.mean((real - exact["i"]) ** 2), rel=1e-5)


def test_images_are_taken_in_parts(make_network, quantized, images, monkeypatch):
    network = make_network()
    integer, _ = quantized(network, QuantizationSpec(4, 4))
    whole = measure_noise(network, integer, images)
    monkeypatch.setattr("accelsim.quantize.noise._IMAGES", 7)
    parts = measure_noise(network, integer, images)
    np.testing.assert_array_equal(whole.outputs, parts.outputs)
    for name, noise in whole.layers.items():
        assert parts.layers[name].mse == pytest.approx(noise.mse)


def test_uniform_values_have_the_noise_of_uniform_rounding(make_network, quantized, images):
    network = make_network()
    generator = np.random.default_rng(3)
    uniform = generator.uniform(images.min(), images.max(), images.shape).astype(np.float32)
    for bits in (4, 8):
        integer, _ = quantized(network, QuantizationSpec(8, bits))
        measured = measure_noise(network, integer, uniform)
        step = integer.tensors["x"].scale
        assert measured.input.mse == pytest.approx(step**2 / 12, rel=0.05)


@pytest.mark.parametrize(
    ("signal", "noise", "decibel"), [(100.0, 1.0, 20.0), (1.0, 0.0, inf), (0.0, 1.0, -inf)]
)
def test_signal_to_noise(signal, noise, decibel):
    assert sqnr_db(signal, noise) == decibel
    assert Noise(signal, noise).sqnr_db == decibel


def test_equalized_integers_are_compared_with_the_equalized_network():
    workload = workload_path("digits_cnn")
    network = load_onnx(workload.model).network
    with np.load(workload.data) as data:
        images = data["calibration_images"][:32]
    tensors = run_float(load_onnx(workload.model), images, observed_tensors(network))
    spec = QuantizationSpec(8, 8, equalize=True, smooth=0.5)
    integer = quantize_calibrated(network, images, tensors, spec)
    scaled = measure_noise(scaled_network(network, images, spec), integer, images)
    assert min(noise.sqnr_db for noise in scaled.layers.values()) > 25.0
    assert measure_noise(network, integer, images).layers["conv1"].sqnr_db < 15.0
