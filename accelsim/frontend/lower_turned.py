"""Images that a file flattens in another order of axes: the dense layer's columns take the turn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UnsupportedOperatorError
from accelsim.frontend.graph import Node, refuse
from accelsim.frontend.lower_matrix import lower_dense
from accelsim.frontend.lower_vector import (
    lower_clip,
    lower_flatten,
    lower_relu,
    lower_reshape,
)
from accelsim.frontend.lowering import Lowered, Scope, one_layer
from accelsim.network import Dense, Reshape, Shape

__all__ = ["Turns"]

_CLAMPS = {"Clip": lower_clip, "Relu": lower_relu}
_FLATTENS = {"Flatten": lower_flatten, "Reshape": lower_reshape}


class Turns:
    """Tensors of the file that have their elements in another order than the tensor kept for them.

    ``shapes``: of the turned images, as the file has them. ``element_orders``: by vector, the
    element here of each element of the file's. ``column_orders``: the same of dense layers'
    weights.
    """

    def __init__(self) -> None:
        self.shapes: dict[str, Shape] = {}
        self._images: dict[str, str] = {}
        self._nodes: dict[str, Node] = {}
        self.element_orders: dict[str, NDArray[np.intp]] = {}
        self.column_orders: dict[str, NDArray[np.intp]] = {}

    def concerns(self, node: Node) -> bool:
        """Whether the node turns a tensor or reads one that is turned."""
        turned = any(name in self._images or name in self.element_orders for name in node.inputs)
        return node.operator == "Transpose" or turned

    def require_ended(self, output: str) -> None:
        """Refuse a network whose output is turned."""
        if output in self._images or output in self.element_orders:
            raise self._refusal(output)

    def lower(self, node: Node, scope: Scope) -> Lowered:
        """Return the layers of a node that `concerns` turned tensors."""
        first = node.inputs[0]
        if node.operator == "Transpose":
            return self._transpose(node, scope)
        if node.operator in _FLATTENS and first in self._images:
            return self._flatten(node, scope)
        if first in self.element_orders and node.operator in _CLAMPS:
            self._turn(node, self.element_orders[first])
            return _CLAMPS[node.operator](node, scope)
        if first in self.element_orders and node.operator == "Dense":
            return self._dense(node, scope)
        raise self._refusal(next(n for n in node.inputs if n in self._images | self.element_orders))

    def _refusal(self, tensor: str) -> UnsupportedOperatorError:
        return refuse(
            self._nodes[tensor],
            "turns the axes of its input; that is supported where another Transpose turns them "
            "back, or a Flatten and a dense layer follow",
        )

    def _turn(self, node: Node, order: NDArray[np.intp]) -> None:
        self.element_orders[node.output] = order
        self._nodes[node.output] = self._nodes[node.inputs[0]]

    def _transpose(self, node: Node, scope: Scope) -> Lowered:
        """Note a turned image; one whose elements stay in their order is a reshape."""
        shape = scope.shape(node)
        if node.inputs[0] in self._images or node.inputs[0] in self.element_orders:
            raise self._refusal(node.inputs[0])
        order = tuple(axis - 1 for axis in node.attributes["perm"][1:])
        if len(order) != len(shape):
            raise refuse(node, f"perm of {len(order) + 1} axes for an image of {len(shape) + 1}")
        target = tuple(shape[axis] for axis in order)
        moved = [axis for axis in order if shape[axis] > 1]
        if moved == sorted(moved):
            return one_layer(node, Reshape(target), target)
        self._images[node.output] = node.inputs[0]
        self._nodes[node.output] = node
        self.shapes[node.output] = target
        return []

    def _flatten(self, node: Node, scope: Scope) -> Lowered:
        """Flatten the image that is kept, and note where its elements are in the file's."""
        turned = node.inputs[0]
        transpose = self._nodes[turned]
        ((_, flat),) = _FLATTENS[node.operator](node, scope)
        if len(flat) != 1:
            raise self._refusal(turned)
        kept = self._images[turned]
        shape = scope.shapes[kept]
        order = tuple(axis - 1 for axis in transpose.attributes["perm"][1:])
        self.element_orders[node.output] = (
            np.arange(flat[0]).reshape(shape).transpose(order).ravel()
        )
        self._nodes[node.output] = transpose
        return one_layer(node, Reshape(flat), flat, kept)

    def _dense(self, node: Node, scope: Scope) -> Lowered:
        columns = self.element_orders[node.inputs[0]]
        self.column_orders[node.name] = columns
        ((layer, shape),) = lower_dense(node, scope)
        assert isinstance(layer.operator, Dense)
        weights = np.empty_like(layer.operator.weights)
        weights[:, columns] = layer.operator.weights
        return [(replace(layer, operator=replace(layer.operator, weights=weights)), shape)]
