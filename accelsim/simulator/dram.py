"""One DRAM channel: whole bursts, one transfer at a time, first come, first served."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from math import ceil
from typing import Protocol

from simpy import Event, Timeout

from accelsim.hardware.schema import Hardware, RowPolicy
from accelsim.simulator.ledger import IDLE, Ledger
from accelsim.simulator.simulation import EndOfCycle, Signal, Simulation

__all__ = ["Client", "DramChannel", "DramRows", "DramTiming", "Transfer"]


@dataclass(frozen=True, slots=True)
class Transfer:
    """Whole bursts that lie one after the other in DRAM.

    The first ``open_bytes`` of its ``bus_bytes`` lie in a row that is open; then ``row_misses``
    rows are opened.
    """

    bus_bytes: int
    open_bytes: int = 0
    row_misses: int = 0


@dataclass(frozen=True)
class DramRows:
    """Rows of ``size_bytes`` whose opening takes ``miss_cycles``, consecutive ones in other banks.

    ``stay_open``: between transfers of a stream.
    """

    size_bytes: int
    miss_cycles: int
    banks: int
    stay_open: bool

    def crossed(self, start: int, stop: int) -> Transfer:
        """Return the transfer of a stream's bytes from ``start`` to ``stop``.

        The stream begins a row, and has moved everything before ``start``.

        >>> DramRows(256, 10, 8, stay_open=True).crossed(64, 640)
        Transfer(bus_bytes=576, open_bytes=192, row_misses=2)
        >>> DramRows(256, 10, 8, stay_open=False).crossed(64, 640)
        Transfer(bus_bytes=576, open_bytes=0, row_misses=3)
        """
        size = self.size_bytes
        if start == stop:
            return Transfer(0)
        if not self.stay_open:
            return Transfer(stop - start, 0, -(-stop // size) - start // size)
        opened = -(-start // size)
        return Transfer(
            stop - start, min(stop, opened * size) - start, max(0, -(-stop // size) - opened)
        )


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
    rows: DramRows | None = None
    """None: rows are not counted and take no time."""

    @classmethod
    def from_hardware(cls, hardware: Hardware) -> DramTiming:
        """Return the timing of a machine's channel, in whole cycles of its clock."""
        dram = hardware.dram
        channel = Fraction(dram.bandwidth) / Fraction(hardware.clock)
        # 60 ns at 1 GHz are 60 cycles, whatever 60e-9 * 1e9 is in binary.
        latency_cycles = ceil(round(dram.latency * hardware.clock, 6))
        rows = None
        if dram.row_size is not None:
            miss_cycles = ceil(round(dram.row_miss * hardware.clock, 6))
            stay_open = dram.row_policy is RowPolicy.OPEN
            rows = DramRows(dram.row_size, miss_cycles, dram.banks, stay_open)
        return cls(
            burst_bytes=dram.burst,
            bytes_per_cycle=min(channel, Fraction(hardware.dma.bandwidth)),
            delay_cycles=hardware.dma.setup + latency_cycles,
            rows=rows,
        )

    def bus_bytes(self, size_bytes: int) -> int:
        """Bytes on the bus of a transfer by itself: whole bursts."""
        return -(-size_bytes // self.burst_bytes) * self.burst_bytes

    def alone(self, size_bytes: int) -> Transfer:
        """Return a transfer that begins a row of its own, which is not open."""
        return self.part(0, size_bytes)

    def part(self, start: int, stop: int) -> Transfer:
        """Return the transfer that moves what a stream's bytes up to ``stop`` add to ``start``."""
        first, last = self.bus_bytes(start), self.bus_bytes(stop)
        if self.rows is None:
            return Transfer(last - first)
        return self.rows.crossed(first, last)

    def opening_cycles(self, transfer: Transfer, waited_cycles: int) -> int:
        """Cycles for which rows that are not open yet lengthen a transfer.

        The first is opened from the request on, ``waited_cycles`` before the channel was free, and
        behind what lies in the open row; each further one while those before it, in other banks,
        are read. With one bank nothing is opened while another row is read.
        """
        if self.rows is None or not transfer.row_misses:
            return 0
        miss_cycles, banks = self.rows.miss_cycles, self.rows.banks
        row_cycles = self.hold_cycles(self.rows.size_bytes)
        further_cycles = max(0, -(-(miss_cycles + row_cycles) // banks) - row_cycles)
        first_cycles = miss_cycles
        if banks > 1:
            hidden_cycles = waited_cycles + self.hold_cycles(transfer.open_bytes)
            first_cycles = max(0, miss_cycles - hidden_cycles)
        return first_cycles + (transfer.row_misses - 1) * further_cycles

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
        self.bus_bytes = self.row_misses = 0
        self.ledger = Ledger("dram")
        self._simulation = simulation
        self._requests: list[tuple[int, int, int, Transfer, Client]] = []
        self._requested = Signal(simulation)
        self._count = 0

    def request(self, client: Client, transfer: Transfer) -> None:
        """Queue a transfer of whole bursts."""
        self._count += 1
        request = (self._simulation.now, client.rank, self._count, transfer, client)
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
            asked, _, _, transfer, client = heappop(requests)
            self.ledger.advance(simulation.now, IDLE)
            client.granted()
            opening_cycles = self.timing.opening_cycles(transfer, simulation.now - asked)
            hold_cycles = self.timing.hold_cycles(transfer.bus_bytes)
            yield Timeout(simulation, opening_cycles + hold_cycles)
            self.ledger.advance(simulation.now, client.name)
            self.bus_bytes += transfer.bus_bytes
            self.row_misses += transfer.row_misses
            client.carried()
            complete = Timeout(simulation, self.timing.delay_cycles)
            complete.callbacks.append(client.completed)

    def close(self, cycles_total: int) -> dict[str, int]:
        """Return cycles by cause."""
        return self.ledger.close(cycles_total)
