"""Run a testbench of accelsim/rtl in Icarus Verilog."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from accelsim.rtl.sources import MODULES, source_path
from accelsim.rtl.vectors import Vectors

Simulate = Callable[..., str]


@pytest.fixture
def icarus() -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog (iverilog) is not installed")


@pytest.fixture
def simulate(icarus: None, tmp_path: Path) -> Simulate:
    """Return a function (vectors, netlist or None) -> what the testbench printed.

    A netlist takes the place of the machine's sources.
    """

    def run(vectors: Vectors, netlist: Path | None = None) -> str:
        machine, parameters, memories = vectors.machine, vectors.parameters, vectors.memories
        header = "".join(f"`define {name} {value}\n" for name, value in parameters.items())
        (tmp_path / "parameters.svh").write_text(header)
        for name, lines in memories.items():
            (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
        modules = [f"testbench_{machine}", *(() if netlist else MODULES[machine])]
        sources = [str(path) for path in (*map(source_path, modules), netlist) if path]
        compiler = ["iverilog", "-g2012", "-Wall", "-I", ".", "-o", "testbench.vvp"]
        built = subprocess.run(
            [*compiler, "-s", "testbench", *sources], cwd=tmp_path, capture_output=True, text=True
        )
        assert built.returncode == 0, built.stderr
        return subprocess.run(
            ["vvp", "-n", "testbench.vvp"], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    return run
