"""How far a sweep is, for a bar, for a log line, for a machine."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from accelsim.sweeps.metrics import Objective

__all__ = ["Progress", "Tally"]

_RECENT_SECONDS = 30.0


@dataclass(frozen=True)
class Progress:
    """A moment of a sweep.

    Attributes
    ----------
    done, failed, impossible
        Points of the space that are stored, by how they ended; those of earlier runs included.
    found
        How many of them were there already.
    over_budget
        How many of those that are done break a budget.
    total
        How many there will be; none where the constraints decide.
    points_per_minute
        Of late; 0 before the first.
    eta_seconds
        Time to the end at this rate; none where it is not known.
    best
        The best value of each objective, by its name; none of networks that are judged apart.
    """

    done: int
    failed: int
    impossible: int
    found: int
    over_budget: int
    total: int | None
    points_per_minute: float
    eta_seconds: float | None
    seconds: float
    best: Mapping[str, float]

    @property
    def stored(self) -> int:
        """Points of the space that are stored."""
        return self.done + self.failed + self.impossible


@dataclass
class Tally:
    """Counts points as they are stored."""

    objectives: Sequence[Objective]
    total: int | None
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("done", "failed", "impossible"), 0)
    )
    found: int = 0
    over_budget: int = 0
    best: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque([(self._began, 0)])
        self._computed = 0

    def add(
        self,
        status: str,
        costs: tuple[float, ...] | None,
        *,
        found: bool = False,
        over_budget: bool = False,
    ) -> None:
        """Count a point."""
        self.counts[status] += 1
        self.over_budget += over_budget
        if found:
            self.found += 1
        else:
            self._computed += 1
        for objective, cost in zip(self.objectives, costs or (), strict=False):
            sign = -1 if objective.maximize else 1
            best = self.best.get(objective.name)
            if best is None or cost < sign * best:
                self.best[objective.name] = sign * cost

    def moment(self) -> Progress:
        """Return how far it is now."""
        now = time.monotonic()
        self._recent.append((now, self._computed))
        while len(self._recent) > 2 and now - self._recent[0][0] > _RECENT_SECONDS:
            self._recent.popleft()
        then, before = self._recent[0]
        rate = (self._computed - before) / (now - then) if now > then else 0.0
        stored = sum(self.counts.values())
        eta = (self.total - stored) / rate if self.total is not None and rate > 0 else None
        return Progress(
            **self.counts,
            found=self.found,
            over_budget=self.over_budget,
            total=self.total,
            points_per_minute=60 * rate,
            eta_seconds=eta,
            seconds=now - self._began,
            best=dict(self.best),
        )
