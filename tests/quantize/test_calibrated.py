import numpy as np
import pytest

from accelsim.errors import ConfigError
from accelsim.frontend import load_onnx, run_float, workload_path
from accelsim.golden import execute
from accelsim.quantize import (
    QuantizationSpec,
    observe_ranges,
    observed_tensors,
    quantize_calibrated,
    quantize_input,
    quantize_network,
)


@pytest.fixture(scope="module")
def digits():
    workload = workload_path("digits_cnn")
    model = load_onnx(workload.model)
    with np.load(workload.data) as data:
        calibration = data["calibration_images"][:48]
        activations = run_float(model, calibration, observed_tensors(model.network))
        return model.network, calibration, activations, data["test_images"], data["test_labels"]


def accuracy_pct(digits, spec):
    network, calibration, activations, images, labels = digits
    integer = quantize_calibrated(network, calibration, activations, spec)
    outputs = execute(integer, quantize_input(integer, images), keep_tensors=False).outputs
    return 100.0 * float((outputs.argmax(axis=1) == labels).mean())


def test_without_choices_it_is_plain_quantization(digits):
    network, calibration, activations, images, _ = digits
    spec = QuantizationSpec(4, 4)
    plain = quantize_network(network, observe_ranges(network, activations, spec), spec)
    same = quantize_calibrated(network, calibration, activations, spec)
    inputs = quantize_input(plain, images[:20])
    np.testing.assert_array_equal(execute(plain, inputs).outputs, execute(same, inputs).outputs)


def test_few_bits_are_won_back(digits):
    plain = accuracy_pct(digits, QuantizationSpec(3, 8))
    corrected = accuracy_pct(digits, QuantizationSpec(3, 8, correct_biases=True))
    clipped = accuracy_pct(digits, QuantizationSpec(3, 8, weight_range_method="mse"))
    best = accuracy_pct(
        digits,
        QuantizationSpec(
            3, 8, weight_range_method="mse", weight_rounding="adaround", correct_biases=True
        ),
    )
    assert plain + 5.0 < corrected
    assert plain + 5.0 < clipped
    assert best > 96.0


def test_equalization_helps_where_a_layer_has_one_scale(digits):
    apart = QuantizationSpec(4, 8, per_channel=False)
    equal = QuantizationSpec(4, 8, per_channel=False, equalize=True)
    assert accuracy_pct(digits, equal) >= accuracy_pct(digits, apart) - 1.0


@pytest.mark.parametrize("strength", [-0.1, 1.5, float("nan")])
def test_a_strength_outside_its_range_is_refused(strength):
    with pytest.raises(ConfigError, match=rf"^smooth: must be 0 to 1, got {strength:g}$"):
        QuantizationSpec(8, 8, smooth=strength)


def test_an_unknown_rounding_is_refused():
    with pytest.raises(
        ConfigError,
        match=r"^weight_rounding: must be one of nearest, stochastic, adaround, got 'up'$",
    ):
        QuantizationSpec(8, 8, weight_rounding="up")
