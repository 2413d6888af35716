"""Tables of report.html: cells with units, and those of energy, power and area.

Where a point has many numbers, points are columns and numbers are rows (`turned_table`): such a
table fits a page of paper, and a telephone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from accelsim.energy import Component
from accelsim.report.results import PointResult, RunResult
from accelsim.report.table import ENERGY_GROUPS
from accelsim.report.words import aligned, words

__all__ = [
    "Column",
    "area_table",
    "bits_column",
    "energy_table",
    "html_table",
    "power_table",
    "turned_table",
]

Column = tuple[str, str, list[str]]

_SHARES = ("DRAM", "SRAM", "array", "leakage")
_HEADINGS = {"vector": "vector and control"}
_PARTS: dict[str, str] = {Component.DRAM: "DRAM transfers"}
"""Names of groups and of their components where both would have the same."""


def html_table(columns: Sequence[Column], text_columns: int = 0) -> str:
    """Return a table that scrolls; the first ``text_columns`` are words, the others numbers."""
    head = "".join(
        f"<th{_text(index < text_columns)}>{escape(name)}"
        f'<span class="unit">{escape(unit)}</span></th>'
        for index, (name, unit, _) in enumerate(columns)
    )
    rows = "".join(
        f"<tr>{''.join(_cell(cell, index < text_columns) for index, cell in enumerate(row))}</tr>\n"
        for row in zip(*(cells for _, _, cells in columns), strict=True)
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table></div>"
    )


def turned_table(columns: Sequence[Column], classes: Mapping[str, str] | None = None) -> str:
    """Return the same columns as rows; the cells of the first are the heads of the others.

    A unit that all rows have stands in the corner. ``classes``: the class of a row by its name,
    ``sum`` or ``part``.
    """
    (corner, unit, heads), *rows = columns
    units = {of for _, of, _ in rows}
    shared = len(units) == 1
    top = units.pop() if shared else f"{corner}, {unit}"
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    body = "".join(
        f"<tr{_class((classes or {}).get(name, ''))}><th{_text(True)}>{escape(name)}"
        f"{'' if shared or not of else f' <span>{escape(of)}</span>'}</th>"
        f"{''.join(_cell(cell, False) for cell in cells)}</tr>\n"
        for name, of, cells in rows
    )
    return (
        f'<div class="scroll"><table class="turned"><thead><tr><th{_text(True)}>{escape(top)}</th>'
        f"{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"
    )


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _cell(cell: str, text: bool) -> str:
    return f"<td{_text(text) or _zero(cell)}>{escape(cell)}</td>"


def _text(text: bool) -> str:
    return ' class="text"' if text else ""


def _zero(cell: str) -> str:
    return ' class="zero"' if cell == "0" else ""


def bits_column(points: Sequence[PointResult]) -> Column:
    """Return the column that names each point by its widths."""
    return ("bits", "w/a", ["/".join(point.widths) for point in points])


def energy_table(result: RunResult) -> str:
    """Return what an image costs and where it goes: the sum, each group, each component of it.

    A run of one point has the shares, too.
    """
    points = result.points
    energies = [("all", "sum", [point.energy_uj_per_image for point in points])]
    for group, components in ENERGY_GROUPS.items():
        by_component = [[p.energy_split_uj[name] for p in points] for name in components]
        sums = [sum(parts) for parts in zip(*by_component, strict=True)]
        energies.append((_HEADINGS.get(group, group), "sum", sums))
        if len(components) > 1:
            names = [_PARTS.get(name, words(name)) for name in components]
            energies += [(n, "part", e) for n, e in zip(names, by_component, strict=True)]
    largest = max(energies[0][2])
    bits, widths, heads = bits_column(points)
    rows = [(name, "µJ/image", aligned(values, beside=largest)) for name, _, values in energies]
    if len(points) == 1:
        heads.append("%")
        for (_, _, cells), (_, _, values) in zip(rows, energies, strict=True):
            cells.append(f"{100 * values[0] / largest:.1f}")
    return turned_table([(bits, widths, heads), *rows], {name: kind for name, kind, _ in energies})


def power_table(result: RunResult) -> str:
    """Return energy with its bounds, what an event of it costs, and power, a column a point."""
    points = result.points
    dram = aligned([point.dram_pj_per_bit for point in points])
    energies = [p.energy_uj_per_image for p in points]
    lows = [p.energy_low_uj_per_image for p in points]
    highs = [p.energy_high_uj_per_image for p in points]
    largest = max(energies)
    return turned_table(
        [
            bits_column(points),
            ("energy", "µJ/image", aligned(energies, beside=largest)),
            ("low", "µJ/image", aligned(lows, beside=largest)),
            ("high", "µJ/image", aligned(highs, beside=largest)),
            *((f"{group}, share", "% of energy", _shares(points, group)) for group in _SHARES),
            ("per MAC", "pJ", aligned([point.pj_per_mac for point in points])),
            ("DRAM", "pJ/bit", dram),
            ("power", "mW", aligned([point.average_power_mw for point in points])),
            ("peak layer", "mW", aligned([point.peak_power_mw for point in points])),
            ("energy x delay", "µJ µs", aligned([p.energy_delay_product_uj_us for p in points])),
        ],
        {"energy": "sum"},
    )


def _shares(points: Sequence[PointResult], group: str) -> list[str]:
    parts = [
        sum(point.energy_split_uj[name] for name in ENERGY_GROUPS[group])
        / point.energy_uj_per_image
        for point in points
    ]
    return [f"{100 * part:.1f}" for part in parts]


def area_table(result: RunResult) -> str:
    """Return the area of the machine and of its parts, a column a point."""
    points = result.points
    total = max(point.area_mm2 for point in points)
    parts = [
        (
            words(name),
            "mm²",
            aligned([point.area_split_mm2[name] for point in points], beside=total),
        )
        for name in points[0].area_split_mm2
    ]
    return turned_table(
        [
            bits_column(points),
            ("all", "mm²", aligned([point.area_mm2 for point in points], beside=total)),
            *parts,
            ("peak", "TOPS/mm²", aligned([point.peak_tops_per_mm2 for point in points])),
        ],
        {"all": "sum"},
    )
