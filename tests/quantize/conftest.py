"""A float network of every layer kind, and its float execution in numpy."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

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
    Reshape,
    Softmax,
)


def patches(maps, window, fill):
    """float[images, channels, rows, columns, kernel rows, kernel columns]."""
    top, left, bottom, right = window.pads
    padded = np.pad(maps, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    extents = [(k - 1) * d + 1 for k, d in zip(window.kernel, window.dilations, strict=True)]
    views = sliding_window_view(padded, extents, axis=(2, 3))
    (sy, sx), (dy, dx) = window.strides, window.dilations
    return views[:, :, ::sy, ::sx, ::dy, ::dx]


def run_layer(operator, sources):
    first = sources[0]
    if isinstance(operator, Convolution):
        taps = patches(first, operator.window, 0.0)
        groups = np.split(taps, operator.groups, axis=1)
        weights = np.split(operator.weights, operator.groups, axis=0)
        parts = [
            np.einsum("icyxhw,ochw->ioyx", *pair) for pair in zip(groups, weights, strict=True)
        ]
        return np.concatenate(parts, axis=1) + operator.bias[:, None, None]
    if isinstance(operator, Dense):
        return first @ operator.weights.T + operator.bias
    if isinstance(operator, Add):
        return first + sources[1]
    if isinstance(operator, MaxPool):
        return patches(first, operator.window, -np.inf).max(axis=(4, 5))
    if isinstance(operator, AveragePool):
        taps = patches(first, operator.window, 0.0)
        fill = float(operator.count_include_pad)
        counts = patches(np.ones_like(first), operator.window, fill).sum(axis=(4, 5))
        return taps.sum(axis=(4, 5)) / counts
    if isinstance(operator, Clamp):
        return first.clip(operator.low, operator.high)
    if isinstance(operator, Reshape):
        return first.reshape(len(first), *operator.shape)
    exponentials = np.exp(first)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def run_float(network, images):
    tensors = {network.input: images.astype(np.float64)}
    for layer in network.layers:
        tensors[layer.output] = run_layer(layer.operator, [tensors[name] for name in layer.inputs])
    return tensors


def residual_network(seed=0, softmax=True):
    """Two convolutions (one grouped), a residual, both pools, a dense head: 6x6 in, 5 out."""
    generator = np.random.default_rng(seed)

    def normal(*shape):
        values = generator.normal(size=shape) / np.sqrt(np.prod(shape[1:]) or 1)
        return values.astype(np.float32)

    padded = Window((3, 3), pads=(1, 1, 1, 1))
    layers = [
        Layer("conv1", Convolution(normal(8, 2, 3, 3), normal(8), padded), ("x",), "a"),
        Layer("relu1", Clamp(0.0), ("a",), "b"),
        Layer("conv2", Convolution(normal(8, 2, 3, 3), normal(8), padded, 4), ("b",), "c"),
        Layer("add", Add(), ("b", "c"), "d"),
        Layer("relu6", Clamp(0.0, 6.0), ("d",), "e"),
        Layer("max", MaxPool(Window((2, 2), (2, 2))), ("e",), "f"),
        Layer("mean", AveragePool(Window((2, 2), (1, 1), (1, 1, 0, 0))), ("f",), "g"),
        Layer("flatten", Reshape((72,)), ("g",), "h"),
        Layer("dense", Dense(normal(5, 72), normal(5)), ("h",), "i"),
    ]
    shapes = {"x": (2, 6, 6), "i": (5,), "h": (72,), "y": (5,)}
    shapes |= dict.fromkeys("abcde", (8, 6, 6)) | dict.fromkeys("fg", (8, 3, 3))
    if softmax:
        layers.append(Layer("softmax", Softmax(), ("i",), "y"))
    return Network("residual", "x", layers[-1].output, tuple(layers), shapes)


@pytest.fixture
def network():
    return residual_network()


@pytest.fixture
def images():
    return np.random.default_rng(1).normal(size=(40, 2, 6, 6)).astype(np.float32)


@pytest.fixture
def make_network():
    return residual_network


@pytest.fixture
def float_run():
    return run_float
