"""Tables of report.html: cells in columns with units, and those of power and area."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from accelsim.report.results import PointResult, RunResult
from accelsim.report.table import ENERGY_GROUPS
from accelsim.report.words import aligned, words

__all__ = ["Column", "area_table", "bits_column", "html_table", "power_table"]

Column = tuple[str, str, list[str]]

_SHARES = ("DRAM", "SRAM", "array", "leakage")


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


def _cell(cell: str, text: bool) -> str:
    return f"<td{_text(text) or _zero(cell)}>{escape(cell)}</td>"


def _text(text: bool) -> str:
    return ' class="text"' if text else ""


def _zero(cell: str) -> str:
    return ' class="zero"' if cell == "0" else ""


def bits_column(points: Sequence[PointResult]) -> Column:
    """Return the column that names each point by its widths."""
    return ("bits", "w/a", ["/".join(point.widths) for point in points])


def power_table(result: RunResult) -> str:
    """Return energy with its bounds, what an event of it costs, and power, a row a point."""
    points = result.points
    dram = aligned([point.dram_pj_per_bit for point in points])
    return html_table(
        [
            bits_column(points),
            ("low", "µJ/image", aligned([p.energy_low_uj_per_image for p in points])),
            ("energy", "µJ/image", aligned([p.energy_uj_per_image for p in points])),
            ("high", "µJ/image", aligned([p.energy_high_uj_per_image for p in points])),
            *((group, "% of energy", _shares(points, group)) for group in _SHARES),
            ("per MAC", "pJ", aligned([point.pj_per_mac for point in points])),
            ("DRAM", "pJ/bit", dram),
            ("power", "mW", aligned([point.average_power_mw for point in points])),
            ("peak layer", "mW", aligned([point.peak_power_mw for point in points])),
            ("energy x delay", "µJ µs", aligned([p.energy_delay_product_uj_us for p in points])),
        ]
    )


def _shares(points: Sequence[PointResult], group: str) -> list[str]:
    parts = [
        sum(point.energy_split_uj[name] for name in ENERGY_GROUPS[group])
        / point.energy_uj_per_image
        for point in points
    ]
    return [f"{100 * part:.1f}" for part in parts]


def area_table(result: RunResult) -> str:
    """Return the area of the machine's parts, a row a point."""
    points = result.points
    parts = [
        (words(name), "mm²", aligned([point.area_split_mm2[name] for point in points]))
        for name in points[0].area_split_mm2
    ]
    return html_table(
        [
            bits_column(points),
            *parts,
            ("all", "mm²", aligned([point.area_mm2 for point in points])),
            ("peak", "TOPS/mm²", aligned([point.peak_tops_per_mm2 for point in points])),
        ]
    )
