"""Counts and a technology table to picojoules, by layer and by component."""

from accelsim.energy.accounting import account
from accelsim.energy.result import Component, EnergyReport, LayerEnergy
from accelsim.energy.table import (
    EnergyTable,
    check_table,
    load_table,
    table_for,
    table_names,
)

__all__ = [
    "Component",
    "EnergyReport",
    "EnergyTable",
    "LayerEnergy",
    "account",
    "check_table",
    "load_table",
    "table_for",
    "table_names",
]
