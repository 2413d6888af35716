"""What the units of one simulation share: the clock, what each waits for, the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy import Environment, Event, Timeout
from simpy.events import NORMAL, EventPriority

from accelsim.simulator.run import Span

__all__ = ["EndOfCycle", "Signal", "Simulation"]


class Simulation(Environment):
    """The clock of one simulation, and what its units say of themselves.

    ``now`` is the current cycle: what happens now has happened before that cycle starts.
    ``waits_for`` says what each unit is waiting for: if no event is left before the program has
    ended, it is the diagnosis.
    """

    if TYPE_CHECKING:

        @property
        def now(self) -> int:
            """The current cycle."""

    def __init__(self, spans: bool = False) -> None:
        super().__init__()
        self.waits_for: dict[str, str] = {}
        self.spans: list[Span] | None = [] if spans else None

    def at(self, cycle: int) -> Timeout:
        """Return the event of the start of a cycle that is not over."""
        return Timeout(self, cycle - self.now)

    def record(self, unit: str, label: str, start_cycle: int, stop_cycle: int) -> None:
        """Add a piece of work to the timeline, if there is one."""
        if self.spans is not None and stop_cycle > start_cycle:
            self.spans.append(Span(unit, label, start_cycle, stop_cycle))


class Signal:
    """Wakes the one process that waits for a condition to change.

    The waiter checks its condition again: ``while not condition: yield signal.wait()``.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._event: Event | None = None

    def wait(self) -> Event:
        """Return the event of the next `fire`."""
        self._event = Event(self._simulation)
        return self._event

    def fire(self) -> None:
        """Wake the waiter, if there is one."""
        if self._event is not None:
            event, self._event = self._event, None
            event.succeed()


class EndOfCycle(Event):
    """Happens now, but after all ordinary events of the cycle.

    Who arbitrates only then has heard of all requests of the cycle, whatever the order in which
    the cycle's events happened to be processed.
    """

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation)
        self._ok = True
        self._value = None
        simulation.schedule(self, EventPriority(NORMAL + 1))
