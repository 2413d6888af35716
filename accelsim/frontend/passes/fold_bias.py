"""Fold the addition of a constant into the bias of the Conv or Dense before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.graph import Graph, Node

__all__ = ["channel_constant", "fold_bias"]


def fold_bias(graph: Graph) -> Graph:
    """Return the graph without the additions that a bias can do.

    Only where nothing else reads the sum before the addition, it is not quantized there, and the
    constant has one value, or one for each output channel.
    """
    for add in graph.nodes:
        found = _bias_of(add, graph)
        if found is not None:
            matrix, offset = found
            weights = graph.constants[matrix.inputs[1]]
            bias = graph.constant(matrix.input(2))
            name = f"{add.output}:bias"
            total = np.broadcast_to(offset if bias is None else offset + bias, len(weights))
            merged = replace(matrix, inputs=(*matrix.inputs[:2], name), output=add.output)
            graph = graph.merge(matrix, add, merged, {name: total})
    return graph


def channel_constant(
    values: NDArray[np.float32], channels: int, spatial_dimensions: int
) -> NDArray[np.float32] | None:
    """Return a constant as [1] or [channels] if it broadcasts over all but the channel axis."""
    shape = (1, channels, *[1] * spatial_dimensions)
    if values.size == 1 and values.ndim <= len(shape):
        return values.reshape(1)
    if values.shape in (shape, shape[1:]):
        return values.reshape(channels)
    return None


def _bias_of(add: Node, graph: Graph) -> tuple[Node, NDArray[np.float32]] | None:
    if add.operator != "Add":
        return None
    producers, readers = graph.producers(), graph.readers()
    for source, other in (add.inputs, add.inputs[::-1]):
        matrix, values = producers.get(source), graph.constant(other)
        if matrix is None or values is None or readers[source] != 1 or source in graph.quantized:
            continue
        if matrix.operator not in ("Conv", "Dense") or matrix.inputs[1] not in graph.constants:
            continue
        weights = graph.constants[matrix.inputs[1]]
        offset = channel_constant(values, len(weights), weights.ndim - 2)
        if offset is not None:
            return matrix, offset
    return None
