"""Tiles that small scratchpads make shorter than SCALE-Sim's folds are said."""

from __future__ import annotations

from pathlib import Path

import pytest

from accelsim.pipeline import run
from accelsim.request import RunRequest

GEMM = "Layer,M,N,K\nsmall,16,16,16\nlarge,64,64,64\n"
CONFIGURATION = (
    "[architecture_presets]\nArrayHeight: 16\nArrayWidth: 16\nDataflow: {dataflow}\n"
    "IfmapSramSzkB: 1\nFilterSramSzkB: 64\nOfmapSramSzkB: 64\nBandwidth: 16\n"
    "[run_presets]\nInterfaceBandwidth: {interface}\n"
)


def notes(folder: Path, dataflow: str, interface: str, *overrides: str) -> list[str]:
    network, machine = folder / "gemm.csv", folder / "scale.cfg"
    network.write_text(GEMM)
    machine.write_text(CONFIGURATION.format(dataflow=dataflow, interface=interface))
    result = run(RunRequest(str(network), str(machine), overrides, points=((8, 8),)))
    return [warning for warning in result.warnings if "closed form" in warning]


def test_small_scratchpads_make_more_folds(tmp_path: Path) -> None:
    """Blocks of one row or few instead of 16: 64 rows are more than 4 rows of tiles."""
    (note,) = notes(tmp_path, "os", "USER")
    assert note.startswith(
        "1 of 2 products take more array cycles than SCALE-Sim's closed form (large: "
    )
    assert note.endswith(
        "times as many): the scratchpads hold no larger tiles; scratchpads of 64MiB, as the preset "
        "scalesim has them, hold all that matter"
    )


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
def test_calc_has_the_closed_forms(tmp_path: Path, dataflow: str) -> None:
    assert notes(tmp_path, dataflow, "CALC") == []


def test_nothing_is_said_of_other_machines(tmp_path: Path) -> None:
    assert notes(tmp_path, "os", "USER", "array.tile_overlap=true") == []
