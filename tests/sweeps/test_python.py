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
