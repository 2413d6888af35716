from dataclasses import replace

import pytest

from accelsim.report.alike import alike, longest


@pytest.fixture
def layer(result):
    return replace(result.points[0].layers[0], cycles_total=1000, energy_pj={"adder": 500.0})


def test_layers_that_differ_in_names_alone_are_one_group(layer):
    other = replace(layer, name="other", op="dense")
    layers = [layer, other, replace(layer, name="again")]
    assert alike(layers) == [(layer, 2), (other, 1)]


@pytest.mark.parametrize(
    "change",
    [{"m": 5}, {"weight_bits": 3}, {"cycles_total": 1011}, {"energy_pj": {"adder": 494.0}}],
)
def test_what_differs_by_more_is_a_group_of_its_own(layer, change):
    other = replace(layer, name="other", **change)
    assert alike([layer, other]) == [(layer, 1), (other, 1)]


def test_waits_of_a_percent_make_no_difference(layer):
    other = replace(layer, name="other", cycles_total=1010, energy_pj={"adder": 495.0})
    assert alike([layer, other]) == [(layer, 2)]


def test_the_longest_groups_are_those_with_most_cycles_in_all(layer):
    often = [replace(layer, name=f"often{index}", m=1) for index in range(3)]
    long = replace(layer, name="long", m=2, cycles_total=2500)
    short = replace(layer, name="short", m=3, cycles_total=2400)
    assert longest([short, *often, long], 2) == ([(often[0], 3), (long, 1)], 1)
    assert longest([short, *often, long], 5) == (
        [(one, 1) for one in (short, *often, long)],
        0,
    )
