"""Files and folders that a command writes: complete, or not there at all.

A folder is written beside its place under another name and renamed when it is complete. An older
folder of the same kind in that place is replaced; anything else is refused and left untouched.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from accelsim.errors import ConfigError

__all__ = [
    "FolderKind",
    "check_output_file",
    "check_output_folder",
    "output_folder",
    "reason",
    "write_file",
]


@dataclass(frozen=True)
class FolderKind:
    """What tells a kind of folder: ``name``; ``marks`` are always in it, ``parts`` may be."""

    name: str
    marks: frozenset[str]
    parts: frozenset[str]


def check_output_folder(folder: Path, kind: FolderKind) -> None:
    """Refuse a folder that could not be written, before any work is done.

    Raises
    ------
    ConfigError
        If the place is taken by something that is not of this kind, or cannot be written.
    """
    try:
        if folder.exists() or folder.is_symlink():
            _check_replaceable(folder, kind)
        parent = next(place for place in folder.absolute().parents if place.exists())
    except OSError as error:
        raise ConfigError(f"--output {folder}: {reason(error)}") from None
    if not parent.is_dir():
        raise ConfigError(f"--output {folder}: {parent} is a file, not a folder")
    try:
        Path(tempfile.mkdtemp(dir=parent, prefix=".accelsim-")).rmdir()
    except OSError as error:
        raise ConfigError(f"--output {folder}: cannot write in {parent}: {reason(error)}") from None


@contextmanager
def output_folder(folder: Path, kind: FolderKind) -> Iterator[Path]:
    """Give a folder to write to that takes ``folder``'s place only if nothing goes wrong.

    Raises
    ------
    ConfigError
        If the folder cannot be written, or its place is taken by something else.
    """
    check_output_folder(folder, kind)
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        with _complete_or_absent(folder) as partial:
            yield partial
    except OSError as error:
        raise ConfigError(f"--output {folder}: cannot be written: {reason(error)}") from error


def write_file(path: Path, content: bytes, option: str) -> None:
    """Write one file under another name beside its place, then rename it.

    Parameters
    ----------
    path
        A file there is replaced.
    content
        All of it.
    option
        What the user gave the path by, for messages.

    Raises
    ------
    ConfigError
        If it cannot be written; what was there before is left untouched.
    """
    with _beside(path, option) as workspace:
        partial = Path(workspace, path.name)
        partial.write_bytes(content)
        partial.replace(path.absolute())


def check_output_file(path: Path, option: str) -> None:
    """Refuse a place where `write_file` could not write, before any work is done.

    Raises
    ------
    ConfigError
        As `write_file` does.
    """
    with _beside(path, option):
        pass


@contextmanager
def _beside(path: Path, option: str) -> Iterator[str]:
    """Give a folder beside a file's place that is gone afterwards."""
    place = path.absolute()
    try:
        if place.is_dir():
            raise ConfigError(f"{option} {path}: is a folder; give the name of a file")
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".accelsim-") as workspace:
            yield workspace
    except OSError as error:
        raise ConfigError(f"{option} {path}: cannot be written: {reason(error)}") from None


def reason(error: OSError) -> str:
    """Return what the operating system says, without its numbers."""
    return error.strerror or str(error)


@contextmanager
def _complete_or_absent(folder: Path) -> Iterator[Path]:
    place = folder.absolute()
    workspace = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}-"))
    partial, replaced = workspace / "new", workspace / "old"
    try:
        partial.mkdir()
        yield partial
        if place.exists():
            place.rename(replaced)
        partial.rename(place)
    finally:
        if replaced.exists() and not place.exists():
            replaced.rename(place)
        shutil.rmtree(workspace, ignore_errors=True)


def _check_replaceable(folder: Path, kind: FolderKind) -> None:
    if folder.is_symlink() or not folder.is_dir():
        raise ConfigError(f"--output {folder}: exists and is not a folder")
    found = {path.name for path in folder.iterdir()}
    if not found:
        return
    if not kind.marks <= found:
        raise ConfigError(
            f"--output {folder}: exists and is not an accelsim {kind.name} folder (give a new name)"
        )
    foreign = sorted(found - kind.marks - kind.parts)
    if foreign:
        raise ConfigError(
            f"--output {folder}: holds files that are not of a {kind.name} and would be lost: "
            f"{', '.join(foreign)} (move them, or give a new name)"
        )
