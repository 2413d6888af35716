import re

import numpy as np
import pytest

from accelsim.errors import ConfigError
from accelsim.golden import execute
from accelsim.network.integer import IntegerMatrix
from accelsim.quantize import (
    LayerBits,
    QuantizationSpec,
    dequantize_output,
    network_widths,
    observe_ranges,
    quantize_input,
    quantize_network,
)


def test_widths_of_single_layers(network):
    spec = QuantizationSpec(
        4, 5, layer_bits=(LayerBits("conv1", 8, 6), LayerBits("x", None, 7), LayerBits("dense", 3))
    )
    widths = network_widths(network, spec)
    assert widths.weights == {"conv1": 8, "conv2": 4, "dense": 3}
    # The clamp after conv1 is fused: what conv1 writes is the clamp's output.
    assert widths.activations == {"x": 7, "b": 6, "c": 5, "e": 5, "g": 5, "i": 5}
    assert widths.written == {
        "x": "x",
        "conv1": "b",
        "conv2": "c",
        "add": "e",
        "mean": "g",
        "dense": "i",
    }


@pytest.mark.parametrize("method", ["min_max", "mse", "octav"])
def test_tensors_and_weights_have_their_widths(network, images, float_run, method):
    layers = (LayerBits("conv1", 8, 6), LayerBits("add", None, 3), LayerBits("dense", 2, 12))
    spec = QuantizationSpec(
        4, 5, range_method=method, weight_range_method=method, layer_bits=layers
    )
    ranges = observe_ranges(network, float_run(network, images), spec)
    integer = quantize_network(network, ranges, spec)
    bits = {name: tensor.format.bits for name, tensor in integer.tensors.items()}
    # The pool's f has the width of the sum e, the flattened h that of the mean g.
    assert bits == {"x": 5, "b": 6, "c": 5, "e": 3, "f": 3, "g": 5, "h": 5, "i": 12}
    weights = {
        layer.name: layer.operator.weight_format.bits
        for layer in integer.layers
        if isinstance(layer.operator, IntegerMatrix)
    }
    assert weights == {"conv1": 8, "conv2": 4, "dense": 2}
    run = execute(integer, quantize_input(integer, images))
    for name, values in run.tensors.items():
        form = integer.tensors[name].format
        assert form.low <= values.min()
        assert values.max() <= form.high


def test_a_range_is_fitted_to_the_width_of_its_tensor(network, images, float_run):
    activations = float_run(network, images)
    narrow = QuantizationSpec(8, 3, range_method="mse")
    mixed = QuantizationSpec(8, 8, range_method="mse", layer_bits=(LayerBits("conv2", None, 3),))
    wide = QuantizationSpec(8, 8, range_method="mse")
    ranges = [observe_ranges(network, activations, spec) for spec in (narrow, mixed, wide)]
    assert ranges[1]["c"] == ranges[0]["c"] != ranges[2]["c"]
    assert ranges[1]["e"] == ranges[2]["e"] != ranges[0]["e"]


def test_one_layer_at_few_bits_is_better_than_all(make_network, images, float_run):
    network = make_network(softmax=False)
    activations = float_run(network, images)

    def error(layers, bits):
        spec = QuantizationSpec(bits, bits, layer_bits=layers)
        integer = quantize_network(network, observe_ranges(network, activations, spec), spec)
        outputs = execute(integer, quantize_input(integer, images)).outputs
        return np.square(dequantize_output(integer, outputs) - activations[network.output]).mean()

    assert error((), 8) < error((LayerBits("conv2", 3, 3),), 8) < error((), 3)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            LayerBits("relu1", 4),
            "layer bits of 'relu1': residual has no such layer with integers of its own; it has "
            "x, conv1, conv2, add, mean, dense",
        ),
        (
            LayerBits("add", 4, 8),
            "layer bits of 'add': has no weights; give activations only, such as add=a8",
        ),
        (
            LayerBits("x", 4),
            "layer bits of 'x': has no weights; give activations only, such as x=a4",
        ),
    ],
)
def test_a_layer_that_there_is_not_is_refused(network, entry, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        network_widths(network, QuantizationSpec(8, 8, layer_bits=(entry,)))
