"""How good a point is: its objectives, all to be minimized, and whether it keeps the budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from accelsim.errors import ConfigError
from accelsim.sweeps.axes import Choice
from accelsim.sweeps.expressions import Value
from accelsim.sweeps.metrics import RESULT_NAMES, Objective
from accelsim.sweeps.space import Space

__all__ = ["keeps_budgets", "networks_apart", "objective_costs"]


def networks_apart(space: Space, objectives: Sequence[Objective]) -> tuple[str, ...]:
    """Return the networks of a space if their designs are judged apart, each with its own kind.

    Several networks are rivals where one is to be accurate; otherwise they are different work, and
    the smaller one would beat every design of the larger one.
    """
    rivals = any("accuracy_pct" in objective.expression.names for objective in objectives)
    return () if rivals or len(space.networks) == 1 else space.networks


def objective_costs(
    space: Space, objectives: Sequence[Objective], choice: Choice, metrics: Mapping[str, float]
) -> tuple[float, ...] | None:
    """Return what to minimize: the objectives, with the sign changed of those to maximize.

    None if the point has not all of them: it failed, or its network has no accuracy.
    """
    if not all(
        name in metrics
        for objective in objectives
        for name in objective.expression.names
        if name in RESULT_NAMES
    ):
        return None
    names: dict[str, Value] = {**space.names(choice), **metrics}
    costs = []
    for objective in objectives:
        value = float(objective.expression(names))
        costs.append(-value if objective.maximize else value)
    return tuple(costs)


def keeps_budgets(space: Space, choice: Choice, metrics: Mapping[str, float]) -> bool:
    """Whether a point breaks no constraint on results; one without results keeps none."""
    names: dict[str, Value] = {**space.names(choice), **metrics}
    try:
        return bool(metrics) and all(budget(names) for budget in space.budgets)
    except KeyError as error:
        raise ConfigError(f"constraint on {error.args[0]}: the network has none") from None
