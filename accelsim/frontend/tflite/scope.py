"""What lowering an operator needs to know of its tensors, checked as it asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from accelsim.arithmetic import IntegerFormat
from accelsim.errors import WorkloadError
from accelsim.frontend.tflite.graph import (
    TfliteGraph,
    TfliteOperator,
    TfliteTensor,
    brief,
    corrupt,
    refuse,
)
from accelsim.frontend.tflite.layout import layout_of
from accelsim.frontend.tflite.shape_arithmetic import shape_arithmetic
from accelsim.network import (
    IntegerLayer,
    IntegerOperator,
    QuantizedTensor,
    Shape,
)

__all__ = ["MAXIMUM_TENSOR_ELEMENTS", "Lowered", "Scope", "Step"]

MAXIMUM_TENSOR_ELEMENTS = 2**28
"""Largest tensor of one image that is accepted: 1 GiB as 32-bit integers."""

WEIGHTS_PER_FILE_BYTE = 2
"""Weights that layers may have in all; above 1 only where layers share a buffer."""

LARGEST_DIFFERENCE_OF_SCALES = 1e-6
"""What TensorFlow Lite's kernels allow where input and output must have one scale."""

FORMATS = {"INT8": IntegerFormat(8), "UINT8": IntegerFormat(8, signed=False)}


@dataclass(frozen=True, eq=False)
class Step:
    """One of an operator's layers and the tensor that it writes.

    ``suffix`` tells helping layers from the operator's own, which has none.
    """

    suffix: str
    operator: IntegerOperator
    tensor: QuantizedTensor


@dataclass(frozen=True, eq=False)
class Lowered:
    """An operator's layers, and the tensors between them that the file does not have."""

    layers: tuple[IntegerLayer, ...]
    tensors: dict[str, QuantizedTensor] = field(default_factory=dict)


