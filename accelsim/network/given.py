"""Quantization that a file brings with it, beside its float network. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import IntegerFormat
from accelsim.network.integer import QuantizedTensor

__all__ = ["GivenQuantization", "QuantizedWeights"]


@dataclass(frozen=True, eq=False)
class QuantizedWeights:
    """A matrix layer's weights as integers: ``real = scale * integer``.

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
    """

    integers: NDArray[np.int32]
    format: IntegerFormat
    scales: NDArray[np.float64]
    bias: NDArray[np.int64] | None = None
    bias_scales: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class GivenQuantization:
    """What a file says of its network's integers.

    ``tensors`` has the activation tensors that the file quantizes, by name; ``weights`` the matrix
    layers whose weights it quantizes, by layer name.
    """

    tensors: Mapping[str, QuantizedTensor]
    weights: Mapping[str, QuantizedWeights]
