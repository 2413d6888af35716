"""The table that `accelsim run` prints: one row a bit-width, and what is needed to read it."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from accelsim.energy import Component
from accelsim.report.results import ON_HOST, PointResult, RunResult
from accelsim.report.switching_table import WHY, switching_columns
from accelsim.report.words import aligned, bits, percent

__all__ = ["ENERGY_GROUPS", "render_table", "run_table"]

_WIDE_COLUMNS = 150
ENERGY_GROUPS: dict[str, tuple[str, ...]] = {
    "array": (
        Component.MULTIPLIER,
        Component.ADDER,
        Component.REGISTERS,
        Component.WIRES,
        Component.CLOCK_TREE,
    ),
    "SRAM": (Component.ACTIVATION_SRAM, Component.WEIGHT_SRAM, Component.ACCUMULATOR_SRAM),
    "rescale": (Component.RESCALE,),
    "vector": (Component.VECTOR, Component.CONTROL),
    "DRAM": (Component.DRAM, Component.DRAM_BACKGROUND),
    "leakage": (Component.LEAKAGE,),
}
"""The components of an account as the six that a line has room for."""


def run_table(result: RunResult, width: int) -> RenderableType:
    """Return the table, its energy split and the lines below it for a terminal of ``width``.

    From 150 columns on the split of the energy stands in the same row as everything else;
    below that it is a second table, so that nothing is dropped or broken.
    """
    if width >= _WIDE_COLUMNS:
        tables: list[RenderableType] = [_table(result, results=True, split=True)]
    else:
        tables = [
            _table(result, results=True, split=False),
            _table(result, results=False, split=True),
        ]
    tables += _switching(result)
    return Group(*tables, *(Padding(line, (0, 1)) for line in _notes(result)))


def render_table(result: RunResult, width: int, color: bool = False) -> str:
    """Return the same as text of at most ``width`` columns."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=color, no_color=not color, highlight=False
    )
    console.print(run_table(result, width))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _table(result: RunResult, *, results: bool, split: bool) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"{result.network} on {result.hardware}" if results else "where the energy goes",
        title_justify="left",
        title_style="bold",
        header_style="bold",
        pad_edge=False,
        padding=(0, 1),
    )
    labels = ["/".join(point.widths) for point in result.points]
    columns = [("bits\nw/a", labels)]
    columns += _result_columns(result.points) if results else []
    columns += _split_columns(result.points) if split else []
    for heading, _ in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for cells in zip(*(cells for _, cells in columns), strict=True):
        table.add_row(*cells)
    return table


def _switching(result: RunResult) -> list[RenderableType]:
    """Return both accounts of the array, a line a component, and why they differ."""
    columns = switching_columns(result)
    if not columns:
        return []
    table = Table(
        box=box.SIMPLE_HEAD,
        title="the array, per operation and by switching (µJ/image)",
        title_justify="left",
        title_style="bold",
        header_style="bold",
        pad_edge=False,
        padding=(0, 1),
    )
    table.add_column("", no_wrap=True)
    for point in columns[0][2]:
        table.add_column(point, justify="right", no_wrap=True)
    for heading, unit, cells in columns[1:]:
        table.add_row(f"{heading}, {unit.removesuffix(', µJ')}", *cells)
    return [table, Padding(Text(WHY), (0, 1, 1, 1))]


_Column = tuple[str, list[str]]


def _result_columns(points: Sequence[PointResult]) -> list[_Column]:
    accuracy = [
        ("accuracy\nfloat %", [percent(point.accuracy_float_pct, 2) for point in points]),
        ("accuracy\ninteger %", [percent(point.accuracy_integer_pct, 2) for point in points]),
    ]
    return [
        *(column for column in accuracy if set(column[1]) != {"-"}),
        ("cycles\n/image", [f"{point.cycles_per_image:,.0f}" for point in points]),
        ("latency\nµs/image", aligned([point.latency_us_per_image for point in points])),
        ("util.\n%", [f"{point.utilization_pct:.1f}" for point in points]),
        ("energy\nµJ/image", aligned([point.energy_uj_per_image for point in points])),
        ("TOPS/W", aligned([point.tops_per_w for point in points])),
    ]


