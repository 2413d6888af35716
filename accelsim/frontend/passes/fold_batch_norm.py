"""Fold BatchNormalization into the Conv or Dense before it, or make it a depthwise Conv."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.graph import Graph, Node, refuse
from accelsim.frontend.passes.fold_affine import can_fold, fold_affine

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
            if matrix is not None and can_fold(matrix, graph, len(scale)):
                graph = fold_affine(graph, matrix, node, scale, shift)
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


def _replace_by_scale_shift(graph: Graph, norm: Node, scale: _Floats, shift: _Floats) -> Graph:
    names = (f"{norm.output}:scale", f"{norm.output}:shift")
    node = Node("ScaleShift", norm.name, (norm.inputs[0], *names), norm.output)
    constants = {n: np.asarray(v, np.float32) for n, v in zip(names, (scale, shift), strict=True)}
    return replace(
        graph,
        nodes=tuple(node if other is norm else other for other in graph.nodes),
        constants={**graph.constants, **constants},
    )
