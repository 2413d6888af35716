"""The search for the front of a space: Optuna proposes, what is known is in our own store."""

from __future__ import annotations

from accelsim.optuna_search import Dimension, OptunaSearch
from accelsim.sweeps.axes import Axis
from accelsim.sweeps.space import Space

__all__ = ["search_for"]

_GENERATION = 32
"""Points of a generation: NSGA-II chooses parents among so many."""


def search_for(space: Space) -> OptunaSearch:
    """Begin the search that a space asks for; raises ConfigError where Optuna is missing."""
    strategy = space.strategy
    return OptunaSearch(
        tuple(Dimension(axis.name, len(axis.values), _is_ordered(axis)) for axis in space.axes),
        strategy.method,
        objectives=len(space.objectives),
        choices=strategy.points or 0,
        seed=strategy.seed,
        generation=_GENERATION,
        wanted_by=f"strategy {strategy.method}",
        allows=space.allows,
    )


def _is_ordered(axis: Axis) -> bool:
    """Whether its values are numbers that grow."""
    numbers = axis.numbers
    ordered = all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
    return ordered and list(numbers) == sorted(numbers)
