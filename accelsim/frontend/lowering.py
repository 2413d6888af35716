"""What every lowering uses: the graph so far, and the checks of a node's inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import WorkloadError
from accelsim.frontend.graph import Graph, Node, refuse
from accelsim.frontend.shape_values import ShapeValue
from accelsim.network import Layer, Operator, Shape

__all__ = ["Lowered", "Scope", "finite", "one_layer", "shown"]

Lowered = list[tuple[Layer, Shape]]
"""The layers that do the work of one node, each with the shape of its output."""


@dataclass(frozen=True, eq=False)
class Scope:
    """The graph, and what is known of the tensors that the nodes before this one compute.

    ``turned`` has the shapes of tensors that are kept in another order of axes only; ``values``
    the tensors that are shapes.
    """

    graph: Graph
    shapes: Mapping[str, Shape]
    turned: Mapping[str, Shape] = field(default_factory=dict)
    values: Mapping[str, ShapeValue] = field(default_factory=dict)

    def shape(self, node: Node, position: int = 0) -> Shape:
        """Return the shape of an input that must be computed."""
        name = node.input(position)
        if name in self.turned:
            return self.turned[name]
        if name not in self.shapes:
            raise refuse(node, f"input {name!r} is a constant; it must be computed from the image")
        return self.shapes[name]

    def image(self, node: Node) -> Shape:
        """Return the (channels, height, width) of the first input."""
        shape = self.shape(node)
        if len(shape) != 3:
            raise refuse(
                node, f"input must be [batch, channels, height, width], got {shown(shape)}"
            )
        return shape


def shown(shape: Shape) -> str:
    """Return a shape as a person reads it, batch included.

    >>> shown((3, 8, 8))
    '[batch, 3, 8, 8]'
    """
    return f"[{', '.join(map(str, ('batch', *shape)))}]"


def one_layer(node: Node, operator: Operator, shape: Shape, *inputs: str) -> Lowered:
    """Return the one layer that does the node's work, named as the node."""
    return [(Layer(node.name, operator, inputs or (node.inputs[0],), node.output), shape)]


def finite(node: Node, values: NDArray[Any]) -> NDArray[np.float32]:
    """Return weights as float32, or refuse those that folding made too large for it."""
    if not np.isfinite(values).all():
        raise WorkloadError(f"{node}: folding makes weights that are NaN or infinite in float32")
    return np.ascontiguousarray(values, np.float32)
