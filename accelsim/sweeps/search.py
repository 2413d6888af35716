"""Multi-objective search with Optuna (extra ``search``): NSGA-II, an evolution, and TPE, a model.

Optuna proposes in memory; what is known of a point is in our own store. Proposals come in
generations, and Optuna hears of a generation in the order in which it was proposed: a search is
the same for any number of workers, and an interrupted one goes on as if it had not been.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from accelsim.errors import ConfigError
from accelsim.sweeps.space import Axis, Choice, Space

__all__ = ["SEARCHES", "OptunaSearch"]

SEARCHES = ("nsga2", "tpe")

_GENERATION = 32
"""Points of a generation: NSGA-II chooses parents among so many."""
_MOST_DRAWS = 1000
_MOST_REPEATS = 50
"""Generations in a row without a new point, after which a search has converged."""


class OptunaSearch:
    """Proposes until as many different points are known as the space asks for."""

    learns = True

    def __init__(self, space: Space) -> None:
        """Begin a search; raises ConfigError where Optuna is missing."""
        try:
            import optuna
        except ImportError:
            raise ConfigError(
                f"strategy {space.strategy.method}: needs Optuna: pip install 'accelsim[search]'"
            ) from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._left = space.strategy.points or 0
        self._repeats = 0
        self._failed = optuna.trial.TrialState.FAIL
        self._study = optuna.create_study(
            directions=["minimize"] * len(space.objectives), sampler=_sampler(optuna, space)
        )
        self._distributions = {axis.name: _distribution(optuna, axis) for axis in space.axes}
        self._replaces = space.strategy.method == "tpe"
        self._create_trial = optuna.trial.create_trial
        self._generator = random.Random(space.strategy.seed)
        self._proposed: list[tuple[Any, Choice]] = []
        self._known: dict[Choice, tuple[float, ...] | None] = {}
        self._asked: set[Choice] = set()

    @property
    def finished(self) -> bool:
        """Whether enough points are known, or nothing new is proposed any more."""
        return not self._proposed and (self._left <= 0 or self._repeats >= _MOST_REPEATS)

    def ask(self, count: int) -> list[Choice]:
        """Return a generation's new points, once everything of the one before is known."""
        del count
        if self._proposed or self.finished:
            return []
        new: dict[Choice, None] = {}
        for _ in range(_GENERATION):
            trial: Any = self._study.ask(self._distributions)
            choice = tuple(int(trial.params[axis.name]) for axis in self._space.axes)
            is_new = choice not in self._asked and choice not in new and self._space.allows(choice)
            if not is_new and self._replaces:
                # A model proposes what it believes in again and again: explore instead.
                self._study.tell(trial, state=self._failed)
                other = self._draw(new)
                if other is None:
                    break
                trial, choice, is_new = None, other, True
            self._proposed.append((trial, choice))
            if is_new and len(new) < self._left:
                new[choice] = None
        self._asked.update(new)
        self._left -= len(new)
        self._repeats = 0 if new else self._repeats + 1
        self._hear()
        return list(new)

    def _draw(self, new: Mapping[Choice, None]) -> Choice | None:
        """Return an allowed choice that was not proposed yet, if one turns up."""
        lengths = [len(axis.values) for axis in self._space.axes]
        for _ in range(_MOST_DRAWS):
            choice = tuple(map(self._generator.randrange, lengths))
            if choice not in self._asked and choice not in new and self._space.allows(choice):
                return choice
        return None

    def tell(self, choice: Choice, values: tuple[float, ...] | None) -> None:
        """Hear of a point."""
        self._known[choice] = values
        self._hear()

    def _hear(self) -> None:
        """Tell Optuna of the generation, in its order, as far as it is known."""
        waits = [choice for _, choice in self._proposed if choice in self._asked]
        if any(choice not in self._known for choice in waits):
            return
        for trial, choice in self._proposed:
            values = self._known.get(choice)
            if trial is None:
                self._add(choice, values)
            elif values is None:
                self._study.tell(trial, state=self._failed)
            else:
                self._study.tell(trial, values)
        self._proposed.clear()

    def _add(self, choice: Choice, values: tuple[float, ...] | None) -> None:
        """Tell Optuna of a point that it did not propose itself."""
        if values is None:
            return
        names = [axis.name for axis in self._space.axes]
        self._study.add_trial(
            self._create_trial(
                params=dict(zip(names, choice, strict=True)),
                distributions=self._distributions,
                values=values,
            )
        )


def _sampler(optuna: Any, space: Space) -> Any:
    seed = space.strategy.seed
    if space.strategy.method == "tpe":
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=_GENERATION)
    return optuna.samplers.NSGAIISampler(seed=seed, population_size=_GENERATION)


def _distribution(optuna: Any, axis: Axis) -> Any:
    """Return the indices of an axis: in their order if its values are numbers that grow."""
    numbers = axis.numbers
    ordered = all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
    if ordered and list(numbers) == sorted(numbers):
        return optuna.distributions.IntDistribution(0, len(numbers) - 1)
    return optuna.distributions.CategoricalDistribution(list(range(len(numbers))))
