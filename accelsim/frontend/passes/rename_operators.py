"""Bring operators that say the same in several ways into one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.graph import Graph, Node, refuse

__all__ = ["rename_operators"]


def rename_operators(graph: Graph) -> Graph:
    """Return the graph with fewer kinds of operators.

    Sum of two is Add; Max or Min with a constant number is Clip; x - c is Add of -c; x / c is Mul
    by 1 / c.
    """
    constants = dict(graph.constants)
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.operator == "Sum":
            nodes.append(_sum(node))
        elif node.operator in ("Max", "Min"):
            nodes.append(_bound(node, constants))
        elif node.operator in ("Sub", "Div") and _is_real(constants.get(node.input(1))):
            kind, values = _opposite(node, constants[node.inputs[1]])
            name = f"{node.output}:{kind.lower()}"
            constants[name] = values
            nodes.append(replace(node, operator=kind, inputs=(node.input(0), name)))
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes), constants=constants)


def _sum(node: Node) -> Node:
    if len(node.inputs) != 2:
        raise refuse(node, f"only sums of two are supported, got {len(node.inputs)}")
    return replace(node, operator="Add")


def _bound(node: Node, constants: dict[str, NDArray[Any]]) -> Node:
    for source, bound in (node.inputs, node.inputs[::-1]) if len(node.inputs) == 2 else ():
        values = constants.get(bound)
        if source not in constants and values is not None and values.size == 1:
            inputs = (source, bound) if node.operator == "Max" else (source, "", bound)
            return replace(node, operator="Clip", inputs=inputs)
    raise refuse(node, "only of one tensor and one constant number is supported")


def _is_real(values: NDArray[Any] | None) -> bool:
    """Whether a constant holds real numbers; whole ones are those of shapes."""
    return values is not None and values.dtype.kind == "f"


def _opposite(node: Node, values: NDArray[Any]) -> tuple[str, NDArray[np.float32]]:
    if node.operator == "Sub":
        return "Add", -values.astype(np.float32)
    if not values.all():
        raise refuse(node, f"divides by zero: {node.input(1)!r}")
    return "Mul", (1.0 / values.astype(np.float64)).astype(np.float32)
