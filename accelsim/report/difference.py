"""Why two results differ: cycles by cause, energy by component, largest difference first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accelsim.report.results import PointResult
from accelsim.report.words import significant, words

__all__ = ["Subject", "difference_document", "difference_text", "subject_of"]


@dataclass(frozen=True)
class Subject:
    """One side of a comparison; everything is for one image. ``cycles`` sum to the latency's.

    ``accuracy_pct`` is None without values.
    """

    name: str
    label: str
    clock_hz: float
    accuracy_pct: float | None
    cycles: Mapping[str, float]
    energy_uj: Mapping[str, float]

    @property
    def total_cycles(self) -> float:
        """All causes."""
        return sum(self.cycles.values())

    @property
    def latency_us(self) -> float:
        """Microseconds for one image."""
        return self.total_cycles / self.clock_hz * 1e6

    @property
    def total_energy_uj(self) -> float:
        """All components."""
        return sum(self.energy_uj.values())


def subject_of(name: str, point: PointResult) -> Subject:
    """Return a point of a run as one side of a comparison."""
    causes: dict[str, float] = {}
    for layer in point.layers:
        for cause, cycles in layer.cycles.items():
            causes[cause] = causes.get(cause, 0.0) + cycles / point.batch
    clock_hz = point.cycles_per_image / point.latency_us_per_image * 1e6
    return Subject(
        name=name,
        label=point.label,
        clock_hz=clock_hz,
        accuracy_pct=point.accuracy_integer_pct,
        cycles=causes,
        energy_uj=dict(point.energy_split_uj),
    )


def difference_text(first: Subject, second: Subject) -> str:
    """Return the comparison as text: totals, then each cause and component that differs."""
    lines = [f"A: {first.name}, {first.label}", f"B: {second.name}, {second.label}", ""]
    totals = [
        ("latency, µs/image", first.latency_us, second.latency_us),
        ("cycles/image", first.total_cycles, second.total_cycles),
        ("energy, µJ/image", first.total_energy_uj, second.total_energy_uj),
    ]
    if first.accuracy_pct is not None and second.accuracy_pct is not None:
        totals.append(("accuracy, %", first.accuracy_pct, second.accuracy_pct))
    lines += _table([("", "A", "B", "B - A", "B / A"), *(_total(*total) for total in totals)])
    for title, a, b in (
        ("Cycles by cause, per image", first.cycles, second.cycles),
        ("Energy by component, µJ per image", first.energy_uj, second.energy_uj),
    ):
        lines += ["", title]
        changes = _changes(a, b)
        if changes:
            head = ("", "A", "B", "B - A", "of the difference")
            lines += _table([head, *(_part(change) for change in changes)])
        else:
            lines.append("  no difference")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def difference_document(first: Subject, second: Subject) -> dict[str, Any]:
    """Return the comparison as a document of schema ``accelsim.difference/1``."""
    return {
        "schema": "accelsim.difference/1",
        "sides": [
            {
                "name": side.name,
                "label": side.label,
                "latency_us_per_image": side.latency_us,
                "cycles_per_image": side.total_cycles,
                "energy_uj_per_image": side.total_energy_uj,
                "accuracy_pct": side.accuracy_pct,
            }
            for side in (first, second)
        ],
        "cycles_per_image": _documents(first.cycles, second.cycles),
        "energy_uj_per_image": _documents(first.energy_uj, second.energy_uj),
    }


@dataclass(frozen=True)
class _Change:
    """What one cause or component adds to a difference; ``share`` of all of it, if there is any."""

    name: str
    a: float
    b: float
    share: float | None

    @property
    def difference(self) -> float:
        return self.b - self.a


def _changes(a: Mapping[str, float], b: Mapping[str, float]) -> list[_Change]:
    """Return what differs, the largest difference first."""
    whole = sum(b.values()) - sum(a.values())
    names = dict.fromkeys((*a, *b))
    changes = [
        _Change(
            name,
            a.get(name, 0.0),
            b.get(name, 0.0),
            (b.get(name, 0.0) - a.get(name, 0.0)) / whole if whole else None,
        )
        for name in names
        if a.get(name, 0.0) != b.get(name, 0.0)
    ]
    return sorted(changes, key=lambda change: -abs(change.difference))


def _documents(a: Mapping[str, float], b: Mapping[str, float]) -> list[dict[str, Any]]:
    return [
        {
            "name": change.name,
            "a": change.a,
            "b": change.b,
            "difference": change.difference,
            "share_of_difference": change.share,
        }
        for change in _changes(a, b)
    ]


def _total(name: str, a: float, b: float) -> tuple[str, ...]:
    ratio = f"{b / a:.3f}" if a else "-"
    return name, _number(a), _number(b), _signed(b - a), ratio


def _part(change: _Change) -> tuple[str, ...]:
    share = "-" if change.share is None else f"{100 * change.share:.1f} %"
    values = _number(change.a), _number(change.b), _signed(change.difference)
    return words(change.name), *values, share


def _number(value: float) -> str:
    return significant(value, 6)


def _signed(value: float) -> str:
    return significant(value, 6, "+") if value else "0"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + row[0].ljust(widths[0])
        + "".join(f"  {cell.rjust(width)}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
