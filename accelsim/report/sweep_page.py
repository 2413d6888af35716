"""The page of a sweep: one self-contained file with its own small script, readable offline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

__all__ = ["PageAxis", "PageColumn", "SweepPage", "sweep_html"]


@dataclass(frozen=True)
class PageAxis:
    """An axis: its values, and for every point the index of its value.

    ``brings``: for every value, if anything, the other fields of the machine that it changes.
    """

    name: str
    values: Sequence[Any]
    index: Sequence[int]
    brings: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class PageColumn:
    """A number of every point, None where it has none. ``maximize``: more is better."""

    unit: str
    maximize: bool
    values: Sequence[float | None]


@dataclass(frozen=True)
class SweepPage:
    """What the page shows.

    Attributes
    ----------
    notes
        Sentences at the top: how many points, what was left out and why.
    columns, objectives
        Numbers by name; those that the front is of.
    front
        For every point -1 over budget, 0 beaten (or without results), 1 on the front, 2 the knee.
    sensitivity
        Share of each objective's variance by axis: objective, axis, 0 to 1.
    base, hardware, network, batch
        What every design starts from.
    files
        Fields of the machine that networks decide which are integers already, by network.
    options, operand_bits, option
        The rest of the commands that run them, and what PEs are built for where that is not what
        the axes say; which of these each point has.
    facts
        What is needed to trust the page: hashes, versions.
    """

    title: str
    lead: str
    notes: Sequence[str]
    cards: Sequence[tuple[str, str, str]]
    axes: Sequence[PageAxis]
    columns: Mapping[str, PageColumn]
    objectives: Sequence[str]
    front: Sequence[int]
    keys: Sequence[str]
    sensitivity: Mapping[str, Mapping[str, float]]
    base: Mapping[str, Any]
    hardware: str
    network: str
    batch: int
    files: Mapping[str, Mapping[str, Any]]
    options: Sequence[Sequence[str]]
    operand_bits: Sequence[tuple[int, int] | None]
    option: Sequence[int]
    facts: Mapping[str, str]


def sweep_html(page: SweepPage) -> str:
    """Return the page."""
    title = escape(page.title)
    notes = "".join(f"<p>{escape(note)}</p>" for note in page.notes)
    cards = "".join(
        f'<div class="card"><dt>{escape(name)}</dt><dd>{escape(value)}'
        f'<span class="detail">{escape(detail)}</span></dd></div>'
        for name, value, detail in page.cards
    )
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in page.facts.items()
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{title}: accelsim</title>\n<style>\n{_file('page.css')}{_file('sweep.css')}"
        f"</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f'<p class="lead">{escape(page.lead)}</p>\n{notes}\n<dl class="cards">{cards}</dl>\n'
        f"{_BODY}{_sensitivity(page.sensitivity)}"
        f'<h2>Where it comes from</h2>\n<dl class="facts">{facts}</dl>\n'
        '<div id="tip" hidden></div>\n'
        f'<script type="application/json" id="data">{_data(page)}</script>\n'
        f"<script>\n{_file('sweep.js')}</script>\n</body>\n</html>\n"
    )


_BODY = """<h2>Designs</h2>
<div id="filters"></div>
<div class="controls">
<label><input type="checkbox" id="front-only"> front only</label>
<button type="button" id="clear">Clear filters</button>
<span class="count" id="count"></span>
</div>
<div class="controls">
<label>across <select id="x"></select></label>
<label>up <select id="y"></select></label>
<label>colour <select id="color"></select></label>
</div>
<div class="plot"><canvas id="scatter" role="img" aria-label="Every design by two numbers; \
the table below has the same points"></canvas></div>
<div class="controls" id="legend"></div>
<section id="design" hidden>
<h3>This design</h3>
<dl class="facts" id="facts"></dl>
<h3>Run it again</h3>
<p class="note">In the folder of the space file.</p>
<pre id="command"></pre>
<details><summary>Its machine</summary><pre id="yaml"></pre></details>
</section>
<h2>Parallel coordinates</h2>
<p class="note">A line is a design; blue ones are on the front. <span id="thinned"></span></p>
<div class="plot"><canvas id="parallel" role="img" aria-label="Every design as a line over its \
axes and objectives"></canvas></div>
<h2>Table</h2>
<p class="note">Click a heading to sort, a row to see the design in full.</p>
<div class="wide"><div class="scroll"><table><thead><tr id="head"></tr></thead>\
<tbody id="rows"></tbody></table></div></div>
<button type="button" id="more">More rows</button>
"""


def _sensitivity(shares: Mapping[str, Mapping[str, float]]) -> str:
    if not shares:
        return ""
    parts = [
        '<h2>What moves what</h2>\n<p class="note">The share of an objective\'s variance that the '
        "axis alone explains, over all designs that are judged (of several networks: relative to "
        "each network's mean). What is missing to 100 % is axes together.</p>\n"
    ]
    for objective, by_axis in shares.items():
        bars = "".join(
            f'<span>{escape(axis)}</span><i style="width:{100 * share:.1f}%"></i>'
            f"<span>{100 * share:.0f} %</span>"
            for axis, share in sorted(by_axis.items(), key=lambda item: -item[1])
        )
        parts.append(f'<h3>{escape(objective)}</h3>\n<div class="bars">{bars}</div>\n')
    return "".join(parts)


def _data(page: SweepPage) -> str:
    """Return what the script reads; no text of it can end the element that it stands in."""
    document = {
        "axes": [vars(axis) for axis in page.axes],
        "columns": {name: vars(column) for name, column in page.columns.items()},
        "objectives": page.objectives,
        "front": page.front,
        "keys": page.keys,
        "base": page.base,
        "hardware": page.hardware,
        "network": page.network,
        "batch": page.batch,
        "files": page.files,
        "options": page.options,
        "operand_bits": page.operand_bits,
        "option": page.option,
    }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")


def _file(name: str) -> str:
    return files("accelsim.report").joinpath(name).read_text(encoding="utf-8")
