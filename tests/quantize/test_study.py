import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from accelsim.arithmetic.number_formats import codebook, parse_format
from accelsim.errors import DataError
from accelsim.frontend import load_onnx, workload_path
from accelsim.network import Convolution, Dense
from accelsim.quantize.few_values import binary_weights, ternary_weights
from accelsim.quantize.float_forward import float_forward
from accelsim.quantize.study import format_weights, study_formats

MATRICES = arrays(
    np.float32, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.floats(-8, 8, width=32)
)


@pytest.fixture(scope="module")
def digits():
    workload = workload_path("digits_cnn")
    with np.load(workload.data) as data:
        return (
            load_onnx(workload.model).network,
            data["test_images"],
            data["test_labels"],
            data["calibration_images"][:64],
        )


def accuracy_pct(outputs, labels):
    return 100.0 * float((outputs.argmax(axis=1) == labels).mean())


def study(digits, weights, activations):
    network, images, labels, calibration = digits
    chosen = [parse_format(name) if name else None for name in (weights, activations)]
    result = study_formats(network, images, calibration, *chosen)
    return accuracy_pct(result.outputs, labels), result


def test_without_formats_it_is_the_float_network(digits):
    network, images, _, _ = digits
    _, result = study(digits, None, None)
    np.testing.assert_array_equal(result.outputs, float_forward(network, images)[network.output])
    assert set(result.sqnr_db.values()) == {float("inf")}
    assert (result.weight_format, result.activation_format) == (None, None)


def test_wide_formats_keep_the_accuracy_and_few_values_do_not(digits):
    accuracies = {
        name: study(digits, name, activations)[0]
        for name, activations in (
            ("fp16", "fp16"),
            ("int8", "int8"),
            ("fp8_e4m3", "fp8_e4m3"),
            ("mxint8", "mxint8"),
            ("mxfp4_e2m1", "fp8_e4m3"),
            ("binary", "int8"),
        )
    }
    exact = study(digits, None, None)[0]
    assert accuracies["fp16"] == pytest.approx(exact, abs=0.3)
    for name in ("int8", "fp8_e4m3", "mxint8"):
        assert accuracies[name] >= exact - 1.0, accuracies
    assert accuracies["binary"] < accuracies["mxfp4_e2m1"] < exact + 1.0, accuracies


def test_more_bits_have_less_noise(digits):
    noise = [study(digits, name, name)[1].sqnr_db for name in ("int4", "int6", "int8", "int16")]
    for layer in noise[0]:
        levels = [sqnr[layer] for sqnr in noise]
        assert levels == sorted(levels), layer
    # Two more bits are 12 dB where the noise is that of rounding.
    first = next(iter(noise[0]))
    assert noise[2][first] - noise[1][first] == pytest.approx(12.0, abs=2.5)


def test_weights_of_a_convolution_are_in_blocks_along_the_depth():
    network = load_onnx(workload_path("digits_cnn").model).network
    layer = next(
        layer
        for layer in network.layers
        if isinstance(layer.operator, Convolution) and layer.operator.weights.shape[1] > 1
    )
    weights = layer.operator.weights
    got = format_weights(layer, parse_format("mxfp4_e2m1"))
    out, channels, kernel_y, kernel_x = weights.shape
    for channel_out in range(out):
        depth = [
            weights[channel_out, c, y, x]
            for y in range(kernel_y)
            for x in range(kernel_x)
            for c in range(channels)
        ]
        blocks = [depth[i : i + 32] for i in range(0, len(depth), 32)]
        expected = np.concatenate([parse_format("mxfp4_e2m1").quantize(b) for b in blocks])
        order = got[channel_out].transpose(1, 2, 0).ravel()
        np.testing.assert_array_equal(order, expected)


def test_every_channel_uses_the_whole_range():
    network = load_onnx(workload_path("digits_mlp").model).network
    layer = next(layer for layer in network.layers if isinstance(layer.operator, Dense))
    for name in ("int4", "fp4_e2m1", "pow2_4", "fp8_e4m3"):
        got = format_weights(layer, parse_format(name))
        np.testing.assert_allclose(
            np.abs(got).max(axis=1), np.abs(layer.operator.weights).max(axis=1), rtol=1e-6
        )


def test_a_codebook_of_the_weights_beats_integers_of_as_many_bits():
    network = load_onnx(workload_path("digits_mlp").model).network
    layer = next(layer for layer in network.layers if isinstance(layer.operator, Dense))
    weights = layer.operator.weights.astype(np.float64)
    scale = np.abs(weights).max() / 7
    uniform = np.square(parse_format("int4").quantize(weights / scale) * scale - weights).sum()
    learned = np.square(codebook(weights, 4).quantize(weights) - weights).sum()
    assert learned < 0.8 * uniform


@given(weights=MATRICES)
def test_the_binary_scale_is_the_best_one(weights):
    few = binary_weights(weights)
    assert set(np.unique(few.integers)) <= {-1, 1}
    for row, integers, scale in zip(weights.astype(float), few.integers, few.scales, strict=True):
        if not row.any():
            assert scale == 1.0
            continue
        best = np.square(row - scale * integers).sum()
        for other in (0.9 * scale, 1.1 * scale):
            assert best <= np.square(row - other * integers).sum() * (1 + 1e-6) + 1e-12


@given(weights=MATRICES)
def test_ternary_weights_follow_their_definition(weights):
    few = ternary_weights(weights)
    for row, integers, scale in zip(weights.astype(float), few.integers, few.scales, strict=True):
        threshold = 0.7 * np.abs(row).mean()
        expected = [0 if abs(w) <= threshold else int(np.sign(w)) for w in row]
        assert integers.tolist() == expected
        kept = [abs(w) for w in row if abs(w) > threshold]
        assert scale == pytest.approx(np.mean(kept) if kept else 1.0, rel=1e-6)


@pytest.mark.parametrize("broken", [np.zeros((0, 1, 8, 8)), np.full((1, 1, 8, 8), np.nan)])
def test_images_that_cannot_be_used(digits, broken):
    network, images, _, _ = digits
    for place, arguments in (
        ("images", (broken, images)),
        ("calibration_images", (images, broken)),
    ):
        with pytest.raises(
            DataError,
            match=f"^{re.escape(f'{place}: need at least one image, all values finite')}$",
        ):
            study_formats(network, *arguments, None, None)
