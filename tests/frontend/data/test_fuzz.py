"""Thousands of broken files: each is a data set or one clear line, soon and in little memory."""

import gzip
import struct
import time
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from accelsim.errors import DataError
from accelsim.frontend import Dataset, load_data

LONGEST_SECONDS = 5.0
LARGEST_PEAK_BYTES = 96 << 20
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1)


def mutated(whole, generator):
    """Flip, cut, repeat, splice, or write a striking number somewhere."""
    content = bytearray(whole)
    for _ in range(generator.integers(1, 4)):
        place, other = generator.integers(0, max(len(content), 1), 2)
        kind = generator.integers(0, 6)
        if kind == 0 and content:
            content[place] ^= 1 << generator.integers(0, 8)
        elif kind == 1 and content:
            content[place] = generator.integers(0, 256)
        elif kind == 2:
            del content[place:]
        elif kind == 3:
            del content[min(place, other) : max(place, other)]
        elif kind == 4:
            content[place:place] = content[other : other + generator.integers(1, 64)]
        else:
            code = (">I", "<I", "<H")[generator.integers(0, 3)]
            number = NUMBERS[generator.integers(0, len(NUMBERS))]
            size = struct.calcsize(code)
            content[place : place + size] = struct.pack(code, number % 256**size)
    return bytes(content)


def outcome(path, network):
    """The data set, or the line that refuses it."""
    try:
        return load_data(path, network)
    except DataError as error:
        return str(error)


def check(result, path):
    if isinstance(result, Dataset):
        assert len(result.images) == len(result.labels) > 0
        assert np.isfinite(result.images).all()
        return
    assert result.startswith(f"{path}: ")
    assert "\n" not in result
    assert len(result) < 1000


@pytest.fixture
def fuzz():
    """Load each mutation of one file of a data set; return how many are data and how many not."""

    def run(path, file, network, count):
        whole, generator = file.read_bytes(), np.random.default_rng(20)
        accepted = 0
        tracemalloc.start()
        try:
            for _ in range(count):
                file.write_bytes(mutated(whole, generator))
                started = time.perf_counter()
                result = outcome(path, network)
                assert time.perf_counter() - started < LONGEST_SECONDS
                check(result, path)
                accepted += isinstance(result, Dataset)
            assert tracemalloc.get_traced_memory()[1] < LARGEST_PEAK_BYTES
        finally:
            tracemalloc.stop()
        return accepted, count - accepted

    return run


@pytest.mark.parametrize("compressed", [False, True])
def test_npz(tmp_path, network_of, fuzz, compressed):
    path = tmp_path / "data.npz"
    images = np.random.default_rng(0).random((3, 1, 4, 4)).astype(np.float32)
    write = np.savez_compressed if compressed else np.savez
    write(path, images=images, labels=np.arange(3), train_images=images)
    accepted, refused = fuzz(path, path, network_of((1, 4, 4)), 1200)
    assert min(accepted, refused) > 0


@pytest.mark.parametrize("part", ["images", "labels", "train"])
@pytest.mark.parametrize("gzipped", [False, True])
def test_idx(mnist, network_of, fuzz, part, gzipped):
    folder, *_ = mnist
    names = {
        "images": "t10k-images-idx3",
        "labels": "t10k-labels-idx1",
        "train": "train-images-idx3",
    }
    file = folder / f"{names[part]}-ubyte"
    # Refused or not, nothing after the header matters much: keep it short.
    if part == "train":
        file.write_bytes(b"\0\0\10\3" + struct.pack(">3I", 2, 5, 4) + bytes(40))
    if gzipped:
        file.write_bytes(gzip.compress(file.read_bytes()))
    _, refused = fuzz(folder, file, network_of((1, 5, 4)), 700 if part == "images" else 200)
    assert refused > 0


def test_cifar(cifar, network_of, fuzz):
    folder, *_ = cifar
    for number in range(1, 6):
        (folder / f"data_batch_{number}.bin").unlink()
    accepted, refused = fuzz(folder, folder / "test_batch.bin", network_of((3, 32, 32)), 300)
    assert min(accepted, refused) > 0


@pytest.mark.parametrize("file", ["0.png", "2.jpg", "labels.csv", "classes.txt"])
def test_image_folder(pictures, network_of, fuzz, file):
    folder, images = pictures
    Image.fromarray(images[2]).save(folder / "2.jpg")
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace("2.png", "2.jpg").replace(",0", ",cat"))
    table.write_text(table.read_text().replace(",1", ",dog"))
    (folder / "classes.txt").write_text("cat\ndog\n")
    assert len(load_data(folder).images) == 4
    _, refused = fuzz(folder, folder / file, network_of((3, 6, 5), classes=2), 300)
    assert refused > 0
