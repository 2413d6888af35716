"""How far one layer is: what its units count, and the events that the next layer waits for."""

from __future__ import annotations

from simpy import Event

from accelsim.simulator.simulation import Simulation
from accelsim.simulator.work import MatrixWork, VectorWork

__all__ = ["LayerProgress"]


class LayerProgress:
    """The mutable record of one layer in one simulation.

    ``rescaled`` happens when the last result is written (vector layers: computed), ``stored``
    when nothing of the layer is on its way to DRAM any more. ``fetches_ahead``: its weights may
    be fetched before it has started.
    """

    def __init__(self, simulation: Simulation, work: MatrixWork | VectorWork) -> None:
        self.name = work.name
        self.fetches_ahead = not isinstance(work, MatrixWork) or work.fetches_ahead
        self.started = Event(simulation)
        self.rescaled = Event(simulation)
        self.stored = Event(simulation)
        self.dram_read_bytes = 0
        self.dram_write_bytes = 0
        self.dram_row_misses = 0
        self.rescale_operations = 0
        self.vector_operations = 0
        if isinstance(work, MatrixWork):
            tiles = [part.output_bytes for part in work.passes if part.last_depth]
        else:
            tiles = [chunk.output_bytes for chunk in work.chunks]
        self._results_left = len(tiles)
        self._stores_left = sum(1 for size_bytes in tiles if size_bytes)
        if not self._stores_left:
            self.stored.succeed()

    @property
    def last_result(self) -> bool:
        """Whether no result but the next one is missing."""
        return self._results_left == 1

    def rescaled_one(self) -> None:
        """Count a tile (or chunk) whose results are written."""
        self._results_left -= 1
        if not self._results_left:
            self.rescaled.succeed()

    def stored_one(self) -> None:
        """Count a tile (or chunk) that is in DRAM."""
        self._stores_left -= 1
        if not self._stores_left:
            self.stored.succeed()
