"""The folder of `accelsim rtl`: it runs, it can fail, and it is complete or not there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from accelsim.errors import ConfigError
from accelsim.rtl import RtlRequest, export_rtl

pytestmark = pytest.mark.rtl


def _run(folder):
    done = subprocess.run(
        ["sh", str(folder / "run.sh")], capture_output=True, text=True, cwd="/", check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def small(tmp_path):
    """A bundle of random vectors on a 2 x 3 array."""
    request = RtlRequest("edge_4x4", ("array.rows=2", "array.columns=3"), rows=5)
    export_rtl(request, tmp_path / "small")
    return tmp_path / "small"


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_a_layer_runs_and_passes(icarus, tmp_path, dataflow, bits, layer):
    request = RtlRequest(
        "edge_16x16",
        ("array.rows=6", "array.columns=5", f"array.dataflow={dataflow}"),
        network="digits_cnn",
        layer=layer,
        weight_bits=bits,
        activation_bits=bits,
        rows=7,
    )
    bundle = export_rtl(request, tmp_path / "bundle")
    assert bundle.title == (
        f"digits_cnn, layer {layer}, rows 1 to 7 of 1 image(s), on edge_16x16 "
        f"(6 x 5 PEs, {'weight' if dataflow == 'ws' else 'output' if dataflow == 'os' else 'input'}"
        f" stationary, w{bits}a{bits})"
    )
    code, said = _run(tmp_path / "bundle")
    counts = [int(part.compares.split()[0].replace(",", "")) for part in bundle.parts]
    noun = "results" if dataflow == "os" else "sums"
    assert re.fullmatch(
        f"array: PASS: {counts[0]} of {counts[0]} {noun}, 0 wrong, 0 overflows, last cycle \\d+\n"
        f"rescale: PASS: {counts[1]} vectors, 0 wrong\n",
        said,
    ), said
    assert code == 0


@pytest.mark.parametrize("drain", ["exposed", "hidden", "free"])
def test_random_vectors_cover_edge_tiles(icarus, tmp_path, drain):
    changes = ("array.rows=3", "array.columns=4", "array.dataflow=os", f"array.drain={drain}")
    bundle = export_rtl(RtlRequest("edge_4x4", changes, rows=9, seed=5), tmp_path / "random")
    assert bundle.title == (
        "a random product 8 x 9 x 10 (seed 5), on edge_4x4 (3 x 4 PEs, output stationary, w8a8)"
    )
    code, said = _run(tmp_path / "random")
    assert code == 0, said


@pytest.mark.parametrize("part", ["array", "rescale"])
def test_a_wrong_word_fails(icarus, small, part):
    path = small / part / {"array": "expected.hex", "rescale": "rescale.hex"}[part]
    lines = path.read_text().splitlines()
    lines[3] = lines[3][:-1] + f"{int(lines[3][-1], 16) ^ 1:x}"
    path.write_text("\n".join(lines))
    code, said = _run(small)
    assert code == 1
    assert re.search(f"^{part}: FAIL: .* 1 wrong", said, re.MULTILINE), said
    assert said.count("PASS") == 1


def test_a_wrong_cycle_fails(icarus, small):
    path = small / "array" / "expected.hex"
    lines = path.read_text().splitlines()
    lines[-1] = f"{int(lines[-1], 16) + (1 << 64):x}"
    path.write_text("\n".join(lines))
    code, said = _run(small)
    assert code == 1
    assert "array: FAIL" in said


def test_a_missing_word_fails(icarus, small):
    parameters = small / "array" / "parameters.svh"
    text = parameters.read_text()
    count = int(re.search(r"EXPECTED (\d+)", text)[1])
    parameters.write_text(text.replace(f"EXPECTED {count}", f"EXPECTED {count + 1}"))
    code, said = _run(small)
    assert code == 1
    assert "array: FAIL" in said


def test_broken_rtl_fails(icarus, small):
    """A machine that drains a cycle late, or does not compile, is no proof."""
    source = small / "sources" / "accumulate.sv"
    text = source.read_text()
    source.write_text(text.replace("left * right", "left + right"))
    code, said = _run(small)
    assert code == 1
    assert "array: FAIL" in said
    source.write_text("module")
    assert _run(small)[0] == 1


def test_without_a_simulator_it_says_so(small, monkeypatch, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "dirname"):
        (tools / tool).symlink_to(shutil.which(tool))
    monkeypatch.setenv("PATH", str(tools))
    assert _run(small) == (1, "Icarus Verilog (iverilog) is not installed\n")


def test_the_folder_says_what_it_is(small):
    assert sorted(path.name for path in small.iterdir()) == [
        "README.md",
        "array",
        "hardware.yaml",
        "rescale",
        "run.sh",
        "sources",
    ]
    readme = (small / "README.md").read_text()
    assert readme.startswith("# a random product 5 x 5 x 8 (seed 0), on edge_4x4 (2 x 3 PEs, ")
    assert (
        "    accelsim rtl edge_4x4 --set array.rows=2 --set array.columns=3 --rows 5 --seed 0\n"
        in readme
    )
    assert "\n  rows: 2\n" in (small / "hardware.yaml").read_text()


def test_float32_leaves_the_lane_out_and_says_so(tmp_path):
    bundle = export_rtl(RtlRequest("edge_4x4", ("rescale.mode=float32",)), tmp_path / "float")
    assert [part.name for part in bundle.parts] == ["array"]
    note = (
        "the rescale unit is left out: its float32 mode has no RTL "
        "(--set rescale.mode=single_round, double_round or truncate)"
    )
    assert bundle.notes == (note,)
    assert note in (tmp_path / "float" / "README.md").read_text()
    assert not (tmp_path / "float" / "rescale").exists()


def test_a_bundle_is_replaced_and_anything_else_left_alone(small, tmp_path):
    export_rtl(RtlRequest("edge_4x4"), small)
    assert "4 x 4 PEs" in (small / "README.md").read_text()
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "run.sh").write_text("years of work")
    with pytest.raises(ConfigError) as error:
        export_rtl(RtlRequest("edge_4x4"), tmp_path / "thesis")
    assert str(error.value) == (
        f"--output {tmp_path}/thesis: exists and is not an accelsim bundle folder (give a new name)"
    )


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(folder: Path, bundle: object) -> None:
        (folder / "run.sh").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr("accelsim.rtl.export.write_bundle", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_rtl(RtlRequest("edge_4x4"), tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"network": "digits_cnn", "layer": "conv9"},
            "--layer: must be one of digits_cnn's conv1, conv2, conv3, logits, got 'conv9'",
        ),
        (
            {"network": "digits_cnn"},
            "--layer: must be one of digits_cnn's conv1, conv2, conv3, logits",
        ),
        ({"layer": "conv1"}, "--layer: needs a network (--network)"),
        ({"data": "x.npz"}, "--data: needs a network (--network)"),
        ({"rows": 0}, "--rows: must be 1 to 1048576, got 0"),
        ({"seed": -1}, "--seed: must be 0 to 18446744073709551615, got -1"),
        (
            {"rows": 1 << 20},
            "--rows: 1048576 rows take 9,437,274 cycles, more than the 262,144 that a testbench "
            "plays; give fewer rows or a larger array",
        ),
        (
            {"network": "net.tflite", "layer": "conv1"},
            "--network: net.tflite is quantized already; give a float network, or leave it out for "
            "random vectors",
        ),
        (
            {"network": "resnet18", "layer": "conv1"},
            "--network: resnet18 has no weights; leave it out for random vectors",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path, options, message):
    with pytest.raises(ConfigError) as error:
        export_rtl(RtlRequest("edge_4x4", **options), tmp_path / "new")
    assert str(error.value) == message
    assert list(tmp_path.iterdir()) == []


def test_an_array_that_sums_up_rows_has_no_rtl(tmp_path):
    request = RtlRequest("edge_4x4", ("array.row_sums=true",))
    with pytest.raises(ConfigError) as error:
        export_rtl(request, tmp_path / "bundle")
    assert str(error.value) == (
        "array.row_sums: edge_4x4 sums up rows of activations, which has no RTL; "
        "--set array.row_sums=false"
    )
    assert not (tmp_path / "bundle").exists()


def test_an_array_that_scales_sums_of_groups_has_no_rtl(tmp_path):
    request = RtlRequest("edge_4x4", ("array.scale_bits=8",))
    with pytest.raises(ConfigError) as error:
        export_rtl(request, tmp_path / "bundle")
    assert str(error.value) == (
        "array.scale_bits: edge_4x4 multiplies sums of groups of weights by scales, which has no "
        "RTL; leave it out"
    )
    assert not (tmp_path / "bundle").exists()
