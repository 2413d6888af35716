import hashlib
import pickle
import struct
import zipfile

import numpy as np
import pytest

from accelsim.errors import DataError
from accelsim.frontend import load_data, load_onnx, workload_path

IMAGES = np.zeros((5, 1, 8, 8), np.float32)
LABELS = np.arange(5)
NETWORK = load_onnx(workload_path("digits_cnn").model).network


@pytest.fixture
def refused(tmp_path):
    """Write arrays (or take a path) and return the message with which they are refused."""

    def message(network=NETWORK, path=None, **arrays):
        if path is None:
            path = tmp_path / "data.npz"
            np.savez(path, **arrays)
        with pytest.raises(DataError) as caught:
            load_data(path, network)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
        return str(caught.value).removeprefix(f"{path}: ")

    return message


def test_the_digits():
    path = workload_path("digits_cnn").data
    data = load_data(path, NETWORK)
    assert data.name == "digits"
    assert (data.images.shape, data.images.dtype) == ((450, 1, 8, 8), np.float32)
    assert (data.labels.shape, data.labels.dtype) == ((450,), np.int64)
    assert data.calibration_images.shape == (128, 1, 8, 8)
    assert data.calibration_source == "calibration_images"
    assert data.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("extra", "source", "count"),
    [
        ({}, "images", 5),
        ({"train_images": np.ones((300, 1, 8, 8))}, "train_images", 256),
        (
            {"calibration_images": np.ones((3, 1, 8, 8)), "train_images": IMAGES},
            "calibration_images",
            3,
        ),
    ],
)
def test_what_is_calibrated_on(tmp_path, extra, source, count):
    path = tmp_path / "data.npz"
    np.savez(path, images=IMAGES, labels=LABELS, **extra)
    data = load_data(path)
    assert (data.calibration_source, len(data.calibration_images)) == (source, count)


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.float16, np.float64, np.bool_])
def test_any_numbers_are_used_as_they_are(tmp_path, kind):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, test_images=np.ones(IMAGES.shape, kind), test_labels=LABELS)
    images = load_data(path, NETWORK).images
    assert images.dtype == np.float32
    assert (images == 1).all()


@pytest.mark.parametrize("content", [b"images", b""])
def test_files_that_are_not_zip(refused, tmp_path, content):
    path = tmp_path / "text.npz"
    path.write_bytes(content)
    assert refused(path=path) == "is not a readable .npz file: File is not a zip file"


def test_missing_arrays(refused):
    wanted = (
        "must hold test_images and test_labels, or images and labels, or x_test and y_test; has"
    )
    assert refused(pictures=IMAGES) == f"{wanted} pictures"
    assert refused() == f"{wanted} nothing"
    many = {f"a{number}": LABELS for number in range(21)}
    listed = ", ".join(f"a{number}" for number in range(20))
    assert refused(**many) == f"{wanted} {listed}, ..."
    rule = "missing; must be whole numbers, one for each of"
    assert refused(images=IMAGES) == f"labels: {rule} images"
    assert refused(test_images=IMAGES, labels=LABELS) == f"test_labels: {rule} test_images"


def test_the_names_that_keras_uses(tmp_path):
    path = tmp_path / "mnist.npz"
    images = np.full((5, 8, 8), 51, np.uint8)
    np.savez(path, x_test=images, y_test=LABELS[:, None], x_train=images[:2])
    data = load_data(path, NETWORK)
    assert data.images.shape == (5, 1, 8, 8)
    assert (data.images == np.float32(51) * np.float32(1 / 255)).all()
    assert data.labels.tolist() == LABELS.tolist()
    assert (data.calibration_source, len(data.calibration_images)) == ("x_train", 2)
    assert data.preparation == "uint8 pixels / 255"


@pytest.mark.parametrize("shape", [(5, 8, 7), (5, 1, 8, 9), (5, 3, 8, 8), (5,), ()])
def test_images_of_another_shape(refused, shape):
    assert refused(images=np.zeros(shape), labels=LABELS) == (
        f"images: must have shape [count, 1, 8, 8] or [count, 8, 8], got {list(shape)}"
    )


def test_images_without_a_network_need_two_dimensions(refused):
    assert refused(network=None, images=np.zeros(5), labels=LABELS) == (
        "images: must have shape [count, ...], got [5]"
    )


def test_no_images(refused):
    assert refused(images=IMAGES[:0], labels=LABELS[:0]) == (
        "images: must hold at least one image, got shape [0, 1, 8, 8]"
    )


@pytest.mark.parametrize("values", [np.full(IMAGES.shape, "a"), IMAGES + 1j])
def test_images_that_are_not_numbers(refused, values):
    assert refused(images=values, labels=LABELS) == (
        f"images: must be numbers, got {values.dtype}[5, 1, 8, 8]"
    )


@pytest.mark.parametrize("value", [np.nan, -np.inf, 1e300])
def test_images_that_are_not_finite(refused, value):
    images = IMAGES.astype(np.float64)
    images[1, 0, 2] = value
    assert refused(images=images, labels=LABELS) == (
        "images: 8 of the 320 values are NaN or infinite in float32"
    )


