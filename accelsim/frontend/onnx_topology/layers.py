"""The layers of a topology as they are found, and where each ONNX tensor is among them.

A tensor is a layer's output, or a function of each of its elements that has not been looked up
yet. What only changes a shape moves nothing: memory holds channels fastest, whatever the axes are
called. Tensors of the host and of the outside take the shape of whoever reads them first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from accelsim.frontend.onnx_topology.graph import ShapeNode

__all__ = ["Held", "Layers"]

Shape = tuple[int, int, int]
_NAME_LENGTH = 50


@dataclass(frozen=True)
class Held:
    """Where an ONNX tensor is: a topology's tensor, and the functions of each element on top.

    ``key`` tells functions apart: it is the ONNX tensor that the last of them made.
    """

    tensor: str
    functions: tuple[str, ...] = ()
    key: str = ""


@dataclass
class Layers:
    """Lines of a topology file.

    ``loose``: tensors whose shape is still free. ``products``: those of the array, with the number
    of their channels that have weights of their own (1: none has).
    """

    lines: list[dict[str, Any]] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    macs: int = 0
    host: set[str] = field(default_factory=set)
    loose: set[str] = field(default_factory=set)
    products: dict[str, int] = field(default_factory=dict)
    _looked_up: dict[tuple[str, str], str] = field(default_factory=dict)
    _views: dict[tuple[str, Shape], str] = field(default_factory=dict)

    def add_input(self, name: str, sizes: Iterable[int]) -> Held:
        """Add a tensor from outside; the first is the topology's ``input``."""
        tensor = self._new_name(name) if self.shapes else "input"
        self.shapes[tensor] = (prod(sizes), 1, 1)
        self.loose.add(tensor)
        return Held(tensor)

    def add(
        self, node: ShapeNode, fields: dict[str, Any], inputs: Iterable[str], shape: Shape
    ) -> Held:
        """Add a layer that reads tensors in the shapes they have."""
        name = self._new_name(node.label)
        self.lines.append({"op": fields["op"], "name": name, **fields, "of": list(inputs)})
        self.shapes[name] = shape
        return Held(name)

    def add_host(self, node: ShapeNode, inputs: Iterable[str], sizes: Iterable[int]) -> Held:
        """Add what the host does; its output's shape is left to who reads it."""
        fields = {"op": "host", "function": node.operator}
        held = self.add(node, fields, inputs, (prod(sizes), 1, 1))
        self.host.add(held.tensor)
        self.loose.add(held.tensor)
        return held

    def looked_up(self, held: Held) -> str:
        """Return the tensor with its functions applied: one table look-up for all of them."""
        if not held.functions:
            return held.tensor
        key = (held.tensor, held.key)
        if key not in self._looked_up:
            name = self._new_name(held.key)
            function = " ".join(dict.fromkeys(held.functions))
            self.lines.append(
                {"op": "lookup", "name": name, "function": function, "of": [held.tensor]}
            )
            self.shapes[name] = self.shapes[held.tensor]
            if held.tensor in self.loose:
                # Both have one shape, which nobody may change any more.
                self.loose.discard(held.tensor)
            self._looked_up[key] = name
        return self._looked_up[key]

    def shaped(self, node: ShapeNode, held: Held, shape: Shape) -> str:
        """Return a tensor in a shape; where its channels would change, the host reorders it."""
        if held.functions and held.tensor in self.loose:
            self._settle(held.tensor, shape)
        tensor = self.looked_up(held)
        if tensor in self.loose:
            self._settle(tensor, shape)
        if self.shapes[tensor] == shape:
            return tensor
        if prod(self.shapes[tensor]) != prod(shape):
            raise node.refuse(
                f"reads {prod(shape)} elements of a tensor of {prod(self.shapes[tensor])}"
            )
        if (tensor, shape) not in self._views:
            self._views[tensor, shape] = self._reshaped(node, tensor, shape)
        return self._views[tensor, shape]

    def _reshaped(self, node: ShapeNode, tensor: str, shape: Shape) -> str:
        reshape = replace(node, operator="reorder", label=f"{node.label}_input")
        if self.shapes[tensor][0] == shape[0]:
            return self.add(reshape, {"op": "view", "output": shape}, [tensor], shape).tensor
        held = self.add_host(reshape, [tensor], shape)
        self._settle(held.tensor, shape)
        return held.tensor

    def _settle(self, tensor: str, shape: Shape) -> None:
        if prod(self.shapes[tensor]) == prod(shape):
            self.shapes[tensor] = shape
            self.loose.discard(tensor)

    def _new_name(self, label: str) -> str:
        short = re.sub(r"[^A-Za-z0-9_]+", "_", label).strip("_")[-_NAME_LENGTH:] or "layer"
        name, number = short, 2
        while name in self.shapes or name == "input":
            name, number = f"{short}_{number}", number + 1
        return name
