"""A mean over height and width is a global average pool."""

from __future__ import annotations

from dataclasses import replace

from accelsim.frontend.graph import Graph, Node, refuse
from accelsim.frontend.shape_values import axes_of

__all__ = ["reduce_mean"]


def reduce_mean(graph: Graph) -> Graph:
    """Return the graph with each ReduceMean as GlobalAveragePool, and Flatten if it drops axes."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.operator != "ReduceMean":
            nodes.append(node)
            continue
        axes = axes_of(node, graph.constants)
        # Negative axes count from the end of [batch, channels, height, width].
        if axes is None or sorted(axis % 4 for axis in axes) != [2, 3]:
            shown = "all" if axes is None else list(axes)
            raise refuse(node, f"only a mean over height and width is supported, got axes {shown}")
        keeps = node.attributes.get("keepdims", 1)
        pooled = node.output if keeps else f"{node.output}:pooled"
        nodes.append(Node("GlobalAveragePool", node.name, node.inputs[:1], pooled))
        if not keeps:
            nodes.append(Node("Flatten", f"{node.name}:flatten", (pooled,), node.output))
    return replace(graph, nodes=tuple(nodes))
