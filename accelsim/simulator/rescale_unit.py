"""The rescale unit: reads finished accumulator tiles, writes the next layer's integers."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import NamedTuple

from simpy import Event

from accelsim.simulator.dma import StoreEngine
from accelsim.simulator.ledger import IDLE, Ledger, split_gap
from accelsim.simulator.progress import LayerProgress
from accelsim.simulator.scratchpad import AccumulatorBuffers, Room, Space
from accelsim.simulator.simulation import Signal, Simulation

__all__ = ["RescaleProcess", "Tile"]


class Tile(NamedTuple):
    """A finished tile: its last result is registered at the start of ``registered_cycle``.

    ``accumulators`` are read for its ``results``.
    """

    progress: LayerProgress
    registered_cycle: int
    results: int
    accumulators: int
    output_bytes: int


class RescaleProcess:
    """Causes: ``busy`` (reads), ``pipeline`` (only the pipeline's last results move),
    ``stall_output`` (no room for what it would write), ``idle``.
    """

    def __init__(
        self,
        simulation: Simulation,
        lanes: int,
        pipeline_cycles: int,
        buffers: AccumulatorBuffers,
        staging: Space,
        stores: StoreEngine,
    ) -> None:
        self.ledger = Ledger("rescale")
        self._simulation = simulation
        self._lanes = lanes
        self._pipeline_cycles = pipeline_cycles
        self._buffers = buffers
        self._staging = staging
        self._stores = stores
        self._tiles: deque[Tile] = deque()
        self._queued = Signal(simulation)
        self._stop = 0
        self._unhindered_stop = 0

    def rescale(self, tile: Tile) -> None:
        """Queue a tile, whose results may still be on their way through the array."""
        self._tiles.append(tile)
        self._queued.fire()

    def run(self) -> Generator[Event, None, None]:
        """Rescale for ever.

        Times are computed ahead of the clock, which matters only for room: it is taken in the
        cycle in which the unit wants to start.
        """
        simulation = self._simulation
        while True:
            while not self._tiles:
                simulation.waits_for["rescale"] = "a finished tile"
                yield self._queued.wait()
            tile = self._tiles.popleft()
            start = max(tile.registered_cycle, self._stop)
            if tile.output_bytes:
                yield simulation.at(start)
                room = self._staging.take(tile.output_bytes)
                if room is not None:
                    simulation.waits_for["rescale"] = f"room for {tile.output_bytes} result bytes"
                    yield room
                    start = simulation.now
            self._read(tile, start)

    def _read(self, tile: Tile, start: int) -> None:
        """Read a tile from ``start`` on, and write its last result ``pipeline`` cycles later."""
        self._account_gap(tile, start)
        read_cycles = -(-tile.accumulators // self._lanes)
        self._stop = start + read_cycles
        self.ledger.advance(self._stop, "busy")
        self._simulation.record("rescale", tile.progress.name, start, self._stop)
        self._unhindered_stop = max(self._unhindered_stop, tile.registered_cycle) + read_cycles
        self._buffers.give(Room(self._unhindered_stop, self._stop))
        tile.progress.rescale_operations += tile.results
        if tile.output_bytes or tile.progress.last_result:
            written = self._simulation.at(self._stop + self._pipeline_cycles)
            written.callbacks.append(lambda _: self._written(tile))
        else:
            tile.progress.rescaled_one()

    def _account_gap(self, tile: Tile, start: int) -> None:
        """Charge the time since the last read: the pipeline empties, no work, no room."""
        idle_from = self.ledger.cursor
        if idle_from:
            idle_from += self._pipeline_cycles
        limits = (
            ("pipeline", min(idle_from, start)),
            (IDLE, tile.registered_cycle),
            ("stall_output", start),
        )
        for cause, until_cycle in split_gap(self.ledger.cursor, limits):
            self.ledger.advance(until_cycle, cause)

    def _written(self, tile: Tile) -> None:
        if tile.output_bytes:
            self._stores.store(tile.progress, tile.output_bytes)
        tile.progress.rescaled_one()

    def close(self, cycles_total: int) -> dict[str, int]:
        """Return cycles by cause."""
        emptied = min(cycles_total, self.ledger.cursor + self._pipeline_cycles)
        if self.ledger.cursor:
            self.ledger.advance(emptied, "pipeline")
        return self.ledger.close(cycles_total)
