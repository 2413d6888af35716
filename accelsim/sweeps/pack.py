"""Points on their way to workers: packed into jobs that take about half a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from accelsim.compiler.shapes import NetworkShape
from accelsim.energy import EnergyTable
from accelsim.hardware import Hardware
from accelsim.sweeps.axes import Choice
from accelsim.sweeps.evaluate import Job
from accelsim.sweeps.networks import Accuracy, IntegerForm
from accelsim.sweeps.parcel import Parcel
from accelsim.sweeps.result_version import result_version

__all__ = ["Packer", "Point", "ReadyPoint"]

Content = TypeVar("Content")

JOB_SECONDS = 0.5
MOST_POINTS = 512


@dataclass(frozen=True, eq=False)
class Point:
    """A point that this process has claimed."""

    choice: Choice
    key: str
    network: str
    batch: int
    hardware: Hardware
    table: EnergyTable
    integers: IntegerForm | None


@dataclass(frozen=True, eq=False)
class ReadyPoint:
    """A point whose network's shapes and accuracy are known."""

    point: Point
    shape: NetworkShape
    accuracy: Accuracy | None


class _Parcels(Generic[Content]):
    """Parcels of objects, each object packed once."""

    def __init__(self) -> None:
        self._packed: dict[int, tuple[Content, Parcel[Content]]] = {}

    def of(self, content: Content) -> Parcel[Content]:
        """Return an object's parcel."""
        if id(content) not in self._packed:
            # The object stays with its parcel, so that no other gets its id.
            self._packed[id(content)] = (content, Parcel.of(content))
        return self._packed[id(content)][1]


class Packer:
    """Makes jobs of points, larger ones where points take less time."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._ready: deque[ReadyPoint] = deque()
        self._size = 1
        self._shapes: _Parcels[NetworkShape] = _Parcels()
        self._tables: _Parcels[EnergyTable] = _Parcels()

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def size(self) -> int:
        """Points of a job."""
        return self._size

    def add(self, points: Iterable[ReadyPoint]) -> None:
        """Let points wait for a worker."""
        self._ready.extend(points)

    def took(self, points: int, seconds: float) -> None:
        """Hear how long a job took, and let the next ones be of the right size."""
        fitting = int(JOB_SECONDS * points / seconds) if seconds > 0 else MOST_POINTS
        # A job of a few points says little: the size grows step by step.
        self._size = max(1, min(fitting, 4 * self._size, MOST_POINTS))

    def take(self, most: int) -> list[ReadyPoint]:
        """Return the points of the next job, at most ``most`` of them."""
        return [self._ready.popleft() for _ in range(min(self._size, most, len(self._ready)))]

    def job(self, points: list[ReadyPoint]) -> Job:
        """Return the job of some points; shapes and tables that they share are sent once."""
        shapes: dict[Parcel[NetworkShape], int] = {}
        tables: dict[Parcel[EnergyTable], int] = {}
        items = []
        for ready in points:
            shape = self._shapes.of(ready.shape)
            table = self._tables.of(ready.point.table)
            shape_index = shapes.setdefault(shape, len(shapes))
            table_index = tables.setdefault(table, len(tables))
            items.append((shape_index, table_index, ready.point.hardware))
        return Job(
            shapes=tuple(shapes),
            tables=tuple(tables),
            points=tuple(items),
            version=result_version(),
            timeout_seconds=self._timeout_seconds,
        )
