"""The table of an image folder: which file has which label. CSV, tolerant of its forms."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from accelsim.errors import DataError
from accelsim.frontend.data.files import read_small
from accelsim.units import shortened

__all__ = ["LabelledFile", "read_labels"]

CLASSES_FILE = "classes.txt"

_LARGEST_BYTES = 32 << 20
_FILE_HEADINGS = frozenset({"file", "filename", "file_name", "path", "image", "name", "id"})
_LABEL_HEADINGS = frozenset({"label", "class", "target", "category", "labels"})
_SPLITS = {"test": True, "val": True, "calibration": False, "train": False}


@dataclass(frozen=True)
class LabelledFile:
    """A row: the file's name, its class from 0, and where the row stands.

    ``tests``: it is of the test images, not of those to calibrate on.
    """

    name: str
    label: int
    tests: bool
    place: str


@dataclass(frozen=True)
class _Row:
    name: str
    label: str
    split: str
    place: str


def read_labels(path: Path, classes: int | None) -> tuple[LabelledFile, ...]:
    """Read the rows of a table: file, label, and (if its heading says ``split``) test or train.

    Labels are whole numbers from 0, or names. Names are numbered in the order of the file
    ``classes.txt`` beside the table, one name a line; without it in alphabetical order, which
    needs a row of each of the network's ``classes``.

    Raises
    ------
    DataError
        If the table cannot be read, or a row is incomplete or its label not known.
    """
    rows = _rows(path)
    numbers = _class_numbers(path, rows, classes)
    files = []
    for row in rows:
        tests = _SPLITS.get(row.split.lower()) if row.split else True
        if tests is None:
            allowed = ", ".join(_SPLITS)
            raise DataError(
                f"{row.place}: split: must be one of {allowed}, got {shortened(row.split)}"
            )
        if row.label not in numbers:
            raise DataError(f"{row.place}: label: {shortened(row.label)} is not in {CLASSES_FILE}")
        files.append(LabelledFile(row.name, numbers[row.label], tests, row.place))
    return tuple(files)


def _rows(path: Path) -> list[_Row]:
    try:
        text = read_small(path, _LARGEST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path.name}: is not text (UTF-8)") from None
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    rows: list[_Row] = []
    columns: tuple[int, int, int | None] | None = None
    try:
        for number, cells in enumerate(csv.reader(lines, delimiter=delimiter), start=1):
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if columns is None:
                columns, is_heading = _columns(cells)
                if is_heading:
                    continue
            rows.append(_row(cells, columns, f"{path.name}:{number}"))
    except csv.Error as error:
        raise DataError(f"{path.name}: is not readable CSV: {error}") from None
    if not rows:
        raise DataError(f"{path.name}: holds no rows (file, label)")
    return rows


def _columns(cells: list[str]) -> tuple[tuple[int, int, int | None], bool]:
    """Return the columns of file, label and split, and whether the line is headings."""
    words = [cell.lower() for cell in cells]
    files = [index for index, word in enumerate(words) if word in _FILE_HEADINGS]
    labels = [index for index, word in enumerate(words) if word in _LABEL_HEADINGS]
    if not files or not labels:
        return (0, 1, None), False
    return (files[0], labels[0], words.index("split") if "split" in words else None), True


def _row(cells: list[str], columns: tuple[int, int, int | None], place: str) -> _Row:
    file, label, split = columns
    if len(cells) <= max(file, label) or not cells[file] or not cells[label]:
        raise DataError(f"{place}: must have a file and a label, got {shortened(','.join(cells))}")
    written = cells[split] if split is not None and split < len(cells) else ""
    return _Row(cells[file], cells[label], written, place)


def _class_numbers(path: Path, rows: list[_Row], classes: int | None) -> dict[str, int]:
    labels = {row.label: row.place for row in rows}
    whole = {label for label in labels if re.fullmatch(r"\d{1,9}", label, re.ASCII)}
    if len(whole) == len(labels):
        return {label: int(label) for label in labels}
    listed = path.with_name(CLASSES_FILE)
    if listed.is_file():
        return _listed_numbers(listed)
    negative = next((name for name in labels if re.fullmatch(r"-\d+", name, re.ASCII)), None)
    if negative is not None:
        raise DataError(f"{labels[negative]}: label: must be at least 0, got {negative}")
    if whole:
        name = next(label for label in labels if label not in whole)
        raise DataError(
            f"{labels[name]}: label: {shortened(name)} is a name, where others are numbers; "
            f"give all as one or the other (or all names in {CLASSES_FILE})"
        )
    if classes is not None and len(labels) != classes:
        raise DataError(
            f"{path.name}: label: {len(labels)} names for the network's {classes} classes; list "
            f"all in {CLASSES_FILE}, one a line in the order of the network's outputs"
        )
    return {label: number for number, label in enumerate(sorted(labels))}


def _listed_numbers(path: Path) -> dict[str, int]:
    try:
        text = read_small(path, _LARGEST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path.name}: is not text (UTF-8)") from None
    names = [line.strip() for line in text.splitlines() if line.strip()]
    numbers = {name: number for number, name in enumerate(names)}
    if len(numbers) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path.name}: {shortened(twice)} is listed twice")
    return numbers
