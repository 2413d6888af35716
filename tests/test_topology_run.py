"""Networks of shapes from request to run folder."""

from __future__ import annotations

import csv
import json
import re

import pytest

from accelsim.errors import ConfigError
from accelsim.pipeline import RunRequest, run
from accelsim.report.folder import read_run_folder, write_run_folder
from accelsim.report.layer_table import render_layers
from accelsim.report.results import CAUSES
from accelsim.report.table import render_table
from accelsim.simulator import timing

TINY = "mlperf_tiny_resnet8"


@pytest.fixture(scope="module")
def result():
    return run(RunRequest(TINY, points=((8, 8), (4, 8)), batch=2, timeline=True))


@pytest.fixture(scope="module")
def products(tmp_path_factory):
    path = tmp_path_factory.mktemp("scalesim") / "gemm.csv"
    path.write_text("Layer, M, N, K,\nbig, 64, 96, 128,\nSECTION,\nodd, 10, 50, 70\n")
    return path


def test_there_is_no_accuracy(result):
    for point in result.points:
        assert point.accuracy_float_pct is point.accuracy_integer_pct is None
        assert point.images_simulated == point.images_golden == 0
    assert not result.has_values
    assert result.engine == "shapes"


def test_counts_are_those_of_the_file(result):
    for point in result.points:
        assert sum(layer.macs for layer in point.layers) == 2 * 12_501_632
        for layer in point.layers:
            assert sum(layer.cycles[cause] for cause in CAUSES) == layer.cycles_total
        assert sum(layer.cycles_total for layer in point.layers) == point.cycles_total


def test_narrower_weights_move_less_and_cost_less(result):
    wide, narrow = result.points
    moved = [sum(layer.traffic.dram_read_bytes for layer in p.layers) for p in result.points]
    assert moved[1] < moved[0]
    assert narrow.energy_uj_per_image < wide.energy_uj_per_image


def test_ranges_found_at_run_time_are_charged():
    changes = ("rescale.mode=float32",)
    static = run(RunRequest(TINY, overrides=changes))
    dynamic = run(RunRequest(TINY, range_method="dynamic"))
    assert "--range dynamic" in dynamic.provenance.command
    found = {layer.name: layer for layer in dynamic.points[0].layers}
    for layer in static.points[0].layers:
        if layer.op == "max_pool":
            continue
        assert found[layer.name].output_bits == 32
        second = found[f"{layer.name}:quantize"]
        assert (second.op, second.input_bits, second.output_bits) == ("quantize", 32, 8)
        assert found[layer.name].macs == layer.macs
    assert dynamic.points[0].cycles_total > static.points[0].cycles_total
    assert dynamic.points[0].energy_uj_per_image > static.points[0].energy_uj_per_image
    assert set(dynamic.not_modelled) - set(static.not_modelled) == {
        "area and leakage of what finds ranges at run time: comparators, a divider"
    }


def test_shapes_that_cannot_find_their_ranges():
    with pytest.raises(ConfigError) as caught:
        run(RunRequest(TINY, overrides=("rescale.mode=truncate",), range_method="dynamic"))
    assert str(caught.value) == (
        "range_method: dynamic needs a rescale unit that computes in float32, got mode "
        "truncate; set rescale.mode=float32"
    )


def test_the_folder_holds_everything(result, tmp_path):
    folder = tmp_path / "run"
    write_run_folder(result, folder, scalesim=True)
    assert {path.name for path in (folder / "plots").iterdir()} == {
        f"{name}.{suffix}"
        for name in ("energy_by_component", "cycles_by_layer", "roofline", "power_over_time")
        for suffix in ("svg", "png")
    }
    trace = json.loads((folder / "timeline.json").read_text())
    assert trace["traceEvents"]
    page = (folder / "report.html").read_text()
    assert "no values and no accuracy" in page
    assert "Roofline" in page
    assert "Float accuracy" not in page
    again = read_run_folder(folder)
    assert again.points == result.points
    write_run_folder(result, folder)
    assert not (folder / "scalesim").exists()


@pytest.mark.parametrize("width", [80, 200])
def test_tables_keep_to_the_terminal(result, width):
    for text in (render_table(result, width), render_layers(result, width)):
        assert max(map(len, text.splitlines())) <= width
        assert "…" not in text
    assert "accuracy" not in render_table(result, width)


def test_host_functions_are_said():
    result = run(RunRequest("gpt2_decode", "tpu_v1", points=((8, 8),)))
    assert result.not_modelled[-1] == "on the host, between DRAM and DRAM: layer norm, softmax"
    assert "layers on the host" not in result.not_modelled


