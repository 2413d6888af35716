"""Train digits_cnn.onnx and digits_mlp.onnx and write digits.npz, from seeds alone.

    python workloads/train_digits.py            write the three files next to this one
    python workloads/train_digits.py --check    train again and compare with the files, bit by bit

Training needs numpy and onnx; scikit-learn is needed only to read the digits, and only when
digits.npz is written or checked.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from numpy_layers import (
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    Graph,
    MaxPool,
    Relu,
    Residual,
    Sequence,
    on_grid,
)
from onnx import TensorProto, helper

__all__ = ["digits_cnn", "digits_mlp", "main", "split_digits", "to_onnx", "train"]

HERE = Path(__file__).parent
CALIBRATION_IMAGES = 128
TEST_IMAGES = 450
SOURCE = (
    "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), "
    "UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, CC BY 4.0; "
    "the 1797 images of its test set as in scikit-learn's load_digits, divided by 16; "
    "split by a seeded permutation"
)


def split_digits() -> dict[str, np.ndarray]:
    """Return the arrays of digits.npz: images float32[count, 1, 8, 8] in 0..1, labels int64."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[:, None]
    # RandomState, not Generator: numpy promises that its stream never changes.
    order = np.random.RandomState(2026).permutation(len(images))
    parts = {
        "test": order[:TEST_IMAGES],
        "calibration": order[TEST_IMAGES : TEST_IMAGES + CALIBRATION_IMAGES],
        "train": order[TEST_IMAGES + CALIBRATION_IMAGES :],
    }
    arrays = {}
    for part, index in parts.items():
        arrays[f"{part}_images"] = images[index]
        arrays[f"{part}_labels"] = digits.target[index].astype(np.int64)
    return {**arrays, "source": np.array(SOURCE)}


def digits_cnn(random: np.random.RandomState) -> Sequence:
    """Return the untrained CNN: three convolutions, one of stride 2, one in a residual block."""
    return Sequence(
        Conv("conv1", 1, 16, 1, random),
        BatchNorm("norm1", 16),
        Relu("relu1"),
        Conv("conv2", 16, 32, 2, random),
        BatchNorm("norm2", 32),
        Relu("relu2"),
        Residual("add3", Conv("conv3", 32, 32, 1, random), BatchNorm("norm3", 32)),
        Relu("relu3"),
        MaxPool("pool"),
        Flatten("flatten"),
        Dense("logits", 128, 10, random),
    )


def digits_mlp(random: np.random.RandomState) -> Sequence:
    """Return the untrained multilayer perceptron: 64, 64, 32, 10."""
    return Sequence(
        Flatten("flatten"),
        Dense("dense1", 64, 64, random),
        BatchNorm("norm1", 64),
        Relu("relu1"),
        Dense("dense2", 64, 32, random),
        BatchNorm("norm2", 32),
        Relu("relu2"),
        Dense("logits", 32, 10, random),
    )


def blurred(images: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Return each image mixed, in random proportion, with itself moved by up to one pixel."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    moves = random.randint(0, 3, size=(len(images), 2))
    moved = np.stack(
        [image[:, y : y + 8, x : x + 8] for image, (y, x) in zip(padded, moves, strict=True)]
    )
    share = random.uniform(size=(len(images), 1, 1, 1))
    return (1 - share) * images + share * moved


def loss_gradient(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the gradient of the mean cross entropy, with targets smoothed by 0.05."""
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    targets = np.full(logits.shape, 0.05 / logits.shape[1])
    targets[np.arange(len(labels)), labels] += 0.95
    return (exponents / exponents.sum(axis=1, keepdims=True) - targets) / len(labels)


def train(
    build: Callable[[np.random.RandomState], Sequence],
    data: dict[str, np.ndarray],
    epochs: int,
    seed: int,
) -> Sequence:
    """Train by gradient descent with momentum, weight decay and a cosine learning rate."""
    random = np.random.RandomState(seed)
    network = build(random)
    images, labels = data["train_images"].astype(np.float64), data["train_labels"]
    slots = [(leaf, key) for leaf in network.leaves() for key in leaf.parameters]
    velocities = [np.zeros_like(leaf.parameters[key]) for leaf, key in slots]
    batches = len(images) // 64
    for step in range(epochs * batches):
        if step % batches == 0:
            order, varied = random.permutation(len(images)), blurred(images, random)
        index = order[step % batches * 64 :][:64]
        network.backward(loss_gradient(network.forward(varied[index]), labels[index]))
        rate = 0.015 * (1 + np.cos(np.pi * step / (epochs * batches)))
        for slot, (leaf, key) in enumerate(slots):
            decayed = leaf.gradients[key] + 2e-3 * leaf.parameters[key]
            velocities[slot] = 0.9 * velocities[slot] - rate * decayed
            leaf.parameters[key] = on_grid(leaf.parameters[key] + velocities[slot])
    # One pass over the whole training set leaves its statistics in the batch norms.
    network.forward(images)
    return network


def to_onnx(network: Sequence, name: str) -> onnx.ModelProto:
    """Return the network as ONNX: images float32[batch, 1, 8, 8] -> logits float32[batch, 10]."""
    graph = Graph()
    output = network.export(graph, "image")
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            name,
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", 10])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        # onnx writes its newest version by default, which onnxruntime may not read yet.
        ir_version=8,
        producer_name="accelsim/workloads/train_digits.py",
        doc_string="Trained on " + SOURCE,
    )
    onnx.checker.check_model(model)
    return model


RECIPES = {"digits_cnn": (digits_cnn, 20, 1), "digits_mlp": (digits_mlp, 50, 1)}


def trained(name: str) -> bytes:
    """Return the ONNX file of a network, trained on the images of digits.npz."""
    with np.load(HERE / "digits.npz", allow_pickle=False) as stored:
        data = dict(stored)
    build, epochs, seed = RECIPES[name]
    return to_onnx(train(build, data, epochs, seed), name).SerializeToString()


def write(name: str) -> None:
    """Write one of the files."""
    if name == "digits":
        np.savez_compressed(HERE / "digits.npz", **split_digits())
    else:
        (HERE / f"{name}.onnx").write_bytes(trained(name))


def is_equal(name: str) -> bool:
    """Tell whether one of the files holds exactly what the recipe makes."""
    if name != "digits":
        return (HERE / f"{name}.onnx").read_bytes() == trained(name)
    arrays = split_digits()
    with np.load(HERE / "digits.npz", allow_pickle=False) as stored:
        return set(stored) == set(arrays) and all(
            np.array_equal(stored[key], arrays[key]) for key in arrays
        )


def main() -> int:
    """Write the files, or compare with them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--only", choices=["digits", *RECIPES], help="one of the three files")
    options = parser.parse_args()
    chosen = [options.only] if options.only else ["digits", *RECIPES]
    if not options.check:
        for name in chosen:
            write(name)
        return 0
    equal = {name: is_equal(name) for name in chosen}
    for name, same in equal.items():
        print(f"{name}: {'equal' if same else 'DIFFERS'}")
    return 0 if all(equal.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
