"""What is written is read back as it was, and onnxruntime computes the same integers."""

import dataclasses
import re

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import IntegerFormat, RescaleMode
from accelsim.errors import AccelsimError, UnsupportedOperatorError
from accelsim.frontend import load_data, load_onnx, run_float, workload_path
from accelsim.frontend.export import quantized_bytes, quantized_model
from accelsim.frontend.lower import lower
from accelsim.frontend.parse_model import parse_model
from accelsim.frontend.passes import simplify
from accelsim.golden import execute
from accelsim.network import (
    IntegerLayer,
    IntegerLookup,
    IntegerMatrix,
    IntegerNetwork,
    IntegerPad,
    QuantizedTensor,
)
from accelsim.quantize import (
    MachineArithmetic,
    QuantizationSpec,
    Range,
    dequantize_output,
    observe_ranges,
    observed_tensors,
    quantize_as_given,
    quantize_input,
    quantize_network,
)

specs = st.builds(
    QuantizationSpec,
    weight_bits=st.integers(2, 16),
    activation_bits=st.integers(2, 16),
    per_channel=st.booleans(),
    symmetric_activations=st.booleans(),
    asymmetric_weights=st.booleans(),
    signed_activations=st.booleans(),
    restricted_weights=st.booleans(),
    rescale_mode=st.just(RescaleMode.FLOAT32),
)


def read_back(content, folder, name):
    path = folder / f"{name}.onnx"
    path.write_bytes(content)
    model = load_onnx(path)
    return quantize_as_given(model.network, model.given, MachineArithmetic(row_sums=True))


def differences(first, second, place="network"):
    """Every place where two values differ, fields, arrays and order of keys included."""
    if type(first) is not type(second):
        return [f"{place}: {first!r} and {second!r}"]
    if dataclasses.is_dataclass(first):
        names = [field.name for field in dataclasses.fields(first)]
        pairs = [(f".{name}", getattr(first, name), getattr(second, name)) for name in names]
    elif isinstance(first, np.ndarray):
        same = first.dtype == second.dtype and np.array_equal(first, second)
        return [] if same else [f"{place}: {first!r} and {second!r}"]
    elif isinstance(first, dict):
        if list(first) != list(second):
            return [f"{place}: {list(first)} and {list(second)}"]
        pairs = [(f"[{key!r}]", first[key], second[key]) for key in first]
    elif isinstance(first, tuple):
        if len(first) != len(second):
            return [f"{place}: {len(first)} and {len(second)} entries"]
        pairs = [(f"[{i}]", *pair) for i, pair in enumerate(zip(first, second, strict=True))]
    else:
        return [] if first == second else [f"{place}: {first!r} and {second!r}"]
    return [found for name, *pair in pairs for found in differences(*pair, place + name)]


def quantized_randomly(drawn, model_of, spec, seed):
    """A network with ranges that fit typical values, or None if it cannot be quantized."""
    simplified = simplify(parse_model(model_of(drawn.nodes, drawn.constants, drawn.input_shape)))
    if not simplified.nodes:
        return None
    network = dataclasses.replace(lower(simplified), name="net")
    generator = np.random.default_rng(seed)
    ranges = {
        name: Range(-generator.uniform(0, 2), generator.uniform(0.2, 2))
        for name in observed_tensors(network)
    }
    try:
        return quantize_network(network, ranges, spec)
    except AccelsimError:
        # A bias beyond the accumulator, a sum beyond 32 bits: nothing to write.
        return None


@settings(max_examples=120, deadline=None, derandomize=True)
@given(data=st.data(), spec=specs, seed=st.integers(0, 2**32))
def test_random_networks_are_read_back_as_they_were(
    random_networks, model_of, tmp_path_factory, data, spec, seed
):
    integer = quantized_randomly(data.draw(random_networks), model_of, spec, seed)
    assume(integer is not None)
    model = quantized_model(integer)
    onnx.checker.check_model(model, full_check=True)
    folder = tmp_path_factory.mktemp("read_back")
    found = read_back(quantized_bytes(integer), folder, "net")
    assert differences(integer, found) == []


@settings(max_examples=120, deadline=None, derandomize=True)
@given(data=st.data(), spec=specs, seed=st.integers(0, 2**32))
def test_random_networks_give_the_integers_that_onnxruntime_gives(
    exact_networks, model_of, tmp_path_factory, data, spec, seed
):
    spec = dataclasses.replace(
        spec,
        weight_bits=min(spec.weight_bits, 8),
        activation_bits=min(spec.activation_bits, 8),
    )
    integer = quantized_randomly(data.draw(exact_networks), model_of, spec, seed)
    assume(integer is not None)
    content = quantized_bytes(integer)
    folder = tmp_path_factory.mktemp("random")
    generator = np.random.default_rng(seed)
    images = generator.normal(size=(16, *integer.tensors[integer.input].shape)).astype(np.float32)
    imported = read_back(content, folder, "net")
    run = execute(imported, quantize_input(imported, images), keep_tensors=False)
    ours = dequantize_output(imported, run.outputs)
    theirs = outputs_of(content, integer, images)
    if integer.host_layers:
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    else:
        assert np.array_equal(ours, theirs)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data(), bits=st.integers(2, 8), seed=st.integers(0, 2**32))
