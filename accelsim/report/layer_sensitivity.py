"""Which layers few bits harm most: a table, a CSV file, a figure, a document."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from rich import box
from rich.console import Console
from rich.table import Table

from accelsim.report.style import ACCENT, INK, MUTED, in_style
from accelsim.report.words import percent

__all__ = [
    "LayerNoise",
    "SensitivityRow",
    "SensitivityStudy",
    "layer_noise_csv",
    "sensitivity_csv",
    "sensitivity_document",
    "sensitivity_figure",
    "sensitivity_table",
]

_COLORS = {"weights": ACCENT, "activations": "#e69f00"}
_MOST_BARS = 40
_LONGEST_NAME = 28


@dataclass(frozen=True)
class SensitivityRow:
    """What the network does with one operand of one layer at few bits.

    ``operand`` is ``weights``, or ``activations`` for what the layer writes; ``bits`` its width;
    ``elements`` its number (of activations: in an image). SQNR (None: no noise) and MSE are of the
    network's output, and of what the layer itself writes, against the float network.
    ``accuracy_pct`` is None where labels mean nothing.
    """

    layer: str
    operand: str
    bits: int
    elements: int
    accuracy_pct: float | None
    output_sqnr_db: float | None
    output_mse: float
    layer_sqnr_db: float | None
    layer_mse: float

    @property
    def harm(self) -> float:
        """What rows are sorted by: the mean squared error of the network's output."""
        return self.output_mse


@dataclass(frozen=True)
class LayerNoise:
    """Noise of what each layer writes (and of the input), with all layers at the same widths."""

    widths: str
    accuracy_pct: float | None
    sqnr_db: tuple[tuple[str, float | None], ...]
    mse: tuple[tuple[str, float], ...]

    @property
    def output_sqnr_db(self) -> float | None:
        """Of the last layer."""
        return self.sqnr_db[-1][1]


@dataclass(frozen=True)
class SensitivityStudy:
    """One layer at a time at few bits, all others at more.

    ``rows`` are sorted by harm; ``others`` and ``few`` have all layers at the others' widths and at
    those of the study.
    """

    network: str
    dataset: str
    images: int
    float_pct: float | None
    rows: tuple[SensitivityRow, ...]
    others: LayerNoise
    few: LayerNoise
    command: str
    notes: tuple[str, ...] = ()


def sensitivity_table(study: SensitivityStudy, width: int) -> str:
    """Return both tables: a row for each layer and operand, then noise layer by layer."""
    stream = io.StringIO()
    console = Console(width=width, file=stream, highlight=False, markup=False)
    console.print(
        f" {study.network}: one operand of one layer at {study.few.widths} bits, all else at "
        f"{study.others.widths}; {study.images:,} images of {study.dataset}; most harmful first"
    )
    of_both = [f"{what}\n{unit}" for what in ("output", "layer") for unit in ("SQNR dB", "MSE")]
    table = _empty_table("elements", "accuracy\n%", *of_both, operand=True)
    for row in study.rows:
        table.add_row(
            row.layer,
            row.operand,
            f"{row.elements:,}",
            percent(row.accuracy_pct, 2),
            *_noise_cells(row.output_sqnr_db, row.output_mse),
            *_noise_cells(row.layer_sqnr_db, row.layer_mse),
        )
    console.print(table)
    widths = [noise.widths for noise in (study.others, study.few)]
    console.print(f" What each layer writes, all at {widths[0]} and at {widths[1]} bits")
    table = _empty_table(
        *(f"{bits} bits\n{name}" for bits in widths for name in ("SQNR dB", "MSE"))
    )
    by_layer = zip(
        study.others.sqnr_db, study.others.mse, study.few.sqnr_db, study.few.mse, strict=True
    )
    for (layer, many_db), (_, many), (_, few_db), (_, few) in by_layer:
        table.add_row(layer, *_noise_cells(many_db, many), *_noise_cells(few_db, few))
    console.print(table)
    if study.float_pct is not None:
        console.print(
            f" Accuracy: float {study.float_pct:.2f} %, "
            f"all at {study.others.widths} bits {percent(study.others.accuracy_pct, 2)} %, "
            f"all at {study.few.widths} bits {percent(study.few.accuracy_pct, 2)} %"
        )
    for note in study.notes:
        console.print(f" Note: {note}")
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _empty_table(*numbers: str, operand: bool = False) -> Table:
    """Return a table of layers, whose names give way where a line is short."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("layer", overflow="fold")
    if operand:
        table.add_column("operand", no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _noise_cells(sqnr_db: float | None, mse: float) -> tuple[str, str]:
    return ("-" if sqnr_db is None else f"{sqnr_db:.1f}", f"{mse:.2e}")


def sensitivity_csv(study: SensitivityStudy) -> str:
    """Return one line for each layer and operand, most harmful first."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    fields = list(SensitivityRow.__dataclass_fields__)
    writer.writerow(["network", *fields])
    for row in study.rows:
        writer.writerow([study.network, *(_cell(getattr(row, name)) for name in fields)])
    return stream.getvalue()


