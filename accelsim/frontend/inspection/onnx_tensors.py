"""What an ONNX file says of its tensors, read without running or changing anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from accelsim.frontend.inspection.record import TensorQuantization

__all__ = ["OnnxTensors", "Sizes", "infer_shapes", "type_name"]

Sizes = tuple[int | str, ...]
"""A shape; a size that is not known is text."""

# Larger constants are shapes of nothing: their values are left out of shape inference.
_SMALL_ELEMENTS = 1024
# Where each operator's inputs and outputs have (tensor, scale, zero point).
_INPUT_TRIPLES = {
    "DequantizeLinear": ((0, 1, 2),),
    "QuantizeLinear": ((0, 1, 2),),
    "QLinearConv": ((0, 1, 2), (3, 4, 5)),
    "QLinearMatMul": ((0, 1, 2), (3, 4, 5)),
    "QGemm": ((0, 1, 2), (3, 4, 5)),
    "QLinearAdd": ((0, 1, 2), (3, 4, 5)),
    "QLinearAveragePool": ((0, 1, 2),),
    "QLinearGlobalAveragePool": ((0, 1, 2),),
}
_OUTPUT_PAIRS = {
    "DequantizeLinear": (1, 2),
    "QuantizeLinear": (1, 2),
    "QLinearConv": (6, 7),
    "QLinearMatMul": (6, 7),
    "QGemm": (7, 8),
    "QLinearAdd": (6, 7),
    "QLinearAveragePool": (3, 4),
    "QLinearGlobalAveragePool": (3, 4),
}


def type_name(elem_type: int) -> str:
    """Return ONNX's name of an element type, as ``float``."""
    known = onnx.TensorProto.DataType
    return known.Name(elem_type).lower() if elem_type in known.values() else f"type {elem_type}"


@dataclass(frozen=True, eq=False)
class OnnxTensors:
    """Shapes, constants and quantization by tensor name."""

    shapes: dict[str, Sizes]
    constants: dict[str, onnx.TensorProto]
    quantization: dict[str, TensorQuantization]

    @classmethod
    def of(cls, model: onnx.ModelProto) -> OnnxTensors:
        """Read them from a model whose names are text."""
        constants = {tensor.name: tensor for tensor in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "Constant" and node.output:
                for attribute in node.attribute:
                    if attribute.name == "value":
                        constants[node.output[0]] = attribute.t
        shapes: dict[str, Sizes] = {name: tuple(t.dims) for name, t in constants.items()}
        for value in infer_shapes(model):
            if value.name not in shapes and value.type.tensor_type.HasField("shape"):
                shapes[value.name] = sizes_of(value)
        found = cls(shapes, constants, {})
        found.quantization.update(found._quantizations(model))
        return found

    def elements(self, name: str) -> int | None:
        """Return how many numbers a constant has, None if the tensor is computed."""
        return prod(self.constants[name].dims) if name in self.constants else None

    def _quantizations(self, model: onnx.ModelProto) -> Iterator[tuple[str, TensorQuantization]]:
        for node in model.graph.node:
            inputs = (*node.input, *[""] * 9)
            for tensor, scale, zero_point in _INPUT_TRIPLES.get(node.op_type, ()):
                yield inputs[tensor], self._described(*(inputs[i] for i in (scale, zero_point)))
            if node.op_type in _OUTPUT_PAIRS and node.output:
                scale, zero_point = _OUTPUT_PAIRS[node.op_type]
                yield node.output[0], self._described(inputs[scale], inputs[zero_point])
            if node.op_type == "Quant" and node.output:
                for name in (inputs[0], node.output[0]):
                    yield name, self._quant(node, inputs)

    def _described(self, scale: str, zero_point: str) -> TensorQuantization:
        kind = self.constants[zero_point].data_type if zero_point in self.constants else 2
        return _quantization(type_name(kind), self._values(scale), self._values(zero_point))

    def _quant(self, node: onnx.NodeProto, inputs: tuple[str, ...]) -> TensorQuantization:
        """QONNX: inputs are (tensor, scale, zero point, bit-width)."""
        signed = next((a.i for a in node.attribute if a.name == "signed"), 1)
        bits = self._values(inputs[3])
        width = f"{bits.reshape(-1)[0]:g}" if bits is not None and bits.size else "?"
        format = f"{'int' if signed else 'uint'}{width}"
        return _quantization(format, self._values(inputs[1]), self._values(inputs[2]))

    def _values(self, name: str) -> NDArray[Any] | None:
        tensor = self.constants.get(name)
        if tensor is None or not 0 < prod(tensor.dims) <= 1 << 20:
            return None
        try:
            return np.asarray(numpy_helper.to_array(tensor))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


def sizes_of(value: onnx.ValueInfoProto) -> Sizes:
    """Return the shape that a tensor is declared with."""
    return tuple(d.dim_value or str(d.dim_param) or "?" for d in value.type.tensor_type.shape.dim)


def _quantization(
    format: str, scales: NDArray[Any] | None, zero_points: NDArray[Any] | None
) -> TensorQuantization:
    one = scales is not None and scales.size == 1
    return TensorQuantization(
        format=format,
        scales=1 if scales is None else int(scales.size),
        scale=float(scales.reshape(-1)[0]) if scales is not None and one else None,
        zero_point=int(zero_points.reshape(-1)[0])
        if one and zero_points is not None and zero_points.size
        else None,
        has_zero_points=zero_points is not None and bool(np.any(zero_points)),
    )


def infer_shapes(model: onnx.ModelProto) -> Iterator[onnx.ValueInfoProto]:
    """Infer shapes on a copy without large constants; what cannot be inferred stays unknown."""
    light = onnx.ModelProto(ir_version=max(model.ir_version, 4))
    light.opset_import.extend(model.opset_import)
    light.graph.name = "shapes"
    light.graph.node.extend(model.graph.node)
    light.graph.input.extend(model.graph.input)
    light.graph.output.extend(model.graph.output)
    light.graph.value_info.extend(model.graph.value_info)
    declared = {value.name for value in model.graph.input}
    for tensor in model.graph.initializer:
        if prod(tensor.dims) <= _SMALL_ELEMENTS:
            light.graph.initializer.append(tensor)
        elif tensor.name not in declared:
            kind = onnx.helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))
            light.graph.input.append(onnx.helper.make_value_info(tensor.name, kind))
    try:
        inferred = onnx.shape_inference.infer_shapes(light, data_prop=True)
    except Exception:
        # Inference fails on graphs that are not valid; what the file declares remains.
        inferred = light
    yield from inferred.graph.value_info
    yield from inferred.graph.output
    yield from inferred.graph.input
