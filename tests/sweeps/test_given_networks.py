"""Sweeps of networks that are integers already, over machines; and commands that reproduce."""

import json
import logging
import shlex
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from accelsim.cli import main
from accelsim.errors import ConfigError
from accelsim.frontend import load_data, load_onnx, workload_path
from accelsim.sweeps.load_space import load_space
from accelsim.sweeps.read_store import find_space, read_rows
from accelsim.sweeps.report import write_report
from accelsim.sweeps.store import Store

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

FILE = """\
    schema: accelsim.space/1
    name: given
    network: dense.tflite
    data: data.npz
    hardware: edge_4x4
    axes:
      array.rows: [2, 4]
      array.dataflow: [ws, os]
    """


@pytest.fixture
def dense(folder, tflite_file):
    """A file of one dense layer, and pixels with labels."""
    random = np.random.default_rng(5)
    file = tflite_file()
    image = file.tensor((1, 12), scale=1 / 255, zero_point=-128, name="image")
    weights = file.tensor((5, 12), scale=0.004, data=random.integers(-127, 128, (5, 12)))
    biases = random.integers(-900, 900, 5)
    offsets = file.tensor((5,), "INT32", scale=0.004 / 255, data=biases)
    scores = file.tensor((1, 5), scale=0.05, zero_point=3)
    file.operator("FULLY_CONNECTED", [image, weights, offsets], [scores], "FullyConnectedOptions")
    (folder / "dense.tflite").write_bytes(file.content([image], [scores]))
    pixels = random.integers(0, 256, (20, 12)).astype(np.uint8)
    np.savez(folder / "data.npz", test_images=pixels, test_labels=random.integers(0, 5, 20))
    return folder


class Images(CalibrationDataReader):
    def __init__(self, name, images):
        self._batches = iter([{name: images}])

    def get_next(self):
        return next(self._batches, None)


