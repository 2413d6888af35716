"""The float network: layers over named tensors, in execution order. Data only.

Tensors carry one image; the batch is a property of a run, not of a network. Feature maps are
(channels, height, width), vectors are (features,).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from accelsim.network.geometry import Shape, Window

__all__ = [
    "Add",
    "AveragePool",
    "Clamp",
    "Convolution",
    "Dense",
    "Layer",
    "MaxPool",
    "Network",
    "Operator",
    "Pad",
    "Reshape",
    "Softmax",
]

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Convolution:
    """weights: float32[out_channels, in_channels / groups, kernel_y, kernel_x]; bias: [out]."""

    weights: FloatArray
    bias: FloatArray
    window: Window
    groups: int = 1


@dataclass(frozen=True, eq=False)
class Dense:
    """weights: float32[out_features, in_features]; bias: float32[out_features]."""

    weights: FloatArray
    bias: FloatArray


@dataclass(frozen=True)
class Add:
    """Sum of two tensors of the same shape (a residual connection)."""


@dataclass(frozen=True)
class MaxPool:
    """Maximum over a window; padding never wins."""

    window: Window


@dataclass(frozen=True)
class AveragePool:
    """Mean over a window; padding counts as zeros only if ``count_include_pad``."""

    window: Window
    count_include_pad: bool = False


@dataclass(frozen=True)
class Clamp:
    """min(max(x, low), high): ReLU is Clamp(0, inf), ReLU6 is Clamp(0, 6)."""

    low: float = float("-inf")
    high: float = float("inf")


@dataclass(frozen=True)
class Pad:
    """``before`` and ``after`` zeros on each axis of an image."""

    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class Reshape:
    """The same values in the same (row-major) order under another shape; costs nothing."""

    shape: Shape


@dataclass(frozen=True)
class Softmax:
    """Runs on the host after dequantization; never on the accelerator."""


Operator = Convolution | Dense | Add | MaxPool | AveragePool | Clamp | Pad | Reshape | Softmax


@dataclass(frozen=True, eq=False)
class Layer:
    """One operator with the names of the tensors it reads and the tensor it writes."""

    name: str
    operator: Operator
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in execution order; ``shapes`` has every tensor's shape, the batch left out."""

    name: str
    input: str
    output: str
    layers: tuple[Layer, ...]
    shapes: dict[str, Shape] = field(default_factory=dict)
