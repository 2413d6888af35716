"""Quantization that a file brings with it, beside its float network. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import IntegerFormat, holding
from accelsim.network.integer import QuantizedTensor
from accelsim.network.vectors import WeightVectors

__all__ = ["GivenQuantization", "QuantizedWeights"]


@dataclass(frozen=True, eq=False)
class QuantizedWeights:
    """A matrix layer's weights as integers: ``real = scale * (integer - zero point)``.

    Attributes
    ----------
    integers
        int32, the shape of the layer's float weights (output channels first).
    format
        What the integers are stored in.
    scales
        float64[out_channels] or [1], float32 numbers.
    bias
        int64[out_channels] in steps of ``bias_scales``, no zero point folded in; None: the layer's
        float bias is to be rounded to steps of scale * input scale.
    bias_scales
        float64[out_channels] or [1]; meant to be scale * input scale, but a file may differ.
    zero_points
        int64[out_channels] or [1], values of ``format``; None: all 0.
    vectors
        Integer scales of vectors of weights, within those of the channels; None: there are none.
    """

    integers: NDArray[np.int32]
    format: IntegerFormat
    scales: NDArray[np.float64]
    bias: NDArray[np.int64] | None = None
    bias_scales: NDArray[np.float64] | None = None
    zero_points: NDArray[np.int64] | None = None
    vectors: WeightVectors | None = None

    @property
    def steps(self) -> NDArray[np.float64]:
        """What one step of each integer stands for, float64 that broadcasts to the integers."""
        scales = self.scales.reshape(-1, *[1] * (self.integers.ndim - 1))
        if self.vectors is None:
            return scales
        return np.asarray(scales * self.vectors.of_weights(self.integers.shape))

    @property
    def centred(self) -> NDArray[np.int64]:
        """The integers less their zero points: int64, ``real = steps * centred``."""
        integers = self.integers.astype(np.int64)
        if self.zero_points is None:
            return integers
        return integers - self.zero_points.reshape(-1, *[1] * (integers.ndim - 1))

    def without_zero_points(self) -> QuantizedWeights:
        """Return the same weights as integers less their zero points, perhaps a bit wider."""
        if self.zero_points is None:
            return self
        centred = self.centred
        return replace(
            self,
            integers=centred.astype(np.int32),
            format=holding(centred, self.format),
            zero_points=None,
        )


@dataclass(frozen=True, eq=False)
class GivenQuantization:
    """What a file says of its network's integers.

    ``tensors`` has the activation tensors that the file quantizes, by name; ``weights`` the matrix
    layers whose weights it quantizes, by layer name.
    """

    tensors: Mapping[str, QuantizedTensor]
    weights: Mapping[str, QuantizedWeights]
