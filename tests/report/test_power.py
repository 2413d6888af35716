"""Power over time: the same joules, where and when they are spent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.energy import Area, Component, EnergyMode, EnergyReport, LayerEnergy, Line
from accelsim.energy.amount import Amount
from accelsim.pipeline import RunRequest, run
from accelsim.report.plots import figures
from accelsim.report.power import power_counters, power_figure, power_over_time
from accelsim.simulator.run import Span


def line(component, pj):
    return Line(component, "operations", 1, "operation", Amount(pj, pj, pj))


@pytest.fixture
def by_hand(single_point):
    """Two layers of 10 cycles at 1 GHz: 1 pJ a cycle is 1 mW."""
    point = single_point.points[0]
    layers = tuple(replace(point.layers[0], name=name, cycles_total=10) for name in ("a", "b"))
    point = replace(point, layers=layers, cycles_total=20, latency_us_per_image=0.02)
    energy = EnergyReport(
        1,
        EnergyMode.PER_OPERATION,
        (
            LayerEnergy("a", (line(Component.ADDER, 8.0), line(Component.LEAKAGE, 10.0))),
            LayerEnergy("b", (line(Component.DRAM, 12.0), line(Component.RESCALE, 5.0))),
        ),
        Area({}, 0.0, 0.0),
        "t",
        "0" * 64,
        45,
        0.9,
        (),
        (),
        {},
    )
    spans = (
        Span("array", "a", 2, 4),
        Span("array", "a", 6, 8),
        Span("dma_weights", "b[0]", 0, 4),
        Span("dma_outputs", "b", 16, 18),
    )
    return replace(single_point, points=(point,), energies=(energy,), timeline=spans)


def test_energy_is_spent_while_its_unit_works_on_the_layer(by_hand):
    power = power_over_time(by_hand)
    at = dict(zip(power.cycles.tolist(), range(len(power.cycles)), strict=True))

    def mw(group, cycle):
        return power.power_mw[group][at[cycle]]

    assert [mw("array", cycle) for cycle in (0, 2, 4, 6, 8)] == pytest.approx([0, 2, 0, 2, 0])
    # Weights of the second layer come while the first one runs.
    assert [mw("DRAM", cycle) for cycle in (0, 4, 16, 18)] == pytest.approx([2, 0, 2, 0])
    assert [mw("always on", cycle) for cycle in (0, 10)] == pytest.approx([1, 0])
    # No span of the rescale unit: over the whole layer.
    assert [mw("rescale", cycle) for cycle in (0, 10, 18)] == pytest.approx([0, 0.5, 0.5])
    assert power.cycles[0] == 0
    assert power.cycles[-1] == 20


def test_bins_keep_the_energy(by_hand):
    power = power_over_time(by_hand)
    binned = power.binned(3)
    assert len(binned.cycles) == 4
    for group, series in power.power_mw.items():
        energy = (series * np.diff(power.cycles)).sum()
        assert (binned.power_mw[group] * np.diff(binned.cycles)).sum() == pytest.approx(energy)
    assert power.binned(1000) is power


def test_the_counter_track_ends_at_nothing(by_hand):
    events = list(power_counters(power_over_time(by_hand)))
    assert {(event["ph"], event["name"]) for event in events} == {("C", "power (mW)")}
    assert events[0]["args"]["DRAM"] == pytest.approx(2)
    assert events[-1]["ts"] == 20
    assert not any(events[-1]["args"].values())


def test_a_preload_is_work_of_the_array_and_a_cycle_counts_once(by_hand):
    """The array streams in cycles 2, 3, 6 and 7 and preloads in 3, 4 and 5: 8 pJ in 6 cycles."""
    preload = Span("array_preload", "a", 3, 6)
    power = power_over_time(replace(by_hand, timeline=(*by_hand.timeline, preload)))
    at_work = power.power_mw["array"] > 0
    assert power.power_mw["array"][at_work] == pytest.approx(8 / 6)
    assert int(np.diff(power.cycles)[at_work].sum()) == 6


def test_a_runs_power_adds_up_to_its_energy():
    result = run(
        RunRequest(network="digits_mlp", points=((8, 8),), limit=1, check=False, timeline=True)
    )
    power = power_over_time(result)
    pj = float((power.total_mw * np.diff(power.cycles)).sum())
    assert pj * 1e-6 == pytest.approx(result.points[0].energy_uj_per_image)
    assert power.cycles[-1] <= result.points[0].cycles_total


def test_the_figure_says_mean_and_peak(by_hand):
    (axes,) = power_figure(by_hand).axes
    assert axes.get_title(loc="left") == "Power over time: mean 1.750, peak 5.000 mW"
    assert axes.get_xlabel() == "cycle of one batch"
    assert axes.get_ylabel() == "power (mW)"
    assert "power_over_time" in figures(by_hand)
    assert "power_over_time" not in figures(replace(by_hand, timeline=()))


def test_a_figure_of_means_says_so_as_the_peak_is_not_in_it(by_hand, monkeypatch):
    monkeypatch.setattr("accelsim.report.power._DRAWN_STEPS", 2)
    (axes,) = power_figure(by_hand).axes
    assert axes.get_xlabel() == "cycle of one batch, means of 10 cycles"
