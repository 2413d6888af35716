from io import StringIO

from ruamel.yaml import YAML

from accelsim.cli.failures import USER_ERROR
from accelsim.hardware import dump_hardware, load_hardware, preset_names


def test_list_names_every_preset(accelsim):
    done = accelsim("hardware", "list")
    assert done.exit_code == 0
    first_words = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    assert [word for word in first_words if word in preset_names()] == list(preset_names())
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_show_is_a_file_that_can_be_used(accelsim, tmp_path):
    done = accelsim("hardware", "show", "edge_4x4", "--set", "array.rows=2")
    assert done.exit_code == 0
    assert done.stdout == dump_hardware(load_hardware("edge_4x4", ["array.rows=2"]))
    assert YAML(typ="safe").load(StringIO(done.stdout))["array"]["rows"] == 2
    (tmp_path / "mine.yaml").write_text(done.stdout)
    checked = accelsim("hardware", "check", tmp_path / "mine.yaml")
    assert checked.exit_code == 0
    assert checked.stdout == f"{tmp_path}/mine.yaml: ok: edge_4x4, 2 x 4 PEs\n"


def test_check_lists_every_problem_with_its_line(accelsim, tmp_path):
    path = tmp_path / "broken.yaml"
    text = dump_hardware(load_hardware("edge_4x4"))
    path.write_text(text.replace("rows: 4", "rows: 0").replace("dataflow: ", "dataflows: "))
    done = accelsim("hardware", "check", path)
    assert done.exit_code == USER_ERROR
    assert done.stdout == ""
    assert done.stderr == (
        f"{path}:7: array.rows: must be 1 to 1024, got 0\n"
        f"{path}:9: array.dataflows: unknown field (did you mean 'dataflow'?)\n"
    )


def test_check_of_a_file_that_is_not_there(accelsim):
    done = accelsim("hardware", "check", "nowhere.yaml")
    assert done.exit_code == USER_ERROR
    assert done.stderr == "nowhere.yaml: no such file\n"


def test_check_of_a_folder(accelsim, tmp_path):
    done = accelsim("hardware", "check", str(tmp_path))
    assert done.exit_code == USER_ERROR
    assert done.stderr == f"{tmp_path}: is a folder, not a hardware file\n"


def test_show_of_an_unknown_name(accelsim):
    done = accelsim("hardware", "show", "edge_16")
    assert done.exit_code == USER_ERROR
    assert done.stderr.startswith("hardware: must be one of ")
    assert done.stderr.endswith("(did you mean 'edge_16x16'?)\n")
