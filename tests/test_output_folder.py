import re

import pytest

from accelsim.errors import ConfigError
from accelsim.output_folder import check_output_file, write_file


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "figure.svg"
    path.write_text("old")
    check_output_file(path, "--plot")
    assert path.read_text() == "old"
    write_file(path, b"new", "--plot")
    assert path.read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["figure.svg"]


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("", "is a folder; give the name of a file"),
        ("nowhere/figure.svg", "cannot be written: No such file or directory"),
        ("file/figure.svg", "cannot be written: Not a directory"),
    ],
)
def test_a_place_that_cannot_be_written(tmp_path, place, problem):
    (tmp_path / "file").write_text("kept")
    path = tmp_path / place
    with pytest.raises(ConfigError, match=f"^{re.escape(f'--plot {path}: {problem}')}$"):
        write_file(path, b"new", "--plot")
    with pytest.raises(ConfigError, match=f"^{re.escape(f'--plot {path}: {problem}')}$"):
        check_output_file(path, "--plot")
    assert (tmp_path / "file").read_text() == "kept"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
