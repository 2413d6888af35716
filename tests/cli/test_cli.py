"""The group of commands: what is there, and how quickly help appears."""

import subprocess
import sys

import pytest

HEAVY = ("matplotlib", "numba", "numpy", "onnx", "onnxruntime", "pydantic", "rich", "simpy")


def test_the_commands(accelsim):
    done = accelsim("--help")
    assert done.exit_code == 0
    listed = [line.split()[0] for line in done.stdout.split("Commands:\n")[1].splitlines()]
    names = "compare energy export formats hardware inspect mixed networks pareto quantize report"
    names += " rtl run sensitivity sweep topology train version"
    assert listed == names.split()


def test_help_imports_nothing_heavy():
    probe = (
        "import sys; from accelsim.cli import main; main(['--help'], standalone_mode=False); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_python_dash_m_accelsim_is_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "accelsim", "--help"], capture_output=True, text=True, check=True
    )
    assert "Start with `accelsim run`: it needs no files." in done.stdout


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("rnu", " (Did you mean 'run'?)"),
        ("explain", " (Did you mean 'energy explain'?)"),
        ("front", ""),
    ],
)
def test_a_command_that_is_not_there_is_guessed(accelsim, word, hint):
    done = accelsim(word, "x")
    assert done.exit_code == 2
    assert done.stderr.endswith(f"\n\nError: No such command '{word}'.{hint}\n")
