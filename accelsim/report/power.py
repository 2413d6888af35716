"""Power over time: what each unit's energy in a layer comes to while the unit is at work on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from accelsim.energy import Component
from accelsim.report.results import RunResult
from accelsim.report.style import COMPONENT_COLORS, in_style
from accelsim.report.words import aligned

__all__ = ["PowerOverTime", "power_counters", "power_figure", "power_over_time"]

_Interval = tuple[int, int]

_ARRAY = (Component.MULTIPLIER, Component.ADDER, Component.REGISTERS, Component.WIRES)
_SRAM = (Component.ACTIVATION_SRAM, Component.WEIGHT_SRAM, Component.ACCUMULATOR_SRAM)
_GROUPS: dict[str, tuple[tuple[Component, ...], str]] = {
    "always on": (
        (Component.LEAKAGE, Component.DRAM_BACKGROUND, Component.CLOCK_TREE),
        COMPONENT_COLORS["leakage"],
    ),
    "array": (_ARRAY, COMPONENT_COLORS["adder"]),
    "SRAM and control": ((*_SRAM, Component.CONTROL), COMPONENT_COLORS["weight_sram"]),
    "rescale": ((Component.RESCALE,), COMPONENT_COLORS["rescale"]),
    "vector": ((Component.VECTOR,), COMPONENT_COLORS["vector"]),
    "DRAM": ((Component.DRAM,), COMPONENT_COLORS["dram"]),
}
_AT_WORK = {
    "array": ("array", "array_preload"),
    "SRAM and control": ("array", "array_preload", "vector"),
    "rescale": ("rescale",),
    "vector": ("vector",),
    "DRAM": ("dma_weights", "dma_activations", "dma_outputs"),
}
"""The units of the timeline in whose work a group's energy is spent."""
_MOST_COUNTERS = 20_000
_DRAWN_STEPS = 400


@dataclass(frozen=True, eq=False)
class PowerOverTime:
    """Power by group in mW: ``power_mw[group][i]`` from ``cycles[i]`` to ``cycles[i + 1]``."""

    cycles: NDArray[np.int64]
    power_mw: Mapping[str, NDArray[np.float64]]

    @property
    def total_mw(self) -> NDArray[np.float64]:
        """All groups."""
        total: NDArray[np.float64] = np.sum(list(self.power_mw.values()), axis=0)
        return total

    def binned(self, most: int) -> PowerOverTime:
        """Return the same energy in at most so many steps of equal length."""
        if len(self.cycles) - 1 <= most:
            return self
        ends = np.linspace(self.cycles[0], self.cycles[-1], most + 1).astype(np.int64)
        ends = np.unique(ends)
        lengths = np.diff(self.cycles)
        found = {}
        for group, power in self.power_mw.items():
            spent = np.concatenate([[0.0], np.cumsum(power * lengths)])
            found[group] = np.diff(np.interp(ends, self.cycles, spent)) / np.diff(ends)
        return PowerOverTime(ends, found)


def power_over_time(result: RunResult) -> PowerOverTime:
    """Return the power of the first point's batch, whose timeline the result has.

    A unit's energy in a layer is spread evenly over the cycles of its spans of that layer (the
    array's: those in which it streams or preloads); what is always on,
    and what has no span, over the layer's cycles.
    """
    point, energy = result.points[0], result.energies[0]
    spans: dict[tuple[str, str], list[_Interval]] = defaultdict(list)
    for span in result.timeline:
        name = span.label.partition("[")[0]
        spans[span.unit, name].append((span.start_cycle, span.stop_cycle))
    rates: dict[str, list[tuple[int, int, float]]] = {group: [] for group in _GROUPS}
    start = 0
    for layer, spent in zip(point.layers, energy.layers, strict=True):
        whole = [(start, start + layer.cycles_total)]
        for group, (components, _) in _GROUPS.items():
            pj = sum(spent.components_pj[component] for component in components)
            units = _AT_WORK.get(group, ())
            at_work = [one for unit in units for one in spans.get((unit, layer.name), ())]
            rates[group] += _spread(pj, _merged(at_work or whole))
        start += layer.cycles_total
    seconds = point.latency_us_per_image * point.batch * 1e-6
    mw_of_a_pj_a_cycle = 1e-9 * point.cycles_total / seconds
    return _steps(rates, mw_of_a_pj_a_cycle)


def _merged(intervals: list[_Interval]) -> list[_Interval]:
    """Return the same cycles, each of them once."""
    found: list[_Interval] = []
    for start, stop in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


def _spread(pj: float, intervals: list[_Interval]) -> Iterator[tuple[int, int, float]]:
    cycles = sum(stop - start for start, stop in intervals)
    if pj and cycles:
        for start, stop in intervals:
            yield start, stop, pj / cycles


def _steps(rates: Mapping[str, list[tuple[int, int, float]]], scale: float) -> PowerOverTime:
    ends = {end for of_group in rates.values() for rate in of_group for end in rate[:2]}
    cycles = np.array(sorted(ends), np.int64)
    found = {}
    for group, of_group in rates.items():
        changes = np.zeros(len(cycles))
        for column, sign in ((0, 1.0), (1, -1.0)):
            places = np.searchsorted(cycles, [rate[column] for rate in of_group])
            np.add.at(changes, places, [sign * rate[2] for rate in of_group])
        # What rounding leaves where nothing runs is nothing.
        found[group] = np.maximum(np.cumsum(changes)[:-1], 0.0) * scale
    return PowerOverTime(cycles, found)


def power_counters(power: PowerOverTime) -> Iterator[dict[str, object]]:
    """Yield counter events of Chrome's trace format, a cycle a microsecond as the spans."""
    shown = power.binned(_MOST_COUNTERS)
    last = len(shown.cycles) - 1
    for i, cycle in enumerate(shown.cycles.tolist()):
        values = {
            group: round(float(series[i]), 6) if i < last else 0.0
            for group, series in shown.power_mw.items()
        }
        yield {"name": "power (mW)", "ph": "C", "pid": 1, "ts": cycle, "args": values}


@in_style
def power_figure(result: RunResult) -> Figure:
    """Draw power over time, a band for each group."""
    exact = power_over_time(result)
    power = exact.binned(_DRAWN_STEPS)
    figure = Figure(figsize=(7.0, 3.2))
    axes = figure.subplots()
    used = {group: series for group, series in power.power_mw.items() if series.any()}
    axes.stackplot(
        np.repeat(power.cycles, 2)[1:-1],
        [np.repeat(series, 2) for series in used.values()],
        labels=list(used),
        colors=[_GROUPS[group][1] for group in used],
        linewidth=0,
    )
    axes.set_xlim(power.cycles[0], power.cycles[-1])
    axes.set_ylim(bottom=0)
    drawn = "" if power is exact else f", means of {np.diff(power.cycles).max():,} cycles"
    axes.set_xlabel(f"cycle of one batch{drawn}")
    axes.set_ylabel("power (mW)")
    lengths = np.diff(exact.cycles)
    mean = float((exact.total_mw * lengths).sum() / lengths.sum())
    shown_mean, shown_peak = aligned([mean, float(exact.total_mw.max())])
    axes.set_title(f"Power over time: mean {shown_mean}, peak {shown_peak} mW")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=6)
    return figure
