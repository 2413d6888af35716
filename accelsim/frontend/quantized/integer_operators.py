"""Operators on integers (QLinearConv and its like) as dequantize, compute, quantize."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.graph import Graph, Node, refuse

__all__ = ["INTEGER_OPERATORS", "expand_integer_operators"]

_Constants = Mapping[str, NDArray[Any]]


def expand_integer_operators(graph: Graph) -> Graph:
    """Return the graph with every operator on integers in its dequantized form.

    QLinearConv(x, w, b) -> y becomes DequantizeLinear of x, w and b, Conv, QuantizeLinear to y,
    and the Conv keeps the node's name: one form for all that follows.
    """
    nodes: list[Node] = []
    constants = dict(graph.constants)
    for node in graph.nodes:
        expand = INTEGER_OPERATORS.get(node.operator)
        nodes += expand(node) if expand else [node]
        if node.operator in _BIASES and node.input(_BIASES[node.operator]):
            constants[_bias_scale(node)] = _product_of_scales(node, graph.constants)
    return replace(graph, nodes=tuple(nodes), constants=constants)


def _dequantize(node: Node, first: int, role: str, axis: int = 1) -> Node:
    """Dequantize three inputs of the node: integers, scale, zero point."""
    return Node(
        "DequantizeLinear",
        f"{node.name}:{role}",
        tuple(node.input(place) for place in range(first, first + 3)),
        f"{node.output}:{role}",
        {"axis": axis},
    )


def _quantize(node: Node, scale: int) -> tuple[str, Node]:
    """Return the name for the float result, and its quantization to the node's output."""
    real = f"{node.output}:real"
    inputs = (real, node.input(scale), node.input(scale + 1))
    return real, Node("QuantizeLinear", f"{node.name}:output", inputs, node.output)


def _dequantize_bias(node: Node) -> list[Node]:
    """Dequantize an int32 bias, if there is one; its scale is the product of two others."""
    place = _BIASES[node.operator]
    if not node.input(place):
        return []
    inputs, output = (node.input(place), _bias_scale(node)), f"{node.output}:bias"
    return [Node("DequantizeLinear", f"{node.name}:bias", inputs, output, {"axis": 0})]


def _bias_scale(node: Node) -> str:
    return f"{node.output}:bias_scale"


def _product_of_scales(node: Node, constants: _Constants) -> NDArray[np.float32]:
    """Multiply the scales of input and weights, in float32."""
    factors = [constants.get(node.input(place)) for place in (1, 4)]
    if any(factor is None for factor in factors):
        raise refuse(node, "scales must be constants")
    first, second = (np.asarray(factor, np.float32).reshape(-1) for factor in factors)
    if 1 not in (first.size, second.size):
        raise refuse(node, f"scales of {first.size} and {second.size} values do not fit")
    with np.errstate(over="ignore", under="ignore"):
        product = first * second
    return product if product.size > 1 else product.reshape(())


def _convolution(node: Node) -> list[Node]:
    """Expand QLinearConv: x, scale, zero; w, scale, zero; y's scale and zero; bias."""
    source, weights = _dequantize(node, 0, "input"), _dequantize(node, 3, "weights", axis=0)
    bias = _dequantize_bias(node)
    real, output = _quantize(node, 6)
    inputs = (source.output, weights.output, *(made.output for made in bias))
    conv = Node("Conv", node.name, inputs, real, node.attributes)
    return [source, weights, *bias, conv, output]


def _product(node: Node) -> list[Node]:
    """Expand QLinearMatMul: a, scale, zero; b, scale, zero; y's scale and zero."""
    left, right = _dequantize(node, 0, "input"), _dequantize(node, 3, "weights", axis=1)
    real, output = _quantize(node, 6)
    product = Node("MatMul", node.name, (left.output, right.output), real)
    return [left, right, product, output]


def _gemm(node: Node) -> list[Node]:
    """Expand QGemm: a, scale, zero; b, scale, zero; c; y's scale and zero."""
    if node.attributes.get("alpha", 1.0) != 1.0:
        raise refuse(node, f"alpha must be 1, got {node.attributes['alpha']:g}")
    transposed = int(bool(node.attributes.get("transB", 0)))
    left = _dequantize(node, 0, "input")
    right = _dequantize(node, 3, "weights", axis=1 - transposed)
    bias = _dequantize_bias(node)
    real, output = _quantize(node, 7)
    gemm = Node(
        "Gemm",
        node.name,
        (left.output, right.output, *(made.output for made in bias)),
        real if node.input(7) else node.output,
        {name: node.attributes[name] for name in ("transA", "transB") if name in node.attributes},
    )
    return [left, right, *bias, gemm, *([output] if node.input(7) else [])]


def _add(node: Node) -> list[Node]:
    """Expand QLinearAdd: a, scale, zero; b, scale, zero; y's scale and zero."""
    left, right = _dequantize(node, 0, "left"), _dequantize(node, 3, "right")
    real, output = _quantize(node, 6)
    total = Node("Add", node.name, (left.output, right.output), real)
    return [left, right, total, output]


def _pool(operator: str) -> Callable[[Node], list[Node]]:
    def expand(node: Node) -> list[Node]:
        """Expand a pool: x, scale, zero; y's scale and zero."""
        if node.attributes.get("channels_last", 0):
            raise refuse(node, "channels_last is not supported")
        source = _dequantize(node, 0, "input")
        real, output = _quantize(node, 3)
        pool = Node(operator, node.name, (source.output,), real, node.attributes)
        return [source, pool, output]

    return expand


# Where the operators that have a bias have it.
_BIASES = {"QGemm": 6, "QLinearConv": 8}


def _softmax(node: Node) -> list[Node]:
    """Expand QLinearSoftmax: x, scale, zero; y's scale and zero."""
    source = _dequantize(node, 0, "input")
    real, output = _quantize(node, 3)
    axis = {"axis": node.attributes.get("axis", -1)}
    return [source, Node("Softmax", node.name, (source.output,), real, axis), output]


INTEGER_OPERATORS: dict[str, Callable[[Node], list[Node]]] = {
    "QGemm": _gemm,
    "QLinearAdd": _add,
    "QLinearAveragePool": _pool("AveragePool"),
    "QLinearConv": _convolution,
    "QLinearGlobalAveragePool": _pool("GlobalAveragePool"),
    "QLinearMatMul": _product,
    "QLinearSoftmax": _softmax,
}
