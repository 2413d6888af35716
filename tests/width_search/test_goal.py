from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.report.mixed_widths import SearchStep
from accelsim.request import RunRequest
from accelsim.width_search import SearchRequest
from accelsim.width_search.goal import Goal

IMAGES = 450


def step(accuracy_pct, energy_uj, mse=0.0, cycles=1.0):
    return SearchStep("", accuracy_pct, mse, cycles, energy_uj, kept=True)


def goal(**options):
    return Goal(SearchRequest(RunRequest(), **options), IMAGES)


@pytest.mark.parametrize(
    ("wanted", "best_first"),
    [
        (
            goal(keep_accuracy_pct=90.0),
            [step(90.0, 1.0), step(99.0, 1.5), step(89.9, 1.4), step(50.0, 0.1)],
        ),
        (
            goal(budget=2.0),
            [
                step(100 * 441 / IMAGES, 2.0, mse=1e9),
                step(100 * 440 / IMAGES, 1.0, mse=0.5),
                step(100 * 440 / IMAGES, 1.9, mse=0.6),
                step(0.0, 0.1, mse=1e9),
                step(100.0, 2.1),
                step(100.0, 2.2),
            ],
        ),
        (
            goal(cost="cycles", budget=2e9),
            [step(0.0, 9.0, cycles=2e9), step(9.0, 1.0, cycles=2e9 + 1)],
        ),
        (
            goal(cost="cycles", keep_accuracy_pct=0.0),
            [step(0.0, 9.0, cycles=1e12), step(9.0, 1.0, cycles=1e12 + 1)],
        ),
    ],
)
def test_networks_are_wanted_in_this_order(wanted, best_first):
    for better, worse in pairwise(best_first):
        assert wanted.badness(better) < wanted.badness(worse)


steps = st.builds(
    step,
    st.integers(0, IMAGES).map(lambda right: 100.0 * right / IMAGES),
    st.floats(1e-6, 1e9),
    st.floats(0.0, 1e12),
)


@given(steps, steps, st.floats(1e-6, 1e9))
def test_what_keeps_a_budget_is_wanted_more_than_what_breaks_it(first, second, budget):
    wanted = goal(budget=budget)
    if wanted.is_met(first) and not wanted.is_met(second):
        assert wanted.badness(first) < wanted.badness(second)
    if wanted.is_met(first) and wanted.is_met(second) and first.accuracy_pct > second.accuracy_pct:
        assert wanted.badness(first) < wanted.badness(second)


@given(steps, steps, st.just(0.0) | st.floats(1.0, 100.0))
def test_what_is_accurate_enough_is_wanted_more_than_what_is_not(first, second, least):
    wanted = goal(keep_accuracy_pct=least)
    if wanted.is_met(first) and not wanted.is_met(second):
        assert wanted.badness(first) < wanted.badness(second)


def test_greedy_goes_on_only_where_less_can_be_more():
    wanted = goal(keep_accuracy_pct=90.0)
    assert wanted.narrows(step(90.0, 1.0))
    assert not wanted.narrows(step(89.0, 1.0))
    wanted = goal(budget=1.0)
    assert wanted.narrows(step(0.0, 1.1))
    assert not wanted.narrows(step(0.0, 1.0))
