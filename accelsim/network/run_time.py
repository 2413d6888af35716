"""Layers whose output range is found at run time: each image has a scale and zero point of its own.

Every such layer first forms its whole output as float32 numbers ``y``, then takes scale and zero
point of each image from the smallest and largest of them, and then makes the output's integers:
`accelsim.arithmetic.run_time_range`. ``s`` and ``z`` are the input's, of that image; each
operation is rounded to float32 once, in the order of writing. Of a matrix layer, for output row
*m* and column *n*,

    acc = 0;  for k in 0 .. K-1:  acc = overflow(acc + activation[m, k] * weight[k, n])
    y = float32(acc - z * sum_k weight[k, n]) * min(s * s_w[n], 2^94) + bias[n]
    y = min(max(y, low), high)

with the depth's order, padding as the input's zero point, and ``acc`` of weights with zero points
or vectors as in `accelsim.network.integer` (the sum is then of the weights less their zero point,
or times their vector's scale); the difference is exact. ``low`` and ``high`` are the fused
clamp's, 2^126 in magnitude at most.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import IntegerFormat
from accelsim.errors import InternalError
from accelsim.network.geometry import Window
from accelsim.network.vectors import WeightVectors

__all__ = [
    "LARGEST_FACTOR",
    "RunTimeAdd",
    "RunTimeAveragePool",
    "RunTimeClamp",
    "RunTimeMatrix",
    "RunTimeOperator",
    "RunTimeRange",
    "step_name",
]

LARGEST_FACTOR = 2.0**94
"""So that no product with an accumulator, its correction included, leaves float32."""


@dataclass(frozen=True)
class RunTimeRange:
    """What is known of an output before it is computed.

    Attributes
    ----------
    low, high
        Of the fused clamp, float32 numbers of at most 2^126 in magnitude.
    symmetric
        Real zero is the middle integer, whatever the range.
    step
        Name under which a machine accounts for the second pass over the output, which makes its
        integers: `step_name`.
    """

    low: float
    high: float
    symmetric: bool
    step: str


@dataclass(frozen=True, eq=False)
class RunTimeMatrix:
    """A convolution or dense layer on the array, as `accelsim.network.integer.IntegerMatrix` is.

    weights: int32[out_channels, in_channels / groups, kernel_y, kernel_x]; weight_scales:
    float32[out_channels or 1]; real_bias: float32[out_channels], finite. weight_zero_points:
    int64[out_channels], or None; vectors: integer scales of groups of weights, or None.
    """

    weights: NDArray[np.int32]
    weight_format: IntegerFormat
    weight_scales: NDArray[np.float32]
    real_bias: NDArray[np.float32]
    window: Window
    groups: int
    range: RunTimeRange
    weight_zero_points: NDArray[np.int64] | None = None
    vectors: WeightVectors | None = None

    def __post_init__(self) -> None:
        if self.weight_zero_points is not None and self.vectors is not None:
            raise InternalError("weights have zero points or vectors, not both")

    @property
    def has_row_sums(self) -> bool:
        """Whether its outputs need the sums of their rows' activations."""
        return self.weight_zero_points is not None

    @cached_property
    def bias(self) -> NDArray[np.int64]:
        """What accumulators start from, int64[out_channels]: zeros."""
        return np.zeros(len(self.weights), dtype=np.int64)

    @cached_property
    def weight_sums(self) -> NDArray[np.int64]:
        """Sum of each output channel's weights as they count in ``acc``, int64[out_channels]."""
        weights = self.weights.astype(np.int64)
        if self.vectors is not None:
            weights *= self.vectors.of_weights(weights.shape)
        flat = weights.reshape(len(weights), -1)
        sums: NDArray[np.int64] = flat.sum(axis=1)
        if self.weight_zero_points is not None:
            sums = sums - flat.shape[1] * self.weight_zero_points
        return sums


@dataclass(frozen=True)
class RunTimeAdd:
    """``y = float32(a - z_a) * s_a + float32(b - z_b) * s_b``, clamped."""

    range: RunTimeRange


@dataclass(frozen=True)
class RunTimeAveragePool:
    """``y = float32(sum over the window of (q - z)) * (s / float32(count))``, clamped.

    ``count``: the window's elements, of padding only if ``count_include_pad``.
    """

    window: Window
    count_include_pad: bool
    range: RunTimeRange


@dataclass(frozen=True)
class RunTimeClamp:
    """A clamp by itself: input and output share scale and zero point, image by image.

    The bounds become integers as values do (equation 5 of the arithmetic); infinities are the
    format's ends.
    """

    low: float
    high: float


RunTimeOperator = RunTimeMatrix | RunTimeAdd | RunTimeAveragePool
"""What finds the range of its output."""


def step_name(layer: str, taken: Collection[str]) -> str:
    """Return a name for the second pass over a layer's output, other than those of all layers.

    >>> step_name("conv", {"conv"}), step_name("conv", {"conv", "conv:quantize"})
    ('conv:quantize', 'conv:quantize:')
    """
    name = f"{layer}:quantize"
    while name in taken:
        name += ":"
    return name
