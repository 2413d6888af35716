"""What was found in a file, as text for people and as a JSON document."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from accelsim.frontend.inspection import (
    DataInspection,
    Inspection,
    OperatorLine,
    Place,
    TensorLine,
)
from accelsim.report.words import counted

__all__ = [
    "data_document",
    "inspection_document",
    "render_data",
    "render_inspection",
]

_WIDE_COLUMNS = 120
_NARROWEST_NAME = 10
_MOST_PROBLEMS = 20
_MOST_LABELS = 20


def render_inspection(found: Inspection, width: int, every: bool = False) -> str:
    """Return a network as text of at most ``width`` columns.

    From 120 columns on each operator's quantization and remark have columns. ``every``: list the
    operators that are folded away, too.
    """
    stream = io.StringIO()
    console = Console(file=stream, width=width, no_color=True, highlight=False)
    console.print(Text(found.name, style="bold"), Text(f"{found.kind}, {_size(found.file_bytes)}"))
    for role, ends in (("input", found.inputs), ("output", found.outputs)):
        for end in ends:
            console.print(Padding(Text(f"{role} {_end(end)}"), (0, 0, 0, 1)))
    listed = [line for line in found.operators if every or line.place is not Place.FOLDED]
    console.print(_table(found, listed, width))
    for line in _summary(found, listed):
        console.print(Padding(line, (0, 0, 0, 1)))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def inspection_document(found: Inspection) -> dict[str, object]:
    """Return everything that was found, schema ``accelsim.inspection/1``."""
    return {
        "schema": "accelsim.inspection/1",
        "runs": found.runs,
        "macs_per_image": found.macs,
        **asdict(found),
        "parameters": found.parameters,
    }


def render_data(found: DataInspection, width: int) -> str:
    """Return data as text of at most ``width`` columns."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, no_color=True, highlight=False)
    files = "1 file" if len(found.files) == 1 else f"{len(found.files)} files"
    console.print(Text(found.name, style="bold"), Text(f"{found.kind}, {files}"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("stored as", overflow="fold")
    for heading in ("type", "shape", "values"):
        table.add_column(heading, no_wrap=True)
    for array in found.arrays:
        values = "-" if array.low is None else f"{array.low:.4g} to {array.high:.4g}"
        table.add_row(array.role, array.name, array.type, _sizes(array.shape), values)
    console.print(table)
    labels = [f"{label}: {count:,}" for label, count in found.labels.items()]
    if labels:
        more = f", ... ({len(labels)} labels)" if len(labels) > _MOST_LABELS else ""
        line = f"Images of each label: {', '.join(labels[:_MOST_LABELS])}{more}"
        console.print(Padding(Text(line), (0, 0, 0, 1)))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def data_document(found: DataInspection) -> dict[str, object]:
    """Return everything that was found, schema ``accelsim.data/1``."""
    return {"schema": "accelsim.data/1", **asdict(found)}


def _table(found: Inspection, listed: Sequence[OperatorLine], width: int) -> Table:
    wide = width >= _WIDE_COLUMNS
    columns = [
        ("operator", [line.operator for line in listed], "left"),
        ("runs on", [str(line.place) for line in listed], "left"),
        ("output", [_output(line) for line in listed], "right"),
        ("MACs", [_macs(line.macs) for line in listed], "right"),
        (
            "parameters" if wide else "param.",
            [_or_blank(line.parameters) for line in listed],
            "right",
        ),
    ]
    totals = {"MACs": _macs(found.macs, total=True), columns[-1][0]: counted(found.parameters)}
    if wide:
        columns += [
            ("weights", [_or_blank(line.weights) for line in listed], "left"),
            ("result", [_or_blank(line.result) for line in listed], "left"),
            ("", [line.remark for line in listed], "left"),
        ]
        columns = [column for column in columns if any(column[1]) or column[0]]
    used = sum(
        max(map(len, (heading, totals.get(heading, ""), *cells))) + 2
        for heading, cells, _ in columns
    )
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 0, 0, 1),
        header_style="bold",
        show_footer=True,
    )
    room = max(width - used - 3, _NARROWEST_NAME)
    names = [_ending(line.name, room) for line in listed]
    table.add_column("name", footer="total", no_wrap=True)
    for heading, _, side in columns:
        table.add_column(
            heading,
            footer=totals.get(heading, ""),
            justify="right" if side == "right" else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    for name, *cells in zip(names, *(cells for _, cells, _ in columns), strict=True):
        table.add_row(name, *cells)
    return table


def _summary(found: Inspection, listed: Sequence[OperatorLine]) -> list[Text]:
    lines = [Text(f"Operators: {_places(found, hidden=len(listed) < len(found.operators))}")]
    axes = "height x width x channels" if found.channels_last else "channels x height x width"
    lines.append(Text(f"Outputs are those of one image: {axes}."))
    if found.quantization:
        lines += [Text(f"Quantized {line}") for line in found.quantization]
    elif not found.notes:
        offer = ": `accelsim run` does it, at the widths of --bits" if found.quantizable else ""
        lines.append(Text(f"Not quantized{offer}."))
    lines += [Text(f"Note: {note}") for note in found.notes]
    if found.runs:
        return [*lines, Text("Runs: yes.")]
    lines.append(Text("Runs: no.", style="bold"))
    lines += [Text(f"  {problem}") for problem in found.problems[:_MOST_PROBLEMS]]
    more = len(found.problems) - _MOST_PROBLEMS
    lines += [Text(f"  and {more} more (--json)")] if more > 0 else []
    lines += [Text(f"What to do: {line}") for line in found.advice]
    return lines


def _places(found: Inspection, hidden: bool) -> str:
    parts = []
    for place, kinds in found.places().items():
        if kinds:
            named = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
            left_out = "; not listed: --all" if hidden and place is Place.FOLDED else ""
            parts.append(f"{place} {kinds.total()} ({named}{left_out})")
    return "; ".join(parts)


def _end(end: TensorLine) -> str:
    parts = [end.name, end.type, _sizes(end.shape), str(end.quantization or "")]
    return "  ".join(part for part in parts if part)


def _sizes(shape: Sequence[int | str]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _output(line: OperatorLine) -> str:
    if line.output is None:
        return "?"
    return "x".join(map(str, line.output[1:])) or "-"


def _macs(count: int | None, total: bool = False) -> str:
    if count is None:
        return "?"
    return counted(count) if count or total else ""


def _or_blank(value: object) -> str:
    if isinstance(value, int):
        return counted(value) if value else ""
    return "" if value is None else str(value)


def _ending(name: str, room: int) -> str:
    """Keep the end of a name, where exporters put what is particular."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    return shown if len(shown) <= room else f"…{shown[1 - room :]}"


def _size(size_bytes: int) -> str:
    for unit, bytes_each in (("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= bytes_each:
            return f"{size_bytes / bytes_each:.1f} {unit}"
    return f"{size_bytes} bytes"
