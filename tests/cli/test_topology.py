"""`accelsim topology`: from an ONNX file to a run without values."""

from __future__ import annotations

import json

import pytest

from accelsim.frontend.topology import load_topology_file

MODEL = "workloads/digits_resnet8.onnx"


def test_a_file_is_written_that_runs(accelsim, tmp_path):
    path = tmp_path / "net.yaml"
    result = accelsim("topology", MODEL, "-o", str(path))
    assert (result.exit_code, result.output) == (0, f"{path}: 14 layers, 12,206,720 MACs\n")
    assert load_topology_file(path).macs == 12_206_720
    shapes = accelsim("run", str(path), "--bits", "8", "--json")
    values = accelsim("run", "digits_resnet8", "--bits", "8", "--limit", "1", "--json")
    (of_shapes,), (of_values,) = (json.loads(done.output)["points"] for done in (shapes, values))
    assert of_shapes["cycles_total"] == of_values["cycles_total"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.onnx", "-o", "x.yaml"], "missing.onnx: no such file"),
        ([MODEL, "-o", "x.onnx"], "--output: must end in .yaml, got 'x.onnx'"),
        (
            [MODEL, "-o", "x.yaml", "--size", "n"],
            "--size: must be NAME=NUMBER, the number from 1 to 1048575, got 'n'",
        ),
        (
            [MODEL, "-o", "x.yaml", "--size", "n=0"],
            "--size: must be NAME=NUMBER, the number from 1 to 1048575, got 'n=0'",
        ),
    ],
)
def test_what_cannot_be_written(accelsim, tmp_path, monkeypatch, arguments, message):
    place = tmp_path / "x.yaml"
    arguments = [str(place) if word == "x.yaml" else word for word in arguments]
    result = accelsim("topology", *arguments)
    assert (result.exit_code, result.stderr) == (2, f"{message}\n")
    assert not place.exists()
