"""A point as a store holds it: its columns, and what of them a sweep goes on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from accelsim.sweeps.axes import Choice
from accelsim.sweeps.evaluate import Figures
from accelsim.sweeps.metrics import METRICS
from accelsim.sweeps.networks import Accuracy
from accelsim.sweeps.result_version import result_version

__all__ = [
    "POINT_COLUMNS",
    "RESULT_COLUMNS",
    "Result",
    "StoredPoint",
    "choice_text",
    "point_row",
    "read_choice",
    "read_result",
]

_FIGURES = (
    "cycles_total",
    "cycles_per_image",
    "latency_us",
    "energy_uj",
    "edp_uj_us",
    "power_mw",
    "area_mm2",
    "utilization_pct",
    "tops_per_w",
    "macs",
    "dram_bytes",
)
POINT_COLUMNS = (
    *("key", "version", "status", "reason"),
    *_FIGURES,
    *("accuracy_pct", "accuracy_float_pct", "cycles_by_cause", "energy_by_component_uj"),
)
"""What `point_row` gives."""

_METRICS = tuple(metric.column for metric in METRICS.values())
RESULT_COLUMNS = ("key", "status", "reason", *_METRICS)
"""What `read_result` reads."""


@dataclass(frozen=True, slots=True)
class Result:
    """What is stored of a point, as far as it is judged by it: its metrics by column."""

    key: str
    status: str
    reason: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class StoredPoint:
    """A point as it is written: figures, or why there are none.

    ``status``: ``done``; ``failed``, after its retry; ``impossible``, no such machine can be
    built or the network does not fit it.
    """

    key: str
    choice: Choice
    status: str
    reason: str = ""
    figures: Figures | None = None
    accuracy: Accuracy | None = None

    @property
    def result(self) -> Result:
        """What it is judged by."""
        metrics: dict[str, float] = {}
        if self.figures is not None:
            names = [name for name in _METRICS if name != "accuracy_pct"]
            metrics = {name: float(getattr(self.figures, name)) for name in names}
            if self.accuracy is not None:
                metrics["accuracy_pct"] = self.accuracy.integer_pct
        return Result(self.key, self.status, self.reason, metrics)


def choice_text(choice: Choice) -> str:
    """Return a choice as stored: ``3,0,12``."""
    return ",".join(map(str, choice))


def read_choice(text: str) -> Choice:
    """Return a choice from its text; a space without axes has one, the empty one."""
    return tuple(map(int, text.split(","))) if text else ()


def read_result(key: str, status: str, reason: str, *metrics: float | None) -> Result:
    """Return a result from its `RESULT_COLUMNS`."""
    known = zip(_METRICS, metrics, strict=True)
    return Result(key, status, reason, {name: value for name, value in known if value is not None})


def point_row(point: StoredPoint) -> tuple[object, ...]:
    """Return a point's `POINT_COLUMNS`."""
    figures, accuracy = point.figures, point.accuracy
    numbers = [None if figures is None else getattr(figures, name) for name in _FIGURES]
    causes = {} if figures is None else figures.cycles_by_cause
    components = {} if figures is None else figures.energy_by_component_uj
    return (
        *(point.key, result_version(), point.status, point.reason),
        *numbers,
        None if accuracy is None else accuracy.integer_pct,
        None if accuracy is None else accuracy.float_pct,
        json.dumps(causes),
        json.dumps(components),
    )
