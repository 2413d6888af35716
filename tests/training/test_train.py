import sys

import numpy as np
import pytest

from accelsim.arithmetic import IntegerFormat, RescaleMode
from accelsim.errors import ConfigError, DataError, WorkloadError
from accelsim.frontend import load_onnx, workload_path
from accelsim.golden import execute
from accelsim.network import Convolution, Dense, Network
from accelsim.quantize import (
    LayerBits,
    MachineArithmetic,
    QuantizationSpec,
    quantize_as_given,
    quantize_input,
)
from accelsim.training import TrainingRecipe, fake_quantized_scores, train_quantized

FLOAT32 = MachineArithmetic(RescaleMode.FLOAT32)
SINGLE = MachineArithmetic(RescaleMode.SINGLE_ROUND)
QUICK = TrainingRecipe(epochs=3, batch=32)


@pytest.fixture
def needs_torch():
    pytest.importorskip("torch", reason="needs PyTorch (extra torch)")


@pytest.fixture
def trained(needs_torch, network, samples):
    def train(spec, recipe=QUICK):
        return train_quantized(network, *samples, samples[0][:32], spec, recipe)

    return train


def golden_codes(result, images, arithmetic=FLOAT32):
    """Integers of the output, int32[images, classes]."""
    integer = quantize_as_given(result.network, result.given, arithmetic)
    return execute(integer, quantize_input(integer, images)).outputs


@pytest.mark.parametrize(
    ("spec", "levels", "codes"),
    [
        (QuantizationSpec(2, 8, restricted_weights=False), "all", {-2, -1, 0, 1}),
        (QuantizationSpec(2, 8), "all", {-1, 0, 1}),
        (QuantizationSpec(2, 4, signed_activations=False), "binary", {-1, 1}),
        (QuantizationSpec(4, 4, per_channel=False, symmetric_activations=True), "all", None),
        (QuantizationSpec(3, 3, layer_bits=(LayerBits("dense", 8, 8),)), "all", None),
    ],
)
def test_integers_are_those_of_the_trained_model(trained, samples, spec, levels, codes):
    result = trained(spec, TrainingRecipe(epochs=3, batch=32, weight_levels=levels))
    if codes is not None:
        found = {int(q) for w in result.given.weights.values() for q in np.unique(w.integers)}
        assert found == codes
    scores = fake_quantized_scores(result, samples[0])
    tensor = result.given.tensors["l"]
    witness = np.rint(scores / np.float32(tensor.scale)) + tensor.zero_point
    for arithmetic in (FLOAT32, SINGLE):
        golden = golden_codes(result, samples[0], arithmetic)
        # What PyTorch adds in float32 may fall on the other side of a tie.
        assert np.mean(golden != witness) <= 0.02
        assert np.abs(golden - witness).max() <= 2


def test_steps_are_learned_and_zero_points_kept(trained):
    spec = QuantizationSpec(2, 4, restricted_weights=False)
    before = trained(spec, TrainingRecipe(epochs=1, learning_rate=1e-12))
    after = trained(spec)
    assert after.losses[-1] < 0.8 * before.losses[0]
    assert len(after.losses) == QUICK.epochs
    assert set(after.given.tensors) == set("xbcegijl")
    for name, tensor in after.given.tensors.items():
        first = before.given.tensors[name]
        assert (tensor.zero_point, tensor.format) == (first.zero_point, first.format)
        assert tensor.scale > 0.0
        assert tensor.scale != first.scale
    for layer, weights in after.given.weights.items():
        assert weights.format == IntegerFormat(2)
        assert weights.scales.shape == (len(weights.integers),)
        assert np.all(weights.scales > 0.0)
        assert np.any(weights.scales != before.given.weights[layer].scales)


def test_first_steps_are_the_papers(trained, network, samples):
    spec = QuantizationSpec(4, 4, signed_activations=False)
    result = trained(spec, TrainingRecipe(epochs=1, learning_rate=1e-12))
    for layer in network.layers:
        if isinstance(layer.operator, Convolution | Dense):
            rows = layer.operator.weights.reshape(len(layer.operator.weights), -1)
            expected = 2 * np.abs(rows).mean(axis=1) / np.sqrt(7)
            assert result.given.weights[layer.name].scales == pytest.approx(expected, rel=1e-5)
    seen = result.given.tensors["x"]
    largest = max(15 - seen.zero_point, seen.zero_point)
    expected = 2 * np.abs(samples[0][:32]).mean() / np.sqrt(largest)
    assert seen.scale == pytest.approx(expected, rel=1e-5)


def test_the_same_seed_gives_the_same_network(trained):
    spec = QuantizationSpec(3, 4)
    first, again = trained(spec), trained(spec)
    other = trained(spec, TrainingRecipe(epochs=3, batch=32, seed=1))
    assert first.losses == again.losses
    for name, weights in first.given.weights.items():
        assert np.array_equal(weights.integers, again.given.weights[name].integers)
        assert np.array_equal(weights.scales, again.given.weights[name].scales)
    assert first.losses != other.losses


