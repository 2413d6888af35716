"""Push transposes along the graph until they cancel: NHWC files become NCHW graphs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.graph import Fold, Graph, Node, refuse
from accelsim.frontend.padding import pad_amounts
from accelsim.frontend.shape_values import axes_of

__all__ = ["remove_transposes"]

Order = tuple[int, ...]

_TO_CHANNELS_FIRST, _TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_ONE_INPUT = ("Clip", "Relu")
_TWO_INPUTS = ("Add", "Mul")


def remove_transposes(graph: Graph) -> Graph:
    """Return the graph with as few Transpose nodes as can be.

    A Transpose becomes a note on its tensor, "the file has this in another order of axes", which
    passes through operators that work element by element, through spatial means and paddings, and
    is gone where another Transpose undoes it. What needs its input in its own order gets a
    Transpose that does. An image that the file takes as [batch, height, width, channels] is taken
    with its channels first (``channels_last`` remembers it).
    """
    if not any(node.operator == "Transpose" for node in graph.nodes):
        return graph
    walk = _Walk(graph)
    for node in graph.nodes:
        walk.take(node)
    walk.finish()
    return replace(
        graph,
        nodes=tuple(walk.nodes),
        constants=walk.constants,
        input_shape=walk.input_shape,
        output=walk.output,
        quantized=walk.quantized,
        folds=(*graph.folds, *walk.folds),
        channels_last=walk.channels_last,
        orders={name: order for name, order in walk.orders.items() if _turns(order)},
    )


def _turns(order: Order) -> bool:
    return order != tuple(range(len(order)))


class _Walk:
    """Axis i of a tensor of the file is axis ``orders[tensor][i]`` of the tensor kept for it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.constants = dict(graph.constants)
        self.quantized = dict(graph.quantized)
        self.nodes: list[Node] = []
        self.folds: list[Fold] = []
        self.orders: dict[str, Order] = {}
        self.kept: dict[str, str] = {}
        self.turned: set[str] = set()
        self.input_shape, self.output = graph.input_shape, graph.output
        self.channels_last = _takes_channels_last(graph)
        if self.channels_last:
            height, width, channels = graph.input_shape
            self.input_shape = (channels, height, width)
            self.orders[graph.input] = _TO_CHANNELS_LAST

    def take(self, node: Node) -> None:
        """Add one node."""
        order = self.orders.get(node.input(0))
        if node.operator == "Transpose":
            self._transpose(node, order)
        elif node.operator in _ONE_INPUT and order is not None:
            self._keep(node, (self._kept(node.inputs[0]), *node.inputs[1:]), order)
        elif node.operator in _TWO_INPUTS and len(node.inputs) == 2:
            self._combine(node)
        elif node.operator == "ReduceMean" and order is not None:
            self._mean(node, order)
        elif node.operator == "Pad" and order is not None:
            self._pad(node, order)
        else:
            self._keep(node, tuple(self._in_order(name) for name in node.inputs), None)

    def finish(self) -> None:
        """Turn the output into the file's order."""
        self.output = self._in_order(self.output)

    def _kept(self, name: str) -> str:
        return self.kept.get(name, name)

    def _keep(self, node: Node, inputs: tuple[str, ...], order: Order | None) -> None:
        self.nodes.append(replace(node, inputs=inputs))
        if order is not None:
            self.orders[node.output] = order

    def _in_order(self, name: str) -> str:
        """Return a tensor as the file has it, turned by a Transpose if need be."""
        order, kept = self.orders.get(name), self._kept(name)
        if order is None or not _turns(order):
            return kept
        turned = f"{name}:turned"
        if turned not in self.turned:
            self.turned.add(turned)
            self.nodes.append(Node("Transpose", turned, (kept,), turned, {"perm": order}))
        return turned

    def _transpose(self, node: Node, order: Order | None) -> None:
        perm = node.attributes.get("perm")
        if perm is None:
            raise refuse(node, "perm must be given")
        if sorted(perm) != list(range(len(perm))) or len(perm) != len(order or perm) or perm[0]:
            raise refuse(node, f"must keep the batch first, got perm {list(perm)}")
        kept = self._kept(node.inputs[0])
        meaning = self.quantized.pop(node.output, None)
        if meaning not in (None, self.quantized.get(kept, meaning)):
            raise refuse(node, "is quantized to other integers than its input")
        if meaning is not None:
            self.quantized[kept] = meaning
        before = order or tuple(range(len(perm)))
        self.orders[node.output] = tuple(before[axis] for axis in perm)
        self.kept[node.output] = kept
        self.folds.append(Fold(node.name, node.operator))

    def _combine(self, node: Node) -> None:
        """Add or multiply two tensors in one order, or a tensor and a constant that is turned."""
        first, second = node.inputs
        orders = [self.orders.get(name) for name in node.inputs]
        constant = [name in self.constants for name in node.inputs]
        order = orders[1] if constant[0] else orders[0]
        if order is None or not _turns(order):
            self._keep(node, tuple(self._in_order(name) for name in node.inputs), order)
        elif any(constant):
            name, source = (first, second) if constant[0] else (second, first)
            turned = f"{node.output}:constant"
            self.constants[turned] = _turned(node, self.constants[name], order)
            self._keep(node, (self._kept(source), turned), order)
        elif orders[0] == orders[1]:
            self._keep(node, (self._kept(first), self._kept(second)), order)
        else:
            self._keep(node, tuple(self._in_order(name) for name in node.inputs), None)

    def _mean(self, node: Node, order: Order) -> None:
        axes = axes_of(node, self.constants)
        if axes is None or any(not -len(order) <= axis < len(order) for axis in axes):
            raise refuse(node, f"axes must be of {len(order)}, got {axes}")
        kept = tuple(order[axis] for axis in axes)
        left = [order[i] for i in range(len(order)) if i not in {a % len(order) for a in axes}]
        keeps = node.attributes.get("keepdims", 1)
        if not keeps and left != sorted(left):
            self._keep(node, tuple(self._in_order(name) for name in node.inputs), None)
            return
        attributes = {**node.attributes, "axes": kept}
        turned = replace(node, inputs=(self._kept(node.inputs[0]),), attributes=attributes)
        self._keep(turned, turned.inputs, order if keeps else None)

    def _pad(self, node: Node, order: Order) -> None:
        before, after = pad_amounts(node, self.graph)
        if len(before) != len(order):
            raise refuse(node, f"pads of {len(before)} axes, but the tensor has {len(order)}")
        pads = [0] * (2 * len(order))
        for axis, place in enumerate(order):
            pads[place], pads[len(order) + place] = before[axis], after[axis]
        attributes = {**node.attributes, "pads": pads}
        turned = replace(node, inputs=(self._kept(node.inputs[0]),), attributes=attributes)
        self._keep(turned, turned.inputs, order)


def _takes_channels_last(graph: Graph) -> bool:
    """Whether the image is turned to channels first before anything but element by element."""
    if len(graph.input_shape) != 3:
        return False
    reached = {graph.input}
    for node in graph.nodes:
        if not reached & set(node.inputs):
            continue
        if node.operator == "Transpose":
            return tuple(node.attributes.get("perm", ())) == _TO_CHANNELS_FIRST
        if node.operator not in (*_ONE_INPUT, *_TWO_INPUTS):
            return False
        reached.add(node.output)
    return False


def _turned(node: Node, values: NDArray[Any], order: Order) -> NDArray[Any]:
    """Return a constant that broadcasts over the kept tensor as it did over the file's."""
    if values.ndim > len(order):
        raise refuse(node, f"a constant of shape {list(values.shape)} for {len(order)} axes")
    full = values.reshape((1,) * (len(order) - values.ndim) + values.shape)
    return full.transpose(np.argsort(order))
