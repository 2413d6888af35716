"""Which points this sweep computes: stored ones are taken, claims of others are waited for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.errors import ConfigError
from accelsim.sweeps.axes import Choice
from accelsim.sweeps.inputs import Inputs
from accelsim.sweeps.keys import impossible_key
from accelsim.sweeps.pack import Point
from accelsim.sweeps.store import HEARTBEAT_SECONDS, Store
from accelsim.sweeps.stored_point import Result, StoredPoint

__all__ = ["Claimed", "Claims"]

_POLL_SECONDS = 1.0
"""How often it is asked for points that another sweep has claimed."""


@dataclass(frozen=True)
class Claimed:
    """What became of some choices; those that are not here are another sweep's for now.

    ``mine``: to be computed here; ``stored``: known already; ``impossible``: no such machine can
    be built.
    """

    mine: Sequence[Point] = ()
    stored: Sequence[tuple[Choice, Result]] = ()
    impossible: Sequence[StoredPoint] = ()


class Claims:
    """Claims choices of one space in its store."""

    def __init__(self, inputs: Inputs, store: Store) -> None:
        self._inputs, self._store, self._space = inputs, store, inputs.space
        self._elsewhere: list[tuple[str, Choice]] = []
        self._heard = self._polled = 0.0

    @property
    def waiting(self) -> bool:
        """Whether another sweep is at points of this space."""
        return bool(self._elsewhere)

    def claim(self, choices: Sequence[Choice]) -> Claimed:
        """Claim what is free of some choices."""
        points: list[Point] = []
        impossible: list[StoredPoint] = []
        for choice in choices:
            try:
                points.append(self._point(choice))
            except ConfigError as error:
                impossible.append(self._impossible(choice, str(error)))
        stored = self._take_stored([(point.key, point.choice) for point in points])
        found = {choice for choice, _ in stored}
        free = [point for point in points if point.choice not in found]
        claimed = self._store.claim([point.key for point in free]) if free else set()
        mine = []
        for point in free:
            if point.key in claimed:
                # Another choice of the same design waits for this one, as for another sweep's.
                claimed.remove(point.key)
                mine.append(point)
            else:
                self._elsewhere.append((point.key, point.choice))
        return Claimed(mine, stored, impossible)

    def look(self) -> Claimed:
        """Say that this process lives, and see what became of points that others claimed."""
        now = time.monotonic()
        if now - self._heard > HEARTBEAT_SECONDS:
            self._heard = now
            self._store.heartbeat()
        if not self._elsewhere or now - self._polled < _POLL_SECONDS:
            return Claimed()
        self._polled = now
        self._store.end_void_claims()
        places, self._elsewhere = self._elsewhere, []
        stored = self._take_stored(places)
        found = {choice for choice, _ in stored}
        claimed = self._store.claimed([key for key, _ in places])
        free: list[Choice] = []
        for key, choice in places:
            if key in claimed and choice not in found:
                self._elsewhere.append((key, choice))
            elif choice not in found:
                free.append(choice)
        again = self.claim(free)
        return Claimed(again.mine, [*stored, *again.stored], again.impossible)

    def _take_stored(self, places: Sequence[tuple[str, Choice]]) -> list[tuple[Choice, Result]]:
        """Make points that are stored points of this space, too; return their results."""
        known = self._store.results([key for key, _ in places])
        stored = [(key, choice) for key, choice in places if key in known]
        if stored:
            self._store.add_members(stored)
        return [(choice, known[key]) for key, choice in stored]

    def _point(self, choice: Choice) -> Point:
        design = self._space.design(choice)
        return Point(
            choice=choice,
            key=self._inputs.key(design),
            network=design.network,
            batch=design.batch,
            hardware=design.hardware,
            table=self._inputs.table(design),
            integers=self._inputs.integers(design),
        )

    def _impossible(self, choice: Choice, reason: str) -> StoredPoint:
        settings = {name: str(value) for name, value in self._space.settings(choice).items()}
        key = impossible_key({"base": self._space.base, "settings": settings})
        return StoredPoint(key, choice, "impossible", reason)
