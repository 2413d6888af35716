"""DMA engines: transfers in program order, a bounded number of them under way."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from simpy import Event

from accelsim.errors import InternalError
from accelsim.simulator.dram import DramChannel, Transfer
from accelsim.simulator.ledger import IDLE, Ledger
from accelsim.simulator.progress import LayerProgress
from accelsim.simulator.scratchpad import Space
from accelsim.simulator.simulation import Signal, Simulation

__all__ = ["ActivationEngine", "Fetch", "LoadEngine", "StoreEngine", "WeightEngine"]


class _Engine:
    """What loads and stores share: the way over the channel.

    Causes: ``transfer`` (holds the channel), ``wait_channel`` (asks for it), ``latency`` (set-up
    and DRAM latency), ``wait_room`` (loads: the next one does not fit), ``idle``.
    """

    name: str
    rank: int

    def __init__(self, simulation: Simulation, channel: DramChannel, outstanding: int) -> None:
        self.unit = f"dma_{self.name}"
        self.requested_bytes = 0
        self.ledger = Ledger(self.unit)
        self._simulation = simulation
        self._channel = channel
        self._outstanding = outstanding
        self._completed = Signal(simulation)
        self._under_way = 0
        self._asking: deque[str] = deque()
        self._carrying = False
        self._granted_cycle = 0
        self._blocked = False

    def granted(self) -> None:
        """Hear that the oldest request got the channel."""
        self._account()
        self._carrying = True
        self._granted_cycle = self._simulation.now

    def carried(self) -> None:
        """Hear that the channel is done with it."""
        self._account()
        self._carrying = False
        label, start, stop = self._asking.popleft(), self._granted_cycle, self._simulation.now
        self._simulation.record(self.unit, label, start, stop)
        self._simulation.record("dram", f"{self.name} {label}", start, stop)

    def completed(self, _: Event) -> None:
        """Hear that the oldest transfer is complete."""
        self._account()
        self._under_way -= 1
        self._completed.fire()

    def _account(self) -> None:
        """Charge the time since the last change to what the engine was doing."""
        if self._carrying:
            cause = "transfer"
        elif self._asking:
            cause = "wait_channel"
        elif self._under_way:
            cause = "latency"
        elif self._blocked:
            cause = "wait_room"
        else:
            cause = IDLE
        self.ledger.advance(self._simulation.now, cause)

    def _slot(self) -> Generator[Event, None, None]:
        """Wait until one more transfer may be under way."""
        while self._under_way == self._outstanding:
            self._simulation.waits_for[self.unit] = "one of its transfers to complete"
            yield self._completed.wait()

    def _request(self, progress: LayerProgress, transfer: Transfer, label: str) -> None:
        """Ask for the channel, for a layer."""
        progress.dram_row_misses += transfer.row_misses
        self.requested_bytes += transfer.bus_bytes
        self._account()
        self._under_way += 1
        self._asking.append(label)
        self._channel.request(self, transfer)

    def close(self, cycles_total: int) -> dict[str, int]:
        """Return cycles by cause.

        Raises
        ------
        InternalError
            A transfer is still under way.
        """
        if self._under_way:
            raise InternalError(f"{self.unit}: {self._under_way} transfers had no end")
        self._account()
        return self.ledger.close(cycles_total)


@dataclass(frozen=True, slots=True)
class Fetch:
    """One load.

    ``size_bytes``: the room it takes. ``transfer``: the bursts it moves, none if all its bytes
    came with the load before. ``steps_before``: passes or chunks before the one that needs it.
    """

    size_bytes: int
    transfer: Transfer
    steps_before: int


class LoadEngine(_Engine):
    """Fetches one operand into its scratchpad, ahead of its use as far as there is room."""

    def __init__(
        self,
        simulation: Simulation,
        channel: DramChannel,
        outstanding: int,
        space: Space,
        double_buffered: bool,
    ) -> None:
        super().__init__(simulation, channel, outstanding)
        self.arrived: deque[int] = deque()
        """Completion cycles of the loads that nobody has picked up yet."""
        self._space = space
        self._double_buffered = double_buffered
        self._held: deque[int] = deque()
        self._steps = 0
        self._stepped = Signal(simulation)
        self._arrival = Signal(simulation)

    def run(
        self, layers: Sequence[tuple[LayerProgress, Sequence[Fetch]]], across_layers: bool
    ) -> Generator[Event, None, None]:
        """Fetch for all layers in order; unless ``across_layers``, only when each has started.

        A layer whose right operand another layer computes is waited for in any case.
        """
        for progress, fetches in layers:
            if not (across_layers and progress.fetches_ahead):
                self._simulation.waits_for[self.unit] = f"layer {progress.name} to start"
                yield progress.started
            for number, fetch in enumerate(fetches):
                yield from self._fetch(progress, fetch, f"{progress.name}[{number}]")
        self._simulation.waits_for.pop(self.unit, None)

    @property
    def counts_steps(self) -> bool:
        """Whether it has to hear of every pass, not only of those that release."""
        return not self._double_buffered

    def step(self, releases: int) -> None:
        """Say that a pass or chunk is over, and give away the oldest ``releases`` fetches.

        Raises
        ------
        InternalError
            Fewer are held.
        """
        self._steps += 1
        if releases > len(self._held):
            raise InternalError(f"{self.unit}: a release without a fetch")
        for _ in range(releases):
            self._space.give(self._held.popleft())
        self._stepped.fire()

    def completed(self, _: Event) -> None:
        """Hear that the oldest load is complete."""
        super().completed(_)
        self.arrived.append(self._simulation.now)
        self._arrival.fire()

    def arrival(self) -> Event:
        """Return the event of the next completion; check `arrived` then."""
        return self._arrival.wait()

    def close(self, cycles_total: int) -> dict[str, int]:
        """Return cycles by cause.

        Raises
        ------
        InternalError
            A fetch was not used or not released.
        """
        if self.arrived or self._held:
            raise InternalError(
                f"{self.unit}: {len(self.arrived)} fetches were not used,"
                f" {len(self._held)} not released"
            )
        return super().close(cycles_total)

    def _fetch(
        self, progress: LayerProgress, fetch: Fetch, label: str
    ) -> Generator[Event, None, None]:
        waits_for = self._simulation.waits_for
        while not self._double_buffered and self._steps < fetch.steps_before:
            waits_for[self.unit] = f"the passes before {label}"
            yield self._stepped.wait()
        yield from self._slot()
        room = self._space.take(fetch.size_bytes)
        if room is not None:
            waits_for[self.unit] = f"room for the {fetch.size_bytes} bytes of {label}"
            self._account()
            self._blocked = True
            yield room
            self._account()
            self._blocked = False
        self._held.append(fetch.size_bytes)
        progress.dram_read_bytes += fetch.transfer.bus_bytes
        self._request(progress, fetch.transfer, label)


class WeightEngine(LoadEngine):
    """Weights, across layers."""

    name, rank = "weights", 0


class ActivationEngine(LoadEngine):
    """Activations of the layer that runs."""

    name, rank = "activations", 1


class StoreEngine(_Engine):
    """Takes staged outputs to DRAM."""

    name, rank = "outputs", 2

    def __init__(
        self, simulation: Simulation, channel: DramChannel, outstanding: int, staging: Space
    ) -> None:
        super().__init__(simulation, channel, outstanding)
        self._staging = staging
        self._queue: deque[tuple[LayerProgress, int]] = deque()
        self._queued = Signal(simulation)
        self._moving: deque[tuple[LayerProgress, int]] = deque()

    def store(self, progress: LayerProgress, size_bytes: int) -> None:
        """Queue an output that lies complete in the staging room."""
        self._queue.append((progress, size_bytes))
        self._queued.fire()

    def run(self) -> Generator[Event, None, None]:
        """Store for ever."""
        while True:
            while not self._queue:
                self._simulation.waits_for[self.unit] = "results"
                yield self._queued.wait()
            yield from self._slot()
            progress, size_bytes = self._queue.popleft()
            self._moving.append((progress, size_bytes))
            transfer = self._channel.timing.alone(size_bytes)
            progress.dram_write_bytes += transfer.bus_bytes
            self._request(progress, transfer, progress.name)

    def completed(self, _: Event) -> None:
        """Hear that the oldest store is complete."""
        super().completed(_)
        progress, size_bytes = self._moving.popleft()
        self._staging.give(size_bytes)
        progress.stored_one()
