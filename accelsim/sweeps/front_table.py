"""A front as a table for people and as a document for machines."""

from __future__ import annotations

from typing import Any

from accelsim.report.words import significant
from accelsim.sweeps.analyse import Front
from accelsim.sweeps.axes import NETWORK
from accelsim.sweeps.space import Space

__all__ = ["front_document", "front_table"]

_KEY_DIGITS = 8


def front_table(space: Space, found: Front) -> str:
    """Return the front as text, a line for each point, the knee marked with ``*``.

    Networks that are judged apart have a table each.
    """
    if not found.by_network:
        return _table(space, found, "")
    tables = [_table(space, own, f", {name}") for name, own in found.by_network.items()]
    return "\n".join(tables)


def _table(space: Space, found: Front, network: str) -> str:
    if not found.judged:
        return f"{space.name}{network}: no point has {_names(found)} within the budgets yet\n"
    changing = [
        axis.name
        for axis in space.axes
        if len(axis.values) > 1 and not (network and axis.name == NETWORK)
    ]
    heads = [objective.name for objective in found.objectives]
    units = [objective.unit for objective in found.objectives]
    rows = [[*changing, *heads, "point"], [""] * len(changing) + [*units, ""]]
    for index in found.members:
        settings = space.settings(found.rows[index].choice)
        values = found.values[index] or ()
        mark = " *" if index in found.knees else ""
        rows.append(
            [
                *(str(settings[name]) for name in changing),
                *(significant(value, 6) for value in values),
                found.rows[index].key[:_KEY_DIGITS] + mark,
            ]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=False))
        + f"  {row[-1]}"
        for row in rows
    ]
    return (
        "\n".join((_title(space, found, network), *(line.rstrip() for line in lines), _foot(found)))
        + "\n"
    )


def front_document(space: Space, found: Front) -> dict[str, Any]:
    """Return the front as a document of schema ``accelsim.front/1``.

    Networks that are judged apart have one each, in one of schema ``accelsim.fronts/1``.
    """
    if found.by_network:
        fronts = {name: front_document(space, own) for name, own in found.by_network.items()}
        return {"schema": "accelsim.fronts/1", "space": space.name, "fronts": fronts}
    knee = next(iter(found.knees), None)
    return {
        "schema": "accelsim.front/1",
        "space": space.name,
        "objectives": [
            {
                "name": objective.name,
                "unit": objective.unit,
                "better": "more" if objective.maximize else "less",
            }
            for objective in found.objectives
        ],
        "judged": found.judged,
        "over_budget": found.over_budget,
        "hypervolume": found.hypervolume,
        "knee": None if knee is None else found.rows[knee].key,
        "front": [
            {
                "key": found.rows[index].key,
                "settings": dict(space.settings(found.rows[index].choice)),
                "objectives": dict(
                    zip(
                        (objective.name for objective in found.objectives),
                        found.values[index] or (),
                        strict=True,
                    )
                ),
            }
            for index in found.members
        ],
    }


def _title(space: Space, found: Front, network: str) -> str:
    over = f", {found.over_budget:,} over budget" if found.over_budget else ""
    return (
        f"{space.name}{network}: {len(found.members):,} of {found.judged:,} points are not beaten "
        f"in {_names(found)}{over}\n"
    )


def _foot(found: Front) -> str:
    if found.hypervolume is None:
        return "\n* knee. Hypervolume: not measured, there are too many points and objectives"
    return (
        f"\n* knee: nearest to the best of everything. Hypervolume: {found.hypervolume:.4f} of the "
        "box\nbetween the best and the worst of each objective"
    )


def _names(found: Front) -> str:
    return ", ".join(
        f"{objective.name} ({'more' if objective.maximize else 'less'})"
        for objective in found.objectives
    )
