"""Compute what moves or casts constants alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.graph import Fold, Graph, Node, refuse
from accelsim.frontend.shape_values import axes_of

__all__ = ["fold_constants"]

_Array = NDArray[Any]


def fold_constants(graph: Graph) -> Graph:
    """Return the graph without Transpose, Reshape, Squeeze and Unsqueeze of constants."""
    constants = dict(graph.constants)
    kept: list[Node] = []
    folds: list[Fold] = []
    for node in graph.nodes:
        compute = _COMPUTED.get(node.operator)
        if compute is None or node.input(0) not in constants:
            kept.append(node)
            continue
        try:
            constants[node.output] = compute(node, constants[node.inputs[0]], constants)
        except ValueError as error:
            raise refuse(node, f"does not fit its constant: {error}") from None
        folds.append(Fold(node.name, node.operator))
    if not folds:
        return graph
    return replace(graph, nodes=tuple(kept), constants=constants, folds=(*graph.folds, *folds))


def _transpose(node: Node, values: _Array, _: dict[str, _Array]) -> _Array:
    return values.transpose(node.attributes.get("perm", tuple(range(values.ndim)[::-1])))


def _reshape(node: Node, values: _Array, constants: dict[str, _Array]) -> _Array:
    target = constants.get(node.input(1))
    if target is None:
        raise refuse(node, "the shape must be a constant")
    sizes = [int(size) for size in target]
    keep = not node.attributes.get("allowzero", 0)
    shape = [
        values.shape[place] if keep and size == 0 and place < values.ndim else size
        for place, size in enumerate(sizes)
    ]
    return values.reshape(shape)


def _squeeze(node: Node, values: _Array, constants: dict[str, _Array]) -> _Array:
    return np.squeeze(values, axes_of(node, constants))


def _unsqueeze(node: Node, values: _Array, constants: dict[str, _Array]) -> _Array:
    axes = axes_of(node, constants)
    return values if axes is None else np.expand_dims(values, axes)


_COMPUTED: dict[str, Callable[[Node, _Array, dict[str, _Array]], _Array]] = {
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
