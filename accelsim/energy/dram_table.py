"""DRAM tables: what a bit, an activation and the passing of time cost, by type of DRAM."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from accelsim.energy.entries import DramEntry, Sourced
from accelsim.hardware.named_files import ShippedFiles
from accelsim.hardware.quantities import Part, Text, Word
from accelsim.hardware.validation import validate
from accelsim.hardware.yaml_files import parse_document, read_text

__all__ = [
    "DramTable",
    "DramTableValues",
    "dram_table_names",
    "is_dram_table",
    "load_dram_table",
]

_TABLES = ShippedFiles("accelsim.energy", "dram_tables", "DRAM table")


class DramTableValues(Part):
    """The contents of a DRAM table: DRAM is of no node of the chip beside it."""

    schema_version: Literal["accelsim.dram/1"] = Field(alias="schema")
    name: Word
    description: Text = ""
    types: Annotated[dict[str, DramEntry], Field(min_length=1)]

    def entries(self) -> dict[str, Sourced]:
        """Return every entry by its name: ``dram.ddr4``, ``dram.ddr4.timing``."""
        found: dict[str, Sourced] = {}
        for kind, entry in self.types.items():
            found[f"dram.{kind}"] = entry
            found[f"dram.{kind}.background"] = entry.background
            found[f"dram.{kind}.timing"] = entry.timing
        return found


@dataclass(frozen=True)
class DramTable:
    """A DRAM table and the hash of the text it was read from."""

    values: DramTableValues
    sha256: str


def dram_table_names() -> tuple[str, ...]:
    """Return the names of the DRAM tables that ship with accelsim."""
    return _TABLES.names()


def is_dram_table(name_or_path: str) -> bool:
    """Return whether this names a shipped DRAM table, or a file whose schema is that of one.

    Raises ConfigError when it is a file that cannot be read.
    """
    path = Path(name_or_path)
    if name_or_path in dram_table_names() or not path.is_file():
        return name_or_path in dram_table_names()
    schema = parse_document(read_text(path), name_or_path).values.get("schema")
    return str(schema).startswith("accelsim.dram/")


def load_dram_table(name_or_path: str) -> DramTable:
    """Return a shipped DRAM table by name, or the one that a YAML file holds.

    Raises ConfigError with every problem of the file, one line each.
    """
    text, source = _TABLES.read(name_or_path)
    values = validate(parse_document(text, source), DramTableValues)
    return DramTable(values, hashlib.sha256(text.encode()).hexdigest())
