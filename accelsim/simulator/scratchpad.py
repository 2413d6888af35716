"""Scratchpads as room: bytes of an operand, or buffers of an accumulator tile."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from simpy import Event

from accelsim.errors import InternalError
from accelsim.simulator.ledger import IDLE, Ledger
from accelsim.simulator.simulation import Signal, Simulation

__all__ = ["AccumulatorBuffers", "Room", "Space"]


class Space:
    """Bytes of an on-chip memory, given in the order in which they are asked for.

    Causes: ``blocked`` (somebody waits for room), ``holding`` (something is resident), ``idle``.
    """

    def __init__(self, simulation: Simulation, unit: str, capacity_bytes: int) -> None:
        self.unit = unit
        self.capacity_bytes = capacity_bytes
        self.held_bytes = 0
        self.peak_bytes = 0
        self.ledger = Ledger(unit)
        self._simulation = simulation
        self._waiting: deque[tuple[int, Event]] = deque()

    def take(self, size_bytes: int) -> Event | None:
        """Take room, or return the event of having got it.

        >>> space = Space(Simulation(), "pad", 10)
        >>> space.take(8) is None
        True
        >>> event = space.take(4)
        >>> space.give(8)
        >>> event.triggered, space.held_bytes
        (True, 4)
        """
        if not self._waiting and self.held_bytes + size_bytes <= self.capacity_bytes:
            self._hold(size_bytes)
            return None
        event = Event(self._simulation)
        self._account()
        self._waiting.append((size_bytes, event))
        return event

    def take_now(self, size_bytes: int) -> None:
        """Take room that has to be free.

        Raises
        ------
        InternalError
            It is not: the program does not fit the machine that it was compiled for.
        """
        if self._waiting or self.held_bytes + size_bytes > self.capacity_bytes:
            raise InternalError(
                f"{self.unit}: no room for {size_bytes} bytes beside {self.held_bytes}"
                f" of {self.capacity_bytes}"
            )
        self._hold(size_bytes)

    def give(self, size_bytes: int) -> None:
        """Return room and serve those who wait, in order.

        Raises
        ------
        InternalError
            More is returned than was taken.
        """
        self._account()
        self.held_bytes -= size_bytes
        if self.held_bytes < 0:
            raise InternalError(f"{self.unit}: {-self.held_bytes} bytes more returned than taken")
        while self._waiting and self.held_bytes + self._waiting[0][0] <= self.capacity_bytes:
            waiting_bytes, event = self._waiting.popleft()
            self._hold(waiting_bytes)
            event.succeed()

    def _hold(self, size_bytes: int) -> None:
        self._account()
        self.held_bytes += size_bytes
        self.peak_bytes = max(self.peak_bytes, self.held_bytes)

    def _account(self) -> None:
        cause = "blocked" if self._waiting else "holding" if self.held_bytes else IDLE
        self.ledger.advance(self._simulation.now, cause)

    def close(self, cycles_total: int) -> dict[str, int]:
        """Return cycles by cause.

        Raises
        ------
        InternalError
            Something is still held or awaited.
        """
        if self.held_bytes or self._waiting:
            raise InternalError(f"{self.unit}: {self.held_bytes} bytes held when the program ended")
        self._account()
        return self.ledger.close(cycles_total)


class Room(NamedTuple):
    """When an accumulator buffer is free.

    ``rescaled_cycle``: when it would have been, had results always found room.
    """

    rescaled_cycle: int
    free_cycle: int


class AccumulatorBuffers:
    """The accumulator scratchpad: room for some tiles. Causes: ``holding``, ``idle``.

    ``spare``: how many tiles it holds beside those that take turns with parts of the depth.
    """

    def __init__(self, simulation: Simulation, spare: int) -> None:
        self.spare = spare
        self.count = 0
        self.ledger = Ledger("accumulator_scratchpad")
        self.returned = Signal(simulation)
        self._free: deque[Room] = deque()
        self._taken: deque[int] = deque()

    def divide(self, tiles_together: int) -> None:
        """Divide the empty scratchpad anew, for a layer's tiles."""
        self.count = tiles_together + self.spare
        self._free = deque([Room(0, 0)] * self.count)

    def any_free(self) -> bool:
        """Whether a buffer can be taken."""
        return bool(self._free)

    def take(self) -> Room:
        """Take the buffer that was returned first."""
        return self._free.popleft()

    def hold_from(self, cycle: int) -> None:
        """Say from which cycle on the buffer taken last holds a tile."""
        self._taken.append(cycle)

    def give(self, room: Room) -> None:
        """Return the buffer taken first."""
        self.ledger.advance(max(self.ledger.cursor, self._taken.popleft()), IDLE)
        self.ledger.advance(room.free_cycle, "holding")
        self._free.append(room)
        self.returned.fire()

    def close(self, cycles_total: int) -> dict[str, int]:
        """Return cycles by cause.

        Raises
        ------
        InternalError
            A buffer was not returned.
        """
        if len(self._free) != self.count:
            raise InternalError(
                f"accumulator_scratchpad: {len(self._free)} of {self.count} buffers returned"
            )
        return self.ledger.close(cycles_total)
