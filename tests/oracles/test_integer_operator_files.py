"""Files of onnxruntime's operators on integers, zero points of weights included."""

import numpy as np
import onnxruntime
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from accelsim.frontend import load_onnx
from accelsim.golden import execute
from accelsim.network import Window
from accelsim.quantize import (
    MachineArithmetic,
    dequantize_output,
    quantize_as_given,
    quantize_input,
)

small = st.integers(1, 3)
MICROSOFT = {"QGemm", "QLinearAveragePool", "QLinearGlobalAveragePool", "QLinearAdd"}


class Builder:
    """A file of one operator between a quantizer and a dequantizer."""

    def __init__(self, random, activations, weights):
        self.random, self.activations, self.weights = random, activations, weights
        self.constants = []

    def constant(self, values, dtype):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def integers(self, dtype, *shape):
        limits = np.iinfo(dtype)
        return self.random.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)

    def activation(self):
        """Names of a scale and a zero point."""
        scale = self.constant(self.random.uniform(0.02, 0.1), np.float32)
        return scale, self.constant(self.integers(self.activations), self.activations)

    def weight(self, shape, outputs, per_channel):
        """Names of integers, scale and zero point; the scale brings sums back to 8 bits."""
        values = self.integers(self.weights, *shape)
        depth = values.size // outputs
        scale = self.random.uniform(0.5, 2, outputs if per_channel else ()) / (60 * depth**0.5)
        zero = self.integers(self.weights)
        zeros = np.broadcast_to(zero, np.shape(scale))
        parts = (values, self.weights), (scale, np.float32), (zeros, self.weights)
        return [self.constant(*part) for part in parts]

    def bias(self, outputs):
        return self.constant(self.random.integers(-3000, 3000, outputs), np.int32)

    def model(self, operator, inputs, source, target, shape, **attributes):
        domain = "com.microsoft" if operator in MICROSOFT else ""
        nodes = [
            helper.make_node("QuantizeLinear", ["x", *source], ["xq"]),
            helper.make_node(operator, ["xq", *inputs], ["yq"], domain=domain, **attributes),
            helper.make_node("DequantizeLinear", ["yq", *target], ["y"]),
        ]
        graph = helper.make_graph(
            nodes,
            "test",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            self.constants,
        )
        imports = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=8)


def steps(model, folder, shape, random):
    """Differences of the output integers of golden and onnxruntime."""
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    imported = load_onnx(path)
    integer = quantize_as_given(imported.network, imported.given, MachineArithmetic())
    images = random.normal(scale=4, size=(6, *shape)).astype(np.float32)
    run = execute(integer, quantize_input(integer, images))
    assert set(run.overflow_events.values()) <= {0}
    # Zero points that a machine subtracts from its results, and those that are subtracted before.
    kept = quantize_as_given(imported.network, imported.given, MachineArithmetic(row_sums=True))
    subtracted = execute(kept, quantize_input(kept, images))
    assert np.array_equal(subtracted.outputs, run.outputs)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # Without VNNI, products of uint8 and int8 would saturate to 16 bits by pairs.
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"x": images})
    ours = dequantize_output(integer, run.outputs)
    scale = integer.tensors[integer.output].scale
    return np.rint((ours - theirs.reshape(ours.shape)) / scale)


# Both operands of one kind: exact on every machine.
kinds = st.sampled_from([(np.uint8, np.uint8), (np.int8, np.int8)])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data(), kinds=kinds, per_channel=st.booleans(), seed=st.integers(0, 2**32))
def test_qlinearconv(tmp_path_factory, data, kinds, per_channel, seed):
    random = np.random.default_rng(seed)
    builder = Builder(random, *kinds)
    groups, inputs, outputs = (data.draw(small) for _ in range(3))
    height, width = data.draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    kernel, strides, dilations = (data.draw(st.tuples(small, small)) for _ in range(3))
    pads = tuple(data.draw(st.integers(0, kernel[axis % 2] - 1)) for axis in range(4))
    assume(min(Window(kernel, strides, pads, dilations).output_size(height, width)) >= 1)
    source, target = builder.activation(), builder.activation()
    shape = (groups * outputs, inputs, *kernel)
    weights = builder.weight(shape, groups * outputs, per_channel)
    bias = [builder.bias(groups * outputs)] if data.draw(st.booleans()) else []
    image = (groups * inputs, height, width)
    model = builder.model(
        "QLinearConv",
        [*source, *weights, *target, *bias],
        source,
        target,
        image,
        group=groups,
        strides=strides,
        pads=pads,
        dilations=dilations,
    )
    assert not steps(model, tmp_path_factory.mktemp("conv"), image, random).any()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    operator=st.sampled_from(["QGemm", "QLinearMatMul"]),
    inputs=st.integers(1, 60),
    outputs=st.integers(1, 8),
    per_channel=st.booleans(),
    transposed=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_qgemm_and_qlinearmatmul(
    tmp_path_factory, operator, inputs, outputs, per_channel, transposed, seed
):
    random = np.random.default_rng(seed)
    builder = Builder(random, np.uint8, np.uint8)
    transposed = transposed and operator == "QGemm"
    source, target = builder.activation(), builder.activation()
    shape = (outputs, inputs) if transposed else (inputs, outputs)
    weights = builder.weight(shape, outputs, per_channel)
    if operator == "QGemm":
        more, attributes = [builder.bias(outputs), *target], {"transB": int(transposed)}
    else:
        more, attributes = target, {}
    model = builder.model(
        operator, [*source, *weights, *more], source, target, (inputs,), **attributes
    )
    assert not steps(model, tmp_path_factory.mktemp("dense"), (inputs,), random).any()


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
@pytest.mark.parametrize("operator", ["QLinearAveragePool", "QLinearGlobalAveragePool"])
def test_average_pools(tmp_path, kind, operator):
    random = np.random.default_rng(4)
    found = []
    for _ in range(12):
        builder = Builder(random, kind, kind)
        source, target = builder.activation(), builder.activation()
        attributes = {"kernel_shape": [3, 2], "pads": [1, 0, 1, 1], "strides": [2, 1]}
        if operator == "QLinearGlobalAveragePool":
            attributes = {"channels_last": 0}
        model = builder.model(operator, [*source, *target], source, target, (3, 7, 6), **attributes)
        found.append(steps(model, tmp_path, (3, 7, 6), random).ravel())
    differences = np.concatenate(found)
    if operator == "QLinearGlobalAveragePool":
        assert not differences.any()
    # The other one's order of operations is not specified.
    assert np.abs(differences).max() <= 1
    assert np.count_nonzero(differences) <= differences.size * 0.002


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_requantizations_are_within_a_step(tmp_path, kind):
    random = np.random.default_rng(4)
    found = []
    for _ in range(20):
        builder = Builder(random, kind, kind)
        source, target = builder.activation(), builder.activation()
        nodes = ["xq", *source], ["xd"]
        model = builder.model("Identity", [], source, source, (3, 8, 8))
        model.graph.node[1].CopyFrom(helper.make_node("DequantizeLinear", *nodes))
        model.graph.node.insert(2, helper.make_node("QuantizeLinear", ["xd", *target], ["yq"]))
        model.graph.node[3].input[1:] = target
        found.append(steps(model, tmp_path, (3, 8, 8), random).ravel())
    differences = np.concatenate(found)
    assert np.abs(differences).max() <= 1
    assert np.count_nonzero(differences) <= differences.size * 0.002
