import random

import pytest

from accelsim.errors import ConfigError
from accelsim.sweeps.load_space import make_space
from accelsim.sweeps.strategies import draw, strategy_for


def everything(strategy):
    found = []
    while some := strategy.ask(7):
        assert len(some) <= 7
        found += some
    return found


def space_of(strategy, constraints=(), rows=tuple(range(1, 101))):
    return make_space(
        {
            "schema": "accelsim.space/1",
            "name": "wide",
            "network": "resnet18",
            "axes": {
                "array.rows": list(rows),
                "array.columns": {"from": 1, "to": 1000, "step": 1},
                "dram.burst": {"from": "1B", "to": "100B", "step": "1B"},
            },
            "constraints": list(constraints),
            "strategy": strategy,
        }
    )


def test_a_grid_is_every_allowed_choice_once(tiny):
    space = tiny()
    assert everything(strategy_for(space)) == list(space.grid())


@pytest.mark.parametrize("method", ["random", "latin_hypercube"])
def test_samples_are_different_allowed_and_the_same_for_a_seed(method):
    space = space_of({"method": method, "points": 50, "seed": 3}, ["array.rows > 30"])
    found = everything(strategy_for(space))
    assert len(set(found)) == len(found) == 50
    assert all(space.allows(choice) for choice in found)
    assert everything(strategy_for(space)) == found
    other = space_of({"method": method, "points": 50, "seed": 4}, ["array.rows > 30"])
    assert everything(strategy_for(other)) != found


def test_a_latin_hypercube_has_every_stratum_of_every_axis_once():
    space = space_of({"method": "latin_hypercube", "points": 100, "seed": 1})
    found = everything(strategy_for(space))
    for axis, column in zip(space.axes, zip(*found, strict=True), strict=True):
        strata = sorted(index * 100 // len(axis.values) for index in column)
        assert strata == list(range(100))


@pytest.mark.parametrize("method", ["random", "latin_hypercube"])
def test_of_a_small_space_all_points_come(tiny, method):
    space = tiny(
        (
            "objectives: [latency, energy]",
            f"strategy: {{method: {method}, points: 100}}",
        )
    )
    found = everything(strategy_for(space))
    assert sorted(found) == list(space.grid())


@pytest.mark.parametrize("method", ["random", "latin_hypercube"])
def test_a_space_that_constraints_empty_is_refused(method):
    space = space_of({"method": method, "points": 5}, ["array.rows > 1000"])
    with pytest.raises(
        ConfigError, match=r"^space: the constraints leave almost nothing of the space$"
    ):
        everything(strategy_for(space))


def test_every_choice_is_as_likely(tiny):
    space = tiny()
    counts = dict.fromkeys(space.grid(), 0)
    for seed in range(800):
        for choice in draw(space, 2, random.Random(seed)):
            counts[choice] += 1
    assert all(60 <= count <= 140 for count in counts.values())
