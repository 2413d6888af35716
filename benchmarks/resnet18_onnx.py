"""ResNet-18 (He et al., CVPR 2016, Table 1) as an ONNX file with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IMAGE = 224

Layer = tuple[str, int, int, int, int, int, int]
"""Name, input edge with padding, kernel, channels, filters, stride, output edge."""


class Builder:
    """Adds layers and remembers them."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.layers: list[Layer] = []

    def node(self, kind: str, inputs: list[str], **attributes: object) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def weight(self, *shape: int) -> str:
        name = f"weight_{len(self.weights)}"
        deviation = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.01
        values = self.generator.normal(0, deviation, shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def convolution(
        self, x: str, edge: int, channels: int, filters: int, kernel: int, stride: int
    ) -> str:
        pad = kernel // 2
        self.layers.append(
            (
                f"conv{len(self.layers)}",
                *(edge + 2 * pad, kernel, channels, filters, stride, edge // stride),
            )
        )
        inputs = [x, self.weight(filters, channels, kernel, kernel), self.weight(filters)]
        return self.node(
            "Conv", inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4
        )

    def block(self, x: str, edge: int, channels: int, filters: int, stride: int) -> str:
        y = self.node("Relu", [self.convolution(x, edge, channels, filters, 3, stride)])
        y = self.convolution(y, edge // stride, filters, filters, 3, 1)
        if stride > 1 or channels != filters:
            x = self.convolution(x, edge, channels, filters, 1, stride)
        return self.node("Relu", [self.node("Add", [y, x])])


def build(seed: int = 0) -> tuple[onnx.ModelProto, list[Layer]]:
    """Return the model, and its convolutions and its dense layer as SCALE-Sim knows layers."""
    builder = Builder(seed)
    x = builder.node("Relu", [builder.convolution("image", IMAGE, 3, 64, 7, 2)])
    x = builder.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    edge, channels = IMAGE // 4, 64
    for filters in (64, 128, 256, 512):
        for number in range(2):
            stride = 2 if number == 0 and filters > 64 else 1
            x = builder.block(x, edge, channels, filters, stride)
            edge, channels = edge // stride, filters
    x = builder.node("Flatten", [builder.node("GlobalAveragePool", [x])])
    x = builder.node("Gemm", [x, builder.weight(1000, 512), builder.weight(1000)], transB=1)
    builder.layers.append(("fc", 1, 1, 512, 1000, 1, 1))
    graph = helper.make_graph(
        builder.nodes,
        "resnet18",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, IMAGE, IMAGE])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 1000])],
        builder.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model, builder.layers


def write(path: Path) -> None:
    onnx.save(build()[0], str(path))


def scalesim_layers() -> list[tuple[str, ...]]:
    """The same layers for SCALE-Sim, with the padding in the input's size."""
    return [
        (name, *(str(size) for size in (edge, edge, kernel, kernel, channels, filters, stride)))
        for name, edge, kernel, channels, filters, stride, _ in build()[1]
    ]
