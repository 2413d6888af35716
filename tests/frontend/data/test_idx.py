import gzip
import hashlib
import struct

import numpy as np
import pytest

from accelsim.frontend import load_data
from accelsim.frontend.data.files import MAXIMUM_ARRAY_BYTES

IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def squeeze(folder):
    for path in folder.iterdir():
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


def check(data, images, labels, training):
    assert data.images.shape == (6, 1, 5, 4)
    assert (data.images[:, 0] == images * np.float32(1 / 255)).all()
    assert data.labels.tolist() == labels.tolist()
    assert (data.calibration_images[:, 0] == training[:256] * np.float32(1 / 255)).all()
    assert not data.calibrates_on_test_images


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_folder_of_the_four_files(mnist, network_of, gzipped):
    folder, *arrays = mnist
    if gzipped:
        squeeze(folder)
    data = load_data(folder, network_of((1, 5, 4)))
    check(data, *arrays)
    suffix = ".gz" if gzipped else ""
    assert data.calibration_source == f"train-images-idx3-ubyte{suffix}"
    assert (data.name, data.preparation) == (folder.name, "uint8 pixels / 255")
    files = [IMAGES, LABELS, "train-images-idx3-ubyte"]
    hashes = [hashlib.sha256((folder / f"{name}{suffix}").read_bytes()) for name in files]
    together = b"".join(part.digest() for part in hashes)
    assert data.sha256 == hashlib.sha256(together).hexdigest()


@pytest.mark.parametrize("gzipped", [False, True])
def test_an_images_file_finds_its_labels(mnist, network_of, gzipped):
    folder, *arrays = mnist
    if gzipped:
        squeeze(folder)
    path = folder / f"{IMAGES}{'.gz' if gzipped else ''}"
    data = load_data(path, network_of((1, 5, 4)))
    check(data, *arrays)
    assert data.name == IMAGES


@pytest.mark.parametrize(
    ("images", "labels", "training"),
    [
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte", "train-images.idx3-ubyte"),
        (
            "emnist-mnist-test-images-idx3-ubyte",
            "emnist-mnist-test-labels-idx1-ubyte",
            "emnist-mnist-train-images-idx3-ubyte",
        ),
    ],
)
def test_other_names(tmp_path, as_idx, images, labels, training):
    pixels = np.full((2, 3, 3), 255, np.uint8)
    (tmp_path / images).write_bytes(as_idx(pixels))
    (tmp_path / labels).write_bytes(as_idx(np.array([1, 0], np.uint8)))
    (tmp_path / training).write_bytes(as_idx(pixels[:1]))
    for path in (tmp_path, tmp_path / images):
        data = load_data(path)
        assert (data.images == 1).all()
        assert data.labels.tolist() == [1, 0]
        assert data.calibration_source == training


def test_without_training_images(mnist):
    folder, *_ = mnist
    (folder / "train-images-idx3-ubyte").unlink()
    data = load_data(folder)
    assert data.calibrates_on_test_images
    assert data.calibration_source == IMAGES
    assert (data.calibration_images == data.images).all()


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "f4", "f8"])
def test_other_numbers(mnist, as_idx, kind):
    folder, *_ = mnist
    (folder / "train-images-idx3-ubyte").unlink()
    values = np.arange(-60, 60, dtype=kind).reshape(6, 5, 4)
    (folder / IMAGES).write_bytes(as_idx(values))
    assert (load_data(folder).images == values).all()


def test_missing_files(mnist, refusal):
    folder, *_ = mnist
    (folder / LABELS).unlink()
    missing = f"labels: missing; no file {LABELS} or {LABELS}.gz beside {IMAGES}"
    assert refusal(folder) == missing
    assert refusal(folder / IMAGES) == missing
    (folder / IMAGES).unlink()
    assert refusal(folder) == (
        "must hold the images of a test set, as t10k-images-idx3-ubyte (.gz or not); "
        "has train-images-idx3-ubyte"
    )


def test_names_that_do_not_say_what_they_are(mnist, refusal):
    folder, *_ = mnist
    (folder / IMAGES).rename(folder / "pixels")
    assert refusal(folder / "pixels") == (
        "must be named as ...images-idx3-ubyte or ...images-idx3-ubyte.gz, so that its labels "
        "can be found beside it; got 'pixels'"
    )


