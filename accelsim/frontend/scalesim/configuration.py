"""SCALE-Sim's .cfg files as changes to a machine of ours: ``array.rows=32`` and so on."""

from __future__ import annotations

import configparser
from pathlib import Path

from accelsim.errors import ConfigError
from accelsim.hardware.validation import did_you_mean
from accelsim.hardware.yaml_files import read_text
from accelsim.units import shortened

__all__ = ["scalesim_overrides"]

_FIELDS = {
    "arrayheight": "array.rows={}",
    "arraywidth": "array.columns={}",
    "ifmapsramszkb": "scratchpads.activations.size={}KiB",
    "filtersramszkb": "scratchpads.weights.size={}KiB",
    "ofmapsramszkb": "scratchpads.accumulators.size={}KiB",
    "dataflow": "array.dataflow={}",
}
_WITHOUT_MEANING = {
    *("ifmapoffset", "filteroffset", "ofmapoffset", "memorybanks", "readrequestbuffer"),
    *("writerequestbuffer", "userawdata", "run_name", "interfacebandwidth", "useramulatortrace"),
}


def scalesim_overrides(path: Path) -> tuple[str, ...]:
    """Return what a .cfg file says about the array and its memories, as hardware overrides.

    ``Bandwidth`` (words a cycle, a word is a byte) becomes that of the DMA engines where
    ``InterfaceBandwidth`` is USER; with CALC memory is never the limit, as in the preset.

    Raises
    ------
    ConfigError
        The file cannot be read, or a key or value of the sections that are read is not known.
    """
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    try:
        parser.read_string(read_text(path), str(path))
    except configparser.Error as error:
        raise ConfigError(f"{path}: is not a .cfg file: {' '.join(str(error).split())}") from None
    values: dict[str, str] = {}
    for section in ("architecture_presets", "run_presets"):
        if parser.has_section(section):
            values |= dict(parser.items(section))
    if not values:
        raise ConfigError(
            f"{path}: says nothing of a machine: it needs the section [architecture_presets]"
        )
    return _overrides(path, values)


def _overrides(path: Path, values: dict[str, str]) -> tuple[str, ...]:
    found, problems = [], []
    user = values.get("interfacebandwidth", "CALC").strip().upper()
    if user not in ("CALC", "USER"):
        problems.append(f"InterfaceBandwidth: must be CALC or USER, got {shortened(user)}")
    for key, text in values.items():
        value = text.strip()
        if key == "bandwidth":
            numbers = [part.strip() for part in value.split(",")]
            if not all(part.isdigit() for part in numbers):
                problems.append(f"Bandwidth: must be whole numbers, got {shortened(value)}")
            elif user == "USER":
                found.append(f"dma.bandwidth={numbers[0]}B/cycle")
        elif key in _FIELDS:
            known = value in ("ws", "os", "is") if key == "dataflow" else value.isdigit()
            if not known:
                allowed = "ws, os or is" if key == "dataflow" else "a whole number"
                problems.append(f"{key}: must be {allowed}, got {shortened(value)}")
            else:
                found.append(_FIELDS[key].format(value))
        elif key not in _WITHOUT_MEANING:
            hint = did_you_mean(key, (*_FIELDS, *_WITHOUT_MEANING, "bandwidth"))
            problems.append(f"{shortened(key)}: unknown key{hint}")
    if problems:
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
    return tuple(found)
