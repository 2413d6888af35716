"""The figures of a sweep for papers: the front in every pair of objectives, what moves what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from matplotlib.figure import Figure

from accelsim.report.style import ACCENT, MUTED, in_style

__all__ = ["SweepFigure", "sweep_figures"]

_WIDTH_INCHES = 7.0
_LOGARITHMIC_SPAN = 10.0
"""Values that span more than this factor are drawn on a logarithmic scale."""


@dataclass(frozen=True)
class SweepFigure:
    """What the figures show: objectives (name, unit), their values by point, who is on the front.

    ``sensitivity``: by objective, then axis, a share from 0 to 1.
    """

    title: str
    objectives: Sequence[tuple[str, str]]
    values: Sequence[tuple[float, ...]]
    front: Sequence[bool]
    sensitivity: Mapping[str, Mapping[str, float]]


def sweep_figures(sweep: SweepFigure) -> dict[str, Figure]:
    """Return every figure by its file name (without extension)."""
    drawn = {"sensitivity": _sensitivity(sweep)}
    for first, second in combinations(range(len(sweep.objectives)), 2):
        names = sweep.objectives[first][0], sweep.objectives[second][0]
        drawn["front_{}_{}".format(*names)] = _scatter(sweep, first, second)
    return drawn


@in_style
def _scatter(sweep: SweepFigure, across: int, up: int) -> Figure:
    figure = Figure(figsize=(_WIDTH_INCHES, 4.6))
    axes = figure.subplots()
    values, front = np.array(sweep.values, dtype=float), np.array(sweep.front, dtype=bool)
    x, y = values[:, across], values[:, up]
    axes.scatter(x[~front], y[~front], s=8, color=MUTED, alpha=0.4, linewidths=0, label="beaten")
    axes.scatter(x[front], y[front], s=26, color=ACCENT, linewidths=0, label="on the front")
    for numbers, set_scale in ((x, axes.set_xscale), (y, axes.set_yscale)):
        if numbers.min() > 0 and numbers.max() / numbers.min() > _LOGARITHMIC_SPAN:
            set_scale("log")
    axes.set_xlabel(_label(sweep.objectives[across]))
    axes.set_ylabel(_label(sweep.objectives[up]))
    axes.set_title(f"{sweep.title}: {len(values):,} designs, {int(front.sum()):,} on the front")
    axes.legend()
    return figure


@in_style
def _sensitivity(sweep: SweepFigure) -> Figure:
    count = len(sweep.sensitivity)
    names = list(next(iter(sweep.sensitivity.values()), {}))
    figure = Figure(figsize=(_WIDTH_INCHES, 0.9 + 0.3 * max(1, len(names))))
    panels = figure.subplots(1, max(1, count), sharey=True, squeeze=False)[0]
    places = np.arange(len(names))
    for axes, (objective, shares) in zip(panels, sweep.sensitivity.items(), strict=False):
        axes.barh(places, [100 * shares[name] for name in names], height=0.62, color=ACCENT)
        axes.set_yticks(places, names)
        axes.set_xlim(0, 100)
        axes.set_title(objective)
        axes.grid(axis="y", visible=False)
    panels[0].invert_yaxis()
    figure.supxlabel("share of variance that the axis alone explains (%)", fontsize=9)
    return figure


def _label(objective: tuple[str, str]) -> str:
    name, unit = objective
    return f"{name} ({unit})" if unit else name