def test_onnxruntime_runs_every_operator_that_is_written(
    random_networks, model_of, data, bits, seed
):
    spec = QuantizationSpec(
        weight_bits=bits, activation_bits=bits, rescale_mode=RescaleMode.FLOAT32
    )
    integer = quantized_randomly(data.draw(random_networks), model_of, spec, seed)
    assume(integer is not None)
    shape = integer.tensors[integer.input].shape
    images = np.random.default_rng(seed).normal(size=(4, *shape)).astype(np.float32)
    theirs = outputs_of(quantized_bytes(integer), integer, images)
    assert theirs.shape == (4, *integer.tensors[integer.output].shape)
    assert np.isfinite(theirs).all()


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("counted", [0, 1])
def test_average_pools_are_within_one_step_of_onnxruntime(model_of, signed, counted):
    pool = {
        "kernel_shape": [3, 2],
        "strides": [2, 1],
        "pads": [1, 0, 1, 1],
        "count_include_pad": counted,
    }
    graph = simplify(parse_model(model_of([("AveragePool", ["x"], "y", pool)], {}, (3, 9, 8))))
    network = dataclasses.replace(lower(graph), name="net")
    ranges = {"x": Range(-1.0, 1.53), "y": Range(-0.71, 0.92)}
    spec = QuantizationSpec(8, 8, rescale_mode=RescaleMode.FLOAT32, signed_activations=signed)
    integer = quantize_network(network, ranges, spec)
    images = np.random.default_rng(5).normal(size=(50, 3, 9, 8)).astype(np.float32)
    ours = execute(integer, quantize_input(integer, images), keep_tensors=False).outputs
    theirs = outputs_of(quantized_bytes(integer), integer, images)
    steps = np.rint((dequantize_output(integer, ours) - theirs) / integer.tensors["y"].scale)
    assert np.abs(steps).max() <= 1
    assert np.count_nonzero(steps) <= steps.size * 0.002


@pytest.fixture(scope="module", params=["digits_cnn", "digits_mlp"])
def workload(request):
    """(model, data, float calibration activations)."""
    files = workload_path(request.param)
    model, data = load_onnx(files.model), load_data(files.data)
    return model, data, run_float(model, data.calibration_images, observed_tensors(model.network))


def quantized(workload, **fields):
    model, _, activations = workload
    spec = QuantizationSpec(rescale_mode=RescaleMode.FLOAT32, **fields)
    return quantize_network(model.network, observe_ranges(model.network, activations, spec), spec)


