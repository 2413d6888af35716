"""An ONNX graph as sizes alone: what each node reads and writes, and what is constant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import onnx

from accelsim.errors import UnsupportedOperatorError, WorkloadError
from accelsim.frontend.onnx_topology.sizes import infer_sizes

__all__ = ["GraphInput", "ShapeGraph", "ShapeNode", "shape_graph"]

_OWN_DOMAINS = ("", "ai.onnx")
_OF_SHAPES = ("Constant", "ConstantOfShape", "Shape", "Size")


@dataclass(frozen=True)
class ShapeNode:
    """A node that computes on what is no constant. Names of missing inputs are empty."""

    operator: str
    label: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def refuse(self, reason: str) -> UnsupportedOperatorError:
        """Return an error that names the node."""
        return UnsupportedOperatorError(f"node {self.label!r} ({self.operator}): {reason}")


@dataclass(frozen=True)
class GraphInput:
    """A tensor from outside, and its sizes."""

    name: str
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class ShapeGraph:
    """Nodes in order. ``sizes`` of tensors are those that could be worked out, batch included.

    ``readers``: how many nodes and outputs of the graph read a tensor.
    """

    inputs: tuple[GraphInput, ...]
    outputs: tuple[str, ...]
    nodes: tuple[ShapeNode, ...]
    sizes: Mapping[str, tuple[int, ...]]
    constants: frozenset[str]
    readers: Mapping[str, int]

    def sizes_of(self, node: ShapeNode, name: str) -> tuple[int, ...]:
        """Return a tensor's sizes; raises UnsupportedOperatorError if they are not known."""
        if name not in self.sizes:
            raise node.refuse(f"the shape of {name!r} cannot be worked out from the inputs'")
        return self.sizes[name]

    def elements(self, node: ShapeNode, name: str) -> int:
        """Return a tensor's number of elements; raises as `sizes_of` does."""
        return prod(self.sizes_of(node, name))


def shape_graph(model: onnx.ModelProto, given: Mapping[str, int]) -> ShapeGraph:
    """Return a model's graph for one image; ``given``: numbers for the sizes that have names.

    Raises
    ------
    WorkloadError
        An input has no shape, more than one image, or a size that nobody gave.
    UnsupportedOperatorError
        A node is of no standard operator.
    """
    inputs = _inputs(model, {tensor.name for tensor in model.graph.initializer}, given)
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    sizes = infer_sizes(model)
    constants = {tensor.name for tensor in model.graph.initializer}
    nodes = []
    for number, node in enumerate(model.graph.node):
        inner = any(a.type in (a.GRAPH, a.GRAPHS) for a in node.attribute)
        read = tuple(node.input)
        if node.op_type in _OF_SHAPES or (not inner and constants.issuperset(filter(None, read))):
            constants.update(node.output)
            continue
        named = ShapeNode(
            operator=node.op_type,
            label=node.name or f"{node.op_type}_{number}",
            inputs=read,
            outputs=tuple(node.output),
            attributes={a.name: onnx.helper.get_attribute_value(a) for a in node.attribute},
        )
        if node.domain not in _OWN_DOMAINS:
            raise named.refuse(f"is of the domain {node.domain!r}: what it computes is not known")
        nodes.append(named)
    outputs = tuple(output.name for output in model.graph.output)
    readers = Counter([*outputs, *(name for node in nodes for name in node.inputs)])
    return ShapeGraph(inputs, outputs, tuple(nodes), sizes, frozenset(constants), readers)


def _inputs(
    model: onnx.ModelProto, constants: set[str], given: Mapping[str, int]
) -> tuple[GraphInput, ...]:
    """Give every size of the inputs a number, in the model, too."""
    found, unused = [], dict(given)
    for value in model.graph.input:
        if value.name in constants:
            continue
        kind = value.type.tensor_type
        if not kind.HasField("shape"):
            raise WorkloadError(f"input {value.name!r} has no shape")
        for axis, dim in enumerate(kind.shape.dim):
            unused.pop(dim.dim_param, None)
            if dim.dim_param in given:
                dim.dim_value = given[dim.dim_param]
            elif axis == 0 and not dim.dim_value:
                dim.dim_value = 1
        sizes = tuple(dim.dim_value for dim in kind.shape.dim)
        if min(sizes, default=1) < 1:
            shown = ", ".join(str(dim.dim_value or dim.dim_param or "?") for dim in kind.shape.dim)
            hint = next((dim.dim_param for dim in kind.shape.dim if not dim.dim_value), "")
            advice = f"; give them, such as --size {hint}=128" if hint else ""
            raise WorkloadError(
                f"input {value.name!r} has shape [{shown}]: all but the first must be numbers"
                f"{advice}"
            )
        found.append(GraphInput(value.name, sizes))
    if unused:
        raise WorkloadError(f"--size {next(iter(unused))}: no input has a size of this name")
    if not found:
        raise WorkloadError("has no input")
    return tuple(found)
