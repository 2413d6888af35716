"""A network of shapes: layers and tensors without weights. Data only.

A sequence of tokens is an image of one column: channels are its features, rows its tokens. So a
matrix that is applied to every token is a 1x1 convolution, and `TokenMatrix` says just that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

from accelsim.network.geometry import Shape, Window

__all__ = [
    "ElementWise",
    "FilterBank",
    "HostFunction",
    "Matmul",
    "PoolWindow",
    "TokenMatrix",
    "Topology",
    "TopologyLayer",
    "TopologyOperator",
    "View",
    "topology_layer_macs",
    "topology_macs",
    "topology_weights",
]


@dataclass(frozen=True)
class FilterBank:
    """A convolution (a depthwise one has a group for each channel)."""

    out_channels: int
    window: Window
    groups: int = 1


@dataclass(frozen=True)
class TokenMatrix:
    """One matrix for all tokens; a dense layer is the case of one token.

    ``flattens``: the whole image is one token.
    """

    features: int
    flattens: bool = False


@dataclass(frozen=True)
class Matmul:
    """A product of two activation tensors, head by head: attention.

    The left tensor is (heads * depth, rows). ``transposed``: the right one is (heads * depth,
    columns), as keys are; else (heads * columns, depth), as values are. The product is
    (heads * columns, rows).
    """

    heads: int
    transposed: bool


@dataclass(frozen=True)
class ElementWise:
    """``add`` and ``multiply`` of two tensors, or a ``lookup`` of a table (``function``).

    The second tensor of a multiplication may have one element for each channel.
    """

    kind: Literal["add", "multiply", "lookup"]
    function: str = ""


@dataclass(frozen=True)
class PoolWindow:
    """A pool over a window."""

    kind: Literal["max_pool", "average_pool"]
    window: Window


@dataclass(frozen=True)
class HostFunction:
    """What runs on the host, not on the machine: its tensors pass through DRAM."""

    function: str


@dataclass(frozen=True)
class View:
    """The first tokens of a tensor, or all in another shape, where they are: nothing moves."""


TopologyOperator = (
    FilterBank | TokenMatrix | Matmul | ElementWise | PoolWindow | HostFunction | View
)


@dataclass(frozen=True)
class TopologyLayer:
    """An operator, the tensors it reads and the one it writes."""

    name: str
    operator: TopologyOperator
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True)
class Topology:
    """Layers in execution order.

    Attributes
    ----------
    shapes
        Every tensor of one image, as (channels, height, width).
    given
        Tensors that are in DRAM before the network runs: its input, caches.
    kept
        Tensors that have to be in DRAM afterwards: its output, caches.
    macs
        Multiply-accumulates of one image that the file states, 0 if it states none.
    """

    name: str
    description: str
    source: str
    layers: tuple[TopologyLayer, ...]
    shapes: Mapping[str, Shape]
    given: tuple[str, ...]
    kept: tuple[str, ...]
    macs: int = 0

    @property
    def host_functions(self) -> tuple[str, ...]:
        """Names of what the host does, each once."""
        functions = (layer.operator for layer in self.layers)
        named = (f.function for f in functions if isinstance(f, HostFunction))
        return tuple(dict.fromkeys(named))


def topology_layer_macs(layer: TopologyLayer, topology: Topology) -> int:
    """Return the multiply-accumulates of one image; padding counts, as the array computes it."""
    operator = layer.operator
    outputs = prod(topology.shapes[layer.output])
    if isinstance(operator, Matmul):
        channels = topology.shapes[layer.inputs[0]][0]
        return outputs * (channels // operator.heads)
    if isinstance(operator, FilterBank | TokenMatrix):
        return outputs * _depth(layer, topology)
    return 0


def topology_macs(topology: Topology) -> int:
    """Return the multiply-accumulates of one image."""
    return sum(topology_layer_macs(layer, topology) for layer in topology.layers)


def topology_weights(topology: Topology) -> int:
    """Return the number of weights, biases left out."""
    return sum(
        topology.shapes[layer.output][0] * _depth(layer, topology) for layer in topology.layers
    )


def _depth(layer: TopologyLayer, topology: Topology) -> int:
    """Weights of one output channel, 0 for a layer without weights."""
    operator, shape = layer.operator, topology.shapes[layer.inputs[0]]
    if isinstance(operator, FilterBank):
        return prod(operator.window.kernel) * (shape[0] // operator.groups)
    if isinstance(operator, TokenMatrix):
        return prod(shape) if operator.flattens else shape[0]
    return 0