def outputs_of(content, integer, images):
    """Real outputs of onnxruntime, which fuses to kernels on integers as far as it has them."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    signed = integer.tensors[integer.input].format.signed
    # int8 stays int8 instead of being moved to uint8; with uint8, weights are moved there too, as
    # without VNNI products of uint8 and int8 would saturate.
    entry = "session.qdqisint8allowed" if signed else "session.x64quantprecision"
    options.add_session_config_entry(entry, "1")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(None, {integer.input: images})[0]


FUSED = [
    {"weight_bits": w, "activation_bits": a, "signed_activations": s, "per_channel": c}
    for w, a, s, c in [
        (8, 8, True, True),
        (8, 8, False, False),
        (4, 8, True, True),
        (4, 4, True, False),
        (4, 8, False, True),
        (3, 5, False, True),
        (2, 2, True, True),
    ]
]


@pytest.mark.parametrize("choices", FUSED, ids=str)
@pytest.mark.parametrize("weights", ["restricted", "full", "asymmetric"])
def test_onnxruntime_computes_the_same_integers(workload, tmp_path, choices, weights):
    integer = quantized(
        workload,
        restricted_weights=weights == "restricted",
        asymmetric_weights=weights == "asymmetric",
        **choices,
    )
    matrices = [layer.operator for layer in integer.layers if hasattr(layer.operator, "weights")]
    assert any(matrix.has_row_sums for matrix in matrices) == (weights == "asymmetric")
    content = quantized_bytes(integer)
    assert differences(integer, read_back(content, tmp_path, integer.name)) == []
    images = workload[1].images[:200]
    run = execute(integer, quantize_input(integer, images), keep_tensors=False)
    assert set(run.overflow_events.values()) == {0}
    ours = dequantize_output(integer, run.outputs)
    assert np.array_equal(ours, outputs_of(content, integer, images))


@pytest.mark.parametrize(
    ("weight_bits", "activation_bits", "signed"),
    [(8, 16, True), (16, 8, True), (12, 12, False), (6, 10, True)],
)
def test_beyond_8_bits_onnxruntime_computes_in_float32(
    workload, weight_bits, activation_bits, signed
):
    integer = quantized(
        workload,
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        signed_activations=signed,
    )
    images = workload[1].images[:200]
    content = quantized_bytes(integer)
    run = execute(integer, quantize_input(integer, images), keep_tensors=False)
    assert set(run.overflow_events.values()) == {0}
    ours = dequantize_output(integer, run.outputs)
    scale = integer.tensors[integer.output].scale
    steps = np.rint((ours - outputs_of(content, integer, images)) / scale)
    # There are no kernels on integers of these widths: sums are rounded in another place.
    assert np.abs(steps).max() <= 1
    assert np.count_nonzero(steps) <= steps.size * 0.15


def test_scales_of_groups_of_weights_have_no_form_in_onnx(workload):
    integer = quantized(workload, weight_bits=4, activation_bits=8, group_size=16)
    message = (
        "^layer '(conv1|dense1)': weights with scales for groups of 16 have no form in quantized "
        "ONNX; leave out --group-size$"
    )
    with pytest.raises(UnsupportedOperatorError, match=message):
        quantized_bytes(integer)


def test_four_bit_weights_are_stored_in_four_bits(workload):
    small, large = (quantized(workload, weight_bits=bits, activation_bits=8) for bits in (4, 8))
    weights = {
        tensor.name: tensor.data_type
        for tensor in quantized_model(small).graph.initializer
        if tensor.name.endswith(":weights")
    }
    assert set(weights.values()) == {onnx.TensorProto.INT4}
    elements = sum(
        layer.operator.weights.size
        for layer in small.layers
        if isinstance(layer.operator, IntegerMatrix)
    )
    assert len(quantized_bytes(large)) - len(quantized_bytes(small)) > 0.4 * elements


def test_a_padding_before_a_pool_is_read_back_as_it_was(model_of, tmp_path):
    pads = np.array([0, 0, 1, 0, 0, 0, 2, 1])
    pool = {"kernel_shape": [3, 3], "strides": [2, 2]}
    nodes = [("Relu", ["x"], "r"), ("Pad", ["r", "pads"], "p"), ("MaxPool", ["p"], "y", pool)]
    graph = simplify(parse_model(model_of(nodes, {"pads": pads}, (3, 9, 8))))
    network = dataclasses.replace(lower(graph), name="net")
    spec = QuantizationSpec(8, 8, rescale_mode=RescaleMode.FLOAT32)
    integer = quantize_network(network, {"x": Range(-1.0, 2.0), "r": Range(0.0, 2.0)}, spec)
    (pad,) = (layer for layer in integer.layers if isinstance(layer.operator, IntegerPad))
    assert (pad.operator.before, pad.operator.after) == ((0, 1, 0), (0, 2, 1))
    content = quantized_bytes(integer)
    assert differences(integer, read_back(content, tmp_path, "net")) == []
    images = np.random.default_rng(3).normal(size=(20, 3, 9, 8)).astype(np.float32)
    ours = execute(integer, quantize_input(integer, images), keep_tensors=False).outputs
    theirs = outputs_of(content, integer, images)
    assert np.array_equal(dequantize_output(integer, ours), theirs)


def test_a_padding_with_another_integer_is_refused():
    tensor = QuantizedTensor((1, 2, 2), IntegerFormat(8), 0.5, 3)
    padded = dataclasses.replace(tensor, shape=(1, 3, 2))
    layer = IntegerLayer("pad", IntegerPad((0, 1, 0), (0, 0, 0), fill=-128), ("x",), "y")
    integer = IntegerNetwork(
        "net", "x", "y", (layer,), {"x": tensor, "y": padded}, MachineArithmetic().accumulator
    )
    message = (
        "layer 'pad': IntegerPad has no counterpart in quantized ONNX; "
        "only networks from ONNX files can be exported"
    )
    with pytest.raises(UnsupportedOperatorError, match=f"^{re.escape(message)}$"):
        quantized_model(integer)


def test_an_operator_that_onnx_does_not_have_is_refused():
    tensor = QuantizedTensor((2,), IntegerFormat(8), 0.5, 0)
    layer = IntegerLayer("table", IntegerLookup(np.zeros(256, np.int32)), ("x",), "y")
    integer = IntegerNetwork(
        "net", "x", "y", (layer,), {"x": tensor, "y": tensor}, MachineArithmetic().accumulator
    )
    message = (
        "layer 'table': IntegerLookup has no counterpart in quantized ONNX; "
        "only networks from ONNX files can be exported"
    )
    with pytest.raises(UnsupportedOperatorError, match=f"^{re.escape(message)}$"):
        quantized_model(integer)


def test_a_bias_beyond_int32_is_refused(workload):
    integer = quantized(workload, weight_bits=8, activation_bits=8)
    layer = next(layer for layer in integer.layers if isinstance(layer.operator, IntegerMatrix))
    layer.operator.bias[:] = 2**40
    with pytest.raises(UnsupportedOperatorError) as caught:
        quantized_model(integer)
    assert re.fullmatch(
        rf"layer '{layer.name}': a bias from \d+ to \d+ without its zero point does not fit in "
        "ONNX's int32",
        str(caught.value),
    )
