"""SCALE-Sim machines as changes to ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from accelsim.errors import ConfigError
from accelsim.frontend.scalesim import read_scalesim_machine
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


def machine(tmp_path: Path, text: str):
    """Return the overrides and notes of a file, or the problems; places are those of x.cfg."""
    path = tmp_path / "x.cfg"
    path.write_bytes(text.encode())
    try:
        found = read_scalesim_machine(path)
    except ConfigError as error:
        return str(error).replace(str(path), "x.cfg")
    return set(found.overrides), [note.replace(str(path), "x.cfg") for note in found.notes]


ARRAY = {"array.rows=16", "array.columns=8", "array.dataflow=os"}
MEMORIES = {
    *("scratchpads.activations.size=512KiB", "scratchpads.weights.size=256KiB"),
    *("scratchpads.accumulators.size=128KiB", "dma.bandwidth=10B/cycle"),
}


def test_memory_is_a_limit_if_it_is_asked_for(tmp_path: Path) -> None:
    overrides, notes = machine(tmp_path, CFG.format(mode="USER"))
    assert overrides == ARRAY | MEMORIES
    assert notes == []
    assert load_hardware("scalesim", sorted(overrides)).array.columns == 8
    overrides, notes = machine(tmp_path, CFG.format(mode="CALC"))
    assert overrides == ARRAY
    assert notes == [
        "x.cfg:7: IfmapSramSzkB and other sizes of SRAMs are not used: with InterfaceBandwidth "
        "CALC memory is never the limit, with USER they are"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + CFG.format(mode="USER").replace("\n", "\r\n"),
        CFG.format(mode="USER").replace(":", " = "),
        CFG.format(mode="USER").replace("SzkB", "Sz").upper().replace("OS\n", "os\n"),
        CFG.format(mode="USER").replace("os\n", "os  # one of ws, os, is\n; a remark\n"),
        CFG.format(mode="USER") + "SRAM_row_size: 2\nDRAM_bank_size: 5\n",
        CFG.format(mode="USER") + "[layout]\nIfmapCustomLayout: False\nIfmapSRAMBankNum: 10\n",
        CFG.format(mode="USER") + '[network_presets]\nTopologyCsvLoc: "x.csv"\n',
    ],
)
def test_a_file_however_it_is_written(tmp_path: Path, text: str) -> None:
    assert machine(tmp_path, text) == (ARRAY | MEMORIES, [])


def test_what_is_asked_for_in_vain_is_said(tmp_path: Path) -> None:
    switches = (
        "UseRamulatorTrace: True\n[sparsity]\nSparsitySupport : true\nSparseRep : csr\n"
        "[layout]\nIfmapCustomLayout: True\nFilterCustomLayout: False\n"
    )
    overrides, notes = machine(tmp_path, CFG.format(mode="USER") + switches)
    assert overrides == ARRAY | MEMORIES
    assert notes == [
        "x.cfg:21: SparsitySupport: not modelled: sparsity: weights are dense",
        "x.cfg:24: IfmapCustomLayout: not modelled: the layout of inputs in their banks: reads "
        "never meet in one",
        "x.cfg:19: UseRamulatorTrace: not modelled: Ramulator: the DRAM is that of the preset "
        "scalesim",
    ]


def test_every_problem_at_once(tmp_path: Path) -> None:
    text = """[architecture_presets]
ArrayHight: 4
Dataflow: zz
ArrayWidth: x
ArrayHeight: 0
ArrayWidth: 8
Bandwidth: 0
IfmapSramSzkB
[run_preset]
[run_presets]
InterfaceBandwidth: ASK
[sparsity]
SparsitySupport: maybe
"""
    assert machine(tmp_path, text) == "\n".join(
        [
            "x.cfg:6: 'ArrayWidth': is in the file twice",
            "x.cfg:8: must be [section] or key: value, got 'IfmapSramSzkB'",
            "x.cfg:9: '[run_preset]': unknown section (did you mean 'run_presets'?)",
            "x.cfg:2: 'ArrayHight': unknown key (did you mean 'arrayheight'?)",
            "x.cfg:3: 'Dataflow': must be ws, os or is, got 'zz'",
            "x.cfg:5: 'ArrayHeight': must be a whole number from 1 on, got '0'",
            "x.cfg:7: 'Bandwidth': must be whole numbers from 1 on, got '0'",
            "x.cfg:11: 'InterfaceBandwidth': must be CALC or USER, got 'ASK'",
            "x.cfg:13: 'SparsitySupport': must be True or False, got 'maybe'",
        ]
    )


def test_a_bandwidth_of_ones_own_has_to_be_given(tmp_path: Path) -> None:
    text = "[run_presets]\nInterfaceBandwidth: USER\n"
    assert machine(tmp_path, text) == "x.cfg:2: USER: needs a Bandwidth, in words a cycle"


@pytest.mark.parametrize("text", ["", "[architecture_presets]\n", "[general]\nrun_name = x\n"])
def test_a_file_that_says_nothing(tmp_path: Path, text: str) -> None:
    assert machine(tmp_path, text) == (
        "x.cfg: says nothing of a machine: it needs the section [architecture_presets]"
    )
