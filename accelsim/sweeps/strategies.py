"""How the points of a space are chosen: everything asks and tells in the same way."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from accelsim.errors import ConfigError
from accelsim.optuna_search import SEARCHES
from accelsim.sweeps.axes import Choice
from accelsim.sweeps.search import search_for
from accelsim.sweeps.space import Space

__all__ = ["Listed", "SearchStrategy", "draw", "strategy_for"]

_ENUMERABLE = 200_000
"""Up to here all points of a space are listed; beyond it they are drawn."""
_MOST_MISSES = 100_000
"""Draws in a row that constraints may refuse before the space counts as empty."""
_LATIN_ROUNDS = 100


class SearchStrategy(Protocol):
    """Chooses points. It is told of every point that it asked for, in any order.

    ``learns``: whether what it is told changes what it asks for.
    """

    learns: bool

    @property
    def finished(self) -> bool:
        """Whether it will ask for nothing any more."""

    def ask(self, count: int) -> list[Choice]:
        """Return about ``count`` choices; none: first it wants to hear of earlier ones."""

    def tell(self, choice: Choice, values: tuple[float, ...] | None) -> None:
        """Hear of a point: its objectives, or none if it has none or breaks a budget."""


class Listed:
    """Choices that are known from the start."""

    learns = False

    def __init__(self, choices: Iterator[Choice]) -> None:
        self._choices = choices
        self.finished = False

    def ask(self, count: int) -> list[Choice]:
        """Return the next choices."""
        some = list(islice(self._choices, count))
        self.finished = len(some) < count
        return some

    def tell(self, choice: Choice, values: tuple[float, ...] | None) -> None:
        """Learn nothing."""


def strategy_for(space: Space) -> SearchStrategy:
    """Return the strategy that a space asks for.

    Raises
    ------
    ConfigError
        If the constraints leave no points, as far as can be told.
    """
    strategy = space.strategy
    if strategy.method == "grid":
        return Listed(space.grid())
    generator, count = random.Random(strategy.seed), strategy.points or 0
    if strategy.method in SEARCHES:
        return search_for(space)
    if strategy.method == "random":
        return Listed(draw(space, count, generator))
    return Listed(iter(_latin_hypercube(space, count, generator)))


def draw(space: Space, count: int, generator: random.Random) -> Iterator[Choice]:
    """Yield different allowed choices, each of the allowed ones as likely as any other."""
    if space.size <= _ENUMERABLE:
        everything = list(space.grid())
        yield from generator.sample(everything, min(count, len(everything)))
        return
    seen: set[Choice] = set()
    misses = 0
    while len(seen) < count:
        choice = tuple(generator.randrange(len(axis.values)) for axis in space.axes)
        if choice in seen or not space.allows(choice):
            misses += 1
            if misses == _MOST_MISSES:
                raise _almost_empty(space)
            continue
        misses = 0
        seen.add(choice)
        yield choice


def _latin_hypercube(space: Space, count: int, generator: random.Random) -> list[Choice]:
    """Return choices that cover every axis evenly: each of ``count`` strata of an axis once.

    Where constraints refuse some or values repeat, further hypercubes fill up.
    """
    chosen: dict[Choice, None] = {}
    for _ in range(_LATIN_ROUNDS):
        columns = []
        for axis in space.axes:
            strata = list(range(count))
            generator.shuffle(strata)
            size = len(axis.values)
            columns.append([math.floor((s + generator.random()) * size / count) for s in strata])
        for choice in zip(*columns, strict=True):
            if len(chosen) < count and space.allows(choice):
                chosen[choice] = None
        if len(chosen) == min(count, space.size):
            break
    if not chosen:
        raise _almost_empty(space)
    return list(chosen)


def _almost_empty(space: Space) -> ConfigError:
    return ConfigError(f"{space.source}: the constraints leave almost nothing of the space")
