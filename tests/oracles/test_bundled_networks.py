"""The networks that ship with the project, integer for integer, against onnxruntime."""

from dataclasses import replace

import numpy as np
import pytest

from accelsim.arithmetic import RescaleMode
from accelsim.frontend import load_data, load_onnx, run_float, workload_path
from accelsim.golden import execute
from accelsim.network.integer import IntegerAdd
from accelsim.quantize import (
    LayerBits,
    QuantizationSpec,
    observe_ranges,
    observed_tensors,
    quantize_input,
    quantize_network,
)

IMAGES = 100


@pytest.fixture(scope="module", params=["digits_cnn", "digits_mlp"])
def workload(request):
    """(model, data, float calibration activations)."""
    files = workload_path(request.param)
    model, data = load_onnx(files.model), load_data(files.data)
    names = observed_tensors(model.network)
    return model, data, run_float(model, data.calibration_images, names)


def quantized(workload, **fields):
    model, _, activations = workload
    spec = QuantizationSpec(**fields)
    return quantize_network(model.network, observe_ranges(model.network, activations, spec), spec)


def assert_equal_layer_by_layer(witness, workload, integer):
    run = execute(integer, quantize_input(integer, workload[1].images[:IMAGES]))
    assert set(run.overflow_events.values()) == {0}
    # Layer by layer, each from golden's own inputs: QLinearAdd is specified to a step only.
    for layer in integer.layers:
        theirs = witness(replace(integer, layers=(layer,))).run(run.tensors)[layer.output]
        steps = run.tensors[layer.output] - theirs
        if isinstance(layer.operator, IntegerAdd):
            assert np.abs(steps).max() <= 1
            assert np.count_nonzero(steps) <= steps.size * 0.002
        else:
            assert not steps.any(), layer.name


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize(
    ("weight_bits", "activation_bits", "signed"), [(8, 8, True), (8, 8, False), (3, 5, True)]
)
def test_every_integer_equals_onnxruntime(
    witness, workload, weight_bits, activation_bits, signed, per_channel
):
    integer = quantized(
        workload,
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        signed_activations=signed,
        per_channel=per_channel,
        rescale_mode=RescaleMode.FLOAT32,
    )
    assert_equal_layer_by_layer(witness, workload, integer)


def test_layers_of_different_widths_equal_onnxruntime(witness, workload):
    layers = (LayerBits("image", None, 5), LayerBits("logits", 7, 8))
    if workload[0].network.name == "digits_cnn":
        layers += (LayerBits("conv1", 8, 6), LayerBits("conv3", 3, 8), LayerBits("add3", None, 7))
    integer = quantized(
        workload,
        weight_bits=4,
        activation_bits=4,
        layer_bits=layers,
        rescale_mode=RescaleMode.FLOAT32,
    )
    assert len({tensor.format.bits for tensor in integer.tensors.values()}) > 2
    assert_equal_layer_by_layer(witness, workload, integer)


@pytest.mark.parametrize("mode", [RescaleMode.SINGLE_ROUND, RescaleMode.DOUBLE_ROUND])
def test_eight_bits_classify_as_the_float_network_does(workload, mode):
    model, data, _ = workload
    integer = quantized(workload, weight_bits=8, activation_bits=8, rescale_mode=mode)
    expected = run_float(model, data.images, [model.network.output])[model.network.output]
    outputs = execute(integer, quantize_input(integer, data.images), keep_tensors=False).outputs
    agreement = (outputs.argmax(axis=1) == expected.argmax(axis=1)).mean()
    assert agreement >= 0.99
