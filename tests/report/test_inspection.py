"""What was found in a file, at the widths of real terminals."""

import json

import pytest

from accelsim.frontend import workload_path
from accelsim.frontend.inspection import (
    Inspection,
    OperatorLine,
    Place,
    TensorLine,
    TensorQuantization,
    inspect_data,
    inspect_network,
)
from accelsim.report.document import to_json
from accelsim.report.inspection import (
    data_document,
    inspection_document,
    render_data,
    render_inspection,
)

NARROW = """\
digits_mlp.onnx ONNX, opset 17, written by accelsim/workloads/train_digits.py,
29.1 kB
 input image  float  batch x 1 x 8 x 8
 output logits  float  batch x 10

 name     operator  runs on  output   MACs  param.
 ─────────────────────────────────────────────────
 flatten  Flatten   free         64
 dense1   Gemm      array        64  4,096   4,160
 relu1    Relu      clamp        64
 dense2   Gemm      array        32  2,048   2,080
 relu2    Relu      clamp        32
 logits   Gemm      array        10    320     330

 total                               6,464   6,570

 Operators: array 3 (3 Gemm); clamp 2 (2 Relu); free 1 (1 Flatten); folded 2 (2
 BatchNormalization; not listed: --all)
 Outputs are those of one image: channels x height x width.
 Not quantized: `accelsim run` does it, at the widths of --bits.
 Runs: yes.
"""


def refused(names=("stem", "a/very/long/path/of/modules/that/an/exporter/wrote/conv")):
    quantization = TensorQuantization("int8", 64, None, None, has_zero_points=True)
    return Inspection(
        name="net.onnx",
        kind="ONNX, opset 13",
        file_bytes=999,
        sha256="0",
        inputs=(TensorLine("x", "float", ("N", 3, "H", 8)),),
        outputs=(TensorLine("y", "float", ()),),
        operators=(
            OperatorLine(names[0], "Sin", Place.UNSUPPORTED, None, None),
            OperatorLine(names[1], "Conv", Place.ARRAY, ("N", 64, 6, 6), 10**9, 36, quantization),
        ),
        channels_last=True,
        quantization=("weights: int8 per channel, zero points (1)",),
        problems=tuple(f"operator Sin is not supported: node '{n}'" for n in range(25)),
        advice=("Sin: leave it out",),
    )


def test_a_narrow_terminal():
    text = render_inspection(inspect_network("digits_mlp"), 80)
    assert text == NARROW


def test_folded_operators_on_request_and_a_wide_terminal():
    text = render_inspection(inspect_network("digits_mlp"), 160, every=True)
    row = next(line.split() for line in text.splitlines() if line.startswith(" norm1"))
    assert row == ["norm1", "BatchNormalization", "folded", "64", "into", "dense1"]
    assert "not listed" not in text


@pytest.mark.parametrize("width", [80, 100, 120, 200])
@pytest.mark.parametrize("name", ["digits_cnn", "resnet50", "bert_base", "efficientnet_b0"])
def test_nothing_is_wider_than_the_terminal_or_cut(name, width):
    found = inspect_network(name)
    text = render_inspection(found, width)
    assert max(map(len, text.splitlines())) <= width
    assert "total" in text
    table = [line.split() for line in text.splitlines()]
    for line in found.operators:
        if line.macs:
            assert any(line.operator.split()[-1] in row for row in table)


def test_a_network_that_does_not_run():
    lines = render_inspection(refused(), 80).splitlines()
    assert lines[0] == "net.onnx ONNX, opset 13, 999 bytes"
    assert lines[1:3] == [" input x  float  N x 3 x H x 8", " output y  float  one number"]
    assert lines[6].split() == ["stem", "Sin", "unsupported", "?", "?"]
    assert lines[7].split() == [
        *("…s/that/an/exporter/wrote/conv", "Conv", "array", "64x6x6", "1.000G", "36"),
    ]
    assert lines[9].split() == ["total", "?", "36"]
    assert " Outputs are those of one image: height x width x channels." in lines
    assert " Quantized weights: int8 per channel, zero points (1)" in lines
    after = lines[lines.index(" Runs: no.") + 1 :]
    assert after[0] == "   operator Sin is not supported: node '0'"
    assert after[20:] == ["   and 5 more (--json)", " What to do: Sin: leave it out"]


def test_a_wide_terminal_shows_quantization():
    text = render_inspection(refused(), 160)
    assert "int8 per channel, zero points" in text.split(" total")[0]


def test_names_cannot_write_to_the_terminal():
    text = render_inspection(refused(("\x1b[31mred\n", "b")), 80)
    assert "?[31mred?" in text
    assert "\x1b" not in text


def test_the_document_has_everything():
    document = json.loads(to_json(inspection_document(refused())))
    assert document["schema"] == "accelsim.inspection/1"
    assert (document["runs"], document["macs_per_image"], document["parameters"]) == (
        *(False, None, 36),
    )
    assert len(document["problems"]) == 25
    assert document["operators"][1] == {
        "name": "a/very/long/path/of/modules/that/an/exporter/wrote/conv",
        "operator": "Conv",
        "place": "array",
        "output": ["N", 64, 6, 6],
        "macs": 10**9,
        "parameters": 36,
        "weights": {
            "format": "int8",
            "scales": 64,
            "scale": None,
            "zero_point": None,
            "has_zero_points": True,
        },
        "result": None,
        "remark": "",
    }


def test_data():
    found = inspect_data(workload_path("digits_cnn").data)
    text = render_data(found, 80)
    assert text.splitlines()[0] == "digits .npz, 1 file"
    assert "test_images          float32   450 x 1 x 8 x 8   0 to 1" in text
    assert "Images of each label: 0: 43, 1: 45," in text
    document = json.loads(to_json(data_document(found)))
    assert document["schema"] == "accelsim.data/1"
    assert document["arrays"][0]["shape"] == [450, 1, 8, 8]
