"""energy.json: every line of the account of a run, and how one number of it was made."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from accelsim.energy import EnergyReport, Line
from accelsim.errors import ConfigError, DataError
from accelsim.hardware.validation import did_you_mean
from accelsim.report.json_files import read_json
from accelsim.report.results import RunResult
from accelsim.report.words import words

__all__ = ["account_document", "explain", "read_account"]

ACCOUNT_SCHEMA = "accelsim.account/1"
FILE_NAME = "energy.json"


def account_document(result: RunResult) -> dict[str, Any]:
    """Return the lines of every point and layer, and the sources of the prices."""
    return {
        "schema": ACCOUNT_SCHEMA,
        "points": [
            {"point": point.label, **_report(report)}
            for point, report in zip(result.points, result.energies, strict=False)
        ],
    }


def _report(report: EnergyReport) -> dict[str, Any]:
    return {
        "batch": report.batch,
        "mode": str(report.mode),
        "technology": report.technology,
        "sources": dict(report.sources),
        "layers": [
            {"name": layer.name, "lines": [_line(line) for line in layer.lines if line.count]}
            for layer in report.layers
        ],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "component": str(line.component),
        "cause": line.cause,
        "count": line.count,
        "unit": line.unit,
        "price_pj": line.price.value,
        "bits": line.bits,
        "pj": line.pj,
        "low_pj": line.low_pj,
        "high_pj": line.high_pj,
        "entries": list(line.price.entries),
    }


def read_account(folder: Path) -> Mapping[str, Any]:
    """Return what `account_document` wrote to the run folder.

    Raises
    ------
    DataError
        If the folder has no account, or it is not one.
    """
    path = folder / FILE_NAME
    document = read_json(path)
    if not isinstance(document, dict) or document.get("schema") != ACCOUNT_SCHEMA:
        raise DataError(f"{path}: schema: must be {ACCOUNT_SCHEMA!r}")
    return document


def explain(document: Mapping[str, Any], layer: str | None, point: str | None, width: int) -> str:
    """Return how a layer's energy (or that of the whole batch) was made, as text.

    Each line is a count times a price; below stand the sources of the prices.

    Raises
    ------
    ConfigError
        If there is no such layer or point.
    DataError
        If the document is not what `account_document` writes.
    """
    try:
        chosen = _choose("point", document["points"], "point", point)
        layers = chosen["layers"]
        if layer is not None:
            layers = [_choose("layer", layers, "name", layer)]
        lines = _sum([line for one in layers for line in one["lines"]])
        return _render(chosen, layer, lines, width)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{FILE_NAME}: not written by accelsim: {error!r}") from error


def _choose(
    what: str, candidates: Sequence[Mapping[str, Any]], key: str, name: str | None
) -> Mapping[str, Any]:
    names = [str(candidate[key]) for candidate in candidates]
    if name is None:
        return candidates[0]
    if name not in names:
        listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        raise ConfigError(
            f"{what}: must be one of {listed}, got {name!r}{did_you_mean(name, names)}"
        )
    return candidates[names.index(name)]


def _sum(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Add up the lines of several layers that have the same cause and price."""
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    for line in lines:
        key = (line["component"], line["cause"], line["price_pj"])
        if key not in found:
            found[key] = dict(line)
            continue
        for name in ("count", "pj", "low_pj", "high_pj"):
            found[key][name] += line[name]
    return list(found.values())


def _render(
    point: Mapping[str, Any], layer: str | None, lines: Sequence[Mapping[str, Any]], width: int
) -> str:
    total = sum(line["pj"] for line in lines)
    low, high = sum(line["low_pj"] for line in lines), sum(line["high_pj"] for line in lines)
    numbers = {entry: n for n, entry in enumerate(_entries(lines), 1)}
    what = "all layers" if layer is None else layer
    per = "one image" if point["batch"] == 1 else f"one batch of {point['batch']}"
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"{what} at {point['point']}, {per}, {words(point['mode'])}: {total:,.4g} pJ "
        f"({low:,.4g} to {high:,.4g})",
        title_justify="left",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("component and cause", overflow="fold")
    for heading in ("count", "unit", "pJ each", "a bit", "pJ", "%", "source"):
        table.add_column(heading, justify="left" if heading == "unit" else "right", no_wrap=True)
    for line in sorted(lines, key=lambda line: -line["pj"]):
        table.add_row(
            f"{words(line['component'])}, {line['cause']}",
            f"{line['count']:,.6g}",
            line["unit"],
            f"{line['price_pj']:.4g}",
            f"{line['price_pj'] / line['bits']:.3g}" if line.get("bits") else "",
            f"{line['pj']:,.4g}",
            f"{100 * line['pj'] / total if total else 0:.1f}",
            " ".join(str(numbers[entry]) for entry in line["entries"]),
        )
    stream = io.StringIO()
    console = Console(file=stream, width=width, no_color=True, highlight=False)
    console.print(table)
    console.print(Text(f" {point['technology']}"))
    for entry, number in numbers.items():
        console.print(Text(_wrapped(f" {number:>2}  {entry}: {point['sources'][entry]}", width)))
    return "\n".join(text.rstrip() for text in stream.getvalue().splitlines()) + "\n"


def _wrapped(source: str, width: int) -> str:
    """Wrap a numbered line so that the numbers stand alone in their column."""
    return textwrap.fill(
        source, width, subsequent_indent=" " * 5, break_long_words=False, break_on_hyphens=False
    )


def _entries(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    ordered = sorted(lines, key=lambda line: -line["pj"])
    return list(dict.fromkeys(entry for line in ordered for entry in line["entries"]))
