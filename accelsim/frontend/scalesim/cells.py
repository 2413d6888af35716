"""The cells of a CSV file with their places. Tolerant of what SCALE-Sim's own files contain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from accelsim.errors import WorkloadError
from accelsim.hardware.yaml_files import read_text
from accelsim.units import shortened

__all__ = ["Cell", "Row", "read_rows"]

_LARGEST = 1 << 20
_DIGITS = 30
_ROWS = 2000
_SEPARATORS = ",\t;"


@dataclass(frozen=True)
class Cell:
    """Text without blanks around it, and where it stands: file:line:column, both from 1."""

    text: str
    place: str

    def whole(self, what: str, least: int = 1) -> int:
        """Return a number from ``least`` to 2^20; a ValueError has the place and what is wrong."""
        is_number = self.text.isascii() and self.text.isdigit() and len(self.text) <= _DIGITS
        if is_number and least <= int(self.text) <= _LARGEST:
            return int(self.text)
        hint = ""
        if self.text.isidentifier():
            hint = " (a symbol: write the number)"
        raise ValueError(
            f"{self.place}: {what}: must be a whole number from {least} to {_LARGEST}, "
            f"got {shortened(self.text)}{hint}"
        )


@dataclass(frozen=True)
class Row:
    """The cells of one line, without the empty ones at its end."""

    cells: tuple[Cell, ...]

    @property
    def place(self) -> str:
        """Where the row starts."""
        return self.cells[0].place

    @property
    def has_numbers(self) -> bool:
        """Whether a cell behind the name is a number: headings and titles have none."""
        return any(cell.text[:1].isdigit() for cell in self.cells[1:])


def read_rows(path: Path) -> tuple[Row, ...]:
    """Return the rows that hold something: no blank lines, no comments (#).

    A trailing comma, blanks or quotes around cells, CRLF and a byte order mark make no difference.
    A line without a comma may have tabs or semicolons instead.

    Raises
    ------
    ConfigError, WorkloadError
        If the file cannot be read, or has too many rows.
    """
    rows = []
    for number, line in enumerate(read_text(path).removeprefix("\ufeff").splitlines(), start=1):
        content = line.partition("#")[0]
        separator = next((mark for mark in _SEPARATORS if mark in content), _SEPARATORS[0])
        cells, column = [], 1
        for text in content.split(separator):
            blanks = len(text) - len(text.lstrip())
            cells.append(Cell(_unquoted(text.strip()), f"{path}:{number}:{column + blanks}"))
            column += len(text) + 1
        while cells and not cells[-1].text:
            cells.pop()
        if cells:
            rows.append(Row(tuple(cells)))
    if len(rows) > _ROWS:
        raise WorkloadError(f"{path}: must have at most {_ROWS} rows, got {len(rows)}")
    return tuple(rows)


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1].strip() if is_quoted else text
