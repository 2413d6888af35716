"""The figures of a run: accuracy and energy against bit-width, where cycles and energy go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from accelsim.report.alike import longest
from accelsim.report.heat_map import pe_energy
from accelsim.report.power import power_figure
from accelsim.report.results import CAUSES, PointResult, RunResult
from accelsim.report.roofline import roofline
from accelsim.report.style import ACCENT, CAUSE_COLORS, COMPONENT_COLORS, MUTED, in_style
from accelsim.report.words import aligned, bits, words

__all__ = [
    "accuracy_and_energy",
    "cycles_by_layer",
    "energy_by_component",
    "figures",
]

_MOST_LAYERS = 24
_LONGEST_NAME = 28
_STEEP_POINTS = 10.0
"""A fall to the next point by more than this would run through the label below the point."""
_LOW_PCT = 20.0
"""Below a point lower than this there is no room for its label."""
_FEW_BARS = 4
_FEW_LABELS = 10
_WIDTH_INCHES = 7.0
_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
"""Behind a label, so that no line runs through it."""


def figures(result: RunResult) -> dict[str, Figure]:
    """Return every figure of the run by its file name (without extension)."""
    drawn = {
        "energy_by_component": energy_by_component(result),
        "cycles_by_layer": cycles_by_layer(result),
    }
    if result.has_float_accuracy:
        drawn = {"accuracy_and_energy": accuracy_and_energy(result)} | drawn
    if all(point.switching for point in result.points):
        drawn["pe_energy"] = pe_energy(result)
    if result.timeline and result.energies:
        drawn["power_over_time"] = power_figure(result)
    if result.points[0].peak_macs_per_cycle:
        drawn["roofline"] = roofline(result)
    return drawn


@in_style
def accuracy_and_energy(result: RunResult) -> Figure:
    """Draw accuracy (float and integer) above energy per image, over the bit-widths of the run."""
    figure = Figure(figsize=(_WIDTH_INCHES, 4.6))
    accuracy, energy = figure.subplots(2, 1, sharex=True)
    places = np.arange(len(result.points))
    _draw_accuracy(accuracy, places, result.points)
    _draw_energy(energy, places, result.points)
    energy.set_xticks(places, [bits(point) for point in result.points])
    energy.set_xlim(-0.6, len(places) - 0.4)
    energy.set_xlabel(_bits_axis(result.points))
    return figure


def _draw_accuracy(axes: Axes, places: np.ndarray, points: Sequence[PointResult]) -> None:
    integer = [point.accuracy_integer_pct or 0.0 for point in points]
    baseline = points[0].accuracy_float_pct or 0.0
    axes.axhline(baseline, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2)
    axes.plot(places, integer, color=ACCENT, marker="o", markersize=6, linewidth=1.8)
    axes.text(
        1.0,
        baseline,
        f"float {baseline:.1f} %",
        transform=axes.get_yaxis_transform(),
        color=MUTED,
        ha="right",
        va="bottom",
    )
    for place, value, following in zip(places, integer, [*integer[1:], 0.0], strict=True):
        low = value < _LOW_PCT
        falls = place < places[-1] and value - following > _STEEP_POINTS
        _label(
            axes,
            place,
            value,
            f"{value:.1f}",
            below=not low,
            shift=14 if low else -14 if falls else 0,
        )
    axes.set_ylim(0, 112)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.set_ylabel("test accuracy (%)")
    axes.set_title("Accuracy of the integers that the array computes")
    axes.grid(axis="x", visible=False)


def _draw_energy(axes: Axes, places: np.ndarray, points: Sequence[PointResult]) -> None:
    values = [point.energy_uj_per_image for point in points]
    axes.bar(places, values, width=0.5, color=ACCENT)
    for place, value, text in zip(places, values, aligned(values), strict=True):
        _label(axes, place, value, text, below=False)
    axes.set_ylim(0, 1.18 * max(values, default=0) or 1)
    axes.set_ylabel("energy per image (µJ)")
    axes.set_title("Energy")
    axes.grid(axis="x", visible=False)


def _label(axes: Axes, x: float, y: float, text: str, *, below: bool, shift: int = 0) -> None:
    axes.annotate(
        text,
        (x, y),
        xytext=(shift, -8 if below else 4),
        textcoords="offset points",
        ha="center",
        va="top" if below else "bottom",
        bbox=_PAPER,
    )


@in_style
def energy_by_component(result: RunResult) -> Figure:
    """Draw energy per image split by component, one stacked bar for each bit-width."""
    # An axis is too short for its label beside one or two bars: the bars say it themselves.
    few = len(result.points) < _FEW_BARS
    rows = [
        (f"{bits(point)} bits" if few else bits(point), point.energy_split_uj)
        for point in result.points
    ]
    totals = aligned([point.energy_uj_per_image for point in result.points])
    figure = Figure(figsize=(_WIDTH_INCHES, 1.5 + 0.36 * len(rows)))
    axes = figure.subplots()
    _stack(axes, rows, COMPONENT_COLORS, [f"{total} µJ" for total in totals])
    axes.set_xlabel("energy per image (µJ)")
    if not few:
        axes.set_ylabel(_bits_axis(result.points))
    axes.set_title("Where the energy goes")
    _legend(figure, axes)
    return figure


@in_style
def cycles_by_layer(result: RunResult) -> Figure:
    """Draw each layer's cycles by cause, for the widest and the narrowest operands of the run.

    Where the width makes no difference to any cycle there is one panel. Of a long network layers
    that are alike are one bar, only those with most cycles are drawn, and the title says so.
    """
    shown = _panels(result.points)
    groups, dropped = longest(result.points[0].layers, _MOST_LAYERS)
    counts = {layer.name: count for layer, count in groups}
    height = 1.3 + len(shown) * (0.75 + 0.26 * len(counts))
    figure = Figure(figsize=(_WIDTH_INCHES, height))
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, point) in zip(panels, shown, strict=True):
        layers = [layer for layer in point.layers if layer.name in counts]
        rows = [(_times(_shortened(one.name), counts[one.name]), one.cycles) for one in layers]
        labels = [f"{layer.cycles_total:,}" for layer in layers]
        _stack(axes, rows, {cause: CAUSE_COLORS[cause] for cause in CAUSES}, labels)
        remainder = f" ({dropped} shorter layers not drawn)" if dropped else ""
        axes.set_title(f"Cycles by cause, {title}{remainder}")
    batch = result.points[0].batch
    panels[-1].set_xlabel("cycles per image" if batch == 1 else f"cycles per batch of {batch}")
    _legend(figure, panels[0])
    return figure


def _panels(points: Sequence[PointResult]) -> list[tuple[str, PointResult]]:
    widest, narrowest = points[0], points[-1]
    same = all(
        first.cycles == last.cycles
        for first, last in zip(widest.layers, narrowest.layers, strict=True)
    )
    if widest is narrowest:
        return [(f"{bits(widest)} bits", widest)]
    if same:
        return [("the same at every width", widest)]
    return [(f"{bits(point)} bits", point) for point in (widest, narrowest)]


def _times(name: str, count: int) -> str:
    return f"{name} ×{count}" if count > 1 else name


def _stack(
    axes: Axes,
    rows: Sequence[tuple[str, Mapping[str, float]]],
    colors: Mapping[str, str],
    labels: Sequence[str],
) -> None:
    """Draw one horizontal stacked bar for each row, first row on top, total at its end."""
    places = np.arange(len(rows))
    left = np.zeros(len(rows))
    for part, color in colors.items():
        widths = np.array([float(parts.get(part, 0.0)) for _, parts in rows])
        if widths.any():
            axes.barh(places, widths, left=left, height=0.62, color=color, label=words(part))
        left += widths
    for place, end, label in zip(places, left, labels, strict=True):
        axes.annotate(
            label, (end, place), xytext=(5, 0), textcoords="offset points", va="center", bbox=_PAPER
        )
    axes.set_yticks(places, [name for name, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.14 * left.max(initial=0.0) or 1)
    axes.grid(axis="y", visible=False)


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    columns = 5 if len(labels) <= _FEW_LABELS else 4
    figure.legend(handles, labels, loc="outside lower left", ncols=columns)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else "…" + name[1 - _LONGEST_NAME :]


def _bits_axis(points: Sequence[PointResult]) -> str:
    if all(point.weight_bits == point.activation_bits for point in points):
        return "bits of weights and activations"
    return "bits of weights (w) and activations (a)"
