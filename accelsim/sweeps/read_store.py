"""What a store holds, for people and for other programs: spaces, counts, rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from accelsim.errors import ConfigError
from accelsim.hardware.validation import did_you_mean
from accelsim.report.results import CAUSES
from accelsim.sweeps.axes import Choice
from accelsim.sweeps.metrics import METRICS
from accelsim.sweeps.result_version import result_version
from accelsim.sweeps.space import Space
from accelsim.sweeps.space_document import space_of
from accelsim.sweeps.store import Store
from accelsim.sweeps.stored_point import read_choice

__all__ = [
    "Row",
    "StoredSpace",
    "find_space",
    "read_rows",
    "stored_spaces",
    "table",
    "why_failed",
    "write_csv",
]

_COLUMNS = (
    *("key", "status", "reason", "cycles_total"),
    *(metric.column for metric in METRICS.values()),
    *("accuracy_float_pct", "macs", "dram_bytes", "cycles_by_cause", "energy_by_component_uj"),
)
_NUMBERS = _COLUMNS[3:-2]
_HEADINGS = tuple(dict.fromkeys(("accuracy_pct", "accuracy_float_pct", *_NUMBERS)))


@dataclass(frozen=True, eq=False)
class StoredSpace:
    """A space that was swept into a store.

    ``counts``: its points by how they ended. ``current``: whether the code that made them is
    this code; otherwise the numbers are of another version.
    """

    identity: int
    space: Space
    counts: Mapping[str, int]
    current: bool
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A point: what was chosen and what came of it. ``numbers`` has only what there is."""

    choice: Choice
    key: str
    status: str
    reason: str
    numbers: Mapping[str, float]
    cycles_by_cause: Mapping[str, int]
    energy_by_component_uj: Mapping[str, float]


def stored_spaces(store: Store) -> list[StoredSpace]:
    """Return every space of a store, the one that was swept last at the end."""
    counts: dict[int, dict[str, int]] = {}
    query = (
        "SELECT space, status, count(*) FROM members JOIN points ON points.id = point "
        "GROUP BY space, status"
    )
    for identity, status, count in store.rows(query):
        counts.setdefault(identity, {})[status] = count
    found = []
    for identity, text in store.rows("SELECT id, document FROM spaces ORDER BY id"):
        document = json.loads(text)
        found.append(
            StoredSpace(
                identity=identity,
                space=space_of(document, store.path),
                counts=counts.get(identity, {}),
                current=document["version"] == result_version(),
                inputs=document["inputs"],
            )
        )
    return found


def find_space(store: Store, name: str | None) -> StoredSpace:
    """Return the space of that name that was swept last, or the last one of all.

    Raises ConfigError if there is none.
    """
    spaces = stored_spaces(store)
    if not spaces:
        raise ConfigError(f"{store.path}: holds no points yet")
    if name is None:
        return spaces[-1]
    named = [stored for stored in spaces if stored.space.name == name]
    if not named:
        names = sorted({stored.space.name for stored in spaces})
        raise ConfigError(
            f"--space: must be one of {', '.join(names)}, got {name!r}{did_you_mean(name, names)}"
        )
    return named[-1]


def read_rows(store: Store, stored: StoredSpace) -> Iterator[Row]:
    """Yield the points of a space, in the order of the grid."""
    query = (
        f"SELECT choice, {', '.join(_COLUMNS)} FROM members JOIN points ON points.id = point "
        "WHERE space = ?"
    )
    rows = [(read_choice(row[0]), row[1:]) for row in store.rows(query, (stored.identity,))]
    for choice, (key, status, reason, *rest) in sorted(rows, key=lambda row: row[0]):
        *numbers, causes, components = rest
        known = zip(_NUMBERS, numbers, strict=True)
        yield Row(
            choice=choice,
            key=key,
            status=status,
            reason=reason,
            numbers={name: value for name, value in known if value is not None},
            cycles_by_cause=json.loads(causes),
            energy_by_component_uj=json.loads(components),
        )


def why_failed(store: Store, stored: StoredSpace) -> list[tuple[str, str, int]]:
    """Return (status, reason, points) of the points without results, most frequent first."""
    query = (
        "SELECT status, reason, count(*) FROM members JOIN points ON points.id = point "
        "WHERE space = ? AND status != 'done' GROUP BY status, reason ORDER BY count(*) DESC"
    )
    return [(row[0], row[1], row[2]) for row in store.rows(query, (stored.identity,))]


def table(stored: StoredSpace, rows: Iterator[Row]) -> Iterator[dict[str, Any]]:
    """Yield flat rows: axes, status, numbers, cycles by cause, energy by component.

    Every row has the same columns; what a point does not have is None.
    """
    records = list(rows)
    causes = [name for name in CAUSES if any(name in row.cycles_by_cause for row in records)]
    components = dict.fromkeys(name for row in records for name in row.energy_by_component_uj)
    for row in records:
        flat: dict[str, Any] = dict(stored.space.settings(row.choice))
        flat |= {"status": row.status, "reason": row.reason}
        flat |= {name: row.numbers.get(name) for name in _HEADINGS}
        flat |= {f"cycles_{name}": row.cycles_by_cause.get(name) for name in causes}
        flat |= {f"energy_{name}_uj": row.energy_by_component_uj.get(name) for name in components}
        flat["key"] = row.key
        yield flat


def write_csv(rows: Iterator[dict[str, Any]], file: IO[str]) -> int:
    """Write flat rows as CSV; return how many. What a point does not have is an empty cell."""
    writer: csv.DictWriter[str] | None = None
    count = 0
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
        count += 1
    return count
