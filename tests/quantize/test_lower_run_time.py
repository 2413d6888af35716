"""Networks quantized with ranges that are found at run time."""

from dataclasses import replace

import numpy as np
import pytest

from accelsim.arithmetic import Accumulator, RescaleMode
from accelsim.errors import ConfigError, DataError, UnsupportedOperatorError, WorkloadError
from accelsim.golden import execute
from accelsim.network.geometry import Window
from accelsim.network.graph import Clamp, Convolution, Layer, Network, Pad
from accelsim.network.integer import IntegerMaxPool, IntegerReshape
from accelsim.network.run_time import RunTimeAdd, RunTimeAveragePool, RunTimeClamp, RunTimeMatrix
from accelsim.quantize import (
    LayerBits,
    QuantizationSpec,
    RangeMethod,
    WeightRounding,
    dequantize_output,
    observe_ranges,
    quantize_calibrated,
    quantize_input,
    quantize_network,
)
from accelsim.quantize.noise import measure_noise


def spec(bits=8, **fields):
    return QuantizationSpec(
        bits, bits, range_method=RangeMethod.DYNAMIC, rescale_mode=RescaleMode.FLOAT32, **fields
    )


def quantized(network, float_run, images, chosen):
    return quantize_calibrated(network, images, float_run(network, images), chosen)


def test_only_the_input_keeps_a_calibrated_range(network, images, float_run):
    ranges = observe_ranges(network, float_run(network, images), spec())
    assert set(ranges) == {"x"}
    integer = quantized(network, float_run, images, spec())
    kinds = {layer.name: type(layer.operator) for layer in integer.layers}
    assert kinds == {
        "conv1": RunTimeMatrix,
        "conv2": RunTimeMatrix,
        "add": RunTimeAdd,
        "max": IntegerMaxPool,
        "mean": RunTimeAveragePool,
        "flatten": IntegerReshape,
        "dense": RunTimeMatrix,
    }
    assert {name for name, tensor in integer.tensors.items() if not tensor.at_run_time} == {"x"}
    clamps = {
        layer.name: (layer.operator.range.low, layer.operator.range.high)
        for layer in integer.layers
        if not isinstance(layer.operator, IntegerMaxPool | IntegerReshape)
    }
    assert clamps["conv1"] == (0.0, 2.0**126)
    assert clamps["add"] == (0.0, 6.0)
    assert clamps["dense"] == (-(2.0**126), 2.0**126)


@pytest.mark.parametrize("symmetric", [False, True])
def test_eight_bits_are_close_to_float(network, images, float_run, symmetric):
    integer = quantized(network, float_run, images, spec(symmetric_activations=symmetric))
    run = execute(integer, quantize_input(integer, images))
    exact = float_run(network, images)
    logits = dequantize_output(
        replace(integer, host_layers=()), run.outputs, run.codes[integer.output]
    )
    spread = exact["i"].max() - exact["i"].min()
    assert np.abs(logits - exact["i"]).max() < 0.03 * spread
    probabilities = dequantize_output(integer, run.outputs, run.codes[integer.output])
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(images)), abs=1e-5)


def test_each_image_uses_all_of_its_integers(network, images, float_run):
    integer = quantized(network, float_run, images, spec(4))
    run = execute(integer, quantize_input(integer, images))
    for name in ("b", "c"):
        flat = run.tensors[name].reshape(len(images), -1)
        assert np.all(flat.max(axis=1) >= 6), name
        assert np.all(flat.min(axis=1) <= -7), name


def test_a_dim_image_keeps_its_precision_where_calibrated_ranges_do_not(network, float_run, images):
    dim = (images * 0.02).astype(np.float32)
    fine = LayerBits("x", None, 16)
    # Without biases a dim image is the same image.
    bare = replace(
        network,
        layers=tuple(
            replace(layer, operator=replace(layer.operator, bias=0 * layer.operator.bias))
            if hasattr(layer.operator, "bias")
            else layer
            for layer in network.layers
        ),
    )
    found = {}
    for method in (RangeMethod.DYNAMIC, RangeMethod.MIN_MAX):
        chosen = replace(spec(6, layer_bits=(fine,)), range_method=method)
        integer = quantized(bare, float_run, images, chosen)
        found[method] = measure_noise(bare, integer, dim).layers["dense"].sqnr_db
    assert found[RangeMethod.DYNAMIC] > found[RangeMethod.MIN_MAX] + 15.0
    assert found[RangeMethod.DYNAMIC] > 20.0


def test_widths_of_layers_rounding_and_biases_go_with_it(network, images, float_run):
    chosen = spec(
        4,
        layer_bits=(LayerBits("dense", 8, 6),),
        weight_rounding=WeightRounding.ADAROUND,
        correct_biases=True,
        per_channel=False,
    )
    integer = quantized(network, float_run, images, chosen)
    dense = integer.layers[-1].operator
    assert dense.weight_format.bits == 8
    assert dense.weight_scales.shape == (1,)
    assert integer.tensors["i"].format.bits == 6
    run = execute(integer, quantize_input(integer, images))
    assert run.outputs.shape == (len(images), 5)


