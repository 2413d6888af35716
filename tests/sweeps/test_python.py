import os
import subprocess
import sys
from pathlib import Path

import pytest

import accelsim
from accelsim.errors import ConfigError


def test_rows_are_ready_for_a_data_frame(folder, monkeypatch):
    monkeypatch.chdir(folder)
    space = {"network": "gemm.csv", "axes": {"array.rows": [4, 8], "bits": [8, "w4a8"]}}
    rows = accelsim.sweep(space, workers=0)
    assert [(row["array.rows"], row["bits"]) for row in rows] == [
        *((4, "w8a8"), (4, "w4a8"), (8, "w8a8"), (8, "w4a8"))
    ]
    assert all(row["status"] == "done" and row["energy_uj"] > 0 for row in rows)
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    frame = pandas.DataFrame(rows)
    assert frame.groupby("array.rows")["energy_uj"].min().shape == (2,)


def test_a_store_is_gone_on_with(space_file, folder):
    path = space_file()
    rows = accelsim.sweep(path, store=folder / "kept.sqlite", workers=0)
    assert accelsim.sweep(path, store=folder / "kept.sqlite", workers=0) == rows
    assert len(rows) == 16


def test_processes_give_the_same_rows(space_file):
    path = space_file()
    assert accelsim.sweep(path, workers=2) == accelsim.sweep(path, workers=0)


def test_a_mistake_names_its_field():
    with pytest.raises(ConfigError, match=r"^space: axes.array.row: unknown axis \(did you mean"):
        accelsim.sweep({"axes": {"array.row": [1]}})


def test_kinds_of_pes_are_an_axis_and_what_they_cannot_multiply_is_impossible():
    kinds = ["fixed", "composable", "bit_serial", "ternary"]
    axes = {"array.pe_kind": kinds, "bits": ["w4a4", "w2a2"]}
    rows = accelsim.sweep({"network": "digits_mlp", "axes": axes}, workers=0)
    found = {(row["array.pe_kind"], row["bits"]): row for row in rows}
    assert found["ternary", "w4a4"]["status"] == "impossible"
    assert "PEs of array.pe_kind=ternary have no multiplier" in found["ternary", "w4a4"]["reason"]
    done = [row for row in rows if row["status"] == "done"]
    assert len(done) == 7
    for bits in ("w4a4", "w2a2"):
        same = [row for row in done if row["bits"] == bits]
        assert len({row["accuracy_pct"] for row in same}) == 1
        assert len({row["energy_uj"] for row in same}) == len(same)
        stream = {row["array.pe_kind"]: row["cycles_stream"] for row in same}
        assert stream["composable"] < stream["fixed"] < stream["bit_serial"]


def test_a_script_need_not_ask_whether_it_is_the_main_module(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import accelsim\n"
        'space = {"network": "mlperf_tiny_autoencoder", "axes": {"array.rows": [8, 16]}}\n'
        "rows = accelsim.sweep(space, workers=1)\n"
        'print([row["status"] for row in rows])\n'
    )
    root = str(Path(accelsim.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert (done.stdout, done.stderr) == ("['done', 'done']\n", "")
