"""What an ONNX graph is while passes rewrite it: nodes over named tensors, and constants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UnsupportedOperatorError
from accelsim.frontend.integers import Affine, IntegerConstant
from accelsim.network import Shape

__all__ = ["Fold", "Graph", "Node", "refuse"]


@dataclass(frozen=True, eq=False)
class Node:
    """One operator. An optional input that is left out is the empty string, as in ONNX.

    Besides ONNX's own operators the passes use ``Dense``: inputs (x, weights [out, in],
    bias [out]), the one form of Gemm and of MatMul.
    """

    operator: str
    name: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def input(self, position: int) -> str:
        """Return the tensor at ``position``, or the empty string if it is left out."""
        return self.inputs[position] if position < len(self.inputs) else ""

    def __str__(self) -> str:
        return f"node {self.name!r} ({self.operator})"


@dataclass(frozen=True)
class Fold:
    """A node that a pass removed, and the node that does its work now (none: no work at all)."""

    name: str
    operator: str
    into: str | None = None


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in execution order with one input and one output; constants by tensor name.

    ``batch`` is the number of images that the file insists on, or None if it takes any. Of a
    quantized file ``quantized`` has what the integers of computed tensors mean, and ``integers``
    what constants are made from. ``channels_last``: the file takes images as (height, width,
    channels); ``orders`` has, for tensors that the file states in another order of axes, which
    axis here each of the file's axes is, the batch included.
    """

    name: str
    nodes: tuple[Node, ...]
    constants: Mapping[str, NDArray[Any]]
    input: str
    input_shape: Shape
    output: str
    opset: int
    batch: int | None = None
    folds: tuple[Fold, ...] = ()
    quantized: Mapping[str, Affine] = field(default_factory=dict)
    integers: Mapping[str, IntegerConstant] = field(default_factory=dict)
    channels_last: bool = False
    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def producers(self) -> Mapping[str, Node]:
        """Return the node that writes each tensor."""
        return self._producers

    def readers(self) -> Mapping[str, int]:
        """Count the reads of each tensor that is read; the graph's output counts as one."""
        return self._readers

    # Passes ask for these at every node, and a graph does not change.
    @cached_property
    def _producers(self) -> dict[str, Node]:
        return {node.output: node for node in self.nodes}

    @cached_property
    def _readers(self) -> Counter[str]:
        reads = Counter(name for node in self.nodes for name in node.inputs if name)
        reads[self.output] += 1
        return reads

    def constant(self, name: str) -> NDArray[np.float32] | None:
        """Return a constant as float32, or None if the tensor is computed."""
        values = self.constants.get(name)
        return None if values is None else np.asarray(values, np.float32)

    def merge(
        self, node: Node, removed: Node, merged: Node, constants: Mapping[str, NDArray[Any]]
    ) -> Graph:
        """Return the graph with ``merged`` in the place of ``node``, and ``removed`` gone."""
        kept = (merged if n is node else n for n in self.nodes if n is not removed)
        return replace(
            self,
            nodes=tuple(kept),
            constants={**self.constants, **constants},
            folds=(*self.folds, Fold(removed.name, removed.operator, node.name)),
        )


def refuse(node: Node, reason: str) -> UnsupportedOperatorError:
    """Return the error for a node that cannot be run, for the caller to raise."""
    return UnsupportedOperatorError(f"{node}: {reason}", (node.name,))
