"""What a path is decides how it is read; what a network takes decides what becomes of it."""

import numpy as np
import pytest

from accelsim.frontend import load_data, load_tflite
from accelsim.quantize import quantize_input

READ = (
    "an .npz file, an IDX images file (MNIST) or its folder, CIFAR-10's binary folder or a batch "
    "(.bin), or a folder of images with a CSV of labels"
)


def test_paths_that_hold_no_data(tmp_path, refusal):
    assert refusal(tmp_path / "none") == "no such file"
    assert refusal(tmp_path) == f"holds no data that is known; must be {READ}"
    (tmp_path / "notes.txt").write_text("hello")
    assert refusal(tmp_path / "notes.txt") == f"is of no known kind; must be {READ}"
    assert refusal(tmp_path) == f"holds no data that is known; must be {READ}"


def test_a_zip_under_another_name(tmp_path):
    path = tmp_path / "data.zip"
    with path.open("wb") as stream:
        np.savez(stream, images=np.zeros((2, 3)), labels=np.zeros(2, int))
    assert load_data(path).images.shape == (2, 3)


@pytest.fixture
def model(tflite_file, tmp_path):
    """An integer model of one operator over images of 4 x 5 pixels and 3 channels."""
    file = tflite_file()
    ends = [file.tensor((1, 4, 5, 3), scale=0.5, zero_point=-3) for _ in range(2)]
    file.operator("RELU", ends[:1], ends[1:])
    path = tmp_path / "net.tflite"
    path.write_bytes(file.content(ends[:1], ends[1:]))
    return load_tflite(path)


def test_integers_of_a_network_are_taken_as_they_are(tmp_path, model):
    stored = np.random.default_rng(0).integers(-128, 128, (6, 4, 5, 3), np.int8)
    np.savez(tmp_path / "data.npz", images=stored, labels=np.arange(6))
    data = load_data(tmp_path / "data.npz", model)
    assert data.preparation == (
        "int8 as the input's integers (scale 0.5, zero point -3), channels moved first"
    )
    integers = quantize_input(model.integer, data.images)
    assert (integers == stored.transpose(0, 3, 1, 2)).all()


def test_real_numbers_of_another_scale(tmp_path, model, refusal):
    reals = np.full((6, 4, 5, 3), 1000.0)
    np.savez(tmp_path / "data.npz", images=reals, labels=np.arange(6))
    assert refusal(tmp_path / "data.npz", model) == (
        "images: values 1000 to 1000, but the network's input holds -62.5 to 65; give "
        "--input-scale (such as 1/255) or --normalize"
    )


def test_calibration_images_stored_in_another_way(tmp_path, refusal):
    pixels, reals = np.zeros((2, 3, 3), np.uint8), np.zeros((2, 3, 3))
    np.savez(tmp_path / "data.npz", images=pixels, labels=[0, 1], train_images=reals)
    assert refusal(tmp_path / "data.npz") == (
        "train_images: must be as images: [3, 3], uint8 pixels / 255; got [3, 3], real numbers "
        "as they are"
    )
