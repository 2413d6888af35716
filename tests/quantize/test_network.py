import re

import numpy as np
import pytest

from accelsim.arithmetic import Accumulator, RescaleMode
from accelsim.errors import DataError
from accelsim.golden import execute
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerReshape,
)
from accelsim.quantize import (
    QuantizationSpec,
    RangeMethod,
    dequantize_output,
    observe_ranges,
    quantize_input,
    quantize_network,
)


@pytest.fixture
def run(float_run, images):
    """Quantize a network, run it, and return (integer network, real outputs, float outputs)."""

    def run_one(network, spec):
        activations = float_run(network, images)
        integer = quantize_network(network, observe_ranges(network, activations, spec), spec)
        outputs = execute(integer, quantize_input(integer, images)).outputs
        return integer, dequantize_output(integer, outputs), activations[network.output]

    return run_one


def signal_to_noise_db(real, expected):
    return 10 * np.log10((expected**2).mean() / ((real - expected) ** 2).mean())


def test_layers_keep_their_names_and_order(network, run):
    integer, _, _ = run(network, QuantizationSpec(8, 8))
    assert [(layer.name, type(layer.operator), layer.output) for layer in integer.layers] == [
        ("conv1", IntegerMatrix, "b"),
        ("conv2", IntegerMatrix, "c"),
        ("add", IntegerAdd, "e"),
        ("max", IntegerMaxPool, "f"),
        ("mean", IntegerAveragePool, "g"),
        ("flatten", IntegerReshape, "h"),
        ("dense", IntegerMatrix, "i"),
    ]
    assert set(integer.tensors) == {"x", "b", "c", "e", "f", "g", "h", "i"}
    assert (integer.input, integer.output) == ("x", "i")
    assert integer.host_layers == ("softmax",)
    assert integer.tensors["f"].scale == integer.tensors["e"].scale
    assert integer.tensors["h"].zero_point == integer.tensors["g"].zero_point


@pytest.mark.parametrize("mode", RescaleMode)
@pytest.mark.parametrize("symmetric", [True, False])
def test_eight_bits_are_close_to_the_float_network(make_network, run, mode, symmetric):
    spec = QuantizationSpec(8, 8, rescale_mode=mode, symmetric_activations=symmetric)
    _, real, expected = run(make_network(softmax=False), spec)
    # Truncation is biased by half a step in every layer.
    assert signal_to_noise_db(real, expected) > (22 if mode is RescaleMode.TRUNCATE else 28)


def test_sixteen_bit_activations_are_closer_than_eight(make_network, run):
    network = make_network(softmax=False)
    narrow = run(network, QuantizationSpec(12, 8))
    wide = run(network, QuantizationSpec(12, 16))
    assert signal_to_noise_db(*wide[1:]) > signal_to_noise_db(*narrow[1:]) + 15


def test_fewer_bits_are_further_away(make_network, run):
    network = make_network(softmax=False)
    ratios = [
        signal_to_noise_db(*run(network, QuantizationSpec(bits, bits))[1:])
        for bits in (8, 6, 4, 3, 2)
    ]
    assert ratios == sorted(ratios, reverse=True)


def test_probabilities_come_from_the_host(network, run):
    _, real, expected = run(network, QuantizationSpec(8, 8))
    assert real.sum(axis=1) == pytest.approx(np.ones(len(real)), abs=1e-5)
    assert np.abs(real - expected).max() < 0.05


def test_a_scale_for_each_channel_helps_unequal_channels(make_network, run):
    network = make_network(softmax=False)
    operator = network.layers[0].operator
    operator.weights[:4] *= 0.02
    operator.bias[:4] *= 0.02
    layers = [
        signal_to_noise_db(*run(network, QuantizationSpec(4, 8, per_channel=per_channel))[1:])
        for per_channel in (True, False)
    ]
    assert layers[0] > layers[1]


def test_percentile_ranges_are_narrower(make_network, run):
    network = make_network(softmax=False)
    whole, _, _ = run(network, QuantizationSpec(8, 8))
    spec = QuantizationSpec(8, 8, range_method=RangeMethod.PERCENTILE, percentile=95.0)
    central, _, _ = run(network, spec)
    for name in ("x", "b", "c", "i"):
        assert central.tensors[name].scale < whole.tensors[name].scale


def test_a_tensor_without_a_range_is_refused(network, images, float_run):
    spec = QuantizationSpec(8, 8)
    ranges = observe_ranges(network, float_run(network, images), spec)
    del ranges["g"]
    message = "ranges: no range of tensor 'g'"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        quantize_network(network, ranges, spec)


def test_the_accumulator_is_the_one_asked_for(network, run):
    accumulator = Accumulator(24)
    integer, _, _ = run(network, QuantizationSpec(8, 8, accumulator=accumulator))
    assert integer.accumulator == accumulator
