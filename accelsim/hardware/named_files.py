"""YAML files that ship with the package by name, and the user's own by path."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from accelsim.errors import ConfigError
from accelsim.hardware.validation import did_you_mean
from accelsim.hardware.yaml_files import read_text

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

        A path has a slash or ends in ``.yaml`` or ``.yml``; all else is a name.
        """
        path = Path(name_or_path)
        if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
            return read_text(path), name_or_path
        names = self.names()
        if name_or_path not in names:
            raise ConfigError(
                f"{self.noun}: must be one of {', '.join(names)} or the path of a .yaml file, "
                f"got {name_or_path!r}{did_you_mean(name_or_path, names)}"
            )
        file = resources.files(self.package) / self.folder / f"{name_or_path}.yaml"
        return file.read_text(encoding="utf-8"), f"{name_or_path}.yaml"