@pytest.mark.parametrize(
    ("dataflow", "folds", "fold"),
    [("ws", 4 * 3, 64 + 32 + 64 - 2), ("os", 2 * 3, 64 + 128 - 2), ("is", 4 * 2, 64 + 32 + 96 - 2)],
)
def test_scalesims_reports(products, tmp_path, dataflow, folds, fold):
    overrides = ("array.rows=32", "array.columns=32", f"array.dataflow={dataflow}")
    request = RunRequest(str(products), "scalesim", overrides, points=((8, 8),))
    result = run(request)
    assert result.warnings[0] == f"{products}:3:1: 'SECTION' is a section's title: skipped"
    folder = tmp_path / "run"
    write_run_folder(result, folder, scalesim=True)
    reports = {
        name: list(
            csv.DictReader(
                (folder / "scalesim" / f"{name}.csv").read_text().splitlines(),
                skipinitialspace=True,
            )
        )
        for name in ("COMPUTE_REPORT", "BANDWIDTH_REPORT", "DETAILED_ACCESS_REPORT")
    }
    big = reports["COMPUTE_REPORT"][0]
    assert int(big["Total Cycles"]) - int(big["Stall Cycles"]) == folds * fold
    assert float(big["Mapping Efficiency %"]) == 100
    assert float(reports["COMPUTE_REPORT"][1]["Mapping Efficiency %"]) < 100
    details = reports["DETAILED_ACCESS_REPORT"][0]
    assert int(details["DRAM IFMAP Reads"]) == 64 * 128
    assert int(details["DRAM Filter Reads"]) == 96 * 128
    assert int(details["DRAM OFMAP Writes"]) == 64 * 96
    assert int(details["SRAM OFMAP Writes"]) == 64 * 96 * (1 if dataflow == "os" else 4)
    assert set(reports["BANDWIDTH_REPORT"][0]) >= {"Avg IFMAP SRAM BW", "Avg OFMAP DRAM BW"}


def test_a_timeline_that_would_be_too_large_is_of_layers(monkeypatch, tmp_path):
    monkeypatch.setattr(timing, "_MOST_TILES", 1000)
    result = run(RunRequest("mlperf_tiny_autoencoder", points=((8, 8), (4, 8)), timeline=True))
    assert result.warnings[0] == (
        "timeline: of layers only: 1,040 tiles are more than the 1,000 that it has room for"
    )
    assert [span.label for span in result.timeline] == [p.name for p in result.points[0].layers]
    folder = tmp_path / "run"
    write_run_folder(result, folder)
    assert (folder / "plots" / "power_over_time.svg").is_file()
    assert (folder / "timeline.json").stat().st_size < 20_000


def test_a_cfg_changes_scalesims_machine(products, tmp_path):
    path = tmp_path / "scale.cfg"
    path.write_text(
        "[architecture_presets]\nArrayHeight: 8\nArrayWidth: 16\nDataflow: os\n"
        "[sparsity]\nSparsitySupport: true\n"
    )
    result = run(RunRequest(str(products), str(path), points=((8, 8),)))
    assert result.points[0].peak_macs_per_cycle == 128
    assert result.hardware == "scalesim"
    assert result.warnings[0] == (
        f"{path}:6: SparsitySupport: not modelled: sparsity: weights are dense"
    )


def test_random_data_is_checked_against_golden():
    request = RunRequest("digits_cnn", points=((8, 8),), random_data=True, batch=3, seed=5)
    result = run(request)
    (point,) = result.points
    assert point.images_simulated == point.images_golden == 3
    assert point.golden_mismatches == 0
    assert point.accuracy_float_pct is point.accuracy_integer_pct is None
    assert result.dataset == "random images (seed 5)"
    assert "--random-data" in request.command
    assert "all outputs equal golden" in render_table(result, 80)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"network": TINY, "data": "x.npz"},
            f"--data: cannot be used with {TINY}, which has no values",
        ),
        ({"random_data": True, "data": "x.npz"}, "--data: cannot be used with --random-data"),
        (
            {"network": TINY, "random_data": True},
            f"--random-data: {TINY} has no weights to run it with",
        ),
    ],
)
def test_what_does_not_go_together(fields, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        RunRequest(**fields)


def test_ceil_is_for_scalesim_files() -> None:
    message = r"^--scalesim-ofmap ceil: is for SCALE-Sim topologies \(\.csv\) only$"
    with pytest.raises(ConfigError, match=message):
        RunRequest(TINY, ceil_outputs=True)
