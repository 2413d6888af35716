"""What quantization methods do to accuracy: a table, a CSV file, a figure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.table import Table

from accelsim.report.style import INK, MUTED, in_style

__all__ = ["MethodResult", "MethodStudy", "accuracy_figure", "accuracy_table", "study_csv"]

# Okabe and Ito's colours but for the yellow, which paper swallows; then the same, dashed.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK)
_DASHES = ("-", (0, (4, 2)))
_WIDTH_INCHES = 7.0


@dataclass(frozen=True)
class MethodResult:
    """A method at one pair of widths: the accuracy of every repeat."""

    method: str
    weight_bits: int
    activation_bits: int
    accuracies_pct: tuple[float, ...]

    @property
    def accuracy_pct(self) -> float:
        """Mean over the repeats."""
        return fmean(self.accuracies_pct)

    @property
    def deviation_pct(self) -> float | None:
        """Standard deviation over the repeats, none if there is one."""
        return stdev(self.accuracies_pct) if len(self.accuracies_pct) > 1 else None

    @property
    def widths(self) -> str:
        """``int4``, or ``w4 a8``."""
        if self.weight_bits == self.activation_bits:
            return f"int{self.weight_bits}"
        return f"w{self.weight_bits} a{self.activation_bits}"


@dataclass(frozen=True)
class MethodStudy:
    """Methods and widths on one network.

    ``formats`` are number formats for weights and activations alike, by name with their accuracy
    in percent: rounded values in float sums, not integers on a machine. ``calibration_images`` is
    the number that each repeat looks at.
    """

    network: str
    dataset: str
    images: int
    calibration_images: int
    float_pct: float
    results: tuple[MethodResult, ...]
    formats: tuple[tuple[str, float], ...]
    command: str
    notes: tuple[str, ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        """Names, in the order given."""
        return tuple(dict.fromkeys(result.method for result in self.results))

    @property
    def widths(self) -> tuple[str, ...]:
        """Widths, in the order given."""
        return tuple(dict.fromkeys(result.widths for result in self.results))


def accuracy_table(study: MethodStudy, width: int) -> str:
    """Return a table of a row a method and a column a width, in percent."""
    console = Console(width=width, file=io.StringIO(), highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("method", no_wrap=True)
    for name in study.widths:
        table.add_column(name, justify="right", no_wrap=True)
    found = {(result.method, result.widths): result for result in study.results}
    best = {
        name: max(r.accuracy_pct for r in study.results if r.widths == name)
        for name in study.widths
    }
    for method in study.methods:
        cells = []
        for name in study.widths:
            result = found[method, name]
            text = f"{result.accuracy_pct:.2f}"
            if result.deviation_pct is not None:
                # Five widths have room in 80 columns; the CSV has every digit.
                text = f"{result.accuracy_pct:.1f} ±{result.deviation_pct:.1f}"
            is_best = result.accuracy_pct == best[name] and len(study.methods) > 1
            cells.append(f"[bold]{text}[/bold]" if is_best else text)
        table.add_row(method, *cells)
    console.print(
        f" {study.network}, accuracy in percent over {study.images:,} images of {study.dataset}; "
        f"float {study.float_pct:.2f}"
    )
    console.print(table)
    for name, accuracy_pct in study.formats:
        console.print(f" {name}: {accuracy_pct:.2f} (weights and activations; sums in float)")
    for note in study.notes:
        console.print(f" Note: {note}")
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return str(text)


def study_csv(study: MethodStudy) -> str:
    """Return one line for each method, pair of widths and repeat."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["network", "method", "weight_bits", "activation_bits", "repeat", "accuracy_pct"]
    )
    for result in study.results:
        widths = (result.weight_bits, result.activation_bits)
        for repeat, accuracy_pct in enumerate(result.accuracies_pct):
            row = [study.network, result.method, *widths, repeat, f"{accuracy_pct:.4f}"]
            writer.writerow(row)
    return stream.getvalue()


@in_style
def accuracy_figure(study: MethodStudy) -> Figure:
    """Draw accuracy over bit-widths, a line a method; bars are one standard deviation."""
    figure = Figure(figsize=(_WIDTH_INCHES, 3.8))
    axes = figure.subplots()
    places = range(len(study.widths))
    axes.axhline(study.float_pct, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2)
    axes.annotate(
        f"float {study.float_pct:.1f} %",
        (1.0, study.float_pct),
        xycoords=axes.get_yaxis_transform(),
        xytext=(0, 3),
        textcoords="offset points",
        color=MUTED,
        ha="right",
    )
    for index, method in enumerate(study.methods):
        results = [result for result in study.results if result.method == method]
        axes.errorbar(
            places,
            [result.accuracy_pct for result in results],
            yerr=_deviations(results),
            color=_COLORS[index % len(_COLORS)],
            linestyle=_DASHES[index // len(_COLORS) % len(_DASHES)],
            marker="o",
            markersize=4,
            linewidth=1.6,
            capsize=2,
            label=method,
        )
    axes.set_xticks(places, list(study.widths))
    axes.set_ylabel("accuracy, %")
    axes.set_ylim(0, 104)
    columns = 1 if len(study.methods) <= len(_COLORS) else 2
    axes.legend(loc="best", ncols=columns, fontsize=8, handlelength=3.2)
    return figure


def _deviations(results: Sequence[MethodResult]) -> list[float] | None:
    found = [result.deviation_pct for result in results]
    return [value or 0.0 for value in found] if any(found) else None
