"""A folder that reproduces a design point in Icarus Verilog: sources, vectors, one command."""

from __future__ import annotations

from pathlib import Path

from accelsim.rtl.sources import MODULES, source_text
from accelsim.rtl.vectors import Vectors

__all__ = ["write_bundle"]

_RUN = """\
#!/bin/sh
# Compile and run every testbench with Icarus Verilog; ends with failure unless all pass.
set -eu
cd "$(dirname "$0")"
for name in {names}; do
    (
        cd "$name"
        iverilog -g2012 -I . -o testbench.vvp -s testbench {sources}
        vvp -n testbench.vvp | tee output.txt
        grep -q '^PASS' output.txt
    )
done
"""

_README = """\
# {title}

SystemVerilog of the machine, and the vectors of the layer. `sh run.sh` needs Icarus Verilog
(`iverilog`); it compares every output, and the cycle in which it appears, with the simulator's.

| folder | what is compared |
|---|---|
{rows}

`sources/` holds one module a file. The testbenches read `parameters.svh` and the `.hex` files
beside them.
"""


def write_bundle(folder: Path, title: str, vectors: dict[str, tuple[Vectors, str]]) -> None:
    """Write sources, testbenches, vectors, a README and ``run.sh`` into an existing folder.

    Parameters
    ----------
    folder
        An empty folder.
    title
        What the vectors are of.
    vectors
        Name of a subfolder to its testbench's vectors and a sentence on what is compared.
    """
    sources = folder / "sources"
    sources.mkdir()
    machines = dict.fromkeys(entry.machine for entry, _ in vectors.values())
    modules = dict.fromkeys(module for machine in machines for module in MODULES[machine])
    for module in modules:
        (sources / f"{module}.sv").write_text(source_text(module), encoding="utf-8")
    for name, (entry, _) in vectors.items():
        part = folder / name
        part.mkdir()
        testbench = source_text(f"testbench_{entry.machine}")
        (part / "testbench.sv").write_text(testbench, encoding="utf-8")
        macros = "".join(f"`define {macro} {value}\n" for macro, value in entry.parameters.items())
        (part / "parameters.svh").write_text(macros, encoding="utf-8")
        for file_name, lines in entry.memories.items():
            text = "".join(f"{line}\n" for line in lines)
            (part / file_name).write_text(text, encoding="utf-8")
    files = " ".join(["testbench.sv", *(f"../sources/{module}.sv" for module in modules)])
    script = _RUN.format(names=" ".join(vectors), sources=files)
    (folder / "run.sh").write_text(script, encoding="utf-8")
    rows = "\n".join(f"| `{name}/` | {what} |" for name, (_, what) in vectors.items())
    (folder / "README.md").write_text(_README.format(title=title, rows=rows), encoding="utf-8")
