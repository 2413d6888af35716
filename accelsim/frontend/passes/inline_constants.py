"""Turn Constant nodes, and copies of constants, into constants of the graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.graph import Fold, Graph, Node, refuse

__all__ = ["inline_constants"]

_COPIES = {"Identity"}


def inline_constants(graph: Graph) -> Graph:
    """Return the graph without Constant nodes and without Identity nodes of constants."""
    constants = dict(graph.constants)
    kept: list[Node] = []
    folds: list[Fold] = []
    for node in graph.nodes:
        if node.operator == "Constant":
            constants[node.output] = _value(node)
        elif node.operator in _COPIES and node.input(0) in constants:
            constants[node.output] = constants[node.input(0)]
        else:
            kept.append(node)
            continue
        folds.append(Fold(node.name, node.operator))
    return replace(graph, nodes=tuple(kept), constants=constants, folds=(*graph.folds, *folds))


def _value(node: Node) -> NDArray[Any]:
    for key in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if key in node.attributes:
            kind = {"value_f": np.float32, "value_i": np.int64}.get(key[:7])
            return np.asarray(node.attributes[key], kind)
    raise refuse(node, "only dense numeric constants are supported")
