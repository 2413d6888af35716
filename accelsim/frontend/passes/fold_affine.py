"""Fold a scale and shift of each output channel into the Conv or Dense that comes before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.graph import Graph, Node
from accelsim.frontend.integers import scaled

__all__ = ["can_fold", "fold_affine"]

_Floats = NDArray[np.float64]


def can_fold(matrix: Node | None, graph: Graph, channels: int | None = None) -> bool:
    """Whether a node is a Conv or Dense of constants of which nothing else sees the result.

    ``channels``: it must have as many outputs. A result that is quantized is seen.
    """
    return (
        matrix is not None
        and matrix.operator in ("Conv", "Dense")
        and matrix.inputs[1] in graph.constants
        and channels in (None, len(graph.constants[matrix.inputs[1]]))
        and (not matrix.input(2) or matrix.input(2) in graph.constants)
        and graph.readers()[matrix.output] == 1
        and matrix.output not in graph.quantized
    )


def fold_affine(graph: Graph, matrix: Node, node: Node, scale: _Floats, shift: _Floats) -> Graph:
    """Return the graph where ``matrix`` does the work of ``node``, scale * its result + shift.

    scale, shift: [channels].
    """
    weights = graph.constants[matrix.inputs[1]]
    bias = graph.constants[matrix.inputs[2]] if matrix.input(2) else np.zeros(len(weights))
    names = (f"{node.output}:weights", f"{node.output}:bias")
    folded = (weights * scale.reshape(-1, *[1] * (weights.ndim - 1)), bias * scale + shift)
    constants = {n: np.asarray(v, np.float32) for n, v in zip(names, folded, strict=True)}
    merged = replace(matrix, inputs=(matrix.inputs[0], *names), output=node.output)
    integers = graph.integers.get(matrix.inputs[1])
    rescaled = None if integers is None else scaled(integers, scale)
    if rescaled is not None:
        graph = replace(graph, integers={**graph.integers, names[0]: rescaled})
    return graph.merge(matrix, node, merged, constants)
