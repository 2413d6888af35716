"""One DRAM channel: whole bursts, one transfer at a time, first come, first served."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from math import ceil
from typing import Protocol

from simpy import Event, Timeout

from accelsim.hardware.schema import Hardware
from accelsim.simulator.ledger import IDLE, Ledger
from accelsim.simulator.simulation import EndOfCycle, Signal, Simulation

__all__ = ["Client", "DramChannel", "DramTiming"]


@dataclass(frozen=True)
class DramTiming:
    """The channel in cycles. ``bytes_per_cycle`` is the slower of channel and DMA, exactly.

    >>> timing = DramTiming(burst_bytes=64, bytes_per_cycle=Fraction(64, 5), delay_cycles=64)
    >>> timing.bus_bytes(100), timing.hold_cycles(128)
    (128, 10)
    """

    burst_bytes: int
    bytes_per_cycle: Fraction
    delay_cycles: int
    """DMA set-up and DRAM latency: from the end of the hold to complete data."""

    @classmethod
    def from_hardware(cls, hardware: Hardware) -> DramTiming:
        """Return the timing of a machine's channel, in whole cycles of its clock."""
        dram = hardware.dram
        channel = Fraction(dram.bandwidth) / Fraction(hardware.clock)
        # 60 ns at 1 GHz are 60 cycles, whatever 60e-9 * 1e9 is in binary.
        latency_cycles = ceil(round(dram.latency * hardware.clock, 6))
        return cls(
            burst_bytes=dram.burst,
            bytes_per_cycle=min(channel, Fraction(hardware.dma.bandwidth)),
            delay_cycles=hardware.dma.setup + latency_cycles,
        )

    def bus_bytes(self, size_bytes: int) -> int:
        """Bytes on the bus of a transfer by itself: whole bursts."""
        return -(-size_bytes // self.burst_bytes) * self.burst_bytes

    def hold_cycles(self, bus_bytes: int) -> int:
        """Cycles for which a transfer of that many bytes on the bus holds the channel."""
        rate = self.bytes_per_cycle
        return -(-bus_bytes * rate.denominator // rate.numerator)


class Client(Protocol):
    """Who asks for transfers. Of the requests of one cycle the lowest ``rank`` is first."""

    name: str
    rank: int

    def granted(self) -> None:
        """Hear that its oldest request got the channel."""

    def carried(self) -> None:
        """Hear that the channel is done with it."""

    def completed(self, _: Event) -> None:
        """Hear that its data are where they should be."""


class DramChannel:
    """The channel as a process. Causes: the engine that holds it, or ``idle``."""

    def __init__(self, simulation: Simulation, timing: DramTiming) -> None:
        self.timing = timing
        self.bus_bytes = 0
        self.ledger = Ledger("dram")
        self._simulation = simulation
        self._requests: list[tuple[int, int, int, int, Client]] = []
        self._requested = Signal(simulation)
        self._count = 0

    def request(self, client: Client, bus_bytes: int) -> None:
        """Queue a transfer of whole bursts."""
        self._count += 1
        request = (self._simulation.now, client.rank, self._count, bus_bytes, client)
        heappush(self._requests, request)
        self._requested.fire()

    def run(self) -> Generator[Event, None, None]:
        """Serve for ever."""
        simulation, requests = self._simulation, self._requests
        while True:
            while not requests:
                simulation.waits_for["dram"] = "a request"
                yield self._requested.wait()
            if requests[0][0] == simulation.now:
                yield EndOfCycle(simulation)
            _, _, _, bus_bytes, client = heappop(requests)
            self.ledger.advance(simulation.now, IDLE)
            client.granted()
            yield Timeout(simulation, self.timing.hold_cycles(bus_bytes))
            self.ledger.advance(simulation.now, client.name)
            self.bus_bytes += bus_bytes
            client.carried()
            complete = Timeout(simulation, self.timing.delay_cycles)
            complete.callbacks.append(client.completed)

    def close(self, cycles_total: int) -> dict[str, int]:
        """Return cycles by cause."""
        return self.ledger.close(cycles_total)