@pytest.fixture
def uint8_onnx(folder):
    """The digits MLP as onnxruntime quantizes it, beside the digits."""
    workload = workload_path("digits_mlp")
    path, folded = folder / "uint8.onnx", folder / "folded.onnx"
    images = load_data(workload.data).calibration_images[:32]
    logging.disable(logging.ERROR)
    quant_pre_process(str(workload.model), str(folded), skip_symbolic_shape=True)
    quantize_static(
        str(folded),
        str(path),
        Images(load_onnx(workload.model).network.input, images),
        quant_format=QuantFormat.QOperator,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    logging.disable(logging.NOTSET)
    shutil.copy(workload.data, folder / "data.npz")
    return folder


def swept(folder):
    with Store(folder / "store.sqlite") as store:
        stored = find_space(store, None)
        return stored.space, list(read_rows(store, stored))


def run(folder, monkeypatch, words):
    """Return the one point of `accelsim run` with these words."""
    monkeypatch.chdir(folder)
    few = [] if words[1].endswith(".csv") else ["--limit", "2"]
    done = CliRunner().invoke(main, [*words, *few, "--json"])
    assert done.exit_code == 0, done.output
    (point,) = json.loads(done.stdout)["points"]
    return point


def assert_equal(row, point):
    """A row holds what a run says of one image."""
    assert row.numbers["cycles_total"] == point["cycles_total"]
    assert row.numbers["energy_uj"] == pytest.approx(point["energy_uj_per_image"], rel=1e-12)
    assert row.numbers.get("accuracy_pct") == point.get("accuracy_integer_pct")


def test_a_file_of_integers_is_swept_over_machines(dense, space_file, sweep_here, monkeypatch):
    prepared = []
    space = load_space(space_file(FILE))
    progress, _ = sweep_here(space, before=lambda task, *_: prepared.append(task.__name__))
    assert progress.done == 4
    assert prepared.count("prepare") == 1
    stored, rows = swept(dense)
    assert len({row.numbers["cycles_total"] for row in rows}) == 4
    machine = stored.design(rows[0].choice).hardware
    assert (machine.rescale.mode, machine.array.activation_bits) == ("double_round", 8)
    assert all("accuracy_float_pct" not in row.numbers for row in rows)
    words = ["run", "dense.tflite", "--hardware", "edge_4x4", "--data", "data.npz"]
    words += ["--set", "array.rows=4", "--set", "array.dataflow=os"]
    assert_equal(rows[-1], run(dense, monkeypatch, words))


def test_what_a_file_decides_about_a_machine(dense, space_file, sweep_here):
    changes = ("array.dataflow: [ws, os]", "rescale.mode: [double_round, truncate]")
    space = load_space(space_file(FILE, changes))
    progress, _ = sweep_here(space)
    assert (progress.done, progress.impossible) == (2, 2)
    _, rows = swept(dense)
    assert rows[1].reason == (
        "rescale.mode: must be double_round, as the integers of dense.tflite are for it, got "
        "truncate"
    )


def test_quantized_onnx_lets_axes_choose_the_rescale_unit(
    uint8_onnx, space_file, sweep_here, monkeypatch
):
    changes = [("dense.tflite", "uint8.onnx")]
    changes += [("array.dataflow: [ws, os]", "rescale.mode: [float32, truncate]")]
    sweep_here(load_space(space_file(FILE, *changes)))
    _, rows = swept(uint8_onnx)
    for row, mode in zip(rows, ("float32", "truncate"), strict=False):
        words = ["run", "uint8.onnx", "--hardware", "edge_4x4", "--data", "data.npz"]
        words += ["--set", "array.rows=2", "--set", f"rescale.mode={mode}"]
        assert_equal(row, run(uint8_onnx, monkeypatch, words))
    assert rows[0].numbers["accuracy_pct"] > 90


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("array.dataflow: [ws, os]", "bits: [4, 8]"),
            "axes.bits: dense.tflite is quantized already: its widths and ranges are its own; "
            "leave this axis out",
        ),
        (
            ("array.dataflow: [ws, os]", "quantization.equalize: [true]"),
            "axes.quantization.equalize: dense.tflite is quantized already: its widths and ranges "
            "are its own; leave this axis out",
        ),
        (
            ("axes:", "quantization: {equalize: true}\naxes:"),
            "quantization: dense.tflite: quantized already; leave it out",
        ),
    ],
)
def test_what_a_file_has_decided_is_refused(dense, space_file, sweep_here, change, message):
    path = space_file(FILE, change)
    with pytest.raises(ConfigError) as caught:
        sweep_here(load_space(path))
    assert str(caught.value) == f"{path}: {message}"
    assert not (dense / "store.sqlite").exists()


METHODS = """\
    schema: accelsim.space/1
    name: methods
    network: digits_mlp
    hardware: edge_4x4
    batch: 2
    quantization:
      weight_range_method: mse
      correct_biases: true
      per_channel: false
      asymmetric_weights: true
    axes:
      bits: [w3a4]
      clock: [500MHz]
      technology.node: [7nm]
      quantization.range_method: [min_max, percentile]
      quantization.percentile: [99.5]
      quantization.smooth: [none, 0.5]
      quantization.weight_rounding: [stochastic]
      quantization.seed: [3]
    """


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_command_of_the_page_gives_the_numbers_of_the_point(
    dense, space_file, sweep_here, monkeypatch
):
    driver = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    commands = {}
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page()
        for name, text in {"shapes": None, "file": FILE, "float": METHODS}.items():
            (dense / "store.sqlite").unlink(missing_ok=True)
            sweep_here(load_space(space_file(text)))
            page = dense / f"{name}.html"
            with Store(dense / "store.sqlite") as store:
                stored = find_space(store, None)
                write_report(store, stored, stored.space.objectives, page, None)
            tab.goto(f"file://{page}")
            _, rows = swept(dense)
            last = len(rows) - 1
            commands[name] = (rows[last], shlex.split(tab.evaluate(f"command({last})")))
            machine = tab.evaluate(f"resolved({last})[0]")
            design = stored.space.design(rows[last].choice).hardware
            expected = design.model_dump(mode="json", by_alias=True)
            for part in ("array", "rescale", "technology"):
                assert machine[part] == expected[part]
        browser.close()
    for row, (program, *words) in commands.values():
        assert program == "accelsim"
        assert_equal(row, run(dense, monkeypatch, words))
    assert "--bits" not in commands["file"][1]
