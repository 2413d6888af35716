"""What the units of one simulation share: the clock, what each waits for, the timeline."""

from __future__ import annotations

from simpy import Environment, Event, Timeout
from simpy.events import NORMAL, EventPriority

from accelsim.simulator.run import Span

__all__ = ["EndOfCycle", "Signal", "Simulation"]


class Simulation:
    """The shared state of one simulation.

    ``waits_for`` says what each unit is waiting for: if no event is left before the program has
    ended, it is the diagnosis.
    """

    def __init__(self, spans: bool = False) -> None:
        self.env = Environment()
        self.waits_for: dict[str, str] = {}
        self.spans: list[Span] | None = [] if spans else None

    @property
    def now(self) -> int:
        """The current cycle: things that happen now have happened before it starts."""
        return int(self.env.now)

    def until(self, cycle: int) -> Timeout:
        """Return an event at the start of a cycle, or now if that is in the past."""
        return Timeout(self.env, max(0, cycle - self.now))

    def record(self, unit: str, label: str, start_cycle: int, stop_cycle: int) -> None:
        """Add a piece of work to the timeline, if there is one."""
        if self.spans is not None and stop_cycle > start_cycle:
            self.spans.append(Span(unit, label, start_cycle, stop_cycle))


class Signal:
    """Wakes the one process that waits for a condition to change.

    The waiter checks its condition again: ``while not condition: yield signal.wait()``.
    """

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._event: Event | None = None

    def wait(self) -> Event:
        """Return the event of the next `fire`."""
        self._event = Event(self._env)
        return self._event

    def fire(self) -> None:
        """Wake the waiter, if there is one."""
        if self._event is not None:
            event, self._event = self._event, None
            event.succeed()


class EndOfCycle(Event):
    """Happens now, but after all ordinary events of the cycle; lower ``rank`` first.

    Who asks for a shared resource only then is served by rank, whatever the order in which the
    cycle's events happened to be processed.
    """

    def __init__(self, env: Environment, rank: int) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        env.schedule(self, EventPriority(NORMAL + 1 + rank))
