import hashlib
import pickle
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


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float16, np.float64, np.bool_])
def test_any_numbers_are_used_as_they_are(tmp_path, kind):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, test_images=np.ones(IMAGES.shape, kind), test_labels=LABELS)
    images = load_data(path, NETWORK).images
    assert images.dtype == np.float32
    assert (images == 1).all()


def test_missing_file_folder_and_other_formats(refused, tmp_path):
    assert refused(path=tmp_path / "no.npz") == "no such file"
    not_npz = "is not an .npz file (numpy.savez)"
    assert refused(path=tmp_path) == not_npz
    np.save(tmp_path / "one.npy", IMAGES)
    assert refused(path=tmp_path / "one.npy") == not_npz
    (tmp_path / "text.npz").write_text("images")
    assert refused(path=tmp_path / "text.npz") == not_npz
    (tmp_path / "empty.npz").touch()
    assert refused(path=tmp_path / "empty.npz") == not_npz


def test_missing_arrays(refused):
    wanted = "must hold test_images and test_labels, or images and labels"
    assert refused(pictures=IMAGES) == f"{wanted}; has pictures"
    assert refused() == f"{wanted}; has nothing"
    rule = "missing; must be 5 whole numbers, one for each image"
    assert refused(images=IMAGES) == f"labels: {rule}"
    assert refused(test_images=IMAGES, labels=LABELS) == f"test_labels: {rule}"


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 1, 8, 9), (5,), ()])
def test_images_of_another_shape(refused, shape):
    assert refused(images=np.zeros(shape), labels=LABELS) == (
        f"images: must have shape [count, 1, 8, 8], got {list(shape)}"
    )


def test_images_without_a_network_need_two_dimensions(refused):
    assert refused(network=None, images=np.zeros(5), labels=LABELS) == (
        "images: must have shape [count, ...], got [5]"
    )


def test_no_images(refused):
    assert refused(images=IMAGES[:0], labels=LABELS[:0]) == (
        "images: must hold at least one image of shape [count, 1, 8, 8], got float32[0, 1, 8, 8]"
    )


@pytest.mark.parametrize("values", [np.full(IMAGES.shape, "a"), IMAGES + 1j])
def test_images_that_are_not_numbers(refused, values):
    assert refused(images=values, labels=LABELS) == (
        f"images: must be numbers of shape [count, 1, 8, 8], got {values.dtype}[5, 1, 8, 8]"
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
        "calibration_images: must have shape [count, 1, 8, 8], got [5, 1, 7, 8]"
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
    assert refused(path=path).startswith("is not a readable .npz file: ")


def test_a_header_that_promises_more_than_the_file_holds(refused, tmp_path):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w") as member:
        header = {"descr": "<f4", "fortran_order": False, "shape": (2**50,)}
        np.lib.format.write_array_header_1_0(member, header)
    assert refused(path=path) == (
        "images: an array of 4503599627370496 bytes, of which the file holds 128; "
        "at most 2147483648 are loaded"
    )


def test_every_truncation_is_one_clear_line(refused, tmp_path):
    whole, path = workload_path("digits_cnn").data.read_bytes(), tmp_path / "cut.npz"
    for size in range(1, len(whole), 3571):
        path.write_bytes(whole[:size])
        assert refused(path=path)


def test_flipped_bytes_never_escape_as_another_error(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, images=IMAGES, labels=LABELS)
    whole = bytearray(path.read_bytes())
    messages = []
    for place in range(len(whole)):
        broken = whole.copy()
        broken[place] ^= 0x41
        path.write_bytes(broken)
        try:
            load_data(path, NETWORK)
        except DataError as error:
            messages.append(str(error))
    assert messages
    assert not any("\n" in message for message in messages)