def _split_columns(points: Sequence[PointResult]) -> list[_Column]:
    total = max(point.energy_uj_per_image for point in points)
    columns = []
    for group, components in ENERGY_GROUPS.items():
        parts = [sum(point.energy_split_uj[name] for name in components) for point in points]
        columns.append((f"{group}\nµJ/image", aligned(parts, beside=total)))
    return columns


def _notes(result: RunResult) -> list[Text]:
    first = result.points[0]
    lines = []
    if result.has_values:
        lines.append(Text(f"Integers: {_comparison(result)}", style=_comparison_style(result)))
    images = result.configuration.get("images")
    if result.is_given and images:
        lines.append(Text(f"Images: {images}"))
    if result.imported:
        lines.append(Text(f"Operators: {_imported(result)}"))
    batch = f", batch {first.batch}" if first.batch > 1 else ""
    lines.append(
        Text(
            f"Machine: {result.hardware}: {result.array}; {_built_for(result)}; "
            f"{f'{result.engine} engine' if result.has_values else 'shapes, no values'}{batch}"
        )
    )
    lines.append(Text(f"Energy: {result.technology}; not modelled: {_omissions(result)}"))
    if first.area_mm2:
        low, high = aligned([first.energy_low_uj_per_image, first.energy_high_uj_per_image])
        mean, peak = aligned([first.average_power_mw, first.peak_power_mw])
        lines.append(
            Text(
                f"At {bits(first)} bits: {low} to {high} µJ/image by the ranges of the sources; "
                f"{first.pj_per_mac:.3g} pJ/MAC; {mean} mW, peak layer {peak}; "
                f"{first.area_mm2:.3g} mm2, "
                f"{first.peak_tops_per_mm2:.3g} peak TOPS/mm2"
            )
        )
    more = len(result.warnings) - 1
    for warning in result.warnings[:1]:
        elsewhere = f" ({more} more: --output, --json)" if more else ""
        lines.append(Text(f"Note: {warning}{elsewhere}", style="yellow"))
    return lines


def _built_for(result: RunResult) -> str:
    if result.pe_bits:
        return f"{result.pe_bits}-bit PEs at every width"
    return "PEs built for the file's widths" if result.is_given else "PEs built for each width"


def _imported(result: RunResult) -> str:
    """Say in a line where the operators of the network's file run, the host's by name."""
    counts = [
        f"{len(names)} {place}" + (f" ({', '.join(names)})" if place == ON_HOST else "")
        for place, names in result.imported.items()
        if names
    ]
    return ", ".join(counts)


def _comparison(result: RunResult) -> str:
    first = result.points[0]
    images = "1 image" if first.images_simulated == 1 else f"{first.images_simulated} images"
    simulated = f"{images} simulated{'' if result.is_given else ' at each width'}"
    if first.golden_mismatches is None:
        which = " (accuracy is that of these images)" if result.has_accuracy else ""
        return f"{simulated}, not compared with golden{which}"
    mismatches = sum(point.golden_mismatches or 0 for point in result.points)
    agreement = "all outputs equal golden" if not mismatches else f"{mismatches} outputs DIFFER"
    if not result.has_accuracy:
        return f"{simulated}, {agreement}"
    return f"{simulated}, {agreement}; accuracy over {first.images_golden} images by golden"


def _comparison_style(result: RunResult) -> str:
    wrong = any(point.golden_mismatches for point in result.points)
    return "bold red" if wrong else ""


def _omissions(result: RunResult) -> str:
    if not result.not_modelled:
        return "nothing listed"
    return f"{len(result.not_modelled)} items (named by --output, --json)"
