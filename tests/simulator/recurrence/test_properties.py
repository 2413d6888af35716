"""Random machines and programs: the recurrence is the machine of events, in every field."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.errors import InternalError
from accelsim.simulator.recurrence import recur
from accelsim.simulator.recurrence.nests import describe
from accelsim.simulator.recurrence.records import (
    AT_BLOCK,
    AT_COLUMN,
    AT_DEPTH,
    AT_GROUP,
    AT_TILE,
    DONE,
    LEVELS,
    STUCK,
)
from accelsim.simulator.timing import simulate_timing
from tests.simulator.random_programs import (
    attention_networks,
    compiled,
    cut_otherwise,
    long_networks,
    machines,
    networks,
    wide_networks,
)

PROPERTY = settings(max_examples=25, derandomize=True, deadline=None)


def assert_as_events(program, hardware):
    """The compiled machine's timing is the one of events, in every field."""
    events = simulate_timing(program, hardware, method="events")
    assert simulate_timing(program, hardware, method="compiled") == events


@settings(PROPERTY, max_examples=60)
@given(machines(), networks())
def test_the_recurrence_is_the_machine_of_events(hardware, network):
    program = compiled(network, hardware)
    assert_as_events(program, hardware)


@settings(PROPERTY, max_examples=60)
@given(machines(), wide_networks())
def test_periods_of_many_columns_are_those_of_events(hardware, network):
    program = compiled(network, hardware)
    assert_as_events(program, hardware)


def test_periods_of_every_loop_are_those_of_events():
    repeats = np.zeros(LEVELS, np.int64)

    @settings(PROPERTY, max_examples=250)
    @given(machines(), long_networks())
    def check(hardware, network):
        program = compiled(network, hardware)
        nests = describe(program, hardware)
        assert nests.run() == DONE
        repeats[:] += nests.machine["repeats"][0]
        assert_as_events(program, hardware)

    check()
    for level in (AT_GROUP, AT_BLOCK, AT_COLUMN, AT_TILE, AT_DEPTH):
        assert repeats[level] > 0


def test_periods_are_those_of_events_where_far_more_is_held_than_a_period_takes():
    # Weights lie ready for many periods ahead, and are of more than one size: biases come along.
    repeats = np.zeros(LEVELS, np.int64)
    ample = {
        "scratchpads__weights__size": 16384,
        "scratchpads__weights__double_buffered": True,
        "scratchpads__activations__size": 65536,
    }

    @settings(PROPERTY, max_examples=60)
    @given(machines(**ample), long_networks())
    def check(hardware, network):
        program = compiled(network, hardware)
        nests = describe(program, hardware)
        assert nests.run() == DONE
        repeats[:] += nests.machine["repeats"][0]
        assert_as_events(program, hardware)

    check()
    assert repeats[AT_DEPTH] > 0


@settings(PROPERTY, max_examples=60)
@given(machines(), attention_networks())
def test_products_of_two_tensors_are_those_of_events(hardware, network):
    program = compiled(network, hardware)
    assert_as_events(program, hardware)


def test_whatever_a_plan_may_be_it_is_that_of_events():
    # The compiler chooses few of all the loop nests that there are. Some fit no scratchpad.
    repeats, ends = np.zeros(LEVELS, np.int64), []

    @settings(PROPERTY, max_examples=120)
    @given(
        machines(),
        st.one_of(networks(), wide_networks(), long_networks(), attention_networks()),
        st.data(),
    )
    def check(hardware, network, data):
        program = data.draw(cut_otherwise(compiled(network, hardware)))
        nests = describe(program, hardware)
        ends.append(nests.run())
        repeats[:] += nests.machine["repeats"][0]
        if ends[-1] == DONE:
            events = simulate_timing(program, hardware, method="events")
            assert recur(program, hardware) == events
        else:
            assert ends[-1] == STUCK
            with pytest.raises(InternalError, match=r"^the machine stands still in cycle \d+: "):
                simulate_timing(program, hardware, method="events")

    check()
    assert ends.count(DONE) > 2 * ends.count(STUCK) > 0
    for level in (AT_BLOCK, AT_COLUMN, AT_TILE, AT_DEPTH):
        assert repeats[level] > 0