@pytest.mark.parametrize("spec", [QuantizationSpec(2, 8), QuantizationSpec(2, 8, False)])
def test_channels_of_zeros_have_a_step(needs_torch, network, samples, spec):
    from dataclasses import replace

    layers = tuple(
        replace(
            layer,
            operator=replace(layer.operator, weights=np.zeros_like(layer.operator.weights)),
        )
        if layer.name == "conv2"
        else layer
        for layer in network.layers
    )
    empty = Network("zeros", "x", "y", layers, network.shapes)
    result = train_quantized(empty, *samples, samples[0], spec, TrainingRecipe(epochs=1))
    assert np.isfinite(result.losses).all()
    assert np.all(result.given.weights["conv2"].scales > 0.0)
    assert golden_codes(result, samples[0]).shape == (96, 3)


def test_two_bits_and_ternary_are_within_points_of_float_on_the_digits(needs_torch):
    workload = workload_path("digits_cnn")
    network = load_onnx(workload.model).network
    with np.load(workload.data, allow_pickle=False) as stored:
        data = dict(stored)
    inputs = (data["train_images"], data["train_labels"], data["calibration_images"])
    for restricted in (False, True):
        spec = QuantizationSpec(2, 8, restricted_weights=restricted)
        result = train_quantized(network, *inputs, spec, TrainingRecipe(epochs=4))
        predictions = golden_codes(result, data["test_images"]).argmax(axis=1)
        assert np.mean(predictions == data["test_labels"]) > 0.95
        witness = fake_quantized_scores(result, data["test_images"]).argmax(axis=1)
        assert np.mean(predictions == witness) >= 0.99


def test_without_pytorch(monkeypatch, network, samples):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError) as caught:
        train_quantized(network, *samples, samples[0], QuantizationSpec(2, 8))
    assert str(caught.value) == "training: needs PyTorch: pip install 'accelsim[torch]'"


@pytest.mark.parametrize(
    ("choices", "levels", "message"),
    [
        ({"equalize": True}, "all", "training: leave out equalize: weights and their steps"),
        (
            {"asymmetric_weights": True},
            "all",
            "training: leave out asymmetric_weights: weights and their steps",
        ),
        ({"smooth": 0.5}, "all", "training: leave out smooth: weights and their steps"),
        ({"group_size": 8}, "all", "training: leave out group_size: weights and their steps"),
        (
            {"weight_bits": 3},
            "binary",
            "training: binary weights are stored in 2 bits; give 2 weight bits",
        ),
        (
            {"restricted_weights": False},
            "binary",
            "training: binary weights are -1 and +1; leave out the full range",
        ),
    ],
)
def test_choices_that_have_no_part_in_training(trained, choices, levels, message):
    spec = QuantizationSpec(**{"weight_bits": 2, "activation_bits": 8} | choices)
    end = "" if levels == "binary" else " are learned"
    with pytest.raises(ConfigError) as caught:
        trained(spec, TrainingRecipe(weight_levels=levels))
    assert str(caught.value) == message + end


def test_dynamic_ranges_have_no_step_to_learn(trained):
    spec = QuantizationSpec(2, 8, range_method="dynamic", rescale_mode=RescaleMode.FLOAT32)
    with pytest.raises(ConfigError) as caught:
        trained(spec)
    assert str(caught.value) == (
        "training: leave out dynamic ranges: steps of activations are learned"
    )


def test_a_loss_that_explodes(trained):
    with pytest.raises(ConfigError) as caught:
        trained(QuantizationSpec(8, 8), TrainingRecipe(epochs=3, learning_rate=1e30))
    assert str(caught.value).startswith("training: the loss is ")
    assert str(caught.value).endswith("use a smaller learning rate than 1e+30")


NAN = np.full((2, 2, 5, 5), np.nan, np.float32)
FINE = np.zeros((2, 2, 5, 5), np.float32)
ZEROS = np.zeros(2, np.int64)


@pytest.mark.parametrize(
    ("images", "labels", "calibration", "message"),
    [
        (FINE[:, 0], ZEROS, FINE, "images: must be [count, 2, 5, 5], got [2, 5, 5]"),
        (FINE[:0], ZEROS[:0], FINE, "images: must be [count, 2, 5, 5], got [0, 2, 5, 5]"),
        (NAN, ZEROS, FINE, "images: values are NaN or infinite"),
        (FINE, ZEROS, NAN, "calibration images: values are NaN or infinite"),
        (FINE, ZEROS + 3, FINE, "labels: must be 0 to 2, got 3 to 3"),
        (
            FINE,
            ZEROS[:1],
            FINE,
            "labels: must be 2 whole numbers, one for each image, got int64[1]",
        ),
    ],
)
def test_data_that_do_not_fit(needs_torch, network, images, labels, calibration, message):
    with pytest.raises(DataError) as caught:
        train_quantized(network, images, labels, calibration, QuantizationSpec(2, 8))
    assert str(caught.value) == message


def test_networks_without_weights(needs_torch, network, samples):
    bare = Network("bare", "x", "p", network.layers[:1], {"x": (2, 5, 5), "p": (2, 6, 6)})
    with pytest.raises(WorkloadError) as caught:
        train_quantized(bare, *samples, samples[0], QuantizationSpec(2, 8))
    assert str(caught.value) == "bare: has no weights to train"
