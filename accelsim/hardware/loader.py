"""Hardware descriptions: from a preset or a file to a `Hardware`, and back to text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from ruamel.yaml import YAML

from accelsim.errors import ConfigError
from accelsim.hardware.schema import Hardware
from accelsim.hardware.validation import did_you_mean, validate
from accelsim.hardware.yaml_files import Document, parse_document, read_document

__all__ = ["dump_hardware", "load_hardware", "preset_names"]


def preset_names() -> tuple[str, ...]:
    """Return the names of the machines that ship with accelsim, smallest array first."""
    names = (entry.name.removesuffix(".yaml") for entry in _presets().iterdir())
    return tuple(sorted((name for name in names if "." not in name), key=_presets_order))


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
    document = _document(name_or_path)
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


def _presets() -> Traversable:
    return resources.files("accelsim.hardware") / "presets"


def _presets_order(name: str) -> tuple[int, str]:
    size = name.rpartition("_")[2].partition("x")[0]
    return (int(size) if size.isdigit() else 1 << 16, name)


def _document(name_or_path: str) -> Document:
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return read_document(path)
    presets = preset_names()
    if name_or_path not in presets:
        hint = did_you_mean(name_or_path, presets)
        raise ConfigError(
            f"hardware: no preset is called {name_or_path!r}{hint}; presets are "
            f"{', '.join(presets)}; a file's name ends in .yaml"
        )
    text = (_presets() / f"{name_or_path}.yaml").read_text(encoding="utf-8")
    return parse_document(text, f"{name_or_path}.yaml")
