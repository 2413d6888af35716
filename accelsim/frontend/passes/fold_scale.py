"""Fold a product with a constant into the Conv or Dense before it."""

from __future__ import annotations

import numpy as np

from accelsim.frontend.graph import Graph
from accelsim.frontend.passes.fold_affine import can_fold, fold_affine
from accelsim.frontend.passes.fold_bias import channel_constant

__all__ = ["fold_scale"]


def fold_scale(graph: Graph) -> Graph:
    """Return the graph without the products that weights can do.

    Only where nothing else sees the result before the product, and the constant has one value,
    or one for each output channel.
    """
    for node in graph.nodes:
        if node.operator != "Mul":
            continue
        producers = graph.producers()
        for source, other in (node.inputs, node.inputs[::-1]):
            matrix, values = producers.get(source), graph.constant(other)
            if matrix is None or values is None or not can_fold(matrix, graph):
                continue
            weights = graph.constants[matrix.inputs[1]]
            factors = channel_constant(values, len(weights), weights.ndim - 2)
            if factors is not None:
                scale = np.broadcast_to(factors.astype(np.float64), len(weights))
                graph = fold_affine(graph, matrix, node, scale, np.zeros(len(weights)))
                break
    return graph