def layer_noise_csv(study: SensitivityStudy) -> str:
    """Return one line for each layer and width, in execution order; the input first."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["network", "bits", "layer", "sqnr_db", "mse"])
    for noise in (study.others, study.few):
        for (layer, decibel), (_, mse) in zip(noise.sqnr_db, noise.mse, strict=True):
            row = [study.network, noise.widths, layer, _cell(decibel), _cell(mse)]
            writer.writerow(row)
    return stream.getvalue()


def _cell(value: str | float | None) -> str | int:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value


def sensitivity_document(study: SensitivityStudy) -> dict[str, object]:
    """Return everything as plain numbers, text and lists."""
    return {"schema": "accelsim.sensitivity/1"} | asdict(study)


@in_style
def sensitivity_figure(study: SensitivityStudy) -> Figure:
    """Draw the output's SQNR with each operand at few bits: the shortest bar does most harm."""
    rows = study.rows[:_MOST_BARS]
    figure = Figure(figsize=(7.0, 1.5 + 0.24 * len(rows)))
    axes = figure.subplots()
    shown = [0.0 if row.output_sqnr_db is None else row.output_sqnr_db for row in rows]
    axes.barh(range(len(rows)), shown, color=[_COLORS[row.operand] for row in rows], height=0.7)
    axes.set_yticks(range(len(rows)), [_shortened(row.layer) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    for place, row in enumerate(rows):
        if row.accuracy_pct is not None:
            axes.annotate(
                f"{row.accuracy_pct:.1f} %",
                (max(shown[place], 0.0), place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=INK,
            )
    limit = study.others.output_sqnr_db
    if limit is not None:
        axes.axvline(limit, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2)
    axes.set_xlabel(f"SQNR of the network's output, dB (dashed: all at {study.others.widths} bits)")
    axes.set_xlim(right=_room(shown, limit))
    names = dict.fromkeys(row.operand for row in rows)
    figure.legend(
        [Patch(color=_COLORS[name]) for name in names],
        [f"{name} at few bits" for name in names],
        loc="outside upper left",
        ncols=2,
    )
    more = f", the {len(rows)} most harmful" if len(rows) < len(study.rows) else ""
    accuracy = "; accuracy beside the bars" if rows and rows[0].accuracy_pct is not None else ""
    axes.set_title(f"One operand of a layer at {study.few.widths} bits{more}{accuracy}")
    return figure


def _room(shown: Sequence[float], limit: float | None) -> float:
    """Return where the axis ends: text fits right of the longest bar."""
    longest = max([*shown, 0.0 if limit is None else limit])
    return 1.15 * longest if isfinite(longest) and longest > 0.0 else 1.0


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else "…" + name[1 - _LONGEST_NAME :]
