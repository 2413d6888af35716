"""Remove the nodes whose result nobody reads."""

from __future__ import annotations

from dataclasses import replace

from accelsim.frontend.graph import Fold, Graph, Node

__all__ = ["remove_unused"]


def remove_unused(graph: Graph) -> Graph:
    """Return the graph with only the nodes that the output depends on."""
    needed = {graph.output}
    kept: list[Node] = []
    folds: list[Fold] = []
    for node in reversed(graph.nodes):
        if node.output in needed:
            needed.update(node.inputs)
            kept.append(node)
        else:
            folds.append(Fold(node.name, node.operator))
    return replace(graph, nodes=tuple(reversed(kept)), folds=(*graph.folds, *reversed(folds)))
