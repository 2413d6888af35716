"""Where the SystemVerilog sources are, and which of them make up a machine."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from accelsim.errors import InternalError

__all__ = ["MODULES", "source_path", "source_text"]

MODULES: dict[str, tuple[str, ...]] = {
    "stationary": (
        "accumulate",
        "bricks",
        "signs",
        "step",
        "pe_stationary",
        "delay",
        "array_stationary",
        "accumulator_column",
        "controller_stationary",
        "accelerator_stationary",
    ),
    "output": (
        "accumulate",
        "bricks",
        "signs",
        "step",
        "pe_output",
        "delay",
        "array_output",
        "controller_output",
        "accelerator_output",
    ),
    "rescale": ("rescale",),
}
"""Modules of each machine, leaves first. A testbench is named after the machine."""


def source_path(module: str) -> Path:
    """Return the file of a module of the package, which holds one module a file."""
    path = Path(str(files("accelsim.rtl"))) / f"{module}.sv"
    if not path.is_file():
        raise InternalError(f"no source of module {module}")
    return path


def source_text(module: str) -> str:
    """Return a module's source."""
    return source_path(module).read_text(encoding="utf-8")
