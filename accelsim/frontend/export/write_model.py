"""An integer network as a quantized ONNX model: QuantizeLinear, Clip, DequantizeLinear."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import TensorProto, helper

from accelsim.errors import UnsupportedOperatorError
from accelsim.frontend.export.graph_writer import GraphWriter, container
from accelsim.frontend.export.write_weights import write_bias, write_weights
from accelsim.frontend.quantized.constants import format_between
from accelsim.frontend.read_model import MAXIMUM_FILE_BYTES
from accelsim.network import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerLayer,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerNetwork,
    IntegerPad,
    IntegerRequantize,
    IntegerReshape,
    Window,
)

__all__ = ["quantized_bytes", "quantized_model"]

# The first that has 16-bit quantizers and 4-bit integers, and its version of the file format.
OPSET, IR_VERSION = 21, 10


def quantized_model(integer: IntegerNetwork) -> onnx.ModelProto:
    """Return an ONNX model that computes the integers of a network in ``float32`` rescale mode.

    Every operator is float between DequantizeLinear and QuantizeLinear, which onnxruntime fuses
    into its kernels on integers. Activations of up to 8 bits are in int8 or uint8, wider ones in
    int16 or uint16, and a Clip behind the quantizer leaves the bits that they have (QCDQ); a
    second Clip is a fused clamp. Weights are constants: of 4 bits in int4, else as activations.

    Raises
    ------
    UnsupportedOperatorError
        If the network holds an operator, or a bias, that ONNX's quantized form has not.
    """
    for layer in integer.layers:
        if integer.tensors[layer.output].at_run_time:
            raise UnsupportedOperatorError(
                f"layer {layer.name!r}: finds its range at run time, which no quantizer with a "
                "stored scale does; quantize the network with a calibrated range"
            )
    model = _Model(integer)
    model.write_input()
    for layer in integer.layers:
        model.write_layer(layer)
    return model.finished()


def quantized_bytes(integer: IntegerNetwork) -> bytes:
    """Return `quantized_model` as a file's content.

    Raises
    ------
    UnsupportedOperatorError
        As `quantized_model`, or if it is larger than an ONNX file can be.
    """
    model = quantized_model(integer)
    size_bytes = model.ByteSize()
    if size_bytes > MAXIMUM_FILE_BYTES:
        raise UnsupportedOperatorError(
            f"{integer.name}: {size_bytes} bytes; an ONNX file has at most {MAXIMUM_FILE_BYTES}"
        )
    content: bytes = model.SerializeToString(deterministic=True)
    return content


class _Model:
    def __init__(self, integer: IntegerNetwork) -> None:
        self.integer = integer
        names = (*integer.tensors, *integer.host_layers, *(layer.name for layer in integer.layers))
        self.writer = GraphWriter(names)
        self.stored: dict[str, str] = {}
        self.real: dict[str, str] = {}
        self.clamped = {
            layer.inputs[0] for layer in integer.layers if isinstance(layer.operator, IntegerClamp)
        }

    def write_input(self) -> None:
        name = self.integer.input
        self._quantize(name, name)

    def write_layer(self, layer: IntegerLayer) -> None:
        """Write one layer: a float operator between dequantized inputs and a quantizer."""
        operator = layer.operator
        inputs = [self.real[name] for name in layer.inputs]
        target = self.integer.tensors[layer.output]
        if isinstance(operator, IntegerClamp):
            self._clamp(layer, operator)
        elif isinstance(operator, IntegerMatrix):
            self._matrix(layer, operator)
        elif isinstance(operator, IntegerAdd):
            self._clamped(layer, "Add", inputs, operator.clamp_low, operator.clamp_high)
        elif isinstance(operator, IntegerAveragePool):
            self._average_pool(layer, operator)
        elif isinstance(operator, IntegerMaxPool):
            self.writer.node(
                "MaxPool", inputs, layer.output, layer.name, **_attributes(operator.window)
            )
            self._quantize(layer.output, layer.output)
        elif isinstance(operator, IntegerRequantize):
            self._requantize(layer, operator)
        elif isinstance(operator, IntegerPad) and operator.fill == target.zero_point:
            ends = [0, *operator.before, 0, *operator.after]
            pads = self.writer.constant(f"{layer.output}:pads", ends, "int64")
            self.writer.node("Pad", [*inputs, pads], layer.output, layer.name)
            self._quantize(layer.output, layer.output)
        elif isinstance(operator, IntegerReshape) and not operator.channels_last:
            shape = self.writer.constant(f"{layer.output}:shape", [0, *target.shape], "int64")
            self.writer.node("Reshape", [*inputs, shape], layer.output, layer.name)
            self._quantize(layer.output, layer.output)
        else:
            kind = type(operator).__name__
            raise UnsupportedOperatorError(
                f"layer {layer.name!r}: {kind} has no counterpart in quantized ONNX; "
                "only networks from ONNX files can be exported"
            )

    def finished(self) -> onnx.ModelProto:
        """Return the model, its output dequantized and through the host's softmax if it has one."""
        integer = self.integer
        output = self.real[integer.output]
        shape = integer.tensors[integer.output].shape
        for name in integer.host_layers:
            result = self.writer.unique(f"{integer.output}:softmax")
            output = self.writer.node("Softmax", [output], result, name, axis=-1)
        source = integer.tensors[integer.input].shape
        graph = helper.make_graph(
            self.writer.nodes,
            integer.name,
            [helper.make_tensor_value_info(integer.input, TensorProto.FLOAT, ["batch", *source])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", *shape])],
            self.writer.initializers,
        )
        imports = [helper.make_opsetid("", OPSET)]
        return helper.make_model(
            graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="accelsim"
        )

    def _quantize(self, real: str, tensor: str, clamp: tuple[int, int] | None = None) -> None:
        """Quantize the float tensor ``real`` to the integers of ``tensor``, and back."""
        described = self.integer.tensors[tensor]
        form, stored = described.format, container(described.format)
        ends = (form.low, form.high)
        clamp = None if clamp == ends else clamp
        steps = []
        # Behind a quantizer, a clip to the range of a format is that format: where a clamp could
        # be taken for one, the format is written too.
        ambiguous = clamp is not None and format_between(*clamp, within=stored) is not None
        if form != stored or ambiguous or tensor in self.clamped:
            steps.append((*ends, self.writer.unique(f"{tensor}:{form}")))
        if clamp is not None:
            steps.append((*clamp, tensor))
        parameters = self.writer.quantizer(tensor, described)
        raw = self.writer.unique(f"{tensor}:quantized")
        self.writer.node("QuantizeLinear", [real, *parameters], raw)
        self._dequantize(tensor, self.writer.clipped(raw, stored, steps), parameters)

    def _dequantize(self, tensor: str, integers: str, parameters: tuple[str, str]) -> None:
        real = self.writer.unique(f"{tensor}:dequantized")
        self.stored[tensor] = integers
        self.real[tensor] = self.writer.node("DequantizeLinear", [integers, *parameters], real)

    def _clamped(
        self,
        layer: IntegerLayer,
        kind: str,
        inputs: list[str],
        low: int,
        high: int,
        **attributes: Any,
    ) -> None:
        """Write an operator whose quantizer is followed by the layer's clamp, if it has one."""
        form = self.integer.tensors[layer.output].format
        is_clamped = (low, high) != (form.low, form.high)
        # The clip that a clamp is takes the tensor's name.
        output = self.writer.unique(f"{layer.output}:raw") if is_clamped else layer.output
        self.writer.node(kind, inputs, output, layer.name, **attributes)
        self._quantize(output, layer.output, (low, high))

    def _clamp(self, layer: IntegerLayer, operator: IntegerClamp) -> None:
        described = self.integer.tensors[layer.output]
        steps = [(operator.clamp_low, operator.clamp_high, layer.output)]
        source = self.stored[layer.inputs[0]]
        stored = container(self.integer.tensors[layer.inputs[0]].format)
        # The clip is the layer, so it has the layer's name.
        integers = self.writer.clipped(source, stored, steps, layer.name)
        parameters = self.writer.quantizer(layer.output, described)
        self._dequantize(layer.output, integers, parameters)

    def _requantize(self, layer: IntegerLayer, operator: IntegerRequantize) -> None:
        """Write a clamp of real numbers: its input and output have different integers."""
        described = self.integer.tensors[layer.output]
        inputs = [self.real[layer.inputs[0]]]
        form = described.format
        if (operator.clamp_low, operator.clamp_high) != (form.low, form.high):
            for role, code in (("low", operator.clamp_low), ("high", operator.clamp_high)):
                bound = described.scale * (code - described.zero_point)
                inputs.append(self.writer.constant(f"{layer.output}:{role}", bound, "float32"))
        self.writer.node("Clip", inputs, layer.output, layer.name)
        self._quantize(layer.output, layer.output)

    def _matrix(self, layer: IntegerLayer, operator: IntegerMatrix) -> None:
        source = self.integer.tensors[layer.inputs[0]]
        is_dense = len(source.shape) == 1
        inputs = [
            self.real[layer.inputs[0]],
            write_weights(self.writer, layer.name, operator, is_dense),
            write_bias(self.writer, layer.name, operator, source),
        ]
        ends = (operator.clamp_low, operator.clamp_high)
        if is_dense:
            self._clamped(layer, "Gemm", inputs, *ends, transB=1)
        else:
            attributes = _attributes(operator.window) | {"group": operator.groups}
            self._clamped(layer, "Conv", inputs, *ends, **attributes)

    def _average_pool(self, layer: IntegerLayer, operator: IntegerAveragePool) -> None:
        inputs = [self.real[layer.inputs[0]]]
        _, height, width = self.integer.tensors[layer.inputs[0]].shape
        ends = (operator.clamp_low, operator.clamp_high)
        if operator.window == Window((height, width)) and not operator.count_include_pad:
            self._clamped(layer, "GlobalAveragePool", inputs, *ends)
        else:
            counted = {"count_include_pad": int(operator.count_include_pad)}
            attributes = _attributes(operator.window) | counted
            self._clamped(layer, "AveragePool", inputs, *ends, **attributes)


def _attributes(window: Window) -> dict[str, Any]:
    attributes = {"kernel_shape": window.kernel, "strides": window.strides, "pads": window.pads}
    if window.dilations == (1, 1):
        # onnxruntime fuses AveragePool to QLinearAveragePool, which knows no such attribute.
        return attributes
    return attributes | {"dilations": window.dilations}
