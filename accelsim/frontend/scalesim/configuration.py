"""SCALE-Sim's .cfg files as changes to a machine of ours: ``array.rows=32`` and so on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from accelsim.errors import ConfigError
from accelsim.hardware.validation import did_you_mean
from accelsim.hardware.yaml_files import read_text
from accelsim.units import shortened

__all__ = ["ScaleSimMachine", "read_scalesim_machine"]

_SECTIONS = (
    *("general", "architecture_presets", "run_presets", "network_presets", "layout", "sparsity"),
)
_MACHINE_SECTIONS = ("architecture_presets", "run_presets")
_SIZES = {
    "ifmapsramszkb": "scratchpads.activations.size={}KiB",
    "filtersramszkb": "scratchpads.weights.size={}KiB",
    "ofmapsramszkb": "scratchpads.accumulators.size={}KiB",
}
_SIZES |= {key.removesuffix("kb"): text for key, text in _SIZES.items()}
"""They are in KiB under their names in the first version, too, which do not say so."""
_FIELDS = {
    "arrayheight": "array.rows={}",
    "arraywidth": "array.columns={}",
    "dataflow": "array.dataflow={}",
    **_SIZES,
}
_NOT_MODELLED = {
    "sparsitysupport": "sparsity: weights are dense",
    "ifmapcustomlayout": "the layout of inputs in their banks: reads never meet in one",
    "filtercustomlayout": "the layout of filters in their banks: reads never meet in one",
    "useramulatortrace": "Ramulator: the DRAM is that of the preset scalesim",
}
"""Switches; what a reader has to know if one is on."""
_WITHOUT_MEANING = {
    *("ifmapoffset", "filteroffset", "ofmapoffset", "memorybanks", "readrequestbuffer"),
    *("writerequestbuffer", "userawdata", "run_name", "topologycsvloc"),
    *("sram_row_size", "sram_bank_size", "dram_row_size", "dram_bank_size"),
    *("ifmapsrambankbandwidth", "ifmapsrambanknum", "ifmapsrambankport"),
    *("filtersrambankbandwidth", "filtersrambanknum", "filtersrambankport"),
    *("sparserep", "sparseacc", "optimizedmapping", "blocksize", "randomnumbergeneratorseed"),
}
_ITEM = re.compile(r"([^:=]+?)\s*[:=]\s*(.*)")
_REMARK = re.compile(r"(^|\s)[#;].*")


@dataclass(frozen=True)
class ScaleSimMachine:
    """What a .cfg file says, as hardware overrides, and notes on what it says in vain."""

    overrides: tuple[str, ...]
    notes: tuple[str, ...]


def read_scalesim_machine(path: Path) -> ScaleSimMachine:
    """Return what a .cfg file says about the array and its memories.

    Where ``InterfaceBandwidth`` is USER, ``Bandwidth`` (words a cycle, a word is a byte) becomes
    that of the DMA engines, and sizes of SRAMs those of the scratchpads. With CALC memory is never
    the limit, as in the preset.

    Raises
    ------
    ConfigError
        The file cannot be read, or a section, key or value is not known; with every problem of
        the file, a line each: file:line.
    """
    file = _File(str(path))
    for number, line in enumerate(read_text(path).removeprefix("\ufeff").splitlines(), start=1):
        file.read(number, _REMARK.sub("", line).strip())
    if not file.problems and not file.items:
        file.problems.append(
            f"{path}: says nothing of a machine: it needs the section [architecture_presets]"
        )
    overrides = _overrides(file)
    if file.problems:
        raise ConfigError("\n".join(file.problems))
    return ScaleSimMachine(overrides, _notes(file.items))


@dataclass(frozen=True)
class _Item:
    key: str
    value: str
    place: str


@dataclass
class _File:
    """The items of the sections that are read, by their keys in lower case."""

    name: str
    section: str = ""
    items: dict[str, _Item] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def read(self, number: int, line: str) -> None:
        place = f"{self.name}:{number}"
        if not line:
            return
        if line.startswith("[") and line.endswith("]"):
            self.section = line[1:-1].strip().lower()
            if self.section not in _SECTIONS:
                hint = did_you_mean(self.section, _SECTIONS)
                self.problems.append(f"{place}: {shortened(line)}: unknown section{hint}")
            return
        found = _ITEM.fullmatch(line)
        if not found:
            self.problems.append(f"{place}: must be [section] or key: value, got {shortened(line)}")
            return
        key, value = found.groups()
        known = key.lower()
        if self.section not in _MACHINE_SECTIONS and known not in _NOT_MODELLED:
            return
        if known in self.items:
            self.problems.append(f"{place}: {shortened(key)}: is in the file twice")
        self.items[known] = _Item(key, value, place)


def _overrides(file: _File) -> tuple[str, ...]:
    """Return the changes; what cannot be one is added to the file's problems."""
    found = []
    interface, user = file.items.get("interfacebandwidth"), _is_user(file.items)
    for known, item in file.items.items():
        refusal = _refusal(known, item.value)
        if refusal:
            file.problems.append(f"{item.place}: {shortened(item.key)}: {refusal}")
        elif known == "bandwidth" and user:
            found.append(f"dma.bandwidth={item.value.split(',')[0].strip()}B/cycle")
        elif known in _FIELDS and (user or known not in _SIZES):
            found.append(_FIELDS[known].format(item.value))
    if interface is not None and user and "bandwidth" not in file.items:
        file.problems.append(f"{interface.place}: USER: needs a Bandwidth, in words a cycle")
    return tuple(found)


def _refusal(known: str, value: str) -> str:
    """Return what is wrong with an item, or nothing."""
    got = f", got {shortened(value)}"
    if known == "dataflow":
        return "" if value in ("ws", "os", "is") else f"must be ws, os or is{got}"
    if known == "interfacebandwidth":
        return "" if value.upper() in ("CALC", "USER") else f"must be CALC or USER{got}"
    if known == "bandwidth":
        numbers = [part.strip() for part in value.split(",")]
        return "" if all(map(_is_count, numbers)) else f"must be whole numbers from 1 on{got}"
    if known in _FIELDS:
        return "" if _is_count(value) else f"must be a whole number from 1 on{got}"
    if known in _NOT_MODELLED:
        return "" if value.lower() in ("true", "false") else f"must be True or False{got}"
    if known in _WITHOUT_MEANING:
        return ""
    keys = (*_FIELDS, *_WITHOUT_MEANING, *_NOT_MODELLED, "bandwidth", "interfacebandwidth")
    return f"unknown key{did_you_mean(known, keys)}"


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text[:20]) > 0


def _is_user(items: Mapping[str, _Item]) -> bool:
    return "interfacebandwidth" in items and items["interfacebandwidth"].value.upper() == "USER"


def _notes(items: Mapping[str, _Item]) -> tuple[str, ...]:
    sizes = [item for known, item in items.items() if known in _SIZES]
    unused = () if _is_user(items) else sizes[:1]
    return tuple(
        f"{item.place}: {item.key} and other sizes of SRAMs are not used: with InterfaceBandwidth "
        "CALC memory is never the limit, with USER they are"
        for item in unused
    ) + tuple(
        f"{items[known].place}: {items[known].key}: not modelled: {what}"
        for known, what in _NOT_MODELLED.items()
        if known in items and items[known].value.lower() == "true"
    )
