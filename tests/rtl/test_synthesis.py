"""The sources are what tools for hardware accept: lint in Verilator, synthesis in Yosys."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from accelsim.rtl.sources import MODULES, source_path

pytestmark = pytest.mark.rtl

NARROW = {"ROWS": 2, "COLUMNS": 2, "ACCUMULATOR_BITS": 12}
MACHINES = [
    ("stationary", {"DOUBLE_BUFFERED": 1, "TILE_OVERLAP": 1, "SATURATE": 0}),
    ("stationary", {"DOUBLE_BUFFERED": 0, "TILE_OVERLAP": 0, "SATURATE": 1}),
    ("output", {"DRAIN": 0, "TILE_OVERLAP": 1, "SATURATE": 0}),
    ("output", {"DRAIN": 1, "TILE_OVERLAP": 0, "SATURATE": 1}),
    ("output", {"DRAIN": 2, "TILE_OVERLAP": 1, "SATURATE": 1}),
]


def _sources(machine):
    return [str(source_path(module)) for module in MODULES[machine]]


def _run(*command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def _lint(top, machine, parameters):
    settings = [f"-G{name}={value}" for name, value in parameters.items()]
    return _run(
        "verilator", "--lint-only", "-Wall", "--top-module", top, *settings, *_sources(machine)
    )


def _synthesize(top, machine, parameters):
    """Synthesize; every latch, loop, undriven or doubly driven wire is an error."""
    settings = " ".join(f"-set {name} {value}" for name, value in parameters.items())
    chosen = f"chparam {settings} {top}; " if parameters else ""
    script = (
        f"read_verilog -sv {' '.join(_sources(machine))}; {chosen}synth -noabc -top {top}; "
        "check -assert; select -assert-none t:$_DLATCH_* t:$dlatch; select -assert-min 1 t:*"
    )
    return _run("yosys", "-q", "-p", script)


@pytest.mark.parametrize(("machine", "parameters"), MACHINES)
@pytest.mark.parametrize("size", [{}, {"ROWS": 1, "COLUMNS": 1}, {"ROWS": 5, "COLUMNS": 3}])
def test_lint_finds_nothing_in_a_machine(machine, parameters, size):
    flags = {"SATURATE", "DOUBLE_BUFFERED", "TILE_OVERLAP"}
    sized = {name: f"1'b{bit}" if name in flags else bit for name, bit in parameters.items()}
    assert _lint(f"accelerator_{machine}", machine, sized | size) == (0, "")


@pytest.mark.parametrize("mantissa_bits", [16, 32])
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_lint_finds_nothing_in_the_rescale_lane(mode, mantissa_bits):
    parameters = {"MODE": mode, "MANTISSA_BITS": mantissa_bits}
    assert _lint("rescale", "rescale", parameters) == (0, "")


@pytest.mark.parametrize(("machine", "parameters"), MACHINES)
def test_a_machine_synthesizes(machine, parameters):
    narrow = {"MOVING_BITS": 4, "RESIDENT_BITS": 3, "ACCUMULATOR_DEPTH": 4}
    if machine == "output":
        narrow = {"RIGHT_BITS": 4, "DOWN_BITS": 3}
    assert _synthesize(f"accelerator_{machine}", machine, parameters | NARROW | narrow) == (0, "")


def test_the_rescale_lane_synthesizes():
    parameters = {"MODE": 0, "MANTISSA_BITS": 16, "ACCUMULATOR_BITS": 16}
    assert _synthesize("rescale", "rescale", parameters) == (0, "")


def test_lint_would_find_something():
    """A port that does not fit is found, so that an empty answer means something."""
    code, said = _lint("accelerator_output", "output", {"DRAIN": 2, "PORTS": 1})
    assert code != 0
    assert "Warning" in said or "Error" in said
