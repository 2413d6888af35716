"""The energy of every PE: multiplier and adder, by the bits that changed."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from accelsim.report.results import RunResult
from accelsim.report.style import in_style
from accelsim.report.words import bits

__all__ = ["pe_energy"]

_PANEL_INCHES = 3.4


@in_style
def pe_energy(result: RunResult) -> Figure:
    """Draw the array at the widest and the narrowest operands of the run, a square for each PE."""
    ends = result.points[:1] if len(result.points) == 1 else (result.points[0], result.points[-1])
    figure = Figure(figsize=(_PANEL_INCHES * len(ends) + 0.2, _PANEL_INCHES + 0.1))
    for axes, point in zip(figure.subplots(1, len(ends), squeeze=False)[0], ends, strict=True):
        energy = np.array(point.switching.pe_energy_pj if point.switching else [[0.0]])
        image = axes.imshow(energy, cmap="viridis", vmin=0, interpolation="nearest")
        axes.set_title(f"Multipliers and adders, {bits(point)} bits")
        axes.set_xlabel("column")
        axes.set_ylabel("row")
        axes.grid(visible=False)
        for axis, length in ((axes.xaxis, energy.shape[1]), (axes.yaxis, energy.shape[0])):
            axis.set_ticks(sorted({0, (length - 1) // 2, length - 1}))
        bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
        bar.set_label("pJ per image")
        bar.outline.set_visible(False)
    return figure
