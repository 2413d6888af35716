"""The few layers that the training recipe needs: forward, backward and ONNX export, in numpy.

Everything is float64, and after each step the parameters are rounded to multiples of 2^-20.
Differences between BLAS libraries (about 1e-16) then vanish in the rounding instead of growing
from step to step, so the recipe gives the same bits on different machines; and each parameter
fits a float32 exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from onnx import NodeProto, TensorProto, helper, numpy_helper

__all__ = [
    "BatchNorm",
    "Conv",
    "Dense",
    "Flatten",
    "Graph",
    "MaxPool",
    "Relu",
    "Residual",
    "Sequence",
    "on_grid",
]

GRID = 2.0**20
EPSILON = 1e-5


def on_grid(values: np.ndarray) -> np.ndarray:
    """Round to multiples of 2^-20."""
    return np.rint(values * GRID) / GRID


class Graph:
    """The ONNX nodes and initializers collected while layers export themselves."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []

    def constant(self, name: str, values: np.ndarray) -> str:
        """Add a float32 initializer and return its name."""
        self.initializers.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def node(self, operator: str, name: str, inputs: list[str], **attributes: object) -> str:
        """Add a node with one output, named as the node, and return that name."""
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name


class Layer:
    """A layer: parameters, their gradients, and what it kept from the last forward pass.

    Each layer offers ``forward(x)``, ``backward(gradient)``, which returns the gradient of x and
    keeps those of the parameters, and ``export(graph, source)``, which adds its nodes and returns
    the name of its output.
    """

    name = ""

    def __init__(self) -> None:
        self.parameters: dict[str, np.ndarray] = {}
        self.gradients: dict[str, np.ndarray] = {}

    def leaves(self) -> list[Layer]:
        """Return the layers that hold parameters of their own."""
        return [self]


class Dense(Layer):
    """x: float64[count, inputs] -> float64[count, outputs]."""

    def __init__(self, name: str, inputs: int, outputs: int, random: np.random.RandomState) -> None:
        super().__init__()
        self.name = name
        weights = random.standard_normal((outputs, inputs)) * np.sqrt(2.0 / inputs)
        self.parameters = {"weight": on_grid(weights), "bias": np.zeros(outputs)}

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x @ self.parameters["weight"].T + self.parameters["bias"]

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        self.gradients = {"weight": gradient.T @ self.x, "bias": gradient.sum(axis=0)}
        return gradient @ self.parameters["weight"]

    def export(self, graph: Graph, source: str) -> str:
        names = [graph.constant(f"{self.name}.{k}", v) for k, v in self.parameters.items()]
        return graph.node("Gemm", self.name, [source, *names], transB=1)


class Conv(Layer):
    """A 3x3 convolution with padding 1, without bias: a batch norm always follows."""

    def __init__(
        self, name: str, inputs: int, outputs: int, stride: int, random: np.random.RandomState
    ) -> None:
        super().__init__()
        self.name, self.stride = name, stride
        weights = random.standard_normal((outputs, inputs, 3, 3)) * np.sqrt(2.0 / (9 * inputs))
        self.parameters = {"weight": on_grid(weights)}

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.shape = x.shape
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = sliding_window_view(padded, (3, 3), (2, 3))[:, :, :: self.stride, :: self.stride]
        count, _, height, width = windows.shape[:4]
        self.columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(count * height * width, -1)
        weights = self.parameters["weight"]
        flat = self.columns @ weights.reshape(len(weights), -1).T
        return flat.reshape(count, height, width, -1).transpose(0, 3, 1, 2)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        weights, s = self.parameters["weight"], self.stride
        count, channels, height, width = gradient.shape
        flat = gradient.transpose(0, 2, 3, 1).reshape(-1, channels)
        self.gradients = {"weight": (flat.T @ self.columns).reshape(weights.shape)}
        patches = (flat @ weights.reshape(channels, -1)).reshape(count, height, width, -1, 3, 3)
        out = np.zeros((count, self.shape[1], self.shape[2] + 2, self.shape[3] + 2))
        for y in range(3):
            for x in range(3):
                rows, columns = slice(y, y + s * height, s), slice(x, x + s * width, s)
                out[:, :, rows, columns] += patches[..., y, x].transpose(0, 3, 1, 2)
        return out[:, :, 1:-1, 1:-1]

    def export(self, graph: Graph, source: str) -> str:
        weights = graph.constant(f"{self.name}.weight", self.parameters["weight"])
        window = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [self.stride] * 2}
        return graph.node("Conv", self.name, [source, weights], **window)


