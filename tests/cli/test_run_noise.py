import csv
import json

import pytest

from accelsim.cli.failures import USER_ERROR
from accelsim.request import RunRequest
from accelsim.sensitivity_study import SensitivityRequest, study_sensitivity


def test_every_layer_of_a_run_has_its_noise(accelsim, digits, tmp_path):
    words = ("run", "digits_cnn", "--data", digits, "--bits", "8,w4a6", "--engine", "tile")
    words = (*words, "--limit", "12", "--equalize", "--noise")
    done = accelsim(*words, "--output", tmp_path / "run")
    assert done.exit_code == 0, done.output
    study = study_sensitivity(
        SensitivityRequest(
            RunRequest("digits_cnn", data=str(digits), equalize=True, limit=12), bits=(4, 6)
        )
    )
    with (tmp_path / "run" / "layers.csv").open() as file:
        rows = list(csv.DictReader(file))
    for point, noise in (("int8", study.others), ("w4a6", study.few)):
        expected_db, expected_mse = dict(noise.sqnr_db), dict(noise.mse)
        found = [row for row in rows if row["point"] == point]
        assert [row["layer"] for row in found if not row["sqnr_db"]] == []
        for row in found:
            assert float(row["sqnr_db"]) == pytest.approx(expected_db[row["layer"]])
            assert float(row["mse"]) == pytest.approx(expected_mse[row["layer"]])
    printed = [line.split() for line in done.stdout.splitlines()]
    assert ["layer", "8", "bits", "w4", "a6", "bits"] in printed
    both = [f"{dict(noise.sqnr_db)['logits']:.1f}" for noise in (study.others, study.few)]
    assert ["logits", *both] in printed
    assert " SQNR in dB of what each layer writes, against float, 12 images" in done.stdout
    stored = (tmp_path / "run" / "summary.json").read_text()
    assert RunRequest(noise=True).command.endswith(" --noise")
    layer = json.loads(stored)["points"][0]["layers"][0]
    assert (layer["name"], layer["sqnr_db"]) == ("conv1", pytest.approx(study.others.sqnr_db[1][1]))


def test_a_run_that_was_not_asked_has_none(accelsim, digits, tmp_path):
    words = ("run", "digits_mlp", "--data", digits, "--bits", "8", "--engine", "tile")
    done = accelsim(*words, "--limit", "1", "--output", tmp_path / "run")
    assert "SQNR" not in done.stdout
    with (tmp_path / "run" / "layers.csv").open() as file:
        assert {(row["sqnr_db"], row["mse"]) for row in csv.DictReader(file)} == {("", "")}


def test_what_has_no_float_network_has_no_noise(accelsim, tmp_path):
    done = accelsim("run", "resnet18", "--noise")
    assert (done.exit_code, done.stdout) == (USER_ERROR, "")
    assert done.stderr == "--noise: resnet18 has no values that could be noisy\n"
    accelsim("export", "digits_mlp", "--output", tmp_path / "q.onnx")
    done = accelsim("run", tmp_path / "q.onnx", "--noise", "--random-data")
    assert (done.exit_code, done.stdout) == (USER_ERROR, "")
    assert done.stderr == (
        f"--noise: {tmp_path}/q.onnx is quantized already: there is no float network to compare "
        "with\n"
    )
