"""report.html: one self-contained page, readable offline, on a phone and on paper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from accelsim.report.html_layers import layer_section
from accelsim.report.html_table import (
    area_table,
    bits_column,
    energy_table,
    power_table,
    turned_table,
)
from accelsim.report.results import PointResult, RunResult
from accelsim.report.switching_table import WHY, switching_columns
from accelsim.report.words import aligned, bits, percent

__all__ = ["report_html"]

_CAPTIONS = {
    "accuracy_and_energy": "Test accuracy and energy per image against bit-width. The dashed line "
    "is the float network on the same images.",
    "energy_by_component": "Energy per image by component at each bit-width.",
    "pe_energy": "Energy of the multiplier and the adder of every PE, from the bits that changed, "
    "over all layers.",
    "power_over_time": "Power of one batch at the first bit-width. What a unit spends in a layer "
    "is spread over the cycles in which it works on it.",
    "cycles_by_layer": "Where each layer's cycles go. Blue and green cycles belong to the array "
    "itself; warm colours are stalls; grey is work on other units. × stands behind layers that are "
    "alike, drawn once.",
    "roofline": "What each matrix product reaches, under the array's roof and DRAM's slope. "
    "A layer whose weights came during the layer before may stand above the slope.",
}
_CLAMPED = (
    '<p class="note">Clamped values are results outside the range of their layer; a fused ReLU '
    "clamps every negative one.</p>"
)
_BUILT_FOR_EACH = (
    '<p class="note">weight_bits and activation_bits are replaced by those of each bit-width: the '
    "PEs are built for it.</p>"
)


_AREA = (
    '<p class="note">Low and high: every entry of the tables at the end of the range in which '
    "sources differ. Energy of an image is that of the machine above; energy.json holds every "
    "count and price.</p>\n<h2>Area</h2>"
)


def report_html(result: RunResult, figures: Mapping[str, str]) -> str:
    """Return the page; ``figures`` are SVG texts by figure name."""
    title = f"{result.network} on {result.hardware}"
    columns = switching_columns(result)
    points_have_area = all(point.area_mm2 for point in result.points)
    style = files("accelsim.report").joinpath("page.css").read_text(encoding="utf-8")
    body = "\n".join(
        (
            f"<h1>{escape(title)}</h1>",
            f'<p class="lead">{escape(result.array)}.<br>{escape(result.technology)}.</p>',
            f"<p>{_lead(result)}</p>",
            _warnings(result.warnings),
            _cards(result),
            f"<h2>{'Accuracy, cycles' if result.has_accuracy else 'Cycles'} and energy</h2>",
            _summary_table(result),
            _CLAMPED if result.has_values else "",
            _figure(figures, "accuracy_and_energy"),
            "<h2>Where the energy goes</h2>",
            energy_table(result),
            _figure(figures, "energy_by_component"),
            *((turned_table(columns), f"<p>{escape(WHY)}</p>") if columns else ()),
            _figure(figures, "pe_energy"),
            _figure(figures, "power_over_time"),
            *((power_table(result), _AREA, area_table(result)) if points_have_area else ()),
            "<h2>Where the cycles go</h2>",
            _figure(figures, "cycles_by_layer"),
            _figure(figures, "roofline"),
            *(layer_section(point, opened=index == 0) for index, point in enumerate(result.points)),
            _imported(result.imported),
            "<h2>Machine</h2>",
            "" if result.is_given or result.pe_bits else _BUILT_FOR_EACH,
            f"<pre>{escape(result.machine)}</pre>",
            "<h2>What is not modelled</h2>",
            _list(result.not_modelled),
            "<h2>How to repeat this run</h2>",
            _provenance(result),
        )
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}: accelsim</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _lead(result: RunResult) -> str:
    first = result.points[0]
    if not result.has_values:
        return "A network of shapes: cycles, traffic and energy, but no values and no accuracy."
    images = "1 image" if first.images_simulated == 1 else f"{first.images_simulated} images"
    widths = "" if result.is_given else " at each width"
    simulated = (
        f"{images} of {escape(result.dataset)} simulated{widths} with the {escape(result.engine)} "
        "engine, "
    )
    if result.is_given:
        simulated = f"The file's own integers, as they are. {simulated}"
    if first.golden_mismatches is None:
        return simulated + "not compared with the golden model."
    mismatches = sum(point.golden_mismatches or 0 for point in result.points)
    if mismatches:
        differ = f'<span class="warning">{mismatches} output integers differ</span>'
        return f"{simulated}{differ} from the golden model."
    accuracy = f"; accuracy over {first.images_golden} images" if result.has_accuracy else ""
    return f"{simulated}every output integer equal to the golden model's{accuracy}."


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    if len(warnings) == 1:
        return f'<p class="note">Note: {escape(warnings[0])}.</p>'
    return (
        f'<details class="note"><summary>{len(warnings)} notes</summary>{_list(warnings)}</details>'
    )


def _cards(result: RunResult) -> str:
    """Sum the run up: each figure at the first width of the run, and at the last below it."""
    points = result.points
    ends = points[:1] if len(points) == 1 else (points[0], points[-1])
    baseline = ("Float accuracy", [f"{percent(points[0].accuracy_float_pct, 1)} %"])
    integer = ("Integer accuracy", [f"{percent(p.accuracy_integer_pct, 1)} %" for p in ends])
    cards = [
        *([baseline] if result.has_float_accuracy else []),
        *([integer] if result.has_accuracy else []),
        ("Energy per image", _with_unit([p.energy_uj_per_image for p in ends], "µJ")),
        ("Cycles per image", [f"{point.cycles_per_image:,.0f}" for point in ends]),
        ("Latency per image", _with_unit([p.latency_us_per_image for p in ends], "µs")),
        ("Efficiency, TOPS/W", aligned([point.tops_per_w for point in ends])),
    ]
    return f'<dl class="cards">{"".join(_card(name, values, ends) for name, values in cards)}</dl>'


def _card(name: str, values: Sequence[str], ends: Sequence[PointResult]) -> str:
    if len(values) == 1:
        details = ["as trained" if name.startswith("Float") else f"at {bits(ends[0])} bits"]
    else:
        details = [f"at {bits(ends[0])} bits", f"{values[1]} at {bits(ends[1])} bits"]
    return (
        f'<div class="card"><dt>{escape(name)}</dt><dd>{escape(values[0])}'
        f'<span class="detail">{"<br>".join(map(escape, details))}</span></dd></div>'
    )


def _with_unit(values: Sequence[float], unit: str) -> list[str]:
    return [f"{value} {unit}" for value in aligned(values)]


def _summary_table(result: RunResult) -> str:
    points = result.points
    baseline = ("accuracy, float", "%", [percent(p.accuracy_float_pct, 2) for p in points])
    integer = ("accuracy, integer", "%", [percent(p.accuracy_integer_pct, 2) for p in points])
    events = [
        ("overflows", "events", [f"{point.overflow_events:,}" for point in points]),
        ("clamped", "values", [f"{point.clip_events:,}" for point in points]),
    ]
    return turned_table(
        [
            bits_column(points),
            *([baseline] if result.has_float_accuracy else []),
            *([integer] if result.has_accuracy else []),
            ("cycles", "per image", [f"{point.cycles_per_image:,.0f}" for point in points]),
            ("latency", "µs/image", aligned([point.latency_us_per_image for point in points])),
            ("utilization", "%", [f"{point.utilization_pct:.1f}" for point in points]),
            ("energy", "µJ/image", aligned([point.energy_uj_per_image for point in points])),
            ("power", "mW", aligned([point.average_power_mw for point in points])),
            ("efficiency", "TOPS/W", aligned([point.tops_per_w for point in points])),
            *(events if result.has_values else []),
        ]
    )


def _figure(figures: Mapping[str, str], name: str) -> str:
    if name not in figures:
        return ""
    svg = figures[name]
    caption = escape(_CAPTIONS[name])
    start = svg.index("<svg")
    inline = re.sub(r"<metadata>.*?</metadata>", "", svg[start:], flags=re.DOTALL)
    inline = re.sub(r'\sxmlns(:xlink)?="[^"]*"', "", inline, count=2)
    inline = inline.replace("<svg", f'<svg role="img" aria-label="{caption}"', 1)
    return f"<figure>\n{inline}<figcaption>{caption}</figcaption>\n</figure>"


def _list(items: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _imported(imported: Mapping[str, Sequence[str]]) -> str:
    """Say where each operator of the network's file runs."""
    facts = "".join(
        f"<dt>{escape(place)}</dt><dd>{escape(', '.join(names))}</dd>"
        for place, names in imported.items()
        if names
    )
    return f'<h2>Where the operators run</h2>\n<dl class="facts">{facts}</dl>' if facts else ""


def _provenance(result: RunResult) -> str:
    origin = result.provenance
    facts = {
        "energy": result.technology,
        **({"images": str(images)} if (images := result.configuration.get("images")) else {}),
        "seed": str(origin.seed),
        **{f"sha256 of {name}": value for name, value in origin.hashes.items()},
        **{name: str(value) for name, value in origin.versions.items()},
    }
    items = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    return f'<pre>{escape(origin.command)}</pre>\n<dl class="facts">{items}</dl>'
