import csv
import json
import re

import pytest

SPACE = """\
schema: accelsim.space/1
name: tiny
network: gemm.csv
hardware: edge_4x4
axes:
  array.rows: [2, 4, 1024]
  array.columns: [2, 1024]
objectives: [latency, energy]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder: a space of six points, of which one cannot be built."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gemm.csv").write_text("Layer, M, N, K,\nfirst, 16, 8, 12,\n")
    (tmp_path / "space.yaml").write_text(SPACE)
    return tmp_path


@pytest.fixture
def swept(accelsim, folder):
    """The folder after its space was swept with one worker."""
    result = accelsim("sweep", "space.yaml", "--workers", 1)
    assert result.exit_code == 0, result.output
    assert re.fullmatch(
        r"tiny: 6 points in tiny\.sqlite \(6 computed in .+\)\n"
        r"  1 cannot be built, or the network does not fit them\n"
        r"  best latency: [\d.]+ µs\n"
        r"  best energy: [\d.e-]+ µJ\n",
        result.output,
    )
    return folder


def test_a_sweep_its_status_and_its_rows(accelsim, swept):
    again = accelsim("sweep", "run", "space.yaml", "--workers", 1)
    assert "(0 computed in under 1 s, 6 were there)" in again.output
    status = accelsim("sweep", "status", "tiny.sqlite")
    assert status.output.startswith(
        "tiny: 5 done, 1 impossible of 6 combinations\n  1 impossible: "
    )
    document = json.loads(accelsim("sweep", "status", "tiny.sqlite", "--json").output)
    assert document["schema"] == "accelsim.sweep_status/1"
    assert document["spaces"][0]["points"] == {"done": 5, "impossible": 1}
    assert document["spaces"][0]["current"] is True
    exported = accelsim("sweep", "export", "tiny.sqlite")
    rows = list(csv.DictReader(exported.output.splitlines()))
    assert [row["array.rows"] for row in rows] == ["2"] * 2 + ["4"] * 2 + ["1024"] * 2
    assert [row["status"] for row in rows] == ["done"] * 5 + ["impossible"]
    assert float(rows[0]["energy_uj"]) > 0
    assert rows[5]["energy_uj"] == ""


def test_rows_as_files(accelsim, swept):
    result = accelsim("sweep", "export", "tiny.sqlite", "--output", "rows.csv")
    assert result.output == "rows.csv: 6 points of tiny\n"
    assert (swept / "rows.csv").read_text() == accelsim("sweep", "export", "tiny.sqlite").output
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (extra parquet)")
    accelsim("sweep", "export", "tiny.sqlite", "--output", "rows.parquet")
    rows = parquet.read_table("rows.parquet").to_pylist()
    assert [row["array.columns"] for row in rows] == [2, 1024] * 3
    assert rows[5]["energy_uj"] is None


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["status", "nowhere.sqlite"], "nowhere.sqlite: no such store\n"),
        (["status", "space.yaml"],
         "space.yaml: is not a store of accelsim (accelsim sweep writes one)\n"),
        (["export", "tiny.sqlite", "--output", "x.txt"],
         "--output x.txt: must end in .csv or .parquet\n"),
        (["export", "tiny.sqlite", "--output", "no/x.csv"],
         "--output no/x.csv: cannot be written: No such file or directory\n"),
        (["export", "tiny.sqlite", "--space", "tidy"],
         "--space: must be one of tiny, got 'tidy' (did you mean 'tiny'?)\n"),
        (["space.yaml", "--store", "gemm.csv"],
         "gemm.csv: is not a store of accelsim (give a new name)\n"),
        (["nowhere.yaml"], "nowhere.yaml: cannot be read (No such file or directory)\n"),
        (["space.yaml", "--workers", "1", "--scheduler", "tcp://127.0.0.1:1"],
         "--workers: the cluster of --scheduler has its own\n"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(accelsim, swept, words, line):
    result = accelsim("sweep", *words)
    assert (result.exit_code, result.output) == (2, line)


def test_designs_over_budget_are_stored_and_counted(accelsim, folder):
    text = SPACE.replace("objectives", "constraints:\n  - latency_us <= 20\nobjectives")
    (folder / "space.yaml").write_text(text)
    result = accelsim("sweep", "space.yaml", "--workers", 1)
    assert re.fullmatch(
        r"tiny: 6 points in tiny\.sqlite \(6 computed in .+\)\n"
        r"  2 break a budget \(latency_us <= 20\): not judged below\n"
        r"  1 cannot be built, or the network does not fit them\n"
        r"  best latency: [\d.]+ µs\n"
        r"  best energy: [\d.e-]+ µJ\n",
        result.output,
    )
    assert accelsim("sweep", "report", "tiny.sqlite").output == (
        "tiny.html: 6 designs of tiny, 2 of them over budget (latency_us <= 20), "
        "1 without results\n"
    )


def test_check_says_how_much_a_space_is(accelsim, folder):
    result = accelsim("sweep", "check", "space.yaml", "--workers", 2)
    assert re.fullmatch(
        r"space\.yaml: ok: tiny, gemm\.csv\n"
        r"  6 combinations, 6 points to run\n"
        r"  1 of 6 tried cannot be run: hardware edge_4x4: scratchpads\..+: must hold .+\n"
        r"  (about|under) [\d mins]+ with 2 workers on free cores\n"
        r"    \([^\n]+ to start, [\d.]+ ms a point\)\n"
        r"  about 0\.0054 MB in the store\n",
        result.output,
    )
    assert not list(folder.glob("*.sqlite"))


def test_json_lines_for_machines_and_quiet_for_nobody(accelsim, folder):
    result = accelsim("sweep", "space.yaml", "--workers", 1, "--json")
    lines = [json.loads(line) for line in result.output.splitlines()]
    assert [line["event"] for line in lines[:-1]] == ["progress"] * (len(lines) - 1)
    end = lines[-1]
    assert (end["event"], end["store"], end["done"]) == ("end", "tiny.sqlite", 5)
    assert set(end["best"]) == {"latency", "energy"}
    assert accelsim("sweep", "space.yaml", "--workers", 1, "--quiet").output == ""


def test_an_empty_store_says_so(accelsim, folder):
    from accelsim.sweeps.store import Store

    Store("empty.sqlite", create=True).close()
    assert accelsim("sweep", "status", "empty.sqlite").output == (
        "empty.sqlite: holds no points yet\n"
    )
    assert accelsim("sweep", "export", "empty.sqlite").exit_code == 2


def test_the_check_says_which_networks_are_run_once(accelsim, tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(
        "schema: accelsim.space/1\nname: two\naxes:\n"
        "  network: [digits_mlp, mlperf_tiny_autoencoder]\n  bits: [8, 4]\n"
        "  quantization.weight_rounding: [nearest, stochastic]\nobjectives: [energy]\n"
    )
    lines = accelsim("sweep", "check", path).stdout.splitlines()
    assert lines[1] == "  8 combinations, 6 points to run"
    assert lines[2] == (
        "  mlperf_tiny_autoencoder: no values to quantize: run at the first value of each axis "
        "quantization.* alone"
    )


def test_a_sweep_of_networks_that_are_different_work_names_no_best(accelsim, folder):
    (folder / "large.csv").write_text("Layer, M, N, K,\nfirst, 64, 64, 64,\n")
    text = SPACE.replace("network: gemm.csv\n", "")
    text = text.replace("axes:\n", "axes:\n  network: [gemm.csv, large.csv]\n")
    (folder / "space.yaml").write_text(text)
    result = accelsim("sweep", "space.yaml", "--workers", 1)
    assert result.exit_code == 0, result.output
    assert "best" not in result.output
    assert result.output.endswith(
        "\n  2 networks, each with its front: accelsim pareto tiny.sqlite\n"
    )
    fronts = accelsim("pareto", "tiny.sqlite").output
    assert fronts.startswith("tiny, gemm.csv: ")
    assert "\ntiny, large.csv: " in fronts
