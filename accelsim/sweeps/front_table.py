"""A front as a table for people and as a document for machines."""

from __future__ import annotations

from typing import Any

from accelsim.report.words import significant
from accelsim.sweeps.analyse import Front
from accelsim.sweeps.space import Space

__all__ = ["front_document", "front_table"]

_KEY_DIGITS = 8


def front_table(space: Space, found: Front) -> str:
    """Return the front as text, a line for each point, the knee marked with ``*``."""
    if not found.judged:
        return f"{space.name}: no point has {_names(found)} within the budgets yet\n"
    changing = [axis.name for axis in space.axes if len(axis.values) > 1]
    heads = [objective.name for objective in found.objectives]
    units = [objective.unit for objective in found.objectives]
    rows = [[*changing, *heads, "point"], [""] * len(changing) + [*units, ""]]
    for index in found.members:
        settings = space.settings(found.rows[index].choice)
        values = found.values[index] or ()
        mark = " *" if index == found.knee else ""
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
        "\n".join((_title(space, found), *(line.rstrip() for line in lines), _foot(found))) + "\n"
    )


def front_document(space: Space, found: Front) -> dict[str, Any]:
    """Return the front as a document of schema ``accelsim.front/1``."""
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
        "knee": None if found.knee is None else found.rows[found.knee].key,
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


def _title(space: Space, found: Front) -> str:
    over = f", {found.over_budget:,} over budget" if found.over_budget else ""
    return (
        f"{space.name}: {len(found.members):,} of {found.judged:,} points are not beaten in "
        f"{_names(found)}{over}\n"
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
