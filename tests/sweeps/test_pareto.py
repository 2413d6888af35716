import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.sweeps.pareto import front, hypervolume, knee

POINTS = st.lists(st.tuples(*[st.integers(0, 6).map(float)] * 3), min_size=1, max_size=25)


def beats(first, second):
    pairs = list(zip(first, second, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


@given(points=POINTS)
@settings(derandomize=True, deadline=None)
def test_the_front_is_what_no_point_beats(points):
    expected = {
        index
        for index, point in enumerate(points)
        if not any(beats(other, point) for other in points)
    }
    found = front(points)
    assert set(found) == expected
    assert [points[index][0] for index in found] == sorted(points[index][0] for index in found)


@given(points=POINTS)
@settings(derandomize=True, deadline=None)
def test_a_hypervolume_is_the_share_of_cells_that_are_beaten(points):
    cells = itertools.product(range(6), repeat=3)
    beaten = sum(
        any(all(p <= c for p, c in zip(point, cell, strict=True)) for point in points)
        for cell in cells
    )
    assert hypervolume(points, (6, 6, 6), (0, 0, 0)) == pytest.approx(beaten / 6**3, abs=1e-12)


def test_of_nothing_there_is_no_front():
    assert front([]) == []
    assert knee([]) is None
    assert hypervolume([], (1, 1), (0, 0)) == 0.0


def test_objectives_that_do_not_differ_span_nothing():
    assert hypervolume([(1.0, 2.0)], (1.0, 3.0), (1.0, 2.0)) == 0.0
    assert knee([(1.0, 2.0), (1.0, 1.0)]) == 1


def test_a_hypervolume_that_would_take_too_long_is_not_measured():
    generator = random.Random(1)
    points = [tuple(generator.random() for _ in range(4)) for _ in range(2000)]
    assert hypervolume(points, (1, 1, 1, 1), (0, 0, 0, 0)) is None
