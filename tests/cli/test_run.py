import json
import os
import shlex
import signal
import subprocess
import sys

import numpy as np
import pytest

from accelsim.cli.failures import FAILURE, USER_ERROR
from accelsim.frontend import topology_names

CAUSES = {
    "stream",
    "preload",
    "fill",
    "drain",
    "stall_weights",
    "stall_activations",
    "stall_rescale",
    "stall_output",
    "idle",
}

BITS = (
    "--bits: must be whole numbers from 2 to 16, or pairs of weights and activations such as w4a8,"
)


def test_the_table_has_a_row_for_each_width(quick):
    done = quick("--bits", "8,4")
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    first_words = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    assert [word for word in first_words if "/" in word] == ["w/a", "8/8", "4/4"] * 2
    assert " Integers: 2 images simulated at each width, all outputs equal golden;" in done.stdout


def test_the_json_document(quick):
    done = quick("--bits", "8,w4a8", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["schema"] == "accelsim.run/1"
    assert document["network"] == "digits_mlp"
    assert document["hardware"] == "edge_16x16"
    assert document["engine"] == "cycle"
    widths = [(point["weight_bits"], point["activation_bits"]) for point in document["points"]]
    assert widths == [(8, 8), (4, 8)]
    for point in document["points"]:
        assert point["images_simulated"] == 2
        assert point["images_golden"] == 12
        assert point["golden_mismatches"] == 0
        assert sum(point["energy_split_uj"].values()) == pytest.approx(point["energy_uj_per_image"])
        for layer in point["layers"]:
            assert set(layer["cycles"]) == CAUSES
            assert sum(layer["cycles"].values()) == layer["cycles_total"]
            assert layer["macs"] == layer["m"] * layer["n"] * layer["k"] * layer["groups"]


def test_the_run_folder_and_the_report_of_it(quick, accelsim, tmp_path):
    folder = tmp_path / "runs" / "first"
    done = quick("--bits", "8", "--output", folder)
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith(f" Report: {folder}/report.html\n")
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.yaml",
        "energy.json",
        "layers.csv",
        "plots",
        "report.html",
        "run.json",
        "summary.json",
    ]
    page = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    again = accelsim("report", folder)
    assert again.exit_code == 0, again.output
    assert again.stdout == done.stdout
    assert (folder / "report.html").read_bytes() == page


def test_the_recorded_command_repeats_the_run(quick, accelsim):
    options = ("--bits", "w3a5", "--set", "array.rows=8", "--set", "rescale.mode=float32")
    options += ("--batch", 2, "--per-tensor", "--engine", "tile", "--seed", 7)
    first = json.loads(quick(*options, "--json").stdout)
    words = shlex.split(first["provenance"]["command"])
    assert words[:2] == ["accelsim", "run"]
    repeated = accelsim(*words[1:], "--json")
    assert repeated.exit_code == 0, repeated.output
    assert json.loads(repeated.stdout) == first


def test_weights_and_activations_apart(quick):
    done = quick("--weights", "4", "--activations", "6", "--json")
    (point,) = json.loads(done.stdout)["points"]
    assert (point["weight_bits"], point["activation_bits"]) == (4, 6)
    assert {layer["weight_bits"] for layer in point["layers"] if layer["macs"]} == {4}


