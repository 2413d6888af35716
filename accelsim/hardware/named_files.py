"""YAML files that ship with the package by name, and the user's own by path."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from accelsim.errors import ConfigError
from accelsim.hardware.validation import did_you_mean
from accelsim.hardware.yaml_files import read_text
from accelsim.units import shortened

__all__ = ["ShippedFiles"]


@dataclass(frozen=True)
class ShippedFiles:
    """The YAML files in one folder of a package; ``noun`` is what one of them is called."""

    package: str
    folder: str
    noun: str

    def names(self) -> tuple[str, ...]:
        """Return the names, without ``.yaml``, in alphabetical order."""
        entries = (resources.files(self.package) / self.folder).iterdir()
        return tuple(sorted(e.name[:-5] for e in entries if e.name.endswith(".yaml")))

    def read(self, name_or_path: str) -> tuple[str, str]:
        """Return (text, the name to call it in messages) of a shipped file or of a path.

        A shipped name wins over a file of that name; a name with a slash or ending in ``.yaml``
        or ``.yml`` is always a path.
        """
        path = Path(name_or_path)
        names = self.names()
        if name_or_path in names:
            file = resources.files(self.package) / self.folder / f"{name_or_path}.yaml"
            return file.read_text(encoding="utf-8"), f"{name_or_path}.yaml"
        if path.suffix in (".yaml", ".yml") or len(path.parts) > 1 or _is_file(path):
            return read_text(path), name_or_path
        raise ConfigError(
            f"{self.noun}: must be one of {', '.join(names)} or the path of a .yaml file, "
            f"got {shortened(name_or_path)}{did_you_mean(name_or_path, names)}"
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have, such as one that is too long
        return False
