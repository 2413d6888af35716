import json
import re
from io import StringIO
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from accelsim.errors import ConfigError, DataError
from accelsim.report import folder as run_folder
from accelsim.report.folder import (
    check_run_folder,
    configuration_yaml,
    read_run_folder,
    rebuild_report,
    write_run_folder,
)

PLOTS = ("accuracy_and_energy", "cycles_by_layer", "energy_by_component")
FILES = sorted(
    ["config.yaml", "energy.json", "layers.csv", "report.html", "run.json", "summary.json"]
    + [f"plots/{name}.{kind}" for name in PLOTS for kind in ("png", "svg")]
)


@pytest.fixture
def undrawn(monkeypatch):
    """Small files in place of the figures: drawing is slow and has its own tests."""

    def write(result, folder):
        (folder / "plots").mkdir()
        for name in FILES:
            if name.startswith(("plots/", "report")):
                (folder / name).write_text(result.network)

    monkeypatch.setattr(run_folder, "_write_report", write)


def files_in(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_run_folder_has_everything_reads_back_and_rebuilds_to_the_same_bytes(result, tmp_path):
    demo = tmp_path / "runs" / "demo"
    write_run_folder(result, demo)
    assert files_in(tmp_path) == [f"runs/demo/{name}" for name in FILES]
    assert read_run_folder(demo) == result

    before = {name: (demo / name).read_bytes() for name in FILES}
    (demo / "report.html").unlink()
    (demo / "plots" / "cycles_by_layer.svg").write_text("scribble")
    assert rebuild_report(demo) == result
    assert {name: (demo / name).read_bytes() for name in FILES} == before


def test_run_json_says_how_to_repeat_the_run(undrawn, result, tmp_path):
    write_run_folder(result, tmp_path / "demo")
    document = json.loads((tmp_path / "demo" / "run.json").read_text())
    assert document["command"] == "accelsim run --output runs/demo"
    assert document["seed"] == 0
    assert set(document["hashes"]) == {"network", "data", "energy table"}
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in document["hashes"].values())
    assert document["not_modelled"] == list(result.not_modelled)


def test_the_configuration_is_yaml_with_the_machine_inside(result):
    configuration = YAML(typ="safe").load(StringIO(configuration_yaml(result)))
    assert configuration["points"] == ["w8a8", "w6a6", "w4a4", "w3a3", "w2a2"]
    assert configuration["machine"]["array"] == {"rows": 16}


def test_an_older_run_folder_is_replaced(undrawn, result, single_point, tmp_path):
    write_run_folder(result, tmp_path / "demo")
    write_run_folder(single_point, tmp_path / "demo")
    assert read_run_folder(tmp_path / "demo") == single_point
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_an_empty_folder_is_used(undrawn, result, tmp_path):
    (tmp_path / "demo").mkdir()
    write_run_folder(result, tmp_path / "demo")
    assert files_in(tmp_path / "demo") == FILES


def test_a_folder_of_something_else_is_left_alone(undrawn, result, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError) as error:
        write_run_folder(result, tmp_path)
    assert str(error.value) == (
        f"--output {tmp_path}: exists and is not an accelsim run folder (give a new name)"
    )
    assert files_in(tmp_path) == ["thesis.txt"]


def test_a_users_notes_in_a_run_folder_are_not_lost(undrawn, result, tmp_path):
    demo = tmp_path / "demo"
    write_run_folder(result, demo)
    (demo / "notes.md").write_text("why int3 fails")
    with pytest.raises(ConfigError) as error:
        check_run_folder(demo)
    assert str(error.value) == (
        f"--output {demo}: holds files that are not of a run and would be lost: notes.md "
        "(move them, or give a new name)"
    )


def test_a_file_in_the_place_or_on_the_way(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError) as error:
        check_run_folder(tmp_path / "taken")
    assert str(error.value) == f"--output {tmp_path}/taken: exists and is not a folder"
    with pytest.raises(ConfigError) as error:
        check_run_folder(tmp_path / "taken" / "deeper")
    assert str(error.value) == (
        f"--output {tmp_path}/taken/deeper: {tmp_path}/taken is a file, not a folder"
    )


def test_a_name_that_no_file_system_takes(tmp_path):
    folder = tmp_path / ("x" * 300)
    with pytest.raises(ConfigError) as error:
        check_run_folder(folder)
    assert str(error.value) == f"--output {folder}: File name too long"


def test_a_folder_that_cannot_be_written():
    with pytest.raises(ConfigError) as error:
        check_run_folder(Path("/proc/runs"))
    assert str(error.value) == (
        "--output /proc/runs: cannot write in /proc: No such file or directory"
    )


@pytest.mark.parametrize("exists", [False, True])
def test_an_interruption_leaves_what_was_there(
    undrawn, result, single_point, tmp_path, monkeypatch, exists
):
    if exists:
        write_run_folder(single_point, tmp_path / "demo")

    def interrupted(result, folder):
        (folder / "report.html").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(run_folder, "_write_report", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_run_folder(result, tmp_path / "demo")
    assert [path.name for path in tmp_path.iterdir()] == (["demo"] if exists else [])
    if exists:
        assert read_run_folder(tmp_path / "demo") == single_point


def test_reading_what_is_not_a_run_folder(tmp_path):
    with pytest.raises(DataError) as error:
        read_run_folder(tmp_path / "nowhere")
    assert str(error.value) == f"{tmp_path}/nowhere: no such folder"
    with pytest.raises(DataError) as error:
        read_run_folder(tmp_path)
    assert str(error.value) == f"{tmp_path}/summary.json: no such file (not a run folder?)"
    (tmp_path / "summary.json").write_text("{")
    with pytest.raises(DataError) as error:
        read_run_folder(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/summary.json: not JSON: Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1)"
    )
