import re

import numpy as np
import pytest

from accelsim.errors import ConfigError
from accelsim.pipeline import run
from accelsim.quantize import LayerBits
from accelsim.request import RunRequest
from accelsim.sensitivity_study import SensitivityRequest, study_sensitivity


@pytest.fixture(scope="module")
def study():
    return study_sensitivity(SensitivityRequest(RunRequest("digits_mlp", limit=200), (3, 4)))


def test_every_operand_is_studied_once_and_most_harm_comes_first(study):
    assert sorted((row.layer, row.operand, row.bits, row.elements) for row in study.rows) == [
        ("dense1", "activations", 4, 64),
        ("dense1", "weights", 3, 64 * 64),
        ("dense2", "activations", 4, 32),
        ("dense2", "weights", 3, 64 * 32),
        ("image", "activations", 4, 64),
        ("logits", "activations", 4, 10),
        ("logits", "weights", 3, 32 * 10),
    ]
    harms = [row.output_mse for row in study.rows]
    assert harms == sorted(harms, reverse=True)
    assert study.images == 200
    # One operand harms more than none and, each alone, less than all together.
    assert dict(study.others.mse)["logits"] < min(harms)
    assert max(harms) < dict(study.few.mse)["logits"]


def test_a_row_is_a_network_that_runs(study):
    row = next(row for row in study.rows if (row.layer, row.operand) == ("dense2", "weights"))
    ran = run(
        RunRequest(
            "digits_mlp",
            points=((8, 8),),
            limit=200,
            check=False,
            engine="tile",
            layer_bits=(LayerBits("dense2", 3),),
        )
    )
    assert ran.points[0].accuracy_integer_pct == row.accuracy_pct


def test_a_layer_that_writes_the_output_has_the_noise_of_the_output(study):
    for row in study.rows:
        if row.layer == "logits":
            assert (row.layer_mse, row.layer_sqnr_db) == (row.output_mse, row.output_sqnr_db)
    image = next(row for row in study.rows if row.layer == "image")
    assert image.layer_mse == dict(study.few.mse)["image"]


def test_what_stands_fixed_stays_so():
    fixed = RunRequest("digits_mlp", limit=50, layer_bits=(LayerBits("logits", 2, 6),))
    study = study_sensitivity(SensitivityRequest(fixed, (4, 4)))
    plain = study_sensitivity(SensitivityRequest(RunRequest("digits_mlp", limit=50), (4, 4)))
    found, before = (
        {(row.layer, row.operand): row.output_mse for row in one.rows} for one in (study, plain)
    )
    assert dict(study.others.mse)["logits"] > dict(plain.others.mse)["logits"]
    assert found["dense1", "weights"] > before["dense1", "weights"]
    assert dict(study.few.mse)["logits"] == dict(plain.few.mse)["logits"]


def test_random_data_have_noise_but_no_accuracy():
    request = RunRequest("digits_mlp", random_data=True, batch=8)
    study = study_sensitivity(SensitivityRequest(request))
    assert study.float_pct is None
    assert {row.accuracy_pct for row in study.rows} == {None}
    assert np.isfinite([row.output_sqnr_db for row in study.rows]).all()


def test_the_command_repeats_the_study():
    run = RunRequest(
        "a.onnx",
        points=((6, 8),),
        data="d.npz",
        limit=9,
        seed=3,
        equalize=True,
        layer_bits=(LayerBits("conv1", 8),),
    )
    assert SensitivityRequest(run, (2, 4)).command == (
        "accelsim sensitivity a.onnx --hardware edge_16x16 --bits w2a4 --others w6a8 --data d.npz "
        "--limit 9 --equalize --layer-bits conv1=w8 --seed 3"
    )


@pytest.mark.parametrize(
    ("choices", "bits", "message"),
    [
        ({"network": "resnet18"}, (4, 4), "resnet18: has shapes but no weights to be quantized"),
        ({"points": ((8, 8), (4, 4))}, (4, 4), "--others: give one width, got 2"),
        ({}, (1, 4), "--bits: weight bits must be 2 to 16, got 1"),
        ({}, (4, 17), "--bits: activation bits must be 2 to 16, got 17"),
    ],
)
def test_what_cannot_be_studied_is_refused(choices, bits, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        SensitivityRequest(RunRequest(**choices), bits)