def test_noise_is_that_of_each_images_own_integers(network, images, float_run):
    integer = quantized(network, float_run, images, spec())
    noise = measure_noise(network, integer, images)
    assert all(layer.sqnr_db > 25.0 for layer in noise.layers.values())
    run = execute(integer, quantize_input(integer, images))
    codes = run.codes["c"]
    real = (run.tensors["c"] - codes.zero_points.reshape(-1, 1, 1, 1)) * codes.scales.astype(
        np.float64
    ).reshape(-1, 1, 1, 1)
    error = float(np.square(real - float_run(network, images.astype(np.float64))["c"]).mean())
    assert noise.layers["conv2"].mse == pytest.approx(error, rel=1e-6)


def alone(operator, output=(4, 6, 6)):
    layers = (
        Layer("conv", Convolution(ONES, np.zeros(4, np.float32), Window((1, 1))), ("x",), "a"),
        Layer("after", operator, ("a",), "y"),
    )
    shapes = {"x": (2, 6, 6), "a": (4, 6, 6), "y": output}
    return Network("alone", "x", "y", layers, shapes)


ONES = np.ones((4, 2, 1, 1), np.float32)


def test_a_clamp_that_another_layer_looks_behind_has_bounds_for_each_image(float_run, images):
    network = alone(Clamp(-0.5, 0.25))
    both = replace(
        network,
        layers=(*network.layers, Layer("sum", network_add(), ("a", "y"), "z")),
        shapes={**network.shapes, "z": (4, 6, 6)},
        output="z",
    )
    integer = quantized(both, float_run, images, spec())
    assert isinstance(integer.layers[1].operator, RunTimeClamp)
    run = execute(integer, quantize_input(integer, images))
    codes = run.codes["y"]
    assert codes is run.codes["a"] or np.array_equal(codes.scales, run.codes["a"].scales)
    real = (run.tensors["y"] - codes.zero_points.reshape(-1, 1, 1, 1)) * codes.scales.reshape(
        -1, 1, 1, 1
    )
    assert np.abs(real - float_run(both, images)["y"]).max() < 0.05
    assert real.max() == pytest.approx(0.25, abs=0.03)


def network_add():
    from accelsim.network.graph import Add

    return Add()


def test_padding_behind_a_layer_is_refused(float_run, images):
    network = alone(Pad((0, 1, 1), (0, 1, 1)), (4, 8, 8))
    with pytest.raises(UnsupportedOperatorError) as caught:
        quantize_network(network, observe_ranges(network, {"x": images}, spec()), spec())
    assert str(caught.value) == (
        "layer 'after': Pad of a tensor whose range is found at run time is not supported; use "
        "another --range"
    )


def test_a_rescale_unit_of_fixed_point_is_refused():
    with pytest.raises(ConfigError) as caught:
        QuantizationSpec(8, 8, range_method="dynamic")
    assert str(caught.value) == (
        "range_method: dynamic needs a rescale unit that computes in float32, got mode "
        "single_round; set rescale.mode=float32"
    )


def test_a_correction_that_no_register_holds_is_refused(network, images, float_run):
    with pytest.raises(ConfigError) as caught:
        quantized(network, float_run, images, spec(accumulator=Accumulator(12)))
    assert str(caught.value) == (
        "layer 'conv1': a zero point of up to 4 times the sum of the weights of output channel 2 "
        "does not fit the 12-bit accumulator, as for 1 of 8 channels; use a wider accumulator, "
        "symmetric activations or fewer bits"
    )
    symmetric = spec(accumulator=Accumulator(12), symmetric_activations=True)
    assert len(quantized(network, float_run, images, symmetric).layers) == 7


def test_a_bias_that_is_not_finite_is_refused(network, images, float_run):
    broken = network.layers[0].operator
    weights = np.full_like(broken.bias, np.nan)
    layers = (
        replace(network.layers[0], operator=replace(broken, bias=weights)),
        *network.layers[1:],
    )
    with pytest.raises(WorkloadError) as caught:
        quantized(replace(network, layers=layers), float_run, images, spec())
    assert str(caught.value) == "layer 'conv1': weights or bias are NaN or infinite"


def test_real_outputs_need_the_images_codes(network, images, float_run):
    integer = quantized(network, float_run, images, spec())
    run = execute(integer, quantize_input(integer, images))
    with pytest.raises(DataError) as caught:
        dequantize_output(integer, run.outputs)
    assert str(caught.value) == ("output of 'residual': scales are found at run time: give codes")


def test_names_of_second_passes_are_those_of_no_layer(network, images, float_run):
    layers = (*network.layers[:-2], replace(network.layers[-2], name="conv1:quantize"))
    renamed = replace(network, layers=layers, output="i")
    integer = quantized(renamed, float_run, images, spec())
    assert integer.layers[0].operator.range.step == "conv1:quantize:"