class Scope:
    """A graph's tensors as its operators meet them."""

    def __init__(self, graph: TfliteGraph) -> None:
        self.graph = graph
        self.shape_operators, self._known_shapes = shape_arithmetic(graph)
        self._names = {tensor.name for tensor in graph.tensors}
        self._weights_left = WEIGHTS_PER_FILE_BYTE * graph.file_bytes

    def source(
        self, operator: TfliteOperator, position: int = 0, types: tuple[str, ...] = ("INT8",)
    ) -> TfliteTensor:
        """Return an input that is computed as the network runs."""
        tensor = self._input(operator, position)
        if tensor is None:
            raise corrupt(operator, f"input {position} is missing")
        if tensor.constant:
            raise refuse(
                operator,
                f"input {position}, {tensor.label}, is a constant; only computed "
                "tensors are supported there",
            )
        return self._activation(operator, tensor, types)

    def target(self, operator: TfliteOperator, types: tuple[str, ...] = ("INT8",)) -> TfliteTensor:
        """Return the output."""
        if len(operator.outputs) != 1 or operator.outputs[0] < 0:
            raise corrupt(operator, f"must have 1 output, has {len(operator.outputs)}")
        return self._activation(operator, self.graph.tensors[operator.outputs[0]], types)

    def constant(
        self, operator: TfliteOperator, position: int, types: tuple[str, ...]
    ) -> TfliteTensor:
        """Return an input whose values are in the file."""
        tensor = self.optional_constant(operator, position, types)
        if tensor is None:
            raise corrupt(operator, f"input {position} is missing")
        return tensor

    def optional_constant(
        self, operator: TfliteOperator, position: int, types: tuple[str, ...]
    ) -> TfliteTensor | None:
        """Return an input whose values are in the file, or None if it is left out."""
        tensor = self._input(operator, position)
        if tensor is None:
            return None
        where = f"input {position}, {tensor.label},"
        if tensor.unsupported:
            raise refuse(operator, f"{where} {tensor.unsupported}")
        if not tensor.constant:
            raise refuse(operator, f"{where} must be a constant")
        if tensor.type not in types or tensor.values is None:
            allowed = " or ".join(name.lower() for name in types)
            raise refuse(operator, f"{where} must be {allowed}, got {tensor.described_type}")
        return tensor

    def require_known_shape(self, operator: TfliteOperator, position: int) -> None:
        """Refuse an input that states a shape and is not known before the network runs."""
        tensor = self._input(operator, position)
        if tensor is not None and not tensor.constant and tensor.index not in self._known_shapes:
            raise refuse(operator, f"input {position}, {tensor.label}, must be a constant")

    def quantized(self, tensor: TfliteTensor) -> QuantizedTensor:
        """Return what the integers of an activation mean that `source` or `target` returned."""
        return QuantizedTensor(
            layout_of(tensor.shape).shape,
            FORMATS[tensor.type],
            float(tensor.scales[0]),
            int(tensor.zero_points[0]) if tensor.zero_points.size else 0,
        )

    def take_weights(self, operator: TfliteOperator, count: int) -> None:
        """Account for a layer's weights: a small file must not become a large network."""
        self._weights_left -= count
        if self._weights_left < 0:
            raise WorkloadError(
                f"{operator}: the layers up to here have more weights than "
                f"{WEIGHTS_PER_FILE_BYTE} for each byte of the file"
            )

    def require_same_quantization(
        self, operator: TfliteOperator, source: TfliteTensor, target: TfliteTensor
    ) -> None:
        """Refuse an operator that copies integers to a tensor in which they mean other reals."""
        before, after = self.quantized(source), self.quantized(target)
        if (
            before.zero_point != after.zero_point
            or abs(before.scale - after.scale) > LARGEST_DIFFERENCE_OF_SCALES
        ):
            raise refuse(
                operator,
                f"input (scale {before.scale:.6g}, zero point {before.zero_point}) and output "
                f"(scale {after.scale:.6g}, zero point {after.zero_point}) must have the same "
                "quantization",
            )

    def require_shape(
        self, operator: TfliteOperator, target: TfliteTensor, expected: Shape
    ) -> None:
        """Refuse an output whose stated shape is not the one that the operator computes."""
        if target.shape != expected:
            raise corrupt(
                operator, f"its output is stated as {brief(target.shape)}, but is {brief(expected)}"
            )

    def chain(
        self,
        operator: TfliteOperator,
        sources: tuple[TfliteTensor, ...],
        steps: list[Step],
        target: TfliteTensor,
    ) -> Lowered:
        """Return the layers from the sources through ``steps``; the last one writes the target.

        The others write tensors that the file does not have.
        """
        inputs = tuple(tensor.name for tensor in sources)
        layers: list[IntegerLayer] = []
        tensors: dict[str, QuantizedTensor] = {}
        for index, step in enumerate(steps):
            name = f"{operator.name}_{step.suffix}" if step.suffix else operator.name
            output = target.name
            if index < len(steps) - 1:
                output = self._unused(f"{target.name}/{step.suffix or 'result'}")
                tensors[output] = step.tensor
            layers.append(IntegerLayer(name, step.operator, inputs, output))
            inputs = (output,)
        return Lowered(tuple(layers), tensors)

    def single(
        self,
        operator: TfliteOperator,
        sources: tuple[TfliteTensor, ...],
        result: IntegerOperator,
        target: TfliteTensor,
    ) -> Lowered:
        """Return the one layer from the sources to the target."""
        return self.chain(operator, sources, [Step("", result, self.quantized(target))], target)

    def _unused(self, name: str) -> str:
        while name in self._names:
            name += "'"
        return name

    def _input(self, operator: TfliteOperator, position: int) -> TfliteTensor | None:
        if position >= len(operator.inputs) or operator.inputs[position] < 0:
            return None
        return self.graph.tensors[operator.inputs[position]]

    def _activation(
        self, operator: TfliteOperator, tensor: TfliteTensor, types: tuple[str, ...]
    ) -> TfliteTensor:
        where = f"tensor {tensor.label}"
        if tensor.unsupported:
            raise refuse(operator, f"{where} {tensor.unsupported}")
        if tensor.type not in types:
            allowed = " or ".join(name.lower() for name in types)
            raise refuse(operator, f"{where} must be {allowed}, got {tensor.described_type}")
        if not tensor.shape or min(tensor.shape) < 1:
            raise refuse(
                operator,
                f"{where} has shape {brief(tensor.shape)}; every size must be fixed and at least 1",
            )
        if prod(tensor.shape) > MAXIMUM_TENSOR_ELEMENTS:
            raise refuse(
                operator,
                f"{where} has {prod(tensor.shape)} elements; at most {MAXIMUM_TENSOR_ELEMENTS} "
                "are supported",
            )
        self._check_quantization(operator, tensor)
        return tensor

    def _check_quantization(self, operator: TfliteOperator, tensor: TfliteTensor) -> None:
        where = f"tensor {tensor.label}"
        if tensor.scales.size != 1 or tensor.zero_points.size > 1:
            raise refuse(
                operator,
                f"{where} must have 1 scale and 1 zero point, got {tensor.scales.size} "
                f"and {tensor.zero_points.size}",
            )
        scale = tensor.scales[0]
        if not (np.isfinite(scale) and scale > 0):
            raise corrupt(operator, f"{where} has scale {scale}; it must be positive and finite")
        form = FORMATS[tensor.type]
        for zero_point in tensor.zero_points.tolist():
            if not form.low <= zero_point <= form.high:
                raise corrupt(
                    operator,
                    f"{where} has zero point {zero_point}; for {form} it must be in "
                    f"[{form.low}, {form.high}]",
                )
