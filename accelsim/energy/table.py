"""Technology tables: what an operation, an access or a bit costs, and who says so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field, model_validator

from accelsim.energy.dram_table import DramTable, load_dram_table
from accelsim.energy.entries import (
    AreaEntry,
    ComposablePe,
    Entry,
    LogicLeakage,
    MultiplyInputs,
    PeArea,
    PeEnergy,
    PeLeakage,
    RegisterFile,
    Silicon,
    Sourced,
    SramArea,
    SramLeakage,
    SramRead,
    SramWrite,
)
from accelsim.errors import ConfigError
from accelsim.hardware.named_files import ShippedFiles
from accelsim.hardware.quantities import Nanometres, Part, Text, Volts, Word
from accelsim.hardware.schema import Hardware
from accelsim.hardware.validation import Complaint, did_you_mean, raise_complaints, validate
from accelsim.hardware.yaml_files import parse_document
from accelsim.units import format_nanometres, format_volts

__all__ = [
    "HIGHEST_VOLTS",
    "LOWEST_VOLTS",
    "EnergyTable",
    "TableValues",
    "check_table",
    "load_table",
    "table_for",
    "table_names",
]

LOWEST_VOLTS, HIGHEST_VOLTS = 0.6, 1.1
"""Between these, energy follows V^2 within 10 % of the curves that were fitted to silicon."""

_TABLES = ShippedFiles("accelsim.energy", "tables", "energy table")


class TableValues(Part):
    """The contents of a technology table; every entry is at the table's node and voltage.

    ``conflict``: where sources disagree about this node, and which of them was used.
    """

    schema_version: Literal["accelsim.energy/2"] = Field(alias="schema")
    name: Word
    description: Text = ""
    node: Nanometres
    voltage: Volts
    conflict: Text = ""
    multiply_narrow: Entry
    multiply_wide: Entry
    multiply_inputs: MultiplyInputs
    add: Entry
    float32_multiply: Entry
    float32_add: Entry
    register_clock: Entry
    register_toggle: Entry
    wire: Entry
    pe_energy: PeEnergy
    pe_area: PeArea
    pe_leakage: PeLeakage
    composable_pe: ComposablePe
    multiply_area: AreaEntry
    add_area: AreaEntry
    register_area: AreaEntry
    logic_leakage: LogicLeakage
    sram_read: SramRead
    sram_write: SramWrite
    sram_leakage: SramLeakage
    sram_area: SramArea
    register_file: RegisterFile

    @model_validator(mode="after")
    def _consistent(self) -> TableValues:
        raise_complaints(_complaints(self))
        return self

    def at_voltage(self, voltage: float) -> TableValues:
        """Return the table at another voltage: every entry that is of silicon."""
        changed = {
            name: entry.at_voltage(voltage)
            for name, entry in self.entries().items()
            if isinstance(entry, Silicon)
        }
        return self.model_copy(update={"voltage": voltage, **changed})

    def entries(self) -> dict[str, Sourced]:
        """Return every entry by its name."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: entry for name, entry in fields.items() if isinstance(entry, Sourced)}


def _complaints(table: TableValues) -> Iterator[Complaint]:
    yield from _voltage(("voltage",), table.voltage)
    for name, entry in table.entries().items():
        if not isinstance(entry, Silicon):
            continue
        if entry.node != table.node:
            node, own = format_nanometres(table.node), format_nanometres(entry.node)
            yield Complaint((name, "node"), f"must be the table's, {node}, got {own}")
        if entry.voltage != table.voltage:
            voltage, own = format_volts(table.voltage), format_volts(entry.voltage)
            yield Complaint((name, "voltage"), f"must be the table's, {voltage}, got {own}")
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


def _voltage(path: tuple[str, ...], voltage: float) -> Iterator[Complaint]:
    if not LOWEST_VOLTS <= voltage <= HIGHEST_VOLTS:
        low, high = format_volts(LOWEST_VOLTS), format_volts(HIGHEST_VOLTS)
        yield Complaint(path, f"must be {low} to {high}, got {format_volts(voltage)}")


@dataclass(frozen=True)
class EnergyTable:
    """A technology table, the DRAM table beside it, and the hashes of their texts.

    ``notes``: what was done to the numbers since, and where sources disagree; a line each.
    """

    values: TableValues
    sha256: str
    dram: DramTable
    notes: tuple[str, ...] = ()

    def entries(self) -> dict[str, Sourced]:
        """Return every entry of both tables by its name."""
        return self.values.entries() | self.dram.values.entries()


def table_names() -> tuple[str, ...]:
    """Return the names of the tables that ship with accelsim."""
    return _TABLES.names()


def load_table(name_or_path: str, dram_table: str = "devices") -> EnergyTable:
    """Return shipped tables by name, or those that YAML files hold.

    Raises ConfigError with every problem of the first file that has any, one line each.
    """
    text, source = _TABLES.read(name_or_path)
    values = validate(parse_document(text, source), TableValues)
    notes = (f"table {values.name}: {values.conflict}",) if values.conflict else ()
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return EnergyTable(values, sha256, load_dram_table(dram_table), notes)


def table_for(hardware: Hardware) -> EnergyTable:
    """Return the tables that the hardware names, checked against it and at its voltage.

    Energies follow V^2 from the table's voltage to the machine's, which a note says.

    Raises ConfigError as `load_table` and `check_table`.
    """
    technology = hardware.technology
    table = load_table(technology.table, technology.dram_table)
    check_table(table, hardware)
    wanted, own = technology.voltage, table.values.voltage
    if wanted == own:
        return table
    note = (
        f"energies of the table {table.values.name} are scaled from {format_volts(own)} to "
        f"{format_volts(wanted)} by V^2, times {(wanted / own) ** 2:.3g}; leakage by V"
    )
    return replace(table, values=table.values.at_voltage(wanted), notes=(*table.notes, note))


def check_table(table: EnergyTable, hardware: Hardware) -> None:
    """Raise ConfigError, a line for each problem, unless the table can speak of this hardware.

    The node must be the same, nothing is scaled between nodes; the voltage must be one that
    V^2 holds for; the DRAM type must be in the table.
    """
    values, technology, dram = table.values, hardware.technology, table.dram.values
    problems = []
    if technology.node != values.node:
        problems.append(
            f"technology.node: must be that of the table {values.name}, "
            f"{format_nanometres(values.node)}, got {format_nanometres(technology.node)}"
            f"{_tables_of_node(technology.node)}"
        )
    problems += [
        f"technology.voltage: {complaint.message}" for complaint in _voltage((), technology.voltage)
    ]
    if hardware.dram.type not in dram.types:
        types = ", ".join(map(repr, dram.types))
        problems.append(
            f"dram.type: must be one of {types} (DRAM table {dram.name}), got "
            f"{hardware.dram.type!r}{did_you_mean(hardware.dram.type, dram.types)}"
        )
    if problems:
        raise ConfigError("\n".join(f"hardware {hardware.name}: {text}" for text in problems))


def _tables_of_node(node: int) -> str:
    """Say which shipped tables are of a node, or which nodes there are."""
    nodes = {name: load_table(name).values.node for name in table_names()}
    fitting = [name for name, own in nodes.items() if own == node]
    if fitting:
        return f" (technology.table of that node: {', '.join(fitting)})"
    known = ", ".join(format_nanometres(own) for own in sorted(set(nodes.values())))
    return f" (there are tables of {known})"
