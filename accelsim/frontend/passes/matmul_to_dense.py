"""Bring Gemm and MatMul with constant weights into one form: Dense(x, weights, bias)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.graph import Graph, Node, refuse

__all__ = ["matmul_to_dense"]


def matmul_to_dense(graph: Graph) -> Graph:
    """Return the graph with each Gemm and MatMul as Dense.

    ``alpha`` is multiplied into the weights and ``beta`` into the bias; a product without bias
    gets zeros.
    """
    constants = dict(graph.constants)
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.operator in ("Gemm", "MatMul"):
            weights, bias = _weights_and_bias(node, graph)
            names = (f"{node.output}:weights", f"{node.output}:bias")
            constants.update(zip(names, (weights, bias), strict=True))
            node = Node("Dense", node.name, (node.input(0), *names), node.output)
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes), constants=constants)


def _weights_and_bias(node: Node, graph: Graph) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    weights = graph.constant(node.input(1))
    if weights is None or node.input(0) in graph.constants or node.attributes.get("transA"):
        raise refuse(node, "only a computed left side times constant weights is supported")
    if weights.ndim != 2:
        raise refuse(node, f"weights must have 2 dimensions, got {list(weights.shape)}")
    if not node.attributes.get("transB"):
        weights = weights.T
    weights = np.float32(node.attributes.get("alpha", 1.0)) * weights
    outputs = len(weights)
    if node.operator == "MatMul" or not node.input(2):
        return weights, np.zeros(outputs, np.float32)
    bias = graph.constant(node.input(2))
    if bias is None or bias.shape not in {(), (1,), (1, 1), (outputs,), (1, outputs)}:
        raise refuse(node, f"the bias must be a constant of {outputs} values, one for each output")
    bias = np.broadcast_to(bias.reshape(-1), (outputs,))
    return weights, np.float32(node.attributes.get("beta", 1.0)) * bias
