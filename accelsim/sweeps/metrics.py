"""What a point is judged by: the numbers of its row, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.sweeps.expressions import Expression, Kind, parse_expression

__all__ = ["METRICS", "RESULT_NAMES", "Metric", "Objective", "metric_objective"]


@dataclass(frozen=True)
class Metric:
    """A number of a row: its column, its unit for people, whether more of it is better."""

    column: str
    unit: str
    maximize: bool = False


METRICS: dict[str, Metric] = {
    "accuracy": Metric("accuracy_pct", "%", maximize=True),
    "cycles": Metric("cycles_per_image", "cycles"),
    "latency": Metric("latency_us", "µs"),
    "energy": Metric("energy_uj", "µJ"),
    "area": Metric("area_mm2", "mm²"),
    "edp": Metric("edp_uj_us", "µJ·µs"),
    "power": Metric("power_mw", "mW"),
    "utilization": Metric("utilization_pct", "%", maximize=True),
    "efficiency": Metric("tops_per_w", "TOPS/W", maximize=True),
}
"""Objectives by the name that a space gives them."""

RESULT_NAMES: dict[str, Kind] = {metric.column: Kind.NUMBER for metric in METRICS.values()}
"""The names of results in constraints: a constraint that reads one is a budget."""


@dataclass(frozen=True)
class Objective:
    """Something to minimize or maximize: a metric, or an expression under a name of its own."""

    name: str
    expression: Expression
    maximize: bool
    unit: str = ""


def metric_objective(name: str) -> Objective:
    """Return the objective of a metric of `METRICS`."""
    metric = METRICS[name]
    return Objective(
        name, parse_expression(metric.column, RESULT_NAMES), metric.maximize, metric.unit
    )
