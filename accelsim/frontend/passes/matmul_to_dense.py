"""Bring Gemm and MatMul with constant weights into one form: Dense(x, weights, bias)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.graph import Graph, Node, refuse
from accelsim.frontend.integers import IntegerConstant

__all__ = ["matmul_to_dense"]


def matmul_to_dense(graph: Graph) -> Graph:
    """Return the graph with each Gemm and MatMul as Dense.

    ``alpha`` is multiplied into the weights and ``beta`` into the bias; a product without bias
    gets zeros.
    """
    constants = dict(graph.constants)
    integers = dict(graph.integers)
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.operator in ("Gemm", "MatMul"):
            weights, bias = _weights_and_bias(node, graph)
            names = (f"{node.output}:weights", f"{node.output}:bias")
            constants.update(zip(names, (weights, bias), strict=True))
            integers |= _integers(node, graph, names)
            node = Node("Dense", node.name, (node.input(0), *names), node.output)
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes), constants=constants, integers=integers)


def _integers(node: Node, graph: Graph, names: tuple[str, str]) -> dict[str, IntegerConstant]:
    """Return the integers behind the weights and the bias, unless a factor changes them."""
    found = {}
    weights, bias = graph.integers.get(node.input(1)), graph.integers.get(node.input(2))
    if weights is not None and node.attributes.get("alpha", 1.0) == 1.0:
        turned = weights if node.attributes.get("transB") else weights.transposed((1, 0))
        found[names[0]] = turned
    if bias is not None and bias.integers.ndim == 1 and node.attributes.get("beta", 1.0) == 1.0:
        found[names[1]] = bias
    return found


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
