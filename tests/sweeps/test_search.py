import pytest

from accelsim.sweeps.judge import objective_costs
from accelsim.sweeps.pareto import front, hypervolume
from accelsim.sweeps.read_store import find_space, read_rows
from accelsim.sweeps.store import Store

pytest.importorskip("optuna", reason="needs Optuna (extra search)")

WIDE = (
    ("array.rows: [2, 4, 8]", "array.rows: [2, 4, 6, 8, 12, 16]"),
    ("array.columns: [2, 4, 8]", "array.columns: [2, 4, 6, 8, 12, 16]"),
    ("[ws, os]", "[ws, os, is]\n  clock: [500MHz, 1GHz]"),
    ("<= 32", "<= 192"),
)


def searched(method, points):
    old = "objectives: [latency, energy]"
    return (old, f"{old}\nstrategy: {{method: {method}, points: {points}, seed: 1}}")


def test_a_search_finds_the_true_front_with_a_fraction_of_the_points(tiny, sweep_here):
    space = tiny(*WIDE)
    grid, _ = sweep_here(space, store="grid.sqlite")
    everything = results(sweep_here, "grid.sqlite", space)
    best = {everything[index] for index in front(everything)}
    points = 2 * grid.done // 5
    search = tiny(*WIDE, searched("nsga2", points))
    ended, _ = sweep_here(search, store="nsga2.sqlite")
    assert ended.done == points
    assert best <= set(results(sweep_here, "nsga2.sqlite", search))
    model = tiny(*WIDE, searched("tpe", points))
    sweep_here(model, store="tpe.sqlite")
    found = results(sweep_here, "tpe.sqlite", model)
    corners = [f(column) for f in (max, min) for column in zip(*everything, strict=True)]
    reference, ideal = corners[:2], corners[2:]
    whole = hypervolume(list(best), reference, ideal)
    assert hypervolume(found, reference, ideal) >= 0.99 * whole


def test_a_search_is_the_same_whatever_is_known_and_goes_on_where_it_was(tiny, sweep_here):
    search = tiny(searched("nsga2", 12))
    sweep_here(search, store="whole.sqlite")
    whole = results(sweep_here, "whole.sqlite", search)

    def interrupt(task, job, left=[3]):  # noqa: B006
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep_here(search, store="parts.sqlite", before=interrupt)
    ended, _ = sweep_here(search, store="parts.sqlite")
    assert 0 < ended.found < 12
    assert results(sweep_here, "parts.sqlite", search) == whole


def test_a_search_that_knows_everything_ends(tiny, sweep_here):
    ended, _ = sweep_here(tiny(searched("tpe", 1000)))
    assert ended.done == 16


def results(sweep_here, store, space):
    with Store(sweep_here.folder / store) as opened:
        rows = list(read_rows(opened, find_space(opened, None)))
    return [objective_costs(space, space.objectives, row.choice, row.numbers) for row in rows]
