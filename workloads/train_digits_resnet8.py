"""Train digits_resnet8.onnx on the digits enlarged to 32x32, and write both files.

    python workloads/train_digits_resnet8.py            write digits_32x32.npz and the network
    python workloads/train_digits_resnet8.py --check    compare: the images bit by bit; a network
                                                        that is trained again, by its accuracy

The network is MLPerf Tiny's ResNet-8 (mlcommons/tiny, image_classification/keras_model.py), with
one input channel. It needs PyTorch, on one thread and from a seed: the same release on the same
kind of processor gives the same bits, another may round differently.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn
from torch.nn import functional
from train_digits import SOURCE, Graph

__all__ = ["ResNet8", "enlarged", "enlarged_digits", "main", "to_onnx", "train"]

HERE = Path(__file__).parent
MODEL, DATA = HERE / "digits_resnet8.onnx", HERE / "digits_32x32.npz"
FACTOR = 4
EPOCHS, BATCH, SEED = 30, 64, 1
PARTS = ("test", "calibration", "train")
WORST_CORRECT = 430
"""Of 450 test images; a training that went as it should gets more of them right."""


def enlarged(images: np.ndarray) -> np.ndarray:
    """Enlarge images of 0 to 1 by FACTOR, bilinearly, to 16 shades of grey: multiples of 17.

    Pixels are areas: the centre of new pixel i is at (i + 1/2) / FACTOR - 1/2 of the old ones, and
    outside the outermost centres an image goes on as it is there. float32[count, 1, h, w] ->
    uint8[count, 1, FACTOR h, FACTOR w].
    """

    def along(values: np.ndarray, axis: int) -> np.ndarray:
        count = values.shape[axis]
        places = (np.arange(count * FACTOR) + 0.5) / FACTOR - 0.5
        low = np.clip(np.floor(places).astype(int), 0, count - 1)
        high = np.clip(np.floor(places).astype(int) + 1, 0, count - 1)
        share = (places - np.floor(places)).reshape([-1 if i == axis else 1 for i in range(4)])
        return values.take(low, axis) * (1 - share) + values.take(high, axis) * share

    return (17 * np.rint(along(along(images.astype(np.float64), 2), 3) * 15)).astype(np.uint8)


def enlarged_digits() -> dict[str, np.ndarray]:
    """Return the arrays of digits_32x32.npz, from those of digits.npz."""
    with np.load(HERE / "digits.npz", allow_pickle=False) as stored:
        arrays = {f"{part}_images": enlarged(stored[f"{part}_images"]) for part in PARTS}
        arrays |= {f"{part}_labels": stored[f"{part}_labels"].astype(np.uint8) for part in PARTS}
        source = f"{stored['source']}; enlarged to 32x32, bilinearly, in 16 shades of 0 to 255"
    return {**arrays, "source": np.array(source)}


class Stack(nn.Module):
    """Two 3x3 convolutions, around which the input goes: as it is, or through a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return functional.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class ResNet8(nn.Module):
    """float32[count, 1, 32, 32] -> logits float32[count, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(16)
        self.stack1, self.stack2, self.stack3 = Stack(16, 16, 1), Stack(16, 32, 2), Stack(32, 64, 2)
        self.logits = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norm1(self.conv1(x)))
        y = self.stack3(self.stack2(self.stack1(y)))
        return self.logits(y.mean(dim=(2, 3)))


def moved(images: Tensor, random: torch.Generator) -> Tensor:
    """Return each image moved by up to four pixels in each direction."""
    padded = functional.pad(images, (4, 4, 4, 4))
    moves = torch.randint(0, 9, (len(images), 2), generator=random).tolist()
    return torch.stack(
        [image[:, y : y + 32, x : x + 32] for image, (y, x) in zip(padded, moves, strict=True)]
    )


def train(data: dict[str, np.ndarray], epochs: int = EPOCHS) -> ResNet8:
    """Train by gradient descent with momentum, weight decay and a cosine learning rate."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    random = torch.Generator().manual_seed(SEED)
    network = ResNet8()
    images = torch.from_numpy(data["train_images"]).float() / 255
    labels = torch.from_numpy(data["train_labels"]).long()
    descent = torch.optim.SGD(
        network.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3, nesterov=True
    )
    batches = len(images) // BATCH
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(descent, epochs * batches)
    for epoch in range(epochs):
        order, varied = torch.randperm(len(images), generator=random), moved(images, random)
        total = 0.0
        for batch in range(batches):
            index = order[batch * BATCH :][:BATCH]
            loss = functional.cross_entropy(
                network(varied[index]), labels[index], label_smoothing=0.05
            )
            descent.zero_grad()
            loss.backward()
            descent.step()
            rates.step()
            total += loss.item()
        print(f"epoch {epoch + 1} of {epochs}: loss {total / batches:.4f}", flush=True)
    return network.eval()


