"""Technology tables: what an operation, an access or a bit costs, and who says so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from accelsim.errors import ConfigError
from accelsim.hardware.named_files import ShippedFiles
from accelsim.hardware.quantities import Bytes, Count, Nanometres, Part, Text, Volts, Word
from accelsim.hardware.schema import Hardware
from accelsim.hardware.validation import Complaint, did_you_mean, raise_complaints, validate
from accelsim.hardware.yaml_files import parse_document
from accelsim.units import format_nanometres, format_volts

__all__ = [
    "DramEntry",
    "EnergyTable",
    "Entry",
    "Evidence",
    "PeLeakage",
    "SramLeakage",
    "SramRead",
    "SramWrite",
    "TableValues",
    "check_table",
    "load_table",
    "table_for",
    "table_names",
]

_TABLES = ShippedFiles("accelsim.energy", "tables", "energy table")

Picojoules = Annotated[float, Field(ge=0, le=1_000_000)]
Microwatts = Annotated[float, Field(ge=0, le=1_000_000_000)]


class Evidence(StrEnum):
    """How much a number can be trusted."""

    PUBLISHED = "published"
    """Printed in the source."""
    DERIVED = "derived"
    """Computed from published numbers, as the source line says."""
    MEASURED = "measured"
    """The result of running the tool that the source line names."""
    ASSUMPTION = "assumption"
    """No source states it; the source line says what speaks for it."""


class _Sourced(Part):
    per: Word
    tag: Annotated[Evidence, Field(strict=False)]
    source: Annotated[Text, Field(min_length=1)]


class _Silicon(_Sourced):
    node: Nanometres
    voltage: Volts


class Entry(_Silicon):
    """``pj`` for one operation on ``width_bits`` bits."""

    pj: Picojoules
    width_bits: Count


class SramRead(Entry):
    """``pj * (bank / reference_size) ** exponent`` a word, from smallest to largest bank size."""

    reference_size: Bytes
    exponent: Annotated[float, Field(ge=0, le=1)]
    smallest_size: Bytes
    largest_size: Bytes


class SramWrite(_Sourced):
    """A write's energy as a share of a read's."""

    ratio: Annotated[float, Field(ge=0, le=10)]


class PeLeakage(_Silicon):
    """``quadratic_uw * a * b + linear_uw * (a + b) / 2 + constant_uw`` for one PE, in uW."""

    quadratic_uw: Microwatts
    linear_uw: Microwatts
    constant_uw: Annotated[float, Field(ge=-1_000_000, le=1_000_000)]


class SramLeakage(_Silicon):
    """``uw`` for every ``reference_size`` bytes."""

    uw: Microwatts
    reference_size: Bytes


class DramEntry(_Sourced):
    """``pj`` for ``width_bits`` bits on the bus: a property of the device, of no node."""

    pj: Picojoules
    width_bits: Count


class TableValues(Part):
    """The contents of a technology table; every entry is at the table's node and voltage."""

    schema_version: Literal["accelsim.energy/1"] = Field(alias="schema")
    name: Word
    description: Text = ""
    node: Nanometres
    voltage: Volts
    multiply_narrow: Entry
    multiply_wide: Entry
    add: Entry
    float32_multiply: Entry
    register_bit: Entry = Field(alias="register")
    sram_read: SramRead
    sram_write: SramWrite
    pe_leakage: PeLeakage
    sram_leakage: SramLeakage
    dram: dict[str, DramEntry]

    @model_validator(mode="after")
    def _consistent(self) -> TableValues:
        raise_complaints(_complaints(self))
        return self


def _complaints(table: TableValues) -> Iterator[Complaint]:
    for name, field in type(table).model_fields.items():
        entry, key = getattr(table, name), field.alias or name
        if isinstance(entry, _Silicon) and entry.node != table.node:
            node, own = format_nanometres(table.node), format_nanometres(entry.node)
            yield Complaint((key, "node"), f"must be the table's, {node}, got {own}")
        if isinstance(entry, _Silicon) and entry.voltage != table.voltage:
            voltage, own = format_volts(table.voltage), format_volts(entry.voltage)
            yield Complaint((key, "voltage"), f"must be the table's, {voltage}, got {own}")
    narrow, wide = table.multiply_narrow, table.multiply_wide
    growth = wide.width_bits / narrow.width_bits
    if growth <= 1:
        yield Complaint(
            ("multiply_wide", "width_bits"),
            f"must be more than that of multiply_narrow, {narrow.width_bits}, got "
            f"{wide.width_bits}",
        )
    elif not narrow.pj * growth <= wide.pj <= narrow.pj * growth**2:
        yield Complaint(
            ("multiply_wide", "pj"),
            f"must be {narrow.pj * growth:g} to {narrow.pj * growth**2:g} (between linear and "
            f"quadratic growth from multiply_narrow), got {wide.pj:g}",
        )


@dataclass(frozen=True)
class EnergyTable:
    """A technology table and the hash of the text it was read from."""

    values: TableValues
    sha256: str


def table_names() -> tuple[str, ...]:
    """Return the names of the tables that ship with accelsim."""
    return _TABLES.names()


def load_table(name_or_path: str) -> EnergyTable:
    """Return a shipped table by name, or the one that a YAML file holds.

    Raises ConfigError with every problem of the file, one line each.
    """
    text, source = _TABLES.read(name_or_path)
    values = validate(parse_document(text, source), TableValues)
    return EnergyTable(values, hashlib.sha256(text.encode()).hexdigest())


def table_for(hardware: Hardware) -> EnergyTable:
    """Return the table that the hardware names, checked against it (see `check_table`)."""
    table = load_table(hardware.technology.table)
    check_table(table, hardware)
    return table


def check_table(table: EnergyTable, hardware: Hardware) -> None:
    """Raise ConfigError, a line for each problem, unless the table speaks of this hardware.

    Node and voltage must be the same, nothing is scaled; the DRAM type must be in the table.
    """
    values, technology = table.values, hardware.technology
    problems = []
    if technology.node != values.node:
        problems.append(
            f"technology.node: must be that of the table {values.name}, "
            f"{format_nanometres(values.node)}, got {format_nanometres(technology.node)}"
        )
    if technology.voltage != values.voltage:
        problems.append(
            f"technology.voltage: must be that of the table {values.name}, "
            f"{format_volts(values.voltage)}, got {format_volts(technology.voltage)}"
        )
    if hardware.dram.type not in values.dram:
        types = ", ".join(map(repr, values.dram))
        problems.append(
            f"dram.type: must be one of {types} (table {values.name}), got "
            f"{hardware.dram.type!r}{did_you_mean(hardware.dram.type, values.dram)}"
        )
    if problems:
        raise ConfigError("\n".join(f"hardware {hardware.name}: {text}" for text in problems))
