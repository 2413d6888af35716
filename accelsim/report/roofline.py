"""The roofline of a run: what each layer reaches between the array's roof and DRAM's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from accelsim.report.results import LayerResult, PointResult, RunResult
from accelsim.report.style import ACCENT, INK, MUTED, in_style
from accelsim.report.words import bits

__all__ = ["roofline"]

_WIDTH_INCHES = 7.0
_NAMED_LAYERS = 5
_LETTER = 0.0105
"""Width of a letter of a name, as a share of the axis."""
_HOLLOW = "#d55e00"


@in_style
def roofline(result: RunResult) -> Figure:
    """Draw every matrix product of the first bit-width: MACs a cycle over MACs a DRAM byte.

    A product that moves nothing over DRAM has no place on the axis; these stand in a column of
    their own, at the right end.
    """
    point = result.points[0]
    layers = [layer for layer in point.layers if layer.macs]
    figure = Figure(figsize=(_WIDTH_INCHES, 4.2))
    axes = figure.subplots()
    intensities = [_intensity(layer) for layer in layers]
    finite = [value for value in intensities if value is not None]
    ridge = point.peak_macs_per_cycle / point.dram_bytes_per_cycle
    low = min([*finite, ridge]) / 2
    high = max([*finite, ridge]) * 4
    end = high / 1.6
    _draw_roofs(axes, point, low, high)
    places = [end if value is None else value for value in intensities]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    _draw_layers(axes, layers, places, [value is None for value in intensities])
    # Below the lowest layer there is room for its name.
    heights = [layer.macs / layer.cycles_total for layer in layers]
    lowest, top = min([*heights, low * point.dram_bytes_per_cycle]), axes.get_ylim()[1]
    axes.set_ylim(bottom=lowest * (lowest / top) ** 0.1)
    axes.set_xlabel("MACs per byte over DRAM")
    axes.set_ylabel("MACs per cycle")
    axes.set_title(f"Roofline at {bits(point)} bits: area is the layer's share of the cycles")
    return figure


def _intensity(layer: LayerResult) -> float | None:
    moved = layer.traffic.dram_read_bytes + layer.traffic.dram_write_bytes
    return layer.macs / moved if moved else None


def _draw_roofs(axes: Axes, point: PointResult, low: float, high: float) -> None:
    peak = point.peak_macs_per_cycle
    reach = np.array([low, peak / point.dram_bytes_per_cycle, high])
    axes.plot(reach, np.minimum(peak, reach * point.dram_bytes_per_cycle), color=INK, linewidth=1.6)
    axes.annotate(
        f"{peak:,.6g} MACs a cycle",
        (high, peak),
        xytext=(-4, 4),
        textcoords="offset points",
        ha="right",
        color=MUTED,
    )
    axes.annotate(
        f"slope: DRAM, {point.dram_bytes_per_cycle:,.4g} bytes a cycle",
        (0.01, 0.02),
        xycoords="axes fraction",
        va="bottom",
        color=MUTED,
    )


def _draw_layers(
    axes: Axes, layers: Sequence[LayerResult], places: Sequence[float], on_chip: Sequence[bool]
) -> None:
    total = sum(layer.cycles_total for layer in layers)
    heights = [layer.macs / layer.cycles_total for layer in layers]
    areas = [18 + 900 * layer.cycles_total / total for layer in layers]
    for inside, color, label in (
        (False, ACCENT, None),
        (True, _HOLLOW, "nothing over DRAM (intensity has no end)"),
    ):
        chosen = [index for index, value in enumerate(on_chip) if value == inside]
        if chosen:
            axes.scatter(
                [places[index] for index in chosen],
                [heights[index] for index in chosen],
                s=[areas[index] for index in chosen],
                color=color,
                alpha=0.45,
                edgecolors=color,
                label=label,
            )
    if any(on_chip):
        axes.legend(loc="lower right")
    _name_longest(axes, layers, places, heights)


def _name_longest(
    axes: Axes, layers: Sequence[LayerResult], places: Sequence[float], heights: Sequence[float]
) -> None:
    """Name the layers with most cycles; of names that would meet, the first."""
    low, high = axes.get_xlim()
    letter = _LETTER * np.log10(high / low)
    by_cycles = sorted(range(len(layers)), key=lambda index: -layers[index].cycles_total)
    taken: list[tuple[float, float, float]] = []
    for index in by_cycles:
        half = letter * len(layers[index].name) / 2
        here = (np.log10(places[index]), np.log10(heights[index]), half)
        if len(taken) == _NAMED_LAYERS or any(_near(here, other) for other in taken):
            continue
        taken.append(here)
        axes.annotate(
            layers[index].name,
            (places[index], heights[index]),
            xytext=(0, -9),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8,
        )


def _near(here: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    """Return whether two names would meet: (place, height, half a name's width) in decades."""
    apart = abs(here[0] - other[0]) - here[2] - other[2]
    return apart < 0 and abs(here[1] - other[1]) < 0.12
