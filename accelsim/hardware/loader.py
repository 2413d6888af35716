"""Hardware descriptions: from a preset or a file to a `Hardware`, and back to text."""

from __future__ import annotations

import io
from collections.abc import Sequence

from ruamel.yaml import YAML

from accelsim.hardware.named_files import ShippedFiles
from accelsim.hardware.schema import Hardware
from accelsim.hardware.validation import validate
from accelsim.hardware.yaml_files import parse_document

__all__ = ["dump_hardware", "load_hardware", "preset_names"]

_PRESETS = ShippedFiles("accelsim.hardware", "presets", "hardware")


def preset_names() -> tuple[str, ...]:
    """Return the names of the machines that ship with accelsim, smallest array first."""
    return tuple(sorted(_PRESETS.names(), key=_size))


def load_hardware(name_or_path: str, overrides: Sequence[str] = ()) -> Hardware:
    """Return a preset by name, or the machine that a YAML file describes.

    Parameters
    ----------
    name_or_path
        A name of `preset_names`, or the path of a file (a name with a slash, or ending in
        ``.yaml`` or ``.yml``).
    overrides
        ``"array.rows=32"``: fields to change, in order; the last one wins.

    Raises
    ------
    ConfigError
        With every problem of the file and of the overrides, one line each.

    Examples
    --------
    >>> load_hardware("edge_16x16", ["array.rows=32"]).array.rows
    32
    """
    document = parse_document(*_PRESETS.read(name_or_path))
    for assignment in overrides:
        document = document.override(assignment)
    return validate(document, Hardware)


def dump_hardware(hardware: Hardware) -> str:
    """Return the complete description as YAML with units; it loads back to an equal value."""
    yaml = YAML(pure=True)
    yaml.width = 4096  # a folded line ends in a blank
    text = io.StringIO()
    yaml.dump(hardware.model_dump(mode="json", by_alias=True), text)
    return text.getvalue()


def _size(name: str) -> int:
    rows = name.rpartition("_")[2].partition("x")[0]
    return int(rows) if rows.isdigit() else 1 << 16
