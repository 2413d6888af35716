"""Number lines: where the values of number formats lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from accelsim.arithmetic.number_formats import AnyFormat, BlockFormat, NumberFormat
from accelsim.report.style import ACCENT, INK, MUTED, in_style

__all__ = ["number_lines"]

_WIDTH_INCHES = 7.0
_LINE_INCHES = 0.42
_MOST_TICKS = 300
_SMALLEST_SHOWN = 2.0**-40


@in_style
def number_lines(formats: Sequence[AnyFormat]) -> Figure:
    """Draw the finite values of each format on a line of its own, relative to its largest.

    Left, both signs on a linear axis; right, the positive values on a logarithmic one: how fine
    a format is for large values, and how small values it still tells from zero.
    """
    figure = Figure(figsize=(_WIDTH_INCHES, 1.0 + _LINE_INCHES * len(formats)))
    linear, logarithmic = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    for place, format in enumerate(formats):
        _draw_line(linear, logarithmic, place, _elements(format))
    names = [format.name for format in formats]
    linear.set_yticks(range(len(formats)), names)
    linear.set_ylim(len(formats) - 0.4, -0.6)
    linear.set_xlabel("value / largest value")
    linear.set_xlim(-1.05, 1.05)
    linear.set_xticks([-1.0, -0.5, 0.0, 0.5, 1.0])
    logarithmic.set_xscale("log", base=2)
    smallest = min(
        _elements(format).smallest_positive / _elements(format).largest for format in formats
    )
    logarithmic.set_xlim(max(smallest, _SMALLEST_SHOWN) / 2, 1.6)
    logarithmic.set_xlabel("positive values, logarithmic")
    for axes in (linear, logarithmic):
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    return figure


def _elements(format: AnyFormat) -> NumberFormat:
    return format.element if isinstance(format, BlockFormat) else format


def _draw_line(linear: Axes, logarithmic: Axes, place: int, element: NumberFormat) -> None:
    values = element.finite_values / element.largest
    positive = values[values > 0.0]
    for axes, marks in ((linear, values), (logarithmic, positive)):
        axes.axhline(place, color=MUTED, linewidth=0.6)
        dense = len(marks) > _MOST_TICKS
        shown = _thinned(marks) if dense else marks
        width = 0.5 if dense or len(marks) > 40 else 1.3
        axes.vlines(shown, place - 0.28, place + 0.28, color=ACCENT, linewidth=width)
    if 0.0 in values:
        linear.vlines(0.0, place - 0.28, place + 0.28, color=INK, linewidth=1.3)


def _thinned(values: np.ndarray) -> np.ndarray:
    """Return as many of the values as can be told apart in print, ends included."""
    picked = np.linspace(0, len(values) - 1, _MOST_TICKS).round().astype(int)
    return np.asarray(values[picked])
