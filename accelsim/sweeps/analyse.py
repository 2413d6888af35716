"""What the points of a space say: the front, its knee, what moves an objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import ConfigError
from accelsim.hardware.validation import did_you_mean
from accelsim.sweeps.axes import NETWORK
from accelsim.sweeps.judge import keeps_budgets, networks_apart, objective_costs
from accelsim.sweeps.metrics import METRICS, Objective, metric_objective
from accelsim.sweeps.pareto import front, hypervolume, knee
from accelsim.sweeps.read_store import Row
from accelsim.sweeps.space import Space

__all__ = ["Front", "chosen_objectives", "find_front", "sensitivity"]


@dataclass(frozen=True, eq=False)
class Front:
    """The points of a space that nothing beats.

    Attributes
    ----------
    members
        Indices of ``rows``, in order of the first objective; ``knees`` are some of them: one, or
        one for each network.
    values
        For every row its objectives as people read them, None where it has none or breaks a
        budget.
    hypervolume
        Share of the box between the best and the worst value of each objective that the front
        beats; None where it would take too long, and where there are several.
    judged, over_budget
        Points with all objectives; points with results that break a budget.
    by_network
        The front of each network where they are judged apart (`networks_apart`), with its own
        ``rows``; together they are this one.
    """

    objectives: tuple[Objective, ...]
    rows: Sequence[Row]
    values: Sequence[tuple[float, ...] | None]
    members: tuple[int, ...]
    knees: tuple[int, ...]
    hypervolume: float | None
    judged: int
    over_budget: int
    by_network: Mapping[str, Front] = field(default_factory=dict)


def chosen_objectives(space: Space, names: str | None) -> tuple[Objective, ...]:
    """Return objectives by name, ``accuracy,energy``; the space's own if none are named.

    Raises ConfigError for a name that is neither a metric nor an objective of the space.
    """
    if names is None:
        return space.objectives
    own = {objective.name: objective for objective in space.objectives}
    known = {**{name: metric_objective(name) for name in METRICS}, **own}
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in known:
            raise ConfigError(
                f"--objectives: must be of {', '.join(known)}, got {name!r}"
                f"{did_you_mean(name, known)}"
            )
        if wanted.count(name) > 1:
            raise ConfigError(f"--objectives: {name} is given twice")
    return tuple(known[name] for name in wanted)


def find_front(space: Space, objectives: Sequence[Objective], rows: Sequence[Row]) -> Front:
    """Return the front of some points; of networks that are judged apart, all their fronts."""
    networks = networks_apart(space, objectives)
    if not networks:
        return _front(space, objectives, rows)
    places: dict[str, list[int]] = {name: [] for name in networks}
    for index, row in enumerate(rows):
        places[str(space.settings(row.choice)[NETWORK])].append(index)
    fronts = {
        name: _front(space, objectives, [rows[index] for index in own])
        for name, own in places.items()
    }
    values: list[tuple[float, ...] | None] = [None] * len(rows)
    for name, own in places.items():
        for index, value in zip(own, fronts[name].values, strict=True):
            values[index] = value
    return Front(
        objectives=tuple(objectives),
        rows=rows,
        values=values,
        members=tuple(places[name][i] for name in networks for i in fronts[name].members),
        knees=tuple(places[name][i] for name in networks for i in fronts[name].knees),
        hypervolume=None,
        judged=sum(found.judged for found in fronts.values()),
        over_budget=sum(found.over_budget for found in fronts.values()),
        by_network=fronts,
    )


def _front(space: Space, objectives: Sequence[Objective], rows: Sequence[Row]) -> Front:
    costs: list[tuple[float, ...] | None] = []
    over_budget = 0
    for row in rows:
        keeps = not space.budgets or not row.numbers
        keeps = keeps or keeps_budgets(space, row.choice, row.numbers)
        over_budget += not keeps
        costs.append(
            objective_costs(space, objectives, row.choice, row.numbers)
            if row.numbers and keeps
            else None
        )
    places = [index for index, cost in enumerate(costs) if cost is not None]
    known = [cost for cost in costs if cost is not None]
    best = front(known)
    middle = knee([known[index] for index in best])
    volume: float | None = 0.0
    if known:
        every = np.array(known)
        volume = hypervolume([known[i] for i in best], every.max(axis=0), every.min(axis=0))
    signs = [-1.0 if objective.maximize else 1.0 for objective in objectives]
    return Front(
        objectives=tuple(objectives),
        rows=rows,
        values=[
            None if cost is None else tuple(s * c for s, c in zip(signs, cost, strict=True))
            for cost in costs
        ],
        members=tuple(places[index] for index in best),
        knees=() if middle is None else (places[best[middle]],),
        hypervolume=volume,
        judged=len(known),
        over_budget=over_budget,
    )


def sensitivity(space: Space, found: Front) -> dict[str, Mapping[str, float]]:
    """Return how much each axis moves each objective: objective, then axis, then 0 to 1.

    It is the share of the objective's variance between the groups that have the same value on the
    axis (the correlation ratio, first-order Sobol index of a full grid). What is left to 1 is the
    other axes, and axes together. Of networks that are judged apart each number is taken as a
    share of its network's mean, so that no axis but the network's is hidden by their sizes.
    """
    places = [index for index, value in enumerate(found.values) if value is not None]
    if not places:
        return {}
    choices = np.array([found.rows[index].choice for index in places], dtype=int)
    values = np.array([found.values[index] for index in places], dtype=float)
    axes = space.axes
    shares: dict[str, Mapping[str, float]] = {}
    for column, objective in enumerate(found.objectives):
        numbers = values[:, column]
        if found.by_network:
            numbers = _relative(numbers, choices[:, [axis.name for axis in axes].index(NETWORK)])
        spread = float(numbers.var())
        by_axis = {}
        for place, axis in enumerate(axes):
            if found.by_network and axis.name == NETWORK:
                continue
            groups = choices[:, place]
            counts = np.bincount(groups)
            sums = np.bincount(groups, weights=numbers)
            some = counts > 0
            means = sums[some] / counts[some]
            between = float((counts[some] * (means - numbers.mean()) ** 2).sum() / len(numbers))
            by_axis[axis.name] = min(1.0, between / spread) if spread > 0 else 0.0
        shares[objective.name] = by_axis
    return shares


def _relative(numbers: NDArray[np.float64], groups: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return numbers over the mean of their group; 1 where that mean is 0."""
    means = np.bincount(groups, weights=numbers) / np.maximum(np.bincount(groups), 1)
    return np.divide(numbers, means[groups], out=np.ones_like(numbers), where=means[groups] != 0)
