"""A small network of every layer kind that is trained through, and images it can learn."""

import numpy as np
import pytest

from accelsim.network import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    Layer,
    MaxPool,
    Network,
    Pad,
    Reshape,
    Softmax,
    Window,
)

CLASSES = 3


def every_layer(seed=0):
    generator = np.random.default_rng(seed)

    def normal(*shape):
        values = generator.normal(size=shape) / np.sqrt(np.prod(shape[1:]) or 1)
        return values.astype(np.float32)

    padded = Window((3, 3), pads=(1, 1, 1, 1))
    dilated = Window((2, 2), (1, 2), (1, 0, 0, 1), (1, 2))
    layers = (
        Layer("pad", Pad((0, 1, 0), (0, 0, 1)), ("x",), "p"),
        Layer("conv1", Convolution(normal(4, 2, 2, 2), normal(4), dilated), ("p",), "a"),
        Layer("relu1", Clamp(0.0), ("a",), "b"),
        Layer("conv2", Convolution(normal(4, 2, 3, 3), normal(4), padded, 2), ("b",), "c"),
        Layer("add", Add(), ("b", "c"), "d"),
        Layer("relu6", Clamp(0.0, 6.0), ("d",), "e"),
        Layer("max", MaxPool(Window((2, 2), (1, 1), (1, 0, 0, 0))), ("e",), "f"),
        Layer("mean", AveragePool(Window((2, 2), (2, 1), (1, 0, 0, 1))), ("f",), "g"),
        Layer("cut", Clamp(-0.5, 1.5), ("f",), "h"),
        Layer("counted", AveragePool(Window((2, 2), (2, 1), (1, 0, 0, 1)), True), ("h",), "i"),
        Layer("sum", Add(), ("g", "i"), "j"),
        Layer("flatten", Reshape((24,)), ("j",), "k"),
        Layer("dense", Dense(normal(CLASSES, 24), normal(CLASSES)), ("k",), "l"),
        Layer("softmax", Softmax(), ("l",), "y"),
    )
    shapes = {"x": (2, 5, 5), "p": (2, 6, 6), "k": (24,), "l": (CLASSES,), "y": (CLASSES,)}
    shapes |= dict.fromkeys("abcde", (4, 6, 3)) | dict.fromkeys("fh", (4, 6, 2))
    shapes |= dict.fromkeys("gij", (4, 3, 2))
    return layers, shapes


@pytest.fixture
def network():
    layers, shapes = every_layer()
    return Network("every", "x", "y", layers, shapes)


@pytest.fixture
def samples():
    """Images and labels: the class is where an image is bright."""
    generator = np.random.default_rng(1)
    labels = generator.integers(0, CLASSES, 96)
    images = generator.normal(scale=0.3, size=(96, 2, 5, 5)).astype(np.float32)
    images[np.arange(96), :, 1 + labels] += 1.0
    return images, labels