def test_without_check_golden_is_not_run(quick):
    done = quick("--bits", "8", "--no-check", "--json")
    (point,) = json.loads(done.stdout)["points"]
    assert point["images_golden"] == 0
    assert point["golden_mismatches"] is None
    assert point["accuracy_integer_pct"] in (0.0, 50.0, 100.0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bits", "0"], "weight bits: must be 2 to 16, got 0"),
        (["--bits", "8,17"], "weight bits: must be 2 to 16, got 17"),
        (["--bits", "w8a1"], "activation bits: must be 2 to 16, got 1"),
        (["--bits", ""], "--bits: empty; give widths such as 8,6,4,3,2"),
        (["--bits", "8,,4"], f"{BITS} got ''"),
        (["--bits", "8,-4"], f"{BITS} got '-4'"),
        (["--bits", "8,4,8"], "points: w8a8 is given twice"),
        (["--bits", "w4"], f"{BITS} got 'w4'"),
        (["--weights", "4.5"], "--weights: must be a whole number from 2 to 16, got '4.5'"),
        (["--activations", "17"], "activation bits: must be 2 to 16, got 17"),
        (
            ["--bits", "8", "--weights", "4"],
            "--bits: give either --bits or --weights and --activations, not both",
        ),
        (["--limit", "0"], "limit: must be at least 1 image, got 0"),
        (["--batch", "-1"], "batch: must be at least 1 image, got -1"),
        (["--seed", "-1"], "seed: must be 0 to 18446744073709551615, got -1"),
        (["--set", "array.rows=0"], "--set array.rows=0: must be 1 to 1024, got 0"),
        (
            ["--set", "array.rowz=3"],
            "--set array.rowz=3: unknown field (did you mean 'rows'?)",
        ),
        (["--output", "/proc/run"], "--output /proc/run: cannot write in /proc: "),
        (["nowhere.onnx"], "nowhere.onnx: no such file"),
        (["--data", "nowhere.npz"], "nowhere.npz: no such file"),
        (
            ["--hardware", "nowhere.yaml"],
            "nowhere.yaml: cannot be read (No such file or directory)",
        ),
        (
            ["digits_cn"],
            "digits_cn: no bundled network of this name (did you mean 'digits_cnn'?); "
            "there are digits_cnn, digits_mlp, digits_resnet8, and networks of shapes: "
            + ", ".join(topology_names()),
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(accelsim, words, message):
    done = accelsim("run", *words)
    assert done.exit_code == USER_ERROR
    assert done.stdout == ""
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    if "/proc" not in message:
        assert done.stderr == f"{message}\n"


def test_a_network_of_ones_own_needs_data(accelsim, tmp_path):
    from accelsim.frontend import workload_path

    model = workload_path("digits_mlp").model
    done = accelsim("run", model)
    assert done.exit_code == USER_ERROR
    assert done.stderr == (
        f"--data: {model} needs images and labels: an .npz file, IDX files, CIFAR-10 or a folder "
        "of images (or --random-data, where accuracy is not the point)\n"
    )


def test_data_of_another_shape(accelsim, tmp_path):
    path = tmp_path / "wide.npz"
    np.savez(path, images=np.zeros((3, 1, 9, 9), np.float32), labels=np.zeros(3, np.int64))
    done = accelsim("run", "--data", path)
    assert done.exit_code == USER_ERROR
    assert done.stderr == (
        f"{path}: images: must have shape [count, 1, 8, 8] or [count, 8, 8], got [3, 1, 9, 9]\n"
    )


def test_nothing_is_simulated_before_the_output_folder_is_checked(accelsim, tmp_path, monkeypatch):
    def never(*arguments):
        raise AssertionError("simulated")

    monkeypatch.setattr("accelsim.pipeline.run", never)
    (tmp_path / "notes.txt").write_text("")
    done = accelsim("run", "--output", tmp_path)
    assert done.exit_code == USER_ERROR
    assert done.stderr == (
        f"--output {tmp_path}: exists and is not an accelsim run folder (give a new name)\n"
    )


def test_a_difference_from_golden_is_a_failure_but_the_table_is_printed(quick, monkeypatch):
    from accelsim import pipeline

    simulate = pipeline.simulate

    def wrong(*arguments, **options):
        run = simulate(*arguments, **options)
        run.outputs[0, 0] ^= 1
        return run

    monkeypatch.setattr(pipeline, "simulate", wrong)
    done = quick("--bits", "8")
    assert done.exit_code == FAILURE
    assert "1 outputs DIFFER" in done.stdout
    assert done.stderr == "simulator and golden differ; please report this run\n"


@pytest.mark.parametrize("step", ["accelsim.pipeline.simulate", "accelsim.report.plots.figures"])
def test_an_interruption_leaves_nothing(quick, tmp_path, monkeypatch, step):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(step, interrupted)
    done = quick("--bits", "8", "--output", tmp_path / "demo")
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "interrupted\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_leaves_nothing(tmp_path):
    """A process that has come as far as drawing the plots gets a real SIGINT."""
    program = (
        "import time; import accelsim.report.plots as plots; from accelsim.cli import main\n"
        "plots.figures = lambda result: (print('drawing', flush=True), time.sleep(60))\n"
        "main()"
    )
    words = ["run", "digits_mlp", "--bits", "8", "--limit", "1", "--engine", "tile"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words, "--output", str(tmp_path / "demo")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "drawing\n"
    assert [path.name.startswith(".demo-") for path in tmp_path.iterdir()] == [True]
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_symmetric_activations_and_percentile_ranges(quick):
    words = ("--bits", "8", "--symmetric", "--range", "percentile", "--percentile", "99", "--json")
    done = quick(*words)
    assert done.exit_code == 0, done.output
    command = json.loads(done.stdout)["provenance"]["command"]
    assert command.endswith("--symmetric --range percentile --percentile 99")


def test_a_percentile_without_its_method_is_refused(quick):
    done = quick("--bits", "8", "--percentile", "99")
    assert done.exit_code == USER_ERROR
    assert done.stderr == "--percentile: needs --range or --weight-range percentile\n"


def test_pixels_are_scaled_as_asked(accelsim, digits, tmp_path):
    with np.load(digits) as stored:
        arrays = {name: stored[name] for name in stored.files}
    for name in ("test_images", "calibration_images"):
        arrays[name] = np.round(arrays[name][:, 0] * 16).astype(np.uint8)
    path = tmp_path / "pixels.npz"
    np.savez(path, **arrays)
    words = ("run", "digits_mlp", "--bits", 8, "--json", "--data")
    asked = accelsim(*words, path, "--input-scale", "1/8", "--normalize=0,2")
    as_before = accelsim(*words, digits)
    document, expected = json.loads(asked.stdout), json.loads(as_before.stdout)
    assert document["provenance"]["configuration"]["images"] == (
        "uint8 values * 0.125, then (x - [0]) / [2]"
    )
    assert expected["provenance"]["configuration"]["images"] == "real numbers as they are"
    assert document["points"] == expected["points"]
    command = document["provenance"]["command"]
    assert f"--data {path} --input-scale 1/8 --normalize=0,2" in command


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--input-scale", "zero"],
            "--input-scale: must be auto, none, or a positive number such as 1/255, got 'zero'",
        ),
        (["resnet18", "--input-scale", "none"], "--input-scale: there are no data to scale"),
        (["--random-data", "--normalize", "0,1"], "--normalize: there are no data to scale"),
    ],
)
def test_scaling_that_cannot_be(accelsim, words, message):
    done = accelsim("run", *words)
    assert (done.exit_code, done.stderr) == (USER_ERROR, f"{message}\n")


