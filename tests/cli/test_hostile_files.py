"""Every command with files that are not what it takes: a message, exit code 2, nothing written."""

import pytest

from accelsim.cli.failures import USER_ERROR

SUFFIXES = (".onnx", ".tflite", ".yaml", ".csv", ".npz", ".cfg", ".bin", "")
RUN = ("run", "digits_mlp", "--bits", "8", "--limit", "1")
COMMANDS = {
    "inspect": ("inspect", "FILE"),
    "run": ("run", "FILE", "--random-data"),
    "run with data": (*RUN, "--data", "FILE"),
    "run on hardware": (*RUN, "--hardware", "FILE"),
    "report": ("report", "FILE"),
    "hardware check": ("hardware", "check", "FILE"),
    "hardware show": ("hardware", "show", "FILE"),
    "energy check": ("energy", "check", "FILE"),
    "energy explain": ("energy", "explain", "FILE"),
    "rtl of a network": ("rtl", "edge_4x4", "--network", "FILE", "--output", "OUTPUT"),
    "export": ("export", "FILE", "-o", "OUTPUT"),
    "sweep": ("sweep", "check", "FILE"),
    "pareto": ("pareto", "FILE"),
}
GARBAGE = bytes(range(256)) * 8


def contents(path):
    """What may stand where a file was asked for."""
    yield path
    path.write_bytes(b"")
    yield path
    path.write_bytes(GARBAGE)
    yield path
    path.unlink()
    path.mkdir()
    yield path


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_not_there_empty_garbage_or_a_folder(accelsim, tmp_path, command, suffix):
    output = tmp_path / "output"
    for path in contents(tmp_path / f"file{suffix}"):
        words = {"FILE": path, "OUTPUT": output}
        done = accelsim(*(words.get(word, word) for word in COMMANDS[command]))
        assert done.exit_code == USER_ERROR, (path, done.output)
        assert done.stderr.strip()
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        assert not output.exists()


NUMBERS = ("nan", "inf", "1e9", "-1", "", "0x10", "9" * 30)
OPTIONS = ("--limit", "--batch", "--bits", "--weights", "--activations", "--input-scale")
# More images than there are mean all of them; a factor may be any number above zero.
MEANT = {("--limit", "9" * 30), ("--input-scale", "1e9"), ("--input-scale", "9" * 30)}


@pytest.mark.parametrize(
    ("option", "number"),
    [(o, n) for o in OPTIONS for n in NUMBERS if (o, n) not in MEANT],
)
def test_numbers_that_nobody_means(accelsim, option, number):
    done = accelsim("run", "digits_mlp", f"{option}={number}")
    assert done.exit_code == USER_ERROR
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
