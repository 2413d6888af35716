"""The float network in numpy, float64, with every tensor in reach: for studies of formats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from accelsim.network.geometry import Window
from accelsim.network.graph import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    Layer,
    MaxPool,
    Network,
    Operator,
    Pad,
    Reshape,
)

__all__ = ["float_forward", "float_layer", "patches"]

FloatArray = NDArray[np.float64]


def _unchanged(tensor: str, values: FloatArray) -> FloatArray:  # noqa: ARG001
    return values


def _own_weights(layer: Layer) -> NDArray[np.floating]:
    operator = layer.operator
    return operator.weights if isinstance(operator, Convolution | Dense) else np.zeros(0)


def float_forward(
    network: Network,
    images: NDArray[np.floating],
    *,
    weights: Callable[[Layer], NDArray[np.floating]] = _own_weights,
    after: Callable[[str, FloatArray], FloatArray] = _unchanged,
) -> dict[str, FloatArray]:
    """Return every tensor of a network for some images.

    Parameters
    ----------
    network
        Layers without hidden state; softmax included.
    images
        float[images, *input shape].
    weights
        The weights to use for a convolution or dense layer, in the shape of its own.
    after
        Replaces a tensor (name, values), the input's included, before anything reads it.

    Returns
    -------
    dict
        float64[images, *shape] by tensor name.
    """
    tensors = {network.input: after(network.input, np.asarray(images, dtype=np.float64))}
    for layer in network.layers:
        sources = [tensors[name] for name in layer.inputs]
        values = float_layer(layer.operator, weights(layer), *sources)
        tensors[layer.output] = after(layer.output, values)
    return tensors


def float_layer(
    operator: Operator, weights: NDArray[np.floating], first: FloatArray, *others: FloatArray
) -> FloatArray:
    """Return one layer's output, float64[images, ...], with other weights than its own.

    Parameters
    ----------
    operator, weights
        The layer; weights of the shape of its own, not looked at where it has none.
    first, others
        float64[images, ...]: its inputs.
    """
    match operator:
        case Convolution():
            return _convolve(operator, weights, first)
        case Dense():
            return np.asarray(first @ weights.T.astype(np.float64) + operator.bias)
        case Add():
            return first + others[0]
        case MaxPool(window):
            return np.asarray(patches(first, window, -np.inf).max(axis=(4, 5)))
        case AveragePool(window, counted):
            inside = patches(np.ones_like(first), window, float(counted))
            sums = patches(first, window, 0.0).sum(axis=(4, 5))
            return np.asarray(sums / inside.sum(axis=(4, 5)))
        case Clamp(low, high):
            return np.clip(first, low, high)
        case Pad(before, after):
            return np.pad(first, ((0, 0), *zip(before, after, strict=True)))
        case Reshape(shape):
            return np.asarray(first.reshape(len(first), *shape))
        case _:
            exponents = np.exp(first - first.max(axis=1, keepdims=True))
            return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def _convolve(operator: Convolution, weights: NDArray[np.floating], maps: FloatArray) -> FloatArray:
    """Return the convolution as one matrix product for each group."""
    taps = patches(maps, operator.window, 0.0)
    images, _, height, width = taps.shape[:4]
    channels = weights.shape[1] * weights[0, 0].size
    by_group = zip(
        np.split(taps, operator.groups, axis=1), np.split(weights, operator.groups), strict=True
    )
    parts = [
        group_taps.transpose(0, 2, 3, 1, 4, 5).reshape(images, height * width, channels)
        @ group_weights.reshape(len(group_weights), channels).T.astype(np.float64)
        for group_taps, group_weights in by_group
    ]
    pixels: FloatArray = np.concatenate(parts, axis=2) + operator.bias
    return np.asarray(pixels.transpose(0, 2, 1).reshape(images, -1, height, width))


def patches(maps: FloatArray, window: Window, fill: float) -> FloatArray:
    """Return float64[images, channels, rows, columns, kernel rows, kernel columns], a view."""
    top, left, bottom, right = window.pads
    padded = np.pad(maps, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    extents = [(k - 1) * d + 1 for k, d in zip(window.kernel, window.dilations, strict=True)]
    views = sliding_window_view(padded, extents, axis=(2, 3))
    (stride_y, stride_x), (dilation_y, dilation_x) = window.strides, window.dilations
    return np.asarray(views[:, :, ::stride_y, ::stride_x, ::dilation_y, ::dilation_x])
