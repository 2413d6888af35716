"""A folder that reproduces a design point in Icarus Verilog: sources, vectors, one command.

::

    README.md       what is played, and how
    hardware.yaml   the machine
    run.sh          compile and run; fails unless every testbench passes
    sources/        the machine, a module a file
    array/          the array's testbench, its parameters and vectors
    rescale/        the rescale lane's, unless it is a floating-point one
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from accelsim.output_folder import FolderKind
from accelsim.rtl.sources import MODULES, source_text
from accelsim.rtl.vectors import Vectors

__all__ = ["BUNDLE", "Bundle", "Part", "write_bundle"]

BUNDLE = FolderKind(
    "bundle",
    frozenset({"README.md", "hardware.yaml", "run.sh", "sources", "array"}),
    frozenset({"rescale"}),
)

_RUN = """\
#!/bin/sh
# Compile and run every testbench with Icarus Verilog; fail unless all pass.
set -u
cd "$(dirname "$0")" || exit 1
command -v iverilog >/dev/null || { echo "Icarus Verilog (iverilog) is not installed" >&2; exit 1; }
failed=0

play() (  # folder, modules
    cd "$1" || exit 1
    shift
    iverilog -g2012 -I . -o testbench.vvp -s testbench testbench.sv "$@" || exit 1
    vvp -n testbench.vvp >output.txt
    sed "s|^|$(basename "$PWD"): |" output.txt
    tail -n 1 output.txt | grep -q '^PASS'
)

"""

_README = """\
# {title}

`sh run.sh` compares every output, and the cycle in which it appears, with the simulator's. It needs
Icarus Verilog (`iverilog`) and ends with status 0 only if all are equal.

| folder | what is compared |
|---|---|
{rows}
{notes}
`sources/` holds the machine, a module a file; the testbenches read `parameters.svh` and the `.hex`
files beside them. `hardware.yaml` is the machine's description. Written by

    {command}
"""


@dataclass(frozen=True)
class Part:
    """One testbench: the name of its folder, its vectors, and a line on what is compared."""

    name: str
    vectors: Vectors
    compares: str


@dataclass(frozen=True)
class Bundle:
    """What a folder holds. ``machine``: its description as YAML; ``notes``: what is not there."""

    title: str
    command: str
    machine: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...]


def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Write a bundle into an empty folder."""
    _write(folder / "README.md", _readme(bundle))
    _write(folder / "hardware.yaml", bundle.machine)
    _write(folder / "run.sh", _script(bundle))
    (folder / "sources").mkdir()
    for module in {module for part in bundle.parts for module in MODULES[part.vectors.machine]}:
        _write(folder / "sources" / f"{module}.sv", source_text(module))
    for part in bundle.parts:
        _write_part(folder / part.name, part.vectors)


def _write_part(folder: Path, vectors: Vectors) -> None:
    folder.mkdir()
    _write(folder / "testbench.sv", source_text(f"testbench_{vectors.machine}"))
    macros = "".join(f"`define {macro} {value}\n" for macro, value in vectors.parameters.items())
    _write(folder / "parameters.svh", macros)
    for name, lines in vectors.memories.items():
        _write(folder / name, "".join(f"{line}\n" for line in lines))


def _script(bundle: Bundle) -> str:
    lines = []
    for part in bundle.parts:
        sources = " ".join(f"../sources/{module}.sv" for module in MODULES[part.vectors.machine])
        lines.append(f"play {part.name} {sources} || failed=1\n")
    return f"{_RUN}{''.join(lines)}exit $failed\n"


def _readme(bundle: Bundle) -> str:
    rows = "\n".join(f"| `{part.name}/` | {part.compares} |" for part in bundle.parts)
    notes = "".join(f"\nNot here: {note}.\n" for note in bundle.notes)
    return _README.format(title=bundle.title, rows=rows, notes=notes, command=bundle.command)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
