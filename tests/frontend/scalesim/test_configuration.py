"""SCALE-Sim machines as changes to ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from accelsim.errors import ConfigError
from accelsim.frontend.scalesim import scalesim_overrides
from accelsim.hardware import load_hardware

CFG = """[general]
run_name = test

[architecture_presets]
ArrayHeight:    16
ArrayWidth:     8
IfmapSramSzkB:    512
FilterSramSzkB:   256
OfmapSramSzkB:    128
IfmapOffset:    0
FilterOffset:   10000000
OfmapOffset:    20000000
Bandwidth : 10
Dataflow : os
MemoryBanks:   1

[run_presets]
InterfaceBandwidth: {mode}
"""


@pytest.mark.parametrize(
    ("mode", "bandwidth"), [("CALC", ()), ("USER", ("dma.bandwidth=10B/cycle",))]
)
def test_the_array_and_its_memories(tmp_path: Path, mode: str, bandwidth: tuple[str]) -> None:
    path = tmp_path / "scale.cfg"
    path.write_text(CFG.format(mode=mode))
    overrides = scalesim_overrides(path)
    assert set(overrides) == {
        *("array.rows=16", "array.columns=8", "array.dataflow=os"),
        *("scratchpads.activations.size=512KiB", "scratchpads.weights.size=256KiB"),
        "scratchpads.accumulators.size=128KiB",
        *bandwidth,
    }
    assert load_hardware("scalesim", overrides).array.columns == 8


def test_every_problem_at_once(tmp_path: Path) -> None:
    path = tmp_path / "scale.cfg"
    path.write_text("[architecture_presets]\nArrayHight: 4\nDataflow: zz\nArrayWidth: x\n")
    expected = re.escape(
        f"{path}: 'arrayhight': unknown key (did you mean 'arrayheight'?)\n"
        f"{path}: dataflow: must be ws, os or is, got 'zz'\n"
        f"{path}: arraywidth: must be a whole number, got 'x'"
    )
    with pytest.raises(ConfigError, match=f"^{expected}$"):
        scalesim_overrides(path)


@pytest.mark.parametrize("text", ["", "[architecture_presets]\n", "[general]\nrun_name = x\n"])
def test_a_file_that_says_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scale.cfg"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        scalesim_overrides(path)
    assert str(caught.value) == (
        f"{path}: says nothing of a machine: it needs the section [architecture_presets]"
    )
