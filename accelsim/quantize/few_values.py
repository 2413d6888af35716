"""Weights of two or three values, with the scale that fits them best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat
from accelsim.network.given import QuantizedWeights

__all__ = ["binary_weights", "ternary_weights"]

_TWO_BITS = IntegerFormat(2, restricted=True)
TERNARY_THRESHOLD = 0.7
"""Of the mean magnitude: Li et al. 2016, equation 6."""


def binary_weights(weights: NDArray[np.floating]) -> QuantizedWeights:
    """Return weights as -1 and +1 (0 is +1), a scale for each output channel.

    The scale is the mean magnitude, which makes the squared error smallest (Rastegari et al.,
    XNOR-Net, ECCV 2016, equation 6).

    Parameters
    ----------
    weights
        float[out_channels, ...].
    """
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    integers = np.where(weights < 0.0, -1, 1).astype(np.int32)
    return QuantizedWeights(integers, _TWO_BITS, _positive(np.abs(flat).mean(axis=1)))


def ternary_weights(weights: NDArray[np.floating]) -> QuantizedWeights:
    """Return weights as -1, 0 and +1, a scale for each output channel.

    A magnitude above 0.7 of the channel's mean magnitude is not 0; the scale is the mean of
    those (Li et al., Ternary Weight Networks, 2016, equations 5 and 6).

    Parameters
    ----------
    weights
        float[out_channels, ...].
    """
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    magnitudes = np.abs(flat)
    kept = magnitudes > TERNARY_THRESHOLD * magnitudes.mean(axis=1, keepdims=True)
    sums = np.where(kept, magnitudes, 0.0).sum(axis=1)
    integers = np.where(kept, np.sign(flat), 0.0).astype(np.int32).reshape(weights.shape)
    return QuantizedWeights(integers, _TWO_BITS, _positive(sums / np.maximum(kept.sum(axis=1), 1)))


def _positive(scales: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scales as float32 numbers, as files store them; a channel of zeros has scale 1."""
    return np.where(scales > 0.0, scales, 1.0).astype(np.float32).astype(np.float64)
