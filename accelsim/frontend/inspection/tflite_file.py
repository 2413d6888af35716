"""What is in a TensorFlow Lite file: every operator, whether or not the network can be run."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np

from accelsim.errors import WorkloadError
from accelsim.frontend.data.files import hash_files
from accelsim.frontend.inspection.advice import advice_on
from accelsim.frontend.inspection.quantization_lines import quantization_lines
from accelsim.frontend.inspection.record import (
    Inspection,
    OperatorLine,
    Place,
    TensorLine,
    TensorQuantization,
)
from accelsim.frontend.tflite import (
    Outcome,
    TfliteGraph,
    TfliteOperator,
    TfliteTensor,
    outcomes,
    read_tflite,
)
from accelsim.frontend.tflite.lower import LOWERINGS, lower
from accelsim.network import IntegerMatrix, IntegerReshape, IntegerSoftmax

__all__ = ["inspect_tflite"]

_MATRICES = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_SHAPES = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")


def inspect_tflite(path: Path) -> Inspection:
    """Read a file's operators, and try to lower them.

    Raises
    ------
    WorkloadError
        If the file cannot be read at all; the message names it.
    """
    graph = read_tflite(path)
    results = outcomes(graph)
    problems, unread = _attempt(graph)
    lines = tuple(_line(result, graph, unread) for result in results)
    inputs = tuple(_end(index, graph) for index in graph.inputs if index >= 0)
    refused = [result.operator.kind for result in results if result.refusal is not None]
    return Inspection(
        name=path.name,
        kind="TensorFlow Lite, schema version 3",
        file_bytes=graph.file_bytes,
        sha256=hash_files([path]),
        inputs=inputs,
        outputs=tuple(_end(index, graph) for index in graph.outputs if index >= 0),
        operators=lines,
        channels_last=True,
        quantization=quantization_lines(lines, inputs),
        problems=problems,
        advice=_advice(problems, refused),
    )


def _attempt(graph: TfliteGraph) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return why there is no network, and the operators whose results nobody reads."""
    try:
        lowering = lower(graph)
    except WorkloadError as error:
        lines = str(error).splitlines()
        return tuple(line for line in lines if not line.startswith("supported are")), frozenset()
    return (), frozenset(fold.name for fold in lowering.folds)


def _advice(problems: tuple[str, ...], refused: list[str]) -> tuple[str, ...]:
    if any("not quantized to 8 bits throughout" in problem for problem in problems):
        return (
            "convert with converter.optimizations = [tf.lite.Optimize.DEFAULT], a "
            "representative_dataset, and target_spec.supported_ops = "
            "[tf.lite.OpsSet.TFLITE_BUILTINS_INT8]",
        )
    return advice_on(refused)


def _line(result: Outcome, graph: TfliteGraph, unread: frozenset[str]) -> OperatorLine:
    operator = result.operator
    output = _tensor(operator.outputs, 0, graph)
    if output is not None and output.type.startswith("FLOAT") and not result.on_host:
        place, remark = _expected_place(operator), ""
    else:
        place, remark = _place(result, unread)
    weights = _tensor(operator.inputs, 1, graph) if operator.kind in _MATRICES else None
    bias = _tensor(operator.inputs, 2, graph) if weights is not None else None
    return OperatorLine(
        name=operator.name,
        operator=operator.kind,
        place=place,
        output=None if output is None else _of_one_image(output.shape),
        macs=_macs(operator, output, weights),
        parameters=sum(prod(part.shape) for part in (weights, bias) if part and part.constant),
        weights=None if weights is None else _quantization(weights),
        result=None if output is None else _quantization(output),
        remark=remark,
    )


def _place(result: Outcome, unread: frozenset[str]) -> tuple[Place, str]:
    operator = result.operator
    if result.refusal is not None:
        return Place.UNSUPPORTED, str(result.refusal).removeprefix(f"{operator}: ")
    if result.on_host:
        return Place.HOST, ""
    if result.only_shapes:
        return Place.FOLDED, "its result follows from fixed shapes"
    if operator.name in unread:
        return Place.FOLDED, "nobody reads its result"
    kinds = [layer.operator for layer in result.lowered.layers] if result.lowered else []
    if any(isinstance(kind, IntegerMatrix) for kind in kinds):
        return Place.ARRAY, ""
    if any(isinstance(kind, IntegerSoftmax) for kind in kinds):
        return Place.HOST, ""
    if all(isinstance(kind, IntegerReshape) for kind in kinds):
        return Place.FREE, ""
    return Place.VECTOR_UNIT, ""


def _expected_place(operator: TfliteOperator) -> Place:
    """Return where an operator would run if the file were quantized."""
    if operator.kind not in LOWERINGS:
        return Place.UNSUPPORTED
    if operator.kind in _MATRICES:
        return Place.ARRAY
    if operator.kind in _SHAPES:
        return Place.FREE
    return Place.HOST if operator.kind == "SOFTMAX" else Place.VECTOR_UNIT


def _of_one_image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape whose first axis is the batch, as that of every network here is 1."""
    return shape if shape[:1] == (1,) else (1, *shape)


def _macs(
    operator: TfliteOperator, output: TfliteTensor | None, weights: TfliteTensor | None
) -> int | None:
    """Count those of one image: each element of the output is a product of some depth."""
    if operator.kind not in _MATRICES:
        return 0
    if output is None or weights is None or operator.kind == "TRANSPOSE_CONV":
        return None
    # Filters are [out, y, x, in]; those of a depthwise convolution [1, y, x, out].
    depthwise = operator.kind == "DEPTHWISE_CONV_2D"
    depth = weights.shape[1:3] if depthwise else weights.shape[1:]
    return prod(output.shape) * prod(depth)


def _tensor(indices: tuple[int, ...], position: int, graph: TfliteGraph) -> TfliteTensor | None:
    if position >= len(indices) or indices[position] < 0:
        return None
    return graph.tensors[indices[position]]


def _end(index: int, graph: TfliteGraph) -> TensorLine:
    tensor = graph.tensors[index]
    return TensorLine(tensor.name, tensor.described_type, tensor.shape, _quantization(tensor))


def _quantization(tensor: TfliteTensor) -> TensorQuantization | None:
    scales, zero_points = tensor.scales, tensor.zero_points
    if not scales.size or tensor.type == "FLOAT32":
        return None
    one = scales.size == 1
    return TensorQuantization(
        format=tensor.described_type,
        scales=int(scales.size),
        scale=float(scales[0]) if one else None,
        zero_point=int(zero_points[0]) if one and zero_points.size else None,
        has_zero_points=bool(np.any(zero_points)),
    )
