"""SCALE-Sim 3.0.0 in an environment of its own (it does not run with NumPy 2.4 and newer)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import ChildRun, Skipped, run_child

VERSION = "3.0.0"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "accelsim-benchmarks"

CONFIGURATION = """\
[general]
run_name = bench
[architecture_presets]
ArrayHeight : {edge}
ArrayWidth : {edge}
IfmapSramSzkB : 10240
FilterSramSzkB : 10240
OfmapSramSzkB : 10240
IfmapOffset : 0
FilterOffset : 10000000
OfmapOffset : 20000000
Dataflow : {dataflow}
Bandwidth : 10
ReadRequestBuffer : 32
WriteRequestBuffer : 32
[layout]
IfmapCustomLayout : False
FilterCustomLayout : False
IfmapSRAMBankBandwidth : 10
IfmapSRAMBankNum : 10
IfmapSRAMBankPort : 2
FilterSRAMBankBandwidth : 10
FilterSRAMBankNum : 10
FilterSRAMBankPort : 2
[sparsity]
SparsitySupport : false
SparseRep : ellpack_block
OptimizedMapping : false
BlockSize : 8
RandomNumberGeneratorSeed : 40
[run_presets]
InterfaceBandwidth : CALC
UseRamulatorTrace : False
"""

RUN = """\
import sys
from scalesim.scale_sim import scalesim
configuration, topology, layout, kind, results = sys.argv[1:]
scalesim(save_disk_space=True, verbose=False, config=configuration, topology=topology,
         layout=layout, input_type_gemm=kind == "gemm").run_scale(top_path=results)
"""

CONVOLUTION_HEADER = (
    "Layer name,IFMAP Height,IFMAP Width,Filter Height,Filter Width,Channels,Num Filter,Strides,"
)
PRODUCT_HEADER = "Layer,M,N,K,"


def environment() -> Path:
    """Return the interpreter of SCALE-Sim's environment, made on demand."""
    folder = CACHE / f"scalesim-{VERSION}"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if ready.is_file():
        return python
    try:
        for command in (
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", "numpy<2.4", f"scalesim=={VERSION}"],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        detail = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:]
        raise Skipped(f"SCALE-Sim {VERSION} cannot be installed: {' '.join(detail)}") from error
    ready.touch()
    return python


def run_scalesim(
    layers: Sequence[tuple[str, ...]], kind: str, edge: int, dataflow: str
) -> tuple[ChildRun, int]:
    """Run layers (``conv`` or ``gemm``); return the process, and the sum of its compute cycles."""
    python = environment()
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("scale.cfg", "bench.csv", "layout.csv", "run.py")]
        header = CONVOLUTION_HEADER if kind == "conv" else PRODUCT_HEADER
        lines = [header, *(",".join(cells) + "," for cells in layers)]
        texts = (CONFIGURATION.format(edge=edge, dataflow=dataflow), "\n".join(lines) + "\n")
        for path, text in zip(files, (*texts, "header\n", RUN), strict=True):
            path.write_text(text)
        configuration, topology, layout, script = map(str, files)
        results = str(Path(folder, "results"))
        command = [str(python), script, configuration, topology, layout, kind, results]
        child = run_child(command, Path(folder), OMP_NUM_THREADS="2")
        reports = list(Path(results).rglob("COMPUTE_REPORT.csv"))
        if not reports:
            raise Skipped(f"SCALE-Sim wrote no report: {child.output.strip().splitlines()[-1:]}")
        header, *rows = reports[0].read_text().splitlines()
        names = [name.strip() for name in header.split(",")]
        column = names.index("Total Cycles")
        return child, sum(int(float(row.split(",")[column])) for row in rows if row.strip())
