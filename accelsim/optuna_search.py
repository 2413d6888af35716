"""Search with Optuna (extra ``search``): NSGA-II, an evolution, and TPE, a model.

Optuna proposes in memory; whoever asks keeps what is known of a choice. Proposals come in
generations, and Optuna hears of a generation in the order in which it was proposed: a search is
the same for any number of workers, and an interrupted one goes on as if it had not been.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accelsim.errors import ConfigError

__all__ = ["SEARCHES", "Choice", "Dimension", "OptunaSearch"]

SEARCHES = ("nsga2", "tpe")

Choice = tuple[int, ...]
"""An index for each dimension."""

_MOST_DRAWS = 1000
_MOST_REPEATS = 50
"""Generations in a row without a new choice, after which a search has converged."""


@dataclass(frozen=True)
class Dimension:
    """What a choice has an index for: ``size`` values, in an order that means something or not."""

    name: str
    size: int
    is_ordered: bool


class OptunaSearch:
    """Asks for choices until as many different ones are known as were wanted."""

    learns = True

    def __init__(
        self,
        dimensions: Sequence[Dimension],
        method: str,
        *,
        objectives: int,
        choices: int,
        seed: int,
        generation: int,
        wanted_by: str,
        allows: Callable[[Choice], bool] = lambda _: True,
    ) -> None:
        """Begin a search.

        Parameters
        ----------
        dimensions
            What is searched.
        method
            One of `SEARCHES`; NSGA-II chooses parents among a generation.
        objectives
            Values of a choice, all to be minimized.
        choices
            How many to ask for, at most.
        seed
            Of all draws.
        generation
            Choices that are proposed before anything is heard of them.
        wanted_by
            What the user gave to have this search, for the message.
        allows
            Whether a choice may be asked for.

        Raises
        ------
        ConfigError
            If Optuna is missing.
        """
        try:
            import optuna
        except ImportError:
            raise ConfigError(
                f"{wanted_by}: needs Optuna: pip install 'accelsim[search]'"
            ) from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._dimensions, self._allows, self._generation = dimensions, allows, generation
        self._left = choices
        self._repeats = 0
        self._failed = optuna.trial.TrialState.FAIL
        self._study = optuna.create_study(
            directions=["minimize"] * objectives,
            sampler=_sampler(optuna, method, seed, generation),
        )
        self._distributions = {axis.name: _distribution(optuna, axis) for axis in dimensions}
        self._replaces = method == "tpe"
        self._create_trial = optuna.trial.create_trial
        self._generator = random.Random(seed)
        self._proposed: list[tuple[Any, Choice]] = []
        self._known: dict[Choice, tuple[float, ...] | None] = {}
        self._asked: set[Choice] = set()

    @property
    def finished(self) -> bool:
        """Whether enough choices are known, or nothing new is proposed any more."""
        return not self._proposed and (self._left <= 0 or self._repeats >= _MOST_REPEATS)

    def ask(self, count: int) -> list[Choice]:
        """Return a generation's new choices, once everything of the one before is known."""
        del count
        if self._proposed or self.finished:
            return []
        new: dict[Choice, None] = {}
        for _ in range(self._generation):
            trial: Any = self._study.ask(self._distributions)
            choice = tuple(int(trial.params[axis.name]) for axis in self._dimensions)
            is_new = choice not in self._asked and choice not in new and self._allows(choice)
            if not is_new and self._replaces:
                # A model proposes what it believes in again and again: explore around that.
                self._study.tell(trial, state=self._failed)
                other = self._draw(choice, new)
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

    def tell(self, choice: Choice, values: tuple[float, ...] | None) -> None:
        """Hear of a choice: its values, or none if it has none or cannot be used.

        A choice that was not asked for is learnt from and never asked for.
        """
        is_asked_for = choice in self._asked
        self._known[choice] = values
        self._asked.add(choice)
        if not is_asked_for:
            self._add(choice, values)
        self._hear()

    def _draw(self, near: Choice, new: Mapping[Choice, None]) -> Choice | None:
        """Return an allowed choice that was not proposed yet, if one turns up.

        It differs from one that was proposed in one dimension; where such are known already, in
        more of them, up to all.
        """
        for draw in range(_MOST_DRAWS):
            changes = 1 + draw * len(near) // _MOST_DRAWS
            indices = list(near)
            for place in self._generator.sample(range(len(near)), changes):
                indices[place] = self._generator.randrange(self._dimensions[place].size)
            choice = tuple(indices)
            if choice not in self._asked and choice not in new and self._allows(choice):
                return choice
        return None

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
        """Tell Optuna of a choice that it did not propose itself."""
        if values is None:
            return
        names = [axis.name for axis in self._dimensions]
        self._study.add_trial(
            self._create_trial(
                params=dict(zip(names, choice, strict=True)),
                distributions=self._distributions,
                values=values,
            )
        )


def _sampler(optuna: Any, method: str, seed: int, generation: int) -> Any:
    if method == "tpe":
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=generation)
    return optuna.samplers.NSGAIISampler(seed=seed, population_size=generation)


def _distribution(optuna: Any, dimension: Dimension) -> Any:
    if dimension.is_ordered:
        return optuna.distributions.IntDistribution(0, dimension.size - 1)
    return optuna.distributions.CategoricalDistribution(list(range(dimension.size)))
