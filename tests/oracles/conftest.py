"""onnxruntime as a witness: an integer network of up to 8 bits as QLinear operators."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerMatrix,
    IntegerMaxPool,
)


class Witness:
    """Builds the graph, one method a layer kind, and runs it without any graph optimization.

    Inputs of the graph are the tensors that its layers read and none of them writes.
    """

    def __init__(self, integer):
        self.integer = integer
        self.nodes = []
        written = {layer.output for layer in integer.layers}
        read = {name for layer in integer.layers for name in layer.inputs}
        self.inputs = sorted(read - written)
        self.constants = []
        for layer in integer.layers:
            self.layer(layer)
        self.session = self.build()

    def run(self, tensors):
        """int32[images, ...] by tensor name, for every tensor that a layer writes."""
        names = [layer.output for layer in self.integer.layers]
        stored = {name: tensors[name].astype(self.storage(name)) for name in self.inputs}
        outputs = self.session.run(names, stored)
        return {name: values.astype(np.int32) for name, values in zip(names, outputs, strict=True)}

    def storage(self, tensor):
        form = self.integer.tensors[tensor].format
        assert form.bits <= 8
        return np.int8 if form.signed else np.uint8

    def constant(self, values, dtype):
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, dtype=dtype), name))
        return name

    def parameters(self, tensor):
        """Names of the scale and the zero point of a tensor."""
        described = self.integer.tensors[tensor]
        return (
            self.constant(described.scale, np.float32),
            self.constant(described.zero_point, self.storage(tensor)),
        )

    def node(self, kind, inputs, output, domain="", **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))

    def clipped(self, layer, low, high):
        """Name for a layer's raw result; a Clip brings it to the layer's clamp."""
        kind = self.storage(layer.output)
        bounds = [self.constant(low, kind), self.constant(high, kind)]
        raw = f"{layer.output}_raw"
        return raw, lambda: self.node("Clip", [raw, *bounds], layer.output)

    def layer(self, layer):
        operator = layer.operator
        if isinstance(operator, IntegerMaxPool):
            self.node("MaxPool", layer.inputs, layer.output, **window(operator.window))
        elif isinstance(operator, IntegerClamp):
            kind = self.storage(layer.output)
            bounds = [
                self.constant(bound, kind) for bound in (operator.clamp_low, operator.clamp_high)
            ]
            self.node("Clip", [layer.inputs[0], *bounds], layer.output)
        elif isinstance(operator, IntegerMatrix | IntegerAdd | IntegerAveragePool):
            raw, clip = self.clipped(layer, operator.clamp_low, operator.clamp_high)
            if isinstance(operator, IntegerMatrix):
                self.matrix(layer, raw)
            elif isinstance(operator, IntegerAdd):
                left, right = layer.inputs
                inputs = [left, *self.parameters(left), right, *self.parameters(right)]
                inputs += self.parameters(layer.output)
                self.node("QLinearAdd", inputs, raw, "com.microsoft")
            else:
                self.average_pool(layer, raw)
            clip()
        else:
            shape = self.constant([-1, *self.integer.tensors[layer.output].shape], np.int64)
            self.node("Reshape", [layer.inputs[0], shape], layer.output)

    def matrix(self, layer, raw):
        operator = layer.operator
        source = self.integer.tensors[layer.inputs[0]]
        sums = operator.weights.reshape(len(operator.bias), -1).sum(axis=1)
        bias = self.constant(operator.bias + source.zero_point * sums, np.int32)
        scales = operator.weight_scales
        scale = self.constant(scales if scales.size > 1 else scales[0], np.float32)
        # Without VNNI, uint8 x int8 kernels saturate the sum of two products to 16 bits; with
        # both operands of the same kind they are exact.
        kind = self.storage(layer.inputs[0])
        offset = 128 if kind is np.uint8 else 0
        weights = operator.weights + offset
        zero = self.constant(np.full(scales.size, offset) if scales.size > 1 else offset, kind)
        inputs = [layer.inputs[0], *self.parameters(layer.inputs[0])]
        if len(source.shape) == 1:
            inputs += [self.constant(weights[:, :, 0, 0].T, kind), scale, zero, bias]
            self.node("QGemm", [*inputs, *self.parameters(layer.output)], raw, "com.microsoft")
        else:
            inputs += [self.constant(weights, kind), scale, zero]
            inputs += [*self.parameters(layer.output), bias]
            geometry = window(operator.window)
            self.node("QLinearConv", inputs, raw, group=operator.groups, **geometry)

    def average_pool(self, layer, raw):
        operator = layer.operator
        inputs = [layer.inputs[0], *self.parameters(layer.inputs[0])]
        inputs += self.parameters(layer.output)
        _, height, width = self.integer.tensors[layer.inputs[0]].shape
        if operator.window.kernel == (height, width) and operator.window.pads == (0, 0, 0, 0):
            self.node("QLinearGlobalAveragePool", inputs, raw, "com.microsoft", channels_last=0)
        else:
            geometry = window(operator.window)
            assert geometry.pop("dilations") == (1, 1)
            self.node(
                "QLinearAveragePool",
                inputs,
                raw,
                "com.microsoft",
                count_include_pad=int(operator.count_include_pad),
                **geometry,
            )

    def build(self):
        def value(name):
            kind = TensorProto.INT8 if self.storage(name) is np.int8 else TensorProto.UINT8
            return helper.make_tensor_value_info(
                name, kind, ["images", *self.integer.tensors[name].shape]
            )

        graph = helper.make_graph(
            self.nodes,
            self.integer.name,
            [value(name) for name in self.inputs],
            [value(layer.output) for layer in self.integer.layers],
            self.constants,
        )
        imports = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=8)
        onnx.checker.check_model(model)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )


def window(geometry):
    return {
        "kernel_shape": geometry.kernel,
        "strides": geometry.strides,
        "pads": geometry.pads,
        "dilations": geometry.dilations,
    }


@pytest.fixture(scope="session")
def witness():
    return Witness
