"""One DRAM channel: whole bursts, one transfer at a time, first come, first served."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from simpy import Event, Resource
from simpy.resources.resource import Request

from accelsim.hardware.schema import Hardware
from accelsim.simulator.ledger import IDLE, Ledger
from accelsim.simulator.simulation import EndOfCycle, Simulation

__all__ = ["DramChannel", "DramTiming"]


@dataclass(frozen=True)
class DramTiming:
    """The channel in cycles. ``bytes_per_cycle`` is the slower of channel and DMA, exactly.

    >>> timing = DramTiming(burst_bytes=64, bytes_per_cycle=Fraction(64, 5), delay_cycles=64)
    >>> timing.bus_bytes(100), timing.hold_cycles(100)
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
        """Bytes on the bus: whole bursts."""
        return -(-size_bytes // self.burst_bytes) * self.burst_bytes

    def hold_cycles(self, size_bytes: int) -> int:
        """Cycles for which a transfer holds the channel."""
        return ceil(self.bus_bytes(size_bytes) / self.bytes_per_cycle)


class DramChannel:
    """The channel as a resource. Causes: the engine that holds it, or ``idle``.

    Of the requests of one cycle the one with the lowest rank is first.
    """

    def __init__(self, simulation: Simulation, timing: DramTiming) -> None:
        self.timing = timing
        self.bus_bytes = 0
        self.ledger = Ledger("dram")
        self._simulation = simulation
        self._resource = Resource(simulation.env, capacity=1)

    def turn(self, rank: int) -> Event:
        """Return the event after which to `request`, so that ranks decide within a cycle."""
        return EndOfCycle(self._simulation.env, rank)

    def request(self) -> Request:
        """Return the event (and context) of holding the channel."""
        return self._resource.request()

    def carry(self, size_bytes: int) -> Event:
        """Start a transfer for the holder and return the event of its last burst."""
        self.ledger.advance(self._simulation.now, IDLE)
        self.bus_bytes += self.timing.bus_bytes(size_bytes)
        return self._simulation.env.timeout(self.timing.hold_cycles(size_bytes))

    def carried(self, engine: str, label: str) -> None:
        """Account for the transfer that just ended."""
        start = self.ledger.cursor
        self.ledger.advance(self._simulation.now, engine)
        self._simulation.record("dram", f"{engine} {label}", start, self._simulation.now)

    def close(self, cycles_total: int) -> dict[str, int]:
        """Return cycles by cause."""
        return self.ledger.close(cycles_total)
