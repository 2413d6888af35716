import numpy as np
import pytest

from accelsim.frontend import load_data


def test_the_folder(cifar, network_of):
    folder, images, labels = cifar
    data = load_data(folder, network_of((3, 32, 32)))
    assert (data.images == images * np.float32(1 / 255)).all()
    assert data.labels.tolist() == labels.tolist()
    assert data.calibration_images.shape == (256, 3, 32, 32)
    assert (data.name, data.calibration_source) == (folder.name, "data_batch_1.bin")
    assert data.preparation == "uint8 pixels / 255"


def test_a_batch_alone(cifar):
    folder, images, _ = cifar
    (folder / "test_batch.bin").rename(folder / "mine.bin")
    data = load_data(folder / "mine.bin")
    assert (data.images == images * np.float32(1 / 255)).all()
    assert data.calibration_source == "data_batch_1.bin"
    data = load_data(folder / "data_batch_2.bin")
    assert data.labels.tolist() == [1] * 300
    assert data.calibrates_on_test_images


def test_missing_test_batch(cifar, refusal):
    folder, *_ = cifar
    (folder / "test_batch.bin").unlink()
    assert refusal(folder) == "test_batch.bin: missing; take CIFAR-10's binary version"
    (folder / "test_batch").write_bytes(b"")
    assert refusal(folder) == (
        "test_batch.bin: missing; take CIFAR-10's binary version (this is the Python version, "
        "pickled, which is never loaded)"
    )


@pytest.mark.parametrize("size", [0, 1, 3072, 3074, 2 * 3073 - 1])
def test_records_that_are_not_whole(cifar, refusal, size):
    folder, *_ = cifar
    (folder / "test_batch.bin").write_bytes(bytes(size))
    assert refusal(folder) == (
        "test_batch.bin: must be whole records of 3073 bytes (a label and 3 x 32 x 32 pixels), "
        f"got {size} bytes"
    )


def test_a_label_that_no_class_has(cifar, refusal):
    folder, *_ = cifar
    content = bytearray((folder / "test_batch.bin").read_bytes())
    content[2 * 3073] = 10
    (folder / "test_batch.bin").write_bytes(content)
    assert refusal(folder) == "test_batch.bin: record 2: label: must be 0 to 9, got 10"


def test_a_network_of_other_images_or_classes(cifar, refusal, network_of):
    folder, *_ = cifar
    assert refusal(folder, network_of((3, 28, 28))) == (
        "test_batch.bin: must have shape [count, 3, 28, 28] or [count, 28, 28, 3], "
        "got [4, 3, 32, 32]"
    )
    assert refusal(folder, network_of((3, 32, 32), classes=4)) == (
        "labels of test_batch.bin: must be 0 to 3, got 0 to 9"
    )
