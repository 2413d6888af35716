"""Counts and a technology table to picojoules, by layer and by component, and to mm2."""

from accelsim.energy.accounting import account, check_mode
from accelsim.energy.area import Area
from accelsim.energy.result import Component, EnergyMode, EnergyReport, LayerEnergy, Line
from accelsim.energy.table import (
    EnergyTable,
    check_table,
    load_table,
    table_for,
    table_names,
)

__all__ = [
    "Area",
    "Component",
    "EnergyMode",
    "EnergyReport",
    "EnergyTable",
    "LayerEnergy",
    "Line",
    "account",
    "check_mode",
    "check_table",
    "load_table",
    "table_for",
    "table_names",
]