@pytest.mark.parametrize("method", ["moving_average", "mse", "kl", "octav", "cross_entropy"])
def test_every_range_method_runs_and_is_in_the_record(quick, method):
    weights = method if method in ("mse", "kl", "octav") else "min_max"
    done = quick("--bits", "4", "--range", method, "--weight-range", weights, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert f"--range {method}" in document["provenance"]["command"]
    assert ("--weight-range" in document["provenance"]["command"]) == (weights != "min_max")
    assert document["points"][0]["golden_mismatches"] == 0


def test_ranges_found_at_run_time(quick):
    words = ("--bits", "8,4", "--range", "dynamic", "--batch", "2")
    done = quick(*words, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert "--range dynamic" in document["provenance"]["command"]
    for point, bits in zip(document["points"], (8, 4), strict=True):
        assert point["golden_mismatches"] == 0
        layers = {layer["name"]: layer for layer in point["layers"]}
        first = next(name for name in layers if f"{name}:quantize" in layers)
        assert (layers[first]["output_bits"], layers[f"{first}:quantize"]["output_bits"]) == (
            *(32,),
            bits,
        )
        assert layers[f"{first}:quantize"]["input_bits"] == 32
    static = json.loads(quick("--bits", "8", "--set", "rescale.mode=float32", "--json").stdout)
    dynamic = json.loads(quick("--bits", "8", "--range", "dynamic", "--json").stdout)
    assert dynamic["points"][0]["cycles_per_image"] > static["points"][0]["cycles_per_image"]
    assert dynamic["points"][0]["energy_uj_per_image"] > static["points"][0]["energy_uj_per_image"]


def test_ranges_found_at_run_time_need_float32(quick):
    done = quick("--range", "dynamic", "--set", "rescale.mode=single_round")
    assert (done.exit_code, done.stderr) == (
        USER_ERROR,
        "range_method: dynamic needs a rescale unit that computes in float32, got mode "
        "single_round; set rescale.mode=float32\n",
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("d.npz", "holds arrays and no network; give it as --data, and the network first"),
        ("net.pt", "is PyTorch's own form; export the network to ONNX (torch.onnx.export)"),
        ("net.h5", "is Keras' own form; convert the network to an int8 .tflite file, or to ONNX"),
    ],
)
def test_what_is_no_network_is_told_apart(accelsim, tmp_path, name, message):
    path = tmp_path / name
    path.write_bytes(b"\0" * 64)
    result = accelsim("run", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{path}: {message}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--engine", "register"),
            "--engine register: vgg16 has no values to be stepped; its cycles are those of every "
            "engine",
        ),
        (("--no-check",), "--no-check: vgg16 has no values that golden could check"),
        (("--limit", "3"), "--limit: vgg16 has no values, so there are no images to simulate"),
    ],
)
def test_what_needs_values_is_refused_for_shapes(accelsim, words, message):
    result = accelsim("run", "vgg16", *words)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{message}\n")
