"""Files that onnxruntime itself quantized: golden gives the integers that onnxruntime gives.

onnxruntime fuses DequantizeLinear, operator, QuantizeLinear into its kernels on integers, and
those are the witness: they accumulate exactly, and rescale in float32 as ``float32`` mode does.
"""

import itertools
import logging
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from accelsim.frontend import load_data, load_onnx, workload_path
from accelsim.golden import execute
from accelsim.network import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    IntegerAdd,
    Layer,
    MaxPool,
    Network,
    Reshape,
    Window,
)
from accelsim.quantize import (
    MachineArithmetic,
    dequantize_output,
    quantize_as_given,
    quantize_input,
)

IMAGES = 100
U8, S8 = QuantType.QUInt8, QuantType.QInt8


def session(path, signed):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # int8 stays int8 instead of being moved to uint8; with uint8, weights are moved there too, as
    # without VNNI products of uint8 and int8 would saturate to 16 bits by pairs.
    entry = "session.qdqisint8allowed" if signed else "session.x64quantprecision"
    options.add_session_config_entry(entry, "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Calibration(CalibrationDataReader):
    def __init__(self, name, images):
        self.batches = iter([{name: images}])

    def get_next(self):
        return next(self.batches, None)


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """By name: the network with its batch norms folded, as quantize_static wants it; its data."""
    folder = tmp_path_factory.mktemp("folded")
    found = {}
    for name in ("digits_cnn", "digits_mlp"):
        workload = workload_path(name)
        path = folder / f"{name}.onnx"
        path.write_bytes(as_onnx(load_onnx(workload.model).network).SerializeToString())
        found[name] = path, load_data(workload.data)
    return found


def as_onnx(network):
    """A float network, as its layers are now, in ONNX's operators."""
    nodes, constants = [], []
    for layer in network.layers:
        inputs, attributes = list(layer.inputs), {}
        match layer.operator:
            case Convolution(weights, bias, window, groups):
                kind, values = "Conv", (weights, bias)
                attributes = {"pads": window.pads, "strides": window.strides, "group": groups}
            case Dense(weights, bias):
                kind, values, attributes = "Gemm", (weights, bias), {"transB": 1}
            case MaxPool(window):
                kind, values = "MaxPool", ()
                attributes = {"kernel_shape": window.kernel, "strides": window.strides}
            case Reshape():
                kind, values = "Flatten", ()
            case Add():
                kind, values = "Add", ()
            case Clamp(0.0, 6.0):
                kind, values = "Clip", (np.float32(0), np.float32(6))
            case Clamp():
                kind, values = "Relu", ()
            case AveragePool():
                kind, values = "GlobalAveragePool", ()
        for role, value in zip(("weights", "bias"), values, strict=False):
            inputs.append(f"{layer.name}.{role}")
            constants.append(numpy_helper.from_array(value, inputs[-1]))
        nodes.append(helper.make_node(kind, inputs, [layer.output], layer.name, **attributes))
    source, target = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *network.shapes[name]])
        for name in (network.input, network.output)
    )
    graph = helper.make_graph(nodes, network.name, [source], [target], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


CHOICES = [
    choice
    for choice in itertools.product(
        ["digits_cnn", "digits_mlp"],
        [QuantFormat.QDQ, QuantFormat.QOperator],
        [False, True],
        [(U8, S8), (U8, U8), (S8, S8)],
    )
    # onnxruntime has no QGemm of int8 activations.
    if (choice[1], choice[3]) != (QuantFormat.QOperator, (S8, S8))
]


@pytest.mark.parametrize(("name", "form", "per_channel", "types"), CHOICES)
def test_every_output_integer_equals_onnxruntime(
    folded, tmp_path, caplog, name, form, per_channel, types
):
    caplog.set_level(logging.ERROR)
    path, data = folded[name]
    compare(tmp_path, path, data, form, per_channel, types)


BLOCK_CHOICES = itertools.product(
    [QuantFormat.QDQ, QuantFormat.QOperator],
    [False, True],
    [(U8, S8), (U8, U8), (S8, S8)],
    [False, True],
)


@pytest.mark.parametrize(("form", "per_channel", "types", "symmetric"), list(BLOCK_CHOICES))
def test_blocks_of_mobile_networks(tmp_path, caplog, form, per_channel, types, symmetric):
    """Depthwise layers, Relu6 and residual sums."""
    caplog.set_level(logging.ERROR)
    images = np.random.default_rng(1).standard_normal((64, 3, 17, 15), np.float32)
    data = SimpleNamespace(images=images, calibration_images=images)
    path = tmp_path / "blocks.onnx"
    path.write_bytes(as_onnx(blocks()).SerializeToString())
    compare(tmp_path, path, data, form, per_channel, types, symmetric)


def blocks():
    """Two inverted residual blocks, one of which halves the image, between a conv and a mean."""
    random = np.random.default_rng(0)
    layers, shapes = [], {"x": (3, 17, 15)}

    def add(name, operator, *inputs, shape):
        layers.append(Layer(name, operator, inputs, name))
        shapes[name] = shape
        return name

    def conv(name, source, outputs, size, *, stride=1, groups=1, clamp=CLAMPS[0]):
        inputs, height, width = shapes[source]
        window = Window((size, size), (stride, stride), (size // 2,) * 4)
        weights = random.standard_normal((outputs, inputs // groups, size, size), np.float32)
        weights /= np.float32(np.sqrt(weights[0].size))
        bias = random.standard_normal(outputs, np.float32) / 4
        shape = (outputs, *window.output_size(height, width))
        convolution = Convolution(weights, bias, window, groups)
        if clamp is None:
            return add(name, convolution, source, shape=shape)
        return add(name, clamp, add(f"{name}_sum", convolution, source, shape=shape), shape=shape)

    last = conv("first", "x", 8, 3, stride=2)
    for name, outputs, stride, clamp in [("a", 8, 1, CLAMPS[0]), ("b", 12, 2, CLAMPS[1])]:
        wide = conv(f"{name}_wide", last, 24, 1, clamp=clamp)
        deep = conv(f"{name}_deep", wide, 24, 3, stride=stride, groups=24, clamp=clamp)
        narrow = conv(f"{name}_narrow", deep, outputs, 1, clamp=None)
        if stride == 1:
            narrow = add(f"{name}_total", Add(), last, narrow, shape=shapes[last])
            narrow = add(f"{name}_relu", Clamp(0.0), narrow, shape=shapes[last])
        last = narrow
    _, height, width = shapes[last]
    mean = add("mean", AveragePool(Window((height, width))), last, shape=(12, 1, 1))
    flat = add("flat", Reshape((12,)), mean, shape=(12,))
    head = random.standard_normal((5, 12), np.float32)
    add("logits", Dense(head, np.zeros(5, np.float32)), flat, shape=(5,))
    return Network("blocks", "x", "logits", tuple(layers), shapes)


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("types", [(U8, U8), (S8, S8)])
def test_channels_last_with_a_bias_apart(tmp_path, caplog, form, per_channel, types):
    """As tf2onnx writes networks; the sum of product and bias is rounded twice."""
    caplog.set_level(logging.ERROR)
    images = np.random.default_rng(1).standard_normal((64, 8, 6, 3), np.float32)
    data = SimpleNamespace(images=images, calibration_images=images)
    path = tmp_path / "last.onnx"
    path.write_bytes(channels_last().SerializeToString())
    steps = compare(tmp_path, path, data, form, per_channel, types, loose=True)
    assert np.abs(steps).max() <= 1
    assert np.count_nonzero(steps) <= steps.size * 0.02


def channels_last():
    random = np.random.default_rng(0)
    to_first, to_last = {"perm": [0, 3, 1, 2]}, {"perm": [0, 2, 3, 1]}
    nodes = [
        ("Transpose", ["x"], "x1", to_first),
        ("Conv", ["x1", "w"], "a", {"pads": [1, 1, 1, 1]}),
        ("Relu", ["a"], "r", {}),
        ("Transpose", ["r"], "b", to_last),
        ("Pad", ["b", "p"], "bp", {}),
        ("Transpose", ["bp"], "c", to_first),
        ("Conv", ["c", "w1"], "d", {}),
        ("Transpose", ["d"], "e", to_last),
        ("Reshape", ["e", "f"], "g", {}),
        ("MatMul", ["g", "m"], "h", {}),
        ("Add", ["h", "t"], "y", {}),
    ]
    constants = {
        "w": random.standard_normal((8, 3, 3, 3), np.float32) / 5,
        "w1": random.standard_normal((4, 8, 3, 3), np.float32) / 8,
        "p": np.array([0, 1, 1, 0, 0, 1, 1, 0]),
        "f": np.array([-1, 8 * 6 * 4]),
        "m": random.standard_normal((192, 5), np.float32) / 14,
        "t": random.standard_normal(5, np.float32),
    }
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, [out], out, **more) for kind, inputs, out, more in nodes],
        "last",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 8, 6, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


CLAMPS = (Clamp(0.0, 6.0), Clamp(0.0))


def compare(folder, path, data, form, per_channel, types, symmetric=False, loose=False):
    """Quantize a float file with onnxruntime, and compare what it and golden make of it.

    Return the differing steps; unless it is ``loose``, judge them.
    """
    source = onnx.load(path).graph.input[0].name
    quantized = folder / "quantized.onnx"
    quantize_static(
        str(path),
        str(quantized),
        Calibration(source, data.calibration_images[:64]),
        quant_format=form,
        per_channel=per_channel,
        activation_type=types[0],
        weight_type=types[1],
        extra_options={"ActivationSymmetric": symmetric},
    )
    model = load_onnx(quantized)
    integer = quantize_as_given(model.network, model.given, MachineArithmetic())
    images = data.images[:IMAGES]
    given = images.transpose(0, 3, 1, 2) if model.channels_last else images
    run = execute(integer, quantize_input(integer, given))
    assert set(run.overflow_events.values()) == {0}
    (theirs,) = session(quantized, types[0] == S8).run(None, {source: images})
    ours = dequantize_output(integer, run.outputs)
    steps = np.rint((ours - theirs) / integer.tensors[integer.output].scale)
    if loose:
        return steps
    if any(isinstance(layer.operator, IntegerAdd) for layer in integer.layers):
        # A sum's order of operations is not specified: a step where it was a near tie.
        assert np.abs(steps).max() <= 1
        assert np.count_nonzero(steps) <= steps.size * 0.002
    else:
        assert np.array_equal(ours, theirs)
    formats = {kind: str(kind).lower().removeprefix("q") for kind in (U8, S8)}
    found = model.report.quantization
    assert {str(format) for format in found.activations.values()} == {formats[types[0]]}
    # Per channel, some of onnxruntime's operators take signed weights in any case.
    assert {str(format) for format in found.weights.values()} <= {formats[types[1]], "int8"}
    assert len(found.per_channel) == (len(found.weights) if per_channel else 0)
    wide = {str(layer.operator.weight_format) for layer in integer.layers if is_matrix(layer)}
    assert wide <= {"int8", "int9"}
    assert set(found.widened) <= set(found.zero_points)
    return steps


def is_matrix(layer):
    return hasattr(layer.operator, "weights")