def test_calibration_images_are_checked_too(refused):
    assert refused(images=IMAGES, labels=LABELS, calibration_images=IMAGES[:, :, 1:]) == (
        "calibration_images: must have shape [count, 1, 8, 8] or [count, 8, 8], got [5, 1, 7, 8]"
    )


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        (LABELS[:4], "int64[4]"),
        (np.eye(5, dtype=np.int64), "int64[5, 5]"),
        (LABELS.astype(np.float64), "float64[5]"),
        (LABELS.astype(str), "<U21[5]"),
    ],
)
def test_labels_that_do_not_fit_the_images(refused, labels, got):
    assert refused(images=IMAGES, labels=labels) == (
        f"labels: must be 5 whole numbers, one for each image, got {got}"
    )


def test_labels_that_the_network_cannot_give(refused):
    assert refused(images=IMAGES, labels=LABELS + 6) == "labels: must be 0 to 9, got 6 to 10"
    assert refused(images=IMAGES, labels=LABELS - 1) == "labels: must be 0 to 9, got -1 to 3"
    assert refused(network=None, images=IMAGES, labels=LABELS - 1) == (
        "labels: must be at least 0, got -1 to 3"
    )


class Bomb:
    """Unpickling this would fail the test."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def test_pickles_are_never_loaded(refused, tmp_path):
    objects = np.array([Bomb()] * 5, dtype=object)
    assert refused(images=objects, labels=LABELS) == (
        "images: holds Python objects, which are never loaded"
    )
    path = tmp_path / "pickle.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", pickle.dumps(Bomb()))
        archive.writestr("labels.npy", pickle.dumps(Bomb()))
    assert refused(path=path) == "images: is not an array of numpy"


def header(text, version=b"\x01\x00"):
    """A member of an .npz file: magic, version, length of the header, the header."""
    content = text.encode()
    return b"\x93NUMPY" + version + struct.pack("<H", len(content)) + content


@pytest.fixture
def refused_member(refused, tmp_path):
    """Write a member as the images of a file and return the message that refuses it."""

    def message(content, compression=zipfile.ZIP_STORED):
        path = tmp_path / "data.npz"
        with zipfile.ZipFile(path, "w", compression) as archive:
            archive.writestr("images.npy", content)
            archive.writestr("labels.npy", header("{}"))
        return refused(path=path)

    return message


def described(kind="<f4", order="False", shape="(5, 1, 8, 8)"):
    return f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}"


def test_a_header_that_promises_more_than_can_be_loaded(refused_member):
    assert refused_member(header(described(shape=f"({2**50},)"))) == (
        "images: an array of 4503599627370496 bytes; at most 2147483648 are loaded "
        "(give fewer images)"
    )


def test_a_header_that_promises_more_than_the_file_holds(refused_member):
    text = described(shape=f"({2**28},)")
    held = 10 + len(text)
    assert refused_member(header(text)) == (
        f"images: an array of {2**30} bytes, of which the file holds at most {held}"
    )


def test_a_directory_that_promises_more_than_the_file_holds(refused, tmp_path):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header(described(shape=f"({2**28},)")))
        archive.writestr("labels.npy", b"")
    whole = bytearray(path.read_bytes())
    entry = whole.index(b"PK\1\2")
    (compressed_bytes,) = struct.unpack_from("<I", whole, entry + 20)
    struct.pack_into("<I", whole, entry + 24, 2**31)
    path.write_bytes(whole)
    assert refused(path=path) == (
        f"images: an array of {2**30} bytes, of which the file holds at most "
        f"{1032 * compressed_bytes}"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x93NUMPY\x04\x00", "is not an array of numpy"),
        (b"\x93NUM", "is cut off: 4 bytes of the 8 that it declares"),
        (header("{}"), "must be an array of plain numbers"),
        (header(described("[('a', '<f4')]")), "must be an array of plain numbers"),
        (header(described("|O")), "holds Python objects, which are never loaded"),
        (header(described("<i3")), "numbers of type '<i3' are not known"),
        (header(described(order="Maybe")), "has a broken header"),
        (header(described(shape="(-1,)")), "has a broken header"),
        (header(described(shape=f"({'1,' * 33})")), "must have at most 32 dimensions, got 33"),
        (header(described()) + b"\0" * 1281, "holds more bytes than its header declares"),
        (
            b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1),
            "a header of 4294967295 bytes; at most 10000",
        ),
    ],
)
def test_broken_headers(refused_member, content, message):
    assert refused_member(content) == f"images: {message}"


def test_compression_that_numpy_does_not_write(refused_member):
    content = header(described()) + b"\0" * 1280
    assert refused_member(content, zipfile.ZIP_LZMA) == (
        "images: compressed in a way that numpy does not write"
    )


def test_arrays_stored_column_by_column(tmp_path):
    path = tmp_path / "data.npz"
    images = np.random.default_rng(0).random(IMAGES.shape, np.float32)
    np.savez(path, images=np.asfortranarray(images), labels=LABELS)
    assert (load_data(path, NETWORK).images == images).all()


def test_too_many_members(refused, tmp_path):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(4097):
            archive.writestr(f"{number}.npy", b"")
    assert refused(path=path) == "must hold at most 4096 arrays, holds 4097"


def test_every_truncation_is_one_clear_line(refused, tmp_path):
    whole, path = workload_path("digits_cnn").data.read_bytes(), tmp_path / "cut.npz"
    for size in range(1, len(whole), 3571):
        path.write_bytes(whole[:size])
        assert refused(path=path)
