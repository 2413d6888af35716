import re
from pathlib import Path

import pytest

from accelsim.errors import ConfigError
from accelsim.hardware.named_files import ShippedFiles

PRESETS = ShippedFiles("accelsim.hardware", "presets", "hardware")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_shipped_name_wins_over_a_file_of_that_name():
    Path("edge_4x4").write_text("mine: 1")
    text, source = PRESETS.read("edge_4x4")
    assert "name: edge_4x4" in text
    assert source == "edge_4x4.yaml"


@pytest.mark.parametrize("name", ["mine.yaml", "mine.yml", "mine", "./edge_4x4"])
def test_a_path_is_read(name):
    Path(name).write_text("mine: 1")
    assert PRESETS.read(name) == ("mine: 1", name)


@pytest.mark.parametrize("name", ["mine.yaml", "folder/mine"])
def test_a_missing_path_is_a_missing_file_not_an_unknown_name(name):
    message = f"{name}: cannot be read (No such file or directory)"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        PRESETS.read(name)


@pytest.mark.parametrize(
    ("name", "got"),
    [
        ("tpu", "'tpu' (did you mean 'tpu_v1'?)"),
        ("zzz", "'zzz'"),
        ("", "''"),
        ("z" * 300, f"'{'z' * 56}..."),
    ],
)
def test_an_unknown_name_lists_the_known_ones(name, got):
    message = (
        "hardware: must be one of edge_16x16, edge_4x4, mid_32x32, scalesim, tpu_v1 or the path "
        "of a .yaml "
        f"file, got {got}"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        PRESETS.read(name)
