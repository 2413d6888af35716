"""From the simplified graph to the Network: one lowering for each operator."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import WorkloadError
from accelsim.frontend.graph import Fold, Graph, Node, refuse
from accelsim.frontend.lower_matrix import (
    lower_add,
    lower_conv,
    lower_dense,
    lower_difference,
    lower_mul,
    lower_scale_shift,
)
from accelsim.frontend.lower_turned import Turns
from accelsim.frontend.lower_vector import (
    lower_average_pool,
    lower_clip,
    lower_flatten,
    lower_global_average_pool,
    lower_max_pool,
    lower_pad,
    lower_relu,
    lower_reshape,
    lower_softmax,
    lower_squeeze,
    lower_unsqueeze,
)
from accelsim.frontend.lowering import Lowered, Scope
from accelsim.frontend.shape_values import SHAPE_OPERATORS, ShapeValue, shape_value
from accelsim.network import Layer, Network, Shape, Softmax

__all__ = ["MAXIMUM_TENSOR_ELEMENTS", "Lowering", "lower", "lower_graph"]

MAXIMUM_TENSOR_ELEMENTS = 2**28
"""Largest tensor of one image that is accepted: 1 GiB in float32."""

_LOWERINGS: dict[str, Callable[[Node, Scope], Lowered]] = {
    "Add": lower_add,
    "AveragePool": lower_average_pool,
    "Clip": lower_clip,
    "Conv": lower_conv,
    "Dense": lower_dense,
    "Div": lower_difference,
    "Flatten": lower_flatten,
    "GlobalAveragePool": lower_global_average_pool,
    "MaxPool": lower_max_pool,
    "Mul": lower_mul,
    "Pad": lower_pad,
    "Relu": lower_relu,
    "Reshape": lower_reshape,
    "ScaleShift": lower_scale_shift,
    "Softmax": lower_softmax,
    "Squeeze": lower_squeeze,
    "Sub": lower_difference,
    "Unsqueeze": lower_unsqueeze,
}


@dataclass(frozen=True, eq=False)
class Lowering:
    """A network, the nodes that only computed shapes or orders, and what became of orders.

    ``column_orders``: for a dense layer that reads an image which the file flattens in another
    order of axes, which column of its weights here each column of the file's is.
    ``element_orders``: for the vectors in between, likewise.
    """

    network: Network
    folds: tuple[Fold, ...]
    column_orders: Mapping[str, NDArray[np.intp]]
    element_orders: Mapping[str, NDArray[np.intp]]


def lower(graph: Graph) -> Network:
    """Return the network of `lower_graph` alone."""
    return lower_graph(graph).network


def lower_graph(graph: Graph) -> Lowering:
    """Return the Network of a graph that `accelsim.frontend.passes.simplify` returned.

    Raises
    ------
    UnsupportedOperatorError
        If a node asks for something that is not supported; the message names node and type.
    WorkloadError
        If a tensor is too large, or there is nothing to compute.
    """
    shapes = {graph.input: graph.input_shape}
    values: dict[str, ShapeValue] = {}
    turns = Turns()
    _require_size(f"input {graph.input!r}", graph.input_shape)
    layers: list[Layer] = []
    folds: list[Fold] = []
    for node in graph.nodes:
        if node.operator == "Shape" or (
            node.operator in SHAPE_OPERATORS and any(name in values for name in node.inputs)
        ):
            values[node.output] = shape_value(
                node, ChainMap(shapes, turns.shapes), values, graph.constants
            )
            folds.append(Fold(node.name, node.operator))
            continue
        scope = Scope(graph, shapes, turns.shapes, values)
        made = turns.lower(node, scope) if turns.concerns(node) else _lowered(node, scope)
        for layer, shape in made:
            _require_size(str(node), shape)
            shapes[layer.output] = shape
            layers.append(layer)
            if isinstance(layer.operator, Softmax) and layer.output != graph.output:
                raise refuse(node, "runs on the host, so it is supported only as the last node")
        if not made:
            folds.append(Fold(node.name, node.operator))
    turns.require_ended(graph.output)
    if not layers or graph.output not in shapes:
        raise WorkloadError(f"output {graph.output!r} does not depend on input {graph.input!r}")
    network = Network(graph.name, graph.input, graph.output, tuple(layers), shapes)
    return Lowering(network, tuple(folds), turns.column_orders, turns.element_orders)


def _lowered(node: Node, scope: Scope) -> Lowered:
    lowering = _LOWERINGS.get(node.operator)
    if lowering is None:
        raise refuse(node, "is supported on constants, shapes and integers only")
    return lowering(node, scope)


def _require_size(owner: str, shape: Shape) -> None:
    if math.prod(shape) > MAXIMUM_TENSOR_ELEMENTS:
        raise WorkloadError(
            f"{owner}: {math.prod(shape)} elements for one image; "
            f"at most {MAXIMUM_TENSOR_ELEMENTS} are supported"
        )
