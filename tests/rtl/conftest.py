"""Run a testbench of accelsim/rtl in Icarus Verilog."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from accelsim.rtl.sources import MODULES, source_path

Simulate = Callable[[str, Mapping[str, int], Mapping[str, Sequence[str]]], str]


@pytest.fixture
def icarus() -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog (iverilog) is not installed")


@pytest.fixture
def simulate(icarus: None, tmp_path: Path) -> Simulate:
    """Return a function (machine, parameters, memory files) -> what the testbench printed."""

    def run(
        machine: str, parameters: Mapping[str, int], memories: Mapping[str, Sequence[str]]
    ) -> str:
        header = "".join(f"`define {name} {value}\n" for name, value in parameters.items())
        (tmp_path / "parameters.svh").write_text(header)
        for name, lines in memories.items():
            (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
        modules = [f"testbench_{machine}", *MODULES[machine]]
        sources = [str(source_path(module)) for module in modules]
        compiler = ["iverilog", "-g2012", "-Wall", "-I", ".", "-o", "testbench.vvp"]
        built = subprocess.run(
            [*compiler, "-s", "testbench", *sources], cwd=tmp_path, capture_output=True, text=True
        )
        assert built.returncode == 0, built.stderr
        return subprocess.run(
            ["vvp", "-n", "testbench.vvp"], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    return run
