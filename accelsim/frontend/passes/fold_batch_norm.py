"""Fold BatchNormalization into the Conv or Dense before it, or make it a depthwise Conv."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.graph import Graph, Node, refuse
from accelsim.frontend.integers import scaled

__all__ = ["fold_batch_norm"]

_Floats = NDArray[np.float64]


def fold_batch_norm(graph: Graph) -> Graph:
    """Return the graph without BatchNormalization.

    With s = scale / sqrt(variance + epsilon), normalizing w . x + b gives
    (s w) . x + (b - mean) s + bias, channel by channel. Where something else reads the value
    before the normalization, or it is quantized there, or no Conv or Dense computes it, the node
    becomes ``ScaleShift(x, s, bias - mean s)``, which runs as a depthwise 1x1 convolution.
    """
    for node in graph.nodes:
        if node.operator == "BatchNormalization":
            scale, shift = _scale_and_shift(node, graph)
            matrix = graph.producers().get(node.inputs[0])
            if matrix is not None and _can_fold(matrix, graph, len(scale)):
                graph = _fold(graph, matrix, node, scale, shift)
            else:
                graph = _replace_by_scale_shift(graph, node, scale, shift)
    return graph


def _scale_and_shift(node: Node, graph: Graph) -> tuple[_Floats, _Floats]:
    if node.attributes.get("training_mode") or node.attributes.get("spatial", 1) != 1:
        raise refuse(node, "only inference over whole channels is supported")
    constants = [graph.constants.get(name) for name in node.inputs[1:5]]
    found = [np.asarray(values, np.float64) for values in constants if values is not None]
    if len(found) != 4 or any(v.shape != found[0].shape or v.ndim != 1 for v in found):
        raise refuse(node, "scale, bias, mean and variance must be constants of one length")
    scale, bias, mean, variance = found
    variance = variance + node.attributes.get("epsilon", 1e-5)
    if not (variance > 0).all():
        raise refuse(node, "variance + epsilon must be positive in every channel")
    factor = scale / np.sqrt(variance)
    return factor, bias - mean * factor


def _can_fold(matrix: Node, graph: Graph, channels: int) -> bool:
    return (
        matrix.operator in ("Conv", "Dense")
        and matrix.inputs[1] in graph.constants
        and len(graph.constants[matrix.inputs[1]]) == channels
        and (not matrix.input(2) or matrix.input(2) in graph.constants)
        and graph.readers()[matrix.output] == 1
        and matrix.output not in graph.quantized
    )


def _fold(graph: Graph, matrix: Node, norm: Node, scale: _Floats, shift: _Floats) -> Graph:
    weights = graph.constants[matrix.inputs[1]]
    bias = graph.constants[matrix.inputs[2]] if matrix.input(2) else np.zeros(len(weights))
    names = (f"{norm.output}:weights", f"{norm.output}:bias")
    folded = (weights * scale.reshape(-1, *[1] * (weights.ndim - 1)), bias * scale + shift)
    constants = {n: np.asarray(v, np.float32) for n, v in zip(names, folded, strict=True)}
    merged = replace(matrix, inputs=(matrix.inputs[0], *names), output=norm.output)
    integers = graph.integers.get(matrix.inputs[1])
    rescaled = None if integers is None else scaled(integers, scale)
    if rescaled is not None:
        graph = replace(graph, integers={**graph.integers, names[0]: rescaled})
    return graph.merge(matrix, norm, merged, constants)


def _replace_by_scale_shift(graph: Graph, norm: Node, scale: _Floats, shift: _Floats) -> Graph:
    names = (f"{norm.output}:scale", f"{norm.output}:shift")
    node = Node("ScaleShift", norm.name, (norm.inputs[0], *names), norm.output)
    constants = {n: np.asarray(v, np.float32) for n, v in zip(names, (scale, shift), strict=True)}
    return replace(
        graph,
        nodes=tuple(node if other is norm else other for other in graph.nodes),
        constants={**graph.constants, **constants},
    )