def test_two_test_sets(mnist, refusal):
    folder, *_ = mnist
    (folder / "emnist-test-images-idx3-ubyte").write_bytes(b"")
    assert refusal(folder) == (
        "holds several test sets; give the images file of one: emnist-test-images-idx3-ubyte, "
        f"{IMAGES}"
    )


@pytest.mark.parametrize("size", range(16))
def test_a_header_that_is_cut_off(mnist, refusal, size):
    folder, *_ = mnist
    path = folder / IMAGES
    path.write_bytes(path.read_bytes()[:size])
    held, declared = (size, 4) if size < 4 else (size - 4, 12)
    assert refusal(folder) == (
        f"{IMAGES}: is cut off: {held} bytes of the {declared} that it declares"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0\7\3" + bytes(12), "it begins with bytes 00 00 07 03"),
        (b"\0\0\10\0", "it begins with bytes 00 00 08 00"),
        (b"\0\0\10\5" + bytes(20), "it begins with bytes 00 00 08 05"),
        (b"\1\0\10\3" + bytes(12), "it begins with bytes 01 00 08 03"),
    ],
)
def test_other_content(mnist, refusal, content, message):
    folder, *_ = mnist
    (folder / IMAGES).write_bytes(content)
    assert refusal(folder) == f"{IMAGES}: is not an IDX file of 1 to 4 dimensions: {message}"


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_header_that_declares_more_than_can_be_loaded(mnist, refusal, gzipped):
    folder, *_ = mnist
    content = b"\0\0\10\3" + struct.pack(">3I", 2**31, 28, 28) + bytes(100)
    (folder / IMAGES).write_bytes(gzip.compress(content) if gzipped else content)
    assert refusal(folder) == (
        f"{IMAGES}: an array of {2**31 * 28 * 28 * 4} bytes; at most {MAXIMUM_ARRAY_BYTES} are "
        "loaded (give fewer images)"
    )


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_header_that_declares_more_than_the_file_holds(mnist, refusal, gzipped):
    folder, *_ = mnist
    content = b"\0\0\10\3" + struct.pack(">3I", 100_000, 28, 28) + bytes(100)
    (folder / IMAGES).write_bytes(gzip.compress(content) if gzipped else content)
    assert refusal(folder) == (f"{IMAGES}: is cut off: 100 bytes of the 78400000 that it declares")


@pytest.mark.parametrize("gzipped", [False, True])
def test_more_than_the_header_declares(mnist, refusal, gzipped):
    folder, *_ = mnist
    content = (folder / IMAGES).read_bytes() + b"\0" * (1 << 20)
    (folder / IMAGES).write_bytes(gzip.compress(content) if gzipped else content)
    assert (
        refusal(folder) == f"{IMAGES}: holds more bytes than the [6, 5, 4] that its header declares"
    )


def test_broken_gzip(mnist, refusal):
    folder, *_ = mnist
    whole = gzip.compress((folder / IMAGES).read_bytes())
    (folder / IMAGES).write_bytes(whole[:-20])
    assert refusal(folder) == f"{IMAGES}: is cut off: the gzip stream has no end"
    (folder / IMAGES).write_bytes(whole[:-8] + bytes(8))
    assert refusal(folder).startswith(f"{IMAGES}: is not a readable gzip file: CRC check failed")


def test_labels_of_another_number_or_range(mnist, refusal, as_idx, network_of):
    folder, *_ = mnist
    (folder / LABELS).write_bytes(as_idx(np.zeros(5, np.uint8)))
    assert refusal(folder) == (
        f"{LABELS}: must be 6 whole numbers, one for each image, got uint8[5]"
    )
    (folder / LABELS).write_bytes(as_idx(np.arange(5, 11, dtype=np.uint8)))
    assert refusal(folder, network_of((1, 5, 4))) == f"{LABELS}: must be 0 to 9, got 5 to 10"


def test_training_images_of_another_size(mnist, refusal, as_idx):
    folder, *_ = mnist
    (folder / "train-images-idx3-ubyte").write_bytes(as_idx(np.zeros((9, 4, 4), np.uint8)))
    assert refusal(folder) == (
        f"train-images-idx3-ubyte: must be as {IMAGES}: [5, 4], uint8 pixels / 255; got [4, 4], "
        "uint8 pixels / 255"
    )
