import pytest

from accelsim.simulator.run import Span
from accelsim.simulator.simulation import EndOfCycle, Signal, Simulation


def test_the_end_of_a_cycle_follows_everything_that_happens_in_it() -> None:
    simulation, log = Simulation(), []

    def arbiter():
        yield simulation.at(3)
        yield EndOfCycle(simulation)
        log.append((simulation.now, "arbiter"))

    def chain():
        yield simulation.at(3)
        for step in range(3):
            yield simulation.timeout(0)
            log.append((simulation.now, f"step {step}"))

    simulation.process(arbiter())
    simulation.process(chain())
    simulation.run()
    assert log == [(3, "step 0"), (3, "step 1"), (3, "step 2"), (3, "arbiter")]


def test_a_signal_wakes_the_one_that_waits() -> None:
    simulation, log = Simulation(), []
    signal = Signal(simulation)

    def waiter():
        for _ in range(2):
            yield signal.wait()
            log.append(simulation.now)
            yield simulation.timeout(2)

    def source():
        for cycle in (1, 2, 5, 9):
            yield simulation.at(cycle)
            signal.fire()

    simulation.process(waiter())
    simulation.process(source())
    simulation.run()
    # Woken at 1, away until 3: the signal of 2 finds nobody.
    assert log == [1, 5]


def test_the_past_cannot_be_waited_for() -> None:
    simulation = Simulation()
    simulation.run(until=5)
    with pytest.raises(ValueError, match=r"^Negative delay -1$"):
        simulation.at(4)


def test_a_timeline_is_kept_only_on_request() -> None:
    for spans, expected in ((False, None), (True, [Span("unit", "work", 1, 3)])):
        simulation = Simulation(spans)
        simulation.record("unit", "work", 1, 3)
        simulation.record("unit", "nothing", 3, 3)
        assert simulation.spans == expected