class BatchNorm(Layer):
    """Normalizes each channel by the statistics of the batch; exports those of the last one."""

    def __init__(self, name: str, channels: int) -> None:
        super().__init__()
        self.name = name
        self.parameters = {"scale": np.ones(channels), "bias": np.zeros(channels)}
        self.mean, self.variance = np.zeros(channels), np.ones(channels)

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.axes = (0, *range(2, x.ndim))
        self.shape = (1, -1, *([1] * (x.ndim - 2)))
        self.mean = on_grid(x.mean(axis=self.axes))
        self.variance = on_grid(x.var(axis=self.axes))
        self.deviation = np.sqrt(self.variance + EPSILON).reshape(self.shape)
        self.normal = (x - self.mean.reshape(self.shape)) / self.deviation
        scale, bias = (v.reshape(self.shape) for v in self.parameters.values())
        return self.normal * scale + bias

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        by_scale = (gradient * self.normal).sum(axis=self.axes)
        by_bias = gradient.sum(axis=self.axes)
        self.gradients = {"scale": by_scale, "bias": by_bias}
        count = gradient.size // len(by_bias)
        mean = (by_bias.reshape(self.shape) + self.normal * by_scale.reshape(self.shape)) / count
        return (gradient - mean) * self.parameters["scale"].reshape(self.shape) / self.deviation

    def export(self, graph: Graph, source: str) -> str:
        values = {**self.parameters, "mean": self.mean, "variance": self.variance}
        names = [graph.constant(f"{self.name}.{k}", v) for k, v in values.items()]
        return graph.node("BatchNormalization", self.name, [source, *names], epsilon=EPSILON)


class Relu(Layer):
    """max(x, 0)."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.positive = x > 0
        return np.where(self.positive, x, 0.0)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        return np.where(self.positive, gradient, 0.0)

    def export(self, graph: Graph, source: str) -> str:
        return graph.node("Relu", self.name, [source])


class MaxPool(Layer):
    """Maximum over 2x2 windows, stride 2; a tie goes to the first element."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: np.ndarray) -> np.ndarray:
        count, channels, height, width = self.shape = x.shape
        blocks = x.reshape(count, channels, height // 2, 2, width // 2, 2)
        flat = blocks.transpose(0, 1, 2, 4, 3, 5).reshape(*blocks.shape[:3], width // 2, 4)
        self.winner = flat.argmax(axis=-1)[..., None]
        return np.take_along_axis(flat, self.winner, axis=-1)[..., 0]

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        flat = np.zeros((*gradient.shape, 4))
        np.put_along_axis(flat, self.winner, gradient[..., None], axis=-1)
        return flat.reshape(*gradient.shape, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(self.shape)

    def export(self, graph: Graph, source: str) -> str:
        return graph.node("MaxPool", self.name, [source], kernel_shape=[2, 2], strides=[2, 2])


class Flatten(Layer):
    """float64[count, ...] -> float64[count, features]."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        return gradient.reshape(self.shape)

    def export(self, graph: Graph, source: str) -> str:
        return graph.node("Flatten", self.name, [source])


class Sequence(Layer):
    """Layers one after the other."""

    def __init__(self, *layers: Layer) -> None:
        super().__init__()
        self.layers = layers

    def leaves(self) -> list[Layer]:
        return [leaf for layer in self.layers for leaf in layer.leaves()]

    def forward(self, x: np.ndarray) -> np.ndarray:
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return gradient

    def export(self, graph: Graph, source: str) -> str:
        for layer in self.layers:
            source = layer.export(graph, source)
        return source


class Residual(Sequence):
    """x + body(x)."""

    def __init__(self, name: str, *layers: Layer) -> None:
        super().__init__(*layers)
        self.name = name

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x + super().forward(x)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        return gradient + super().backward(gradient)

    def export(self, graph: Graph, source: str) -> str:
        return graph.node("Add", self.name, [super().export(graph, source), source])
