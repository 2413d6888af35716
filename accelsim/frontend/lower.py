"""From the simplified graph to the Network: one lowering for each operator."""

from __future__ import annotations

import math
from collections.abc import Callable

from accelsim.errors import WorkloadError
from accelsim.frontend.graph import Graph, Node, refuse
from accelsim.frontend.lower_matrix import lower_add, lower_conv, lower_dense, lower_scale_shift
from accelsim.frontend.lower_vector import (
    lower_average_pool,
    lower_clip,
    lower_flatten,
    lower_global_average_pool,
    lower_max_pool,
    lower_relu,
    lower_reshape,
    lower_softmax,
)
from accelsim.frontend.lowering import Lowered, Scope
from accelsim.network import Layer, Network, Shape, Softmax

__all__ = ["MAXIMUM_TENSOR_ELEMENTS", "lower"]

MAXIMUM_TENSOR_ELEMENTS = 2**28
"""Largest tensor of one image that is accepted: 1 GiB in float32."""

_LOWERINGS: dict[str, Callable[[Node, Scope], Lowered]] = {
    "Add": lower_add,
    "AveragePool": lower_average_pool,
    "Clip": lower_clip,
    "Conv": lower_conv,
    "Dense": lower_dense,
    "Flatten": lower_flatten,
    "GlobalAveragePool": lower_global_average_pool,
    "MaxPool": lower_max_pool,
    "Relu": lower_relu,
    "Reshape": lower_reshape,
    "ScaleShift": lower_scale_shift,
    "Softmax": lower_softmax,
}


def lower(graph: Graph) -> Network:
    """Return the Network of a graph that `accelsim.frontend.passes.simplify` returned.

    Raises
    ------
    UnsupportedOperatorError
        If a node asks for something that is not supported; the message names node and type.
    WorkloadError
        If a tensor is too large, or there is nothing to compute.
    """
    shapes = {graph.input: graph.input_shape}
    _require_size(f"input {graph.input!r}", graph.input_shape)
    layers: list[Layer] = []
    for node in graph.nodes:
        lowering = _LOWERINGS.get(node.operator)
        if lowering is None:
            raise refuse(node, "is supported on constants and integers only")
        for layer, shape in lowering(node, Scope(graph, shapes)):
            _require_size(str(node), shape)
            shapes[layer.output] = shape
            layers.append(layer)
            if isinstance(layer.operator, Softmax) and layer.output != graph.output:
                raise refuse(node, "runs on the host, so it is supported only as the last node")
    if not layers or graph.output not in shapes:
        raise WorkloadError(f"output {graph.output!r} does not depend on input {graph.input!r}")
    return Network(graph.name, graph.input, graph.output, tuple(layers), shapes)


def _require_size(owner: str, shape: Shape) -> None:
    if math.prod(shape) > MAXIMUM_TENSOR_ELEMENTS:
        raise WorkloadError(
            f"{owner}: {math.prod(shape)} elements for one image; "
            f"at most {MAXIMUM_TENSOR_ELEMENTS} are supported"
        )