def correct(network: ResNet8, data: dict[str, np.ndarray]) -> int:
    """Return how many test images get their label."""
    with torch.no_grad():
        scores = network(torch.from_numpy(data["test_images"]).float() / 255)
    return int((scores.argmax(dim=1).numpy() == data["test_labels"]).sum())


def to_onnx(network: ResNet8) -> onnx.ModelProto:
    """Return the network as ONNX: image float32[batch, 1, 32, 32] -> logits float32[batch, 10]."""
    graph = Graph()

    def convolution(layer: nn.Conv2d, name: str, source: str) -> str:
        weights = graph.constant(f"{name}.weight", layer.weight.detach().numpy())
        biases = graph.constant(f"{name}.bias", layer.bias.detach().numpy())
        padding, stride = layer.padding[0], layer.stride[0]
        return graph.node(
            "Conv",
            name,
            [source, weights, biases],
            kernel_shape=list(layer.kernel_size),
            pads=[padding] * 4,
            strides=[stride] * 2,
        )

    def norm(layer: nn.BatchNorm2d, name: str, source: str) -> str:
        parts = {
            "scale": layer.weight,
            "bias": layer.bias,
            "mean": layer.running_mean,
            "variance": layer.running_var,
        }
        inputs = [graph.constant(f"{name}.{p}", v.detach().numpy()) for p, v in parts.items()]
        return graph.node("BatchNormalization", name, [source, *inputs], epsilon=layer.eps)

    y = convolution(network.conv1, "conv1", "image")
    y = graph.node("Relu", "relu1", [norm(network.norm1, "norm1", y)])
    for name in ("stack1", "stack2", "stack3"):
        stack = getattr(network, name)
        x = y
        y = norm(stack.norm1, f"{name}_norm1", convolution(stack.conv1, f"{name}_conv1", x))
        y = graph.node("Relu", f"{name}_relu1", [y])
        y = norm(stack.norm2, f"{name}_norm2", convolution(stack.conv2, f"{name}_conv2", y))
        if stack.shortcut is not None:
            x = convolution(stack.shortcut, f"{name}_shortcut", x)
        y = graph.node("Relu", f"{name}_relu2", [graph.node("Add", f"{name}_add", [y, x])])
    y = graph.node("Flatten", "flatten", [graph.node("GlobalAveragePool", "average", [y])], axis=1)
    weights = graph.constant("logits.weight", network.logits.weight.detach().numpy())
    biases = graph.constant("logits.bias", network.logits.bias.detach().numpy())
    y = graph.node("Gemm", "logits", [y, weights, biases], transB=1)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "digits_resnet8",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 32, 32])],
            [helper.make_tensor_value_info(y, TensorProto.FLOAT, ["batch", 10])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="accelsim/workloads/train_digits_resnet8.py",
        doc_string="Trained on " + SOURCE + "; enlarged to 32x32",
    )
    onnx.checker.check_model(model)
    return model


def main() -> int:
    """Write the files, or compare with them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    data = enlarged_digits()
    if options.check:
        with np.load(DATA, allow_pickle=False) as stored:
            same = set(stored) == set(data) and all(
                np.array_equal(stored[name], data[name]) for name in data
            )
        print(f"digits_32x32: {'equal' if same else 'DIFFERS'}")
        count = correct(train(data), data)
        print(f"trained again: {count} of {len(data['test_labels'])} test images right")
        return 0 if same and count >= WORST_CORRECT else 1
    np.savez_compressed(DATA, **data)
    network = train(data)
    print(f"{correct(network, data)} of {len(data['test_labels'])} test images right")
    MODEL.write_bytes(to_onnx(network).SerializeToString())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
