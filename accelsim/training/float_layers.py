"""The operators of a float network as PyTorch computes them, gradients included."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from accelsim.network import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    MaxPool,
    Operator,
    Pad,
    Reshape,
    Window,
)

__all__ = ["clamped", "matrix_layer", "moving_layer"]


def matrix_layer(
    operator: Convolution | Dense, maps: torch.Tensor, weights: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """Return a convolution or dense layer of float32[images, ...] with the weights given."""
    if isinstance(operator, Dense):
        return functional.linear(maps, weights, bias)
    window = operator.window
    return functional.conv2d(
        _padded(maps, window, 0.0),
        weights,
        bias,
        stride=window.strides,
        dilation=window.dilations,
        groups=operator.groups,
    )


def moving_layer(operator: Operator, *sources: torch.Tensor) -> torch.Tensor:
    """Return any other layer but a softmax; inputs are float32[images, ...]."""
    first = sources[0]
    match operator:
        case Add():
            return first + sources[1]
        case MaxPool(window):
            return functional.max_pool2d(
                _padded(first, window, -math.inf),
                window.kernel,
                stride=window.strides,
                dilation=window.dilations,
            )
        case AveragePool(window, counted):
            ones = torch.ones_like(first[:1, :1])
            inside = _padded(ones, window, float(counted))
            return _sums(_padded(first, window, 0.0), window) / _sums(inside, window)
        case Clamp():
            return clamped(first, operator)
        case Pad(before, after):
            pads = [pads for axis in zip(before, after, strict=True) for pads in reversed(axis)]
            return functional.pad(first, pads[::-1])
        case Reshape(shape):
            return first.reshape(len(first), *shape)
        case _:
            raise TypeError(f"{operator!r} is not trained through")


def clamped(values: torch.Tensor, clamp: Clamp) -> torch.Tensor:
    """Return min(max(x, low), high)."""
    if clamp == Clamp():
        return values
    return torch.clamp(values, clamp.low, clamp.high)


def _padded(maps: torch.Tensor, window: Window, fill: float) -> torch.Tensor:
    top, left, bottom, right = window.pads
    if not any(window.pads):
        return maps
    return functional.pad(maps, (left, right, top, bottom), value=fill)


def _sums(maps: torch.Tensor, window: Window) -> torch.Tensor:
    """Return each channel's sums over a window."""
    channels = maps.shape[1]
    ones = torch.ones(channels, 1, *window.kernel, dtype=maps.dtype)
    strides, dilations = window.strides, window.dilations
    return functional.conv2d(maps, ones, stride=strides, dilation=dilations, groups=channels)
