"""Small data sets in every format, and the message that refuses a broken one."""

import struct

import numpy as np
import pytest
from PIL import Image

from accelsim.errors import DataError
from accelsim.frontend import load_data
from accelsim.network import Dense, Layer, Network

IDX_KINDS = {"u1": 8, "i1": 9, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(values):
    values = np.asarray(values)
    code = IDX_KINDS[f"{values.dtype.kind}{values.dtype.itemsize}"]
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return (
        bytes([0, 0, code, values.ndim])
        + sizes
        + values.astype(values.dtype.newbyteorder(">")).tobytes()
    )


@pytest.fixture(scope="session")
def as_idx():
    return idx_bytes


@pytest.fixture(scope="session")
def network_of():
    """A network with an input of some shape, a channel an axis 0, and some classes."""

    def make(shape, classes=10):
        weights = np.zeros((classes, int(np.prod(shape))), np.float32)
        layer = Layer("dense", Dense(weights, np.zeros(classes, np.float32)), ("x",), "y")
        return Network("net", "x", "y", (layer,), {"x": shape, "y": (classes,)})

    return make


@pytest.fixture
def refusal():
    """Return the one line that refuses a path, without the path."""

    def message(path, network=None):
        with pytest.raises(DataError) as caught:
            load_data(path, network)
        text = str(caught.value)
        assert text.startswith(f"{path}: ")
        assert "\n" not in text
        return text.removeprefix(f"{path}: ")

    return message


@pytest.fixture
def mnist(tmp_path):
    """Write the four standard files; returns folder, test images, test labels, training images."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (6, 5, 4), np.uint8)
    training = generator.integers(0, 256, (300, 5, 4), np.uint8)
    labels = np.arange(6, dtype=np.uint8)
    for name, values in {
        "t10k-images-idx3-ubyte": images,
        "t10k-labels-idx1-ubyte": labels,
        "train-images-idx3-ubyte": training,
        "train-labels-idx1-ubyte": np.zeros(300, np.uint8),
    }.items():
        (tmp_path / name).write_bytes(idx_bytes(values))
    return tmp_path, images, labels, training


def cifar_bytes(labels, images):
    records = [
        bytes([label]) + image.tobytes() for label, image in zip(labels, images, strict=True)
    ]
    return b"".join(records)


@pytest.fixture(scope="session")
def as_cifar():
    return cifar_bytes


@pytest.fixture
def cifar(tmp_path):
    """Write a test and a training batch; returns folder, images and labels of the test batch."""
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (4, 3, 32, 32), np.uint8)
    labels = np.array([3, 0, 9, 3], np.uint8)
    (tmp_path / "test_batch.bin").write_bytes(cifar_bytes(labels, images))
    others = generator.integers(0, 256, (300, 3, 32, 32), np.uint8)
    for number in range(1, 6):
        path = tmp_path / f"data_batch_{number}.bin"
        path.write_bytes(cifar_bytes(np.full(300, number - 1, np.uint8), others))
    return tmp_path, images, labels


@pytest.fixture
def pictures(tmp_path):
    """Write four small PNG files and their table; returns the folder and uint8[4, 6, 5, 3]."""
    images = np.random.default_rng(2).integers(0, 256, (4, 6, 5, 3), np.uint8)
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    rows = [f"{number}.png,{number % 2}" for number in range(4)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows]) + "\n")
    return tmp_path, images
