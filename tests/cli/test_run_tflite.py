"""`accelsim run` of a TensorFlow Lite file, from the file's bytes to the run folder."""

import json

import numpy as np
import pytest

from accelsim.cli.failures import USER_ERROR
from accelsim.frontend import load_tflite
from accelsim.golden import execute


@pytest.fixture(scope="module")
def small(tflite_file, tmp_path_factory):
    """A padded, strided convolution, a pool, a dense layer and a softmax on 8x8x3 images."""
    random = np.random.default_rng(5)
    file = tflite_file()

    def weights(*shape):
        return random.integers(-127, 128, shape)

    def constant(values, scale, axis=0, **form):
        return file.tensor(np.shape(values), scale=scale, axis=axis, data=values, **form)

    image = file.tensor((1, 8, 8, 3), scale=1 / 255, zero_point=-128, name="image")
    margins = file.tensor((4, 2), "INT32", data=[[0, 0], [0, 1], [0, 1], [0, 0]])
    padded = file.tensor((1, 9, 9, 3), scale=1 / 255, zero_point=-128)
    file.operator("PAD", [image, margins], [padded], "PadOptions")
    scales = random.uniform(0.002, 0.004, 6)
    kernel = constant(weights(6, 3, 3, 3), scales)
    bias = constant(random.integers(-500, 500, 6), scales / 255, type="INT32")
    maps = file.tensor((1, 4, 4, 6), scale=0.02, zero_point=-128)
    file.operator(
        "CONV_2D",
        [padded, kernel, bias],
        [maps],
        "Conv2DOptions",
        Padding=1,
        StrideH=2,
        StrideW=2,
        FusedActivationFunction=1,
        DilationWFactor=1,
        DilationHFactor=1,
    )
    pooled = file.tensor((1, 2, 2, 6), scale=0.02, zero_point=-128)
    file.operator(
        "AVERAGE_POOL_2D",
        [maps],
        [pooled],
        "Pool2DOptions",
        Padding=1,
        StrideH=2,
        StrideW=2,
        FilterHeight=2,
        FilterWidth=2,
    )
    shape = file.tensor((2,), "INT32", data=[1, 24])
    vector = file.tensor((1, 24), scale=0.02, zero_point=-128)
    file.operator("RESHAPE", [pooled, shape], [vector], "ReshapeOptions")
    dense = constant(weights(5, 24), 0.004)
    offsets = constant(random.integers(-900, 900, 5), 0.004 * 0.02, type="INT32")
    scores = file.tensor((1, 5), scale=0.05, zero_point=3)
    file.operator("FULLY_CONNECTED", [vector, dense, offsets], [scores], "FullyConnectedOptions")
    shares = file.tensor((1, 5), scale=1 / 256, zero_point=-128)
    file.operator("SOFTMAX", [scores], [shares], "SoftmaxOptions", Beta=1.0)
    path = tmp_path_factory.mktemp("tflite") / "small.tflite"
    path.write_bytes(file.content([image], [shares]))
    return path


@pytest.fixture(scope="module")
def pictures(small, tmp_path_factory):
    """Twelve pictures as pixels, as the file's integers and as reals; labels that 9 of 12 hit."""
    pixels = np.random.default_rng(6).integers(0, 256, (12, 8, 8, 3)).astype(np.uint8)
    integers = (pixels.astype(np.int32) - 128).astype(np.int8)
    outputs = execute(load_tflite(small).integer, integers.transpose(0, 3, 1, 2).astype(np.int32))
    labels = outputs.outputs.argmax(axis=1)
    labels[:3] = (labels[:3] + 1) % 5
    folder = tmp_path_factory.mktemp("pictures")
    forms = {
        "pixels": pixels,
        "integers": integers,
        "reals": pixels.astype(np.float32) / 255,
        "reals_channels_first": (pixels.astype(np.float32) / 255).transpose(0, 3, 1, 2),
    }
    for name, images in forms.items():
        np.savez(folder / f"{name}.npz", test_images=images, test_labels=labels)
    return folder


@pytest.mark.parametrize("form", ["pixels", "integers", "reals", "reals_channels_first"])
def test_data_of_every_form_is_the_files_integers(accelsim, small, pictures, form):
    done = accelsim("run", small, "--data", pictures / f"{form}.npz", "--limit", "2", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    (point,) = document["points"]
    assert point["accuracy_integer_pct"] == 75.0
    assert point["accuracy_float_pct"] is None
    assert (point["images_golden"], point["images_simulated"]) == (12, 2)
    assert point["golden_mismatches"] == 0
    assert [layer["op"] for layer in point["layers"]] == ["convolution", "quotient_pool", "dense"]
    assert document["provenance"]["configuration"]["images"]


def test_the_table_of_a_file(accelsim, small, pictures):
    done = accelsim("run", small, "--data", pictures / "pixels.npz", "--engine", "register")
    assert done.exit_code == 0, done.output
    assert "float %" not in done.stdout
    text = " ".join(done.stdout.split())
    assert "12 images simulated, all outputs equal golden; accuracy over 12 images" in text
    host = "1 on the host (softmax_5)"
    places = f"2 on the array, 1 on the vector unit, {host}, 1 folded, 1 moving nothing"
    assert f"Operators: {places}" in text
    assert "PEs built for the file's widths; register engine" in text
    assert "Note: rescale unit built for the file: double_round with 32-bit mantissas" in text


def test_the_run_folder_says_where_operators_run(accelsim, small, tmp_path):
    folder = tmp_path / "run"
    done = accelsim("run", small, "--random-data", "--output", folder, "--timeline")
    assert done.exit_code == 0, done.output
    origin = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    imported = origin["imported"]
    assert [len(names) for names in imported.values()] == [2, 1, 1, 1, 1]
    assert "softmax" in imported["on the host"][0]
    assert imported["folded"][0].endswith("(padding, into the windows that read it)")
    assert origin["not_modelled"][-1] == "on the host, between DRAM and DRAM: softmax"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Where the operators run" in page
    assert (folder / "timeline.json").is_file()
    again = accelsim("report", folder)
    assert again.exit_code == 0, again.output
    assert "Operators: 2 on the array" in again.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--bits", "4", "--per-tensor"),
            "is quantized already and is run as it is: leave out --bits (or --weights, "
            "--activations), --per-tensor",
        ),
        ((), "needs images and labels"),
    ],
)
def test_what_a_file_does_not_take_is_one_line(accelsim, small, options, message):
    done = accelsim("run", small, *options)
    assert done.exit_code == USER_ERROR
    assert done.stdout == ""
    assert str(small) in done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_with_nothing_for_the_machine_is_one_line(accelsim, tflite_file, tmp_path):
    file = tflite_file()
    scores = file.tensor((1, 5), scale=0.05)
    shares = file.tensor((1, 5), scale=1 / 256, zero_point=-128)
    file.operator("SOFTMAX", [scores], [shares], "SoftmaxOptions", Beta=1.0)
    path = tmp_path / "shares.tflite"
    path.write_bytes(file.content([scores], [shares]))
    done = accelsim("run", path, "--random-data", "--output", tmp_path / "run")
    assert done.exit_code == USER_ERROR
    assert done.stderr == (
        "network 'shares': nothing in it runs on the machine: it only reshapes, or leaves its "
        "work to the host\n"
    )
    assert not (tmp_path / "run").exists()
