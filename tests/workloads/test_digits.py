import re

import numpy as np
import onnx
import pytest

from accelsim.frontend import load_data, load_onnx, run_float, workload_path
from accelsim.network import network_macs, network_parameters

EXPECTED = {
    "digits_cnn": {"macs": 231_680, "parameters": 15_338, "correct": 443},
    "digits_mlp": {"macs": 6_464, "parameters": 6_570, "correct": 440},
    "digits_resnet8": {"macs": 12_206_720, "parameters": 77_418, "correct": 448},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_work_and_accuracy(name):
    workload = workload_path(name)
    model = load_onnx(workload.model)
    data = load_data(workload.data, model.network)
    scores = run_float(model, data.images, ["logits"])["logits"]
    assert network_macs(model.network) == EXPECTED[name]["macs"]
    assert network_parameters(model.network) == EXPECTED[name]["parameters"]
    assert int((scores.argmax(axis=1) == data.labels).sum()) == EXPECTED[name]["correct"]


@pytest.mark.parametrize("name", EXPECTED)
def test_the_readme_says_the_same(name):
    text = (workload_path(name).data.parent / "README.md").read_text()
    (row,) = re.findall(rf"^\| `{name}.onnx` .*$", text, re.MULTILINE)
    cells = [cell.strip().replace(" ", "") for cell in row.split("|")]
    expected = EXPECTED[name]
    accuracy = f"{expected['correct'] / 4.5:.2f}%({expected['correct']}of450)"
    assert cells[4:7] == [str(expected["macs"]), str(expected["parameters"]), accuracy]


def test_the_split():
    with np.load(workload_path("digits_cnn").data, allow_pickle=False) as data:
        counts = {}
        for part in ("train", "calibration", "test"):
            images, labels = data[f"{part}_images"], data[f"{part}_labels"]
            assert images.shape == (len(labels), 1, 8, 8)
            assert (images.dtype, images.min(), images.max()) == (np.float32, 0, 1)
            assert set(labels) == set(range(10))
            counts[part] = len(labels)
        assert counts == {"train": 1219, "calibration": 128, "test": 450}
        assert "CC BY 4.0" in str(data["source"])
        assert "10.24432/C50P49" in str(data["source"])


@pytest.mark.parametrize("name", EXPECTED)
def test_the_files_exercise_folding_and_are_small(name):
    path = workload_path(name).model
    operators = {node.op_type for node in onnx.load(path).graph.node}
    assert "BatchNormalization" in operators
    assert path.stat().st_size < (100_000 if "resnet" not in name else 330_000)


def test_the_enlarged_digits_are_the_digits_enlarged():
    """Each old pixel is near the mean of the four new ones around its centre; nothing is lost."""
    with np.load(workload_path("digits_cnn").data, allow_pickle=False) as stored:
        digits = dict(stored)
    with np.load(workload_path("digits_resnet8").data, allow_pickle=False) as stored:
        large = dict(stored)
    for part in ("train", "calibration", "test"):
        images = large[f"{part}_images"]
        assert (images.dtype, images.shape[1:]) == (np.uint8, (1, 32, 32))
        assert not np.any(images % 17)
        np.testing.assert_array_equal(large[f"{part}_labels"], digits[f"{part}_labels"])
        middles = images.reshape(-1, 1, 8, 4, 8, 4)[:, :, :, 1:3, :, 1:3].mean(axis=(3, 5)) / 255
        originals = digits[f"{part}_images"]
        assert np.abs(middles - originals).max() < 0.26
        assert np.abs(middles - originals).mean() < 0.04
    assert "enlarged to 32x32" in str(large["source"])
    assert "CC BY 4.0" in str(large["source"])
