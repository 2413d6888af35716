"""Axes of what the machine is made of: a node comes with an energy table and its voltage.

An energy table speaks of one node, so an axis of nodes or of tables changes both, and the voltage
to that of the table; a field that has an axis of its own is left to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from accelsim.energy import load_table, table_names
from accelsim.errors import ConfigError
from accelsim.sweeps.axes import Axis
from accelsim.sweeps.expressions import Value
from accelsim.units import format_nanometres, format_volts

__all__ = ["NODE", "TABLE", "VOLTAGE", "with_technology"]

NODE, TABLE, VOLTAGE = "technology.node", "technology.table", "technology.voltage"


def with_technology(axis: Axis, base: Mapping[str, Any], given: Mapping[str, object]) -> Axis:
    """Return an axis of nodes or of tables with the fields that each of its values brings.

    Parameters
    ----------
    base
        The machine that the space starts from: at its own node its own table and voltage are kept.
    given
        The axes of the space, by name.

    Raises
    ------
    ConfigError
        If no table that ships is of a node, or several are.
    """
    if axis.name == TABLE:
        names = [str(value) for value in axis.values]
    elif TABLE in given:
        return axis
    else:
        names = [_table_of(int(number), base) for number in axis.numbers]
    return replace(
        axis,
        brings=tuple(
            {name: value for name, value in _fields(table, base).items() if name not in given}
            for table in names
        ),
    )


def _fields(table: str, base: Mapping[str, Any]) -> dict[str, Value]:
    """Return the node, the table and the voltage of a table's name."""
    own = base["technology"]
    if table == own["table"]:
        return {NODE: own["node"], TABLE: table, VOLTAGE: own["voltage"]}
    values = load_table(table).values
    return {
        NODE: format_nanometres(values.node),
        TABLE: table,
        VOLTAGE: format_volts(values.voltage),
    }


def _table_of(node: int, base: Mapping[str, Any]) -> str:
    """Return the table of a node: the base machine's own, or the one that ships."""
    own = str(base["technology"]["table"])
    if load_table(own).values.node == node:
        return own
    nodes = {name: load_table(name).values.node for name in table_names()}
    fitting = [name for name, other in nodes.items() if other == node]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ConfigError(
            f"{format_nanometres(node)} has the tables {', '.join(fitting)}: use the axis {TABLE}"
        )
    known = ", ".join(format_nanometres(other) for other in sorted(set(nodes.values())))
    raise ConfigError(f"must be of {known} (energy tables), got {format_nanometres(node)}")
