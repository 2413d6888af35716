"""Files that onnxruntime itself quantized: golden gives the integers that onnxruntime gives.

onnxruntime fuses DequantizeLinear, operator, QuantizeLinear into its kernels on integers, and
those are the witness: they accumulate exactly, and rescale in float32 as ``float32`` mode does.
"""

import itertools
import logging

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from accelsim.frontend import load_data, load_onnx, workload_path
from accelsim.golden import execute
from accelsim.network import Add, Clamp, Convolution, Dense, IntegerAdd, MaxPool, Reshape
from accelsim.quantize import (
    MachineArithmetic,
    dequantize_output,
    quantize_as_given,
    quantize_input,
)

IMAGES = 100
U8, S8 = QuantType.QUInt8, QuantType.QInt8


def session(path, **entries):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # Without VNNI, products of uint8 and int8 would saturate to 16 bits by pairs.
    options.add_session_config_entry("session.x64quantprecision", "1")
    for name, value in entries.items():
        setattr(options, name, value)
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
            case Clamp():
                kind, values = "Relu", ()
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
    source = onnx.load(path).graph.input[0].name
    quantized = tmp_path / "quantized.onnx"
    quantize_static(
        str(path),
        str(quantized),
        Calibration(source, data.calibration_images[:64]),
        quant_format=form,
        per_channel=per_channel,
        activation_type=types[0],
        weight_type=types[1],
    )
    model = load_onnx(quantized)
    integer = quantize_as_given(model.network, model.given, MachineArithmetic())
    run = execute(integer, quantize_input(integer, data.images[:IMAGES]))
    assert set(run.overflow_events.values()) == {0}
    (theirs,) = session(quantized).run(None, {source: data.images[:IMAGES]})
    ours = dequantize_output(integer, run.outputs)
    steps = np.rint((ours - theirs) / integer.tensors[integer.output].scale)
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


def is_matrix(layer):
    return hasattr(layer.operator, "weights")
