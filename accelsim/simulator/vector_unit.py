"""The vector unit: element-wise layers and pools, in chunks that are fetched ahead."""

from __future__ import annotations

from collections.abc import Generator

from simpy import Event

from accelsim.simulator.dma import LoadEngine, StoreEngine
from accelsim.simulator.ledger import IDLE, Ledger
from accelsim.simulator.progress import LayerProgress
from accelsim.simulator.scratchpad import Space
from accelsim.simulator.simulation import Simulation
from accelsim.simulator.work import ChunkWork, VectorWork

__all__ = ["VectorProcess"]


class VectorProcess:
    """Causes: ``busy``, ``stall_activations`` (a chunk is not there yet), ``stall_output`` (no
    room for its results), ``idle``.
    """

    def __init__(
        self, simulation: Simulation, loads: LoadEngine, staging: Space, stores: StoreEngine
    ) -> None:
        self.ledger = Ledger("vector")
        self._simulation = simulation
        self._loads = loads
        self._staging = staging
        self._stores = stores

    def run_layer(self, layer: VectorWork, progress: LayerProgress) -> Generator[Event, None, None]:
        """Run one layer from now on; returns when its last result is computed."""
        self.ledger.advance(self._simulation.now, IDLE)
        for chunk in layer.chunks:
            yield from self._chunk(chunk, progress)
        self._simulation.waits_for.pop("vector", None)

    def close(self, cycles_total: int) -> dict[str, int]:
        """Return cycles by cause."""
        return self.ledger.close(cycles_total)

    def _chunk(self, chunk: ChunkWork, progress: LayerProgress) -> Generator[Event, None, None]:
        simulation = self._simulation
        for size_bytes in chunk.fetch_bytes:
            while not self._loads.arrived:
                simulation.waits_for["vector"] = f"{size_bytes} bytes of {progress.name}"
                yield self._loads.arrival()
            self._loads.arrived.popleft()
        self.ledger.advance(simulation.now, "stall_activations")
        if chunk.output_bytes:
            room = self._staging.take(chunk.output_bytes)
            if room is not None:
                simulation.waits_for["vector"] = f"room for {chunk.output_bytes} bytes of results"
                yield room
            self.ledger.advance(simulation.now, "stall_output")
        start = simulation.now
        yield simulation.timeout(chunk.compute_cycles)
        self.ledger.advance(simulation.now, "busy")
        simulation.record("vector", progress.name, start, simulation.now)
        progress.vector_operations += chunk.operations
        self._loads.step(releases=len(chunk.fetch_bytes))
        if chunk.output_bytes:
            self._stores.store(progress, chunk.output_bytes)
        progress.rescaled_one()
