"""The array as a process: it walks a layer's passes and charges every cycle to its cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

from simpy import Event

from accelsim.simulator.array_timing import (
    AT_HAND,
    ArrayRules,
    Limit,
    PassTimes,
    Ready,
    next_pass,
    results_leave,
    stream_limits,
)
from accelsim.simulator.dma import LoadEngine
from accelsim.simulator.ledger import Ledger, split_gap
from accelsim.simulator.progress import LayerProgress
from accelsim.simulator.rescale_unit import RescaleProcess, Tile
from accelsim.simulator.run import ArrayCounters, Cause
from accelsim.simulator.scratchpad import AccumulatorBuffers
from accelsim.simulator.simulation import Simulation
from accelsim.simulator.work import MatrixWork, PassWork

__all__ = ["ArrayProcess"]


class ArrayProcess:
    """The array. It computes times ahead of the clock and waits only for what others decide."""

    def __init__(
        self,
        simulation: Simulation,
        rules: ArrayRules,
        weights: LoadEngine,
        activations: LoadEngine,
        buffers: AccumulatorBuffers,
        rescale: RescaleProcess,
    ) -> None:
        self.ledger = Ledger("array")
        self._simulation = simulation
        self._rules = rules
        self._weights = weights
        self._activations = activations
        self._buffers = buffers
        self._rescale = rescale

    def run_layer(
        self, layer: MatrixWork, progress: LayerProgress
    ) -> Generator[Event, None, ArrayCounters]:
        """Run one layer from now on; returns when its last result is stored.

        Returns
        -------
        What the passes did, counted as they were executed.
        """
        start = self._simulation.now
        times = PassTimes(start, start, start)
        rules = self._rules.with_scaling(layer.scaling_cycles)
        executed: Counter[int] = Counter()
        for number, work in enumerate(layer.passes):
            ready = AT_HAND
            if work.waits:
                ready = yield from self._ready(work, progress)
            times, limits = next_pass(rules, times, work, ready, first=number == 0)
            self._charge(limits)
            if work.stream_total_cycles == work.stream_cycles:
                self.ledger.advance(times.stream_stop, Cause.STREAM)
            else:
                self._charge(stream_limits(work, times.stream_start))
            if self._simulation.spans is not None:
                self._record(work, times, progress.name)
            self._hand_on(work, times, progress, rules)
            executed[id(work)] += 1
        self._charge(results_leave(rules, times.stream_stop))
        yield from self._finish(progress)
        return _sum_counters(layer, executed)

    def close(self, cycles_total: int) -> dict[str, int]:
        """Return cycles by cause."""
        return self.ledger.close(cycles_total)

    def _ready(self, work: PassWork, progress: LayerProgress) -> Generator[Event, None, Ready]:
        """Wait for what a pass needs, and say since when each has been there."""
        weights = activations = rescaled = free = 0
        if work.fetch_weight_bytes is not None:
            weights = yield from self._arrived(self._weights, "weights", progress)
        if work.fetch_activation_bytes is not None:
            activations = yield from self._arrived(self._activations, "activations", progress)
        if work.first_depth:
            while not self._buffers.any_free():
                self._simulation.waits_for["array"] = "an accumulator buffer"
                yield self._buffers.returned.wait()
            rescaled, free = self._buffers.take()
        return Ready(weights, activations, rescaled, free)

    def _arrived(
        self, engine: LoadEngine, what: str, progress: LayerProgress
    ) -> Generator[Event, None, int]:
        while not engine.arrived:
            self._simulation.waits_for["array"] = f"{what} of {progress.name}"
            yield engine.arrival()
        return engine.arrived.popleft()

    def _charge(self, limits: list[Limit]) -> None:
        for cause, until_cycle in split_gap(self.ledger.cursor, limits):
            self.ledger.advance(until_cycle, cause)

    def _hand_on(
        self, work: PassWork, times: PassTimes, progress: LayerProgress, rules: ArrayRules
    ) -> None:
        """Tell the other units what this pass does to them, and when."""
        if work.first_depth:
            self._buffers.hold_from(times.stream_start)
        if work.last_depth:
            registered = results_leave(rules, times.stream_stop)[-1][1]
            self._rescale.rescale(
                Tile(progress, registered, work.results, work.accumulators, work.output_bytes)
            )
        weights = work.releases_weights or self._weights.counts_steps
        activations = work.releases_activations or self._activations.counts_steps
        if weights or activations:
            streamed = self._simulation.at(times.stream_stop)
            streamed.callbacks.append(lambda _: self._streamed(work))

    def _streamed(self, work: PassWork) -> None:
        self._weights.step(releases=int(work.releases_weights))
        self._activations.step(releases=int(work.releases_activations))

    def _finish(self, progress: LayerProgress) -> Generator[Event, None, None]:
        """Wait for the last result to be rescaled and stored."""
        self._simulation.waits_for["array"] = f"the rescaled results of {progress.name}"
        yield progress.rescaled
        self.ledger.advance(self._simulation.now, Cause.STALL_RESCALE)
        self._simulation.waits_for["array"] = f"the stored results of {progress.name}"
        yield progress.stored
        self.ledger.advance(self._simulation.now, Cause.STALL_OUTPUT)
        self._simulation.waits_for.pop("array")

    def _record(self, work: PassWork, times: PassTimes, name: str) -> None:
        preloaded = times.preload_start + work.preload_cycles
        self._simulation.record("array_preload", name, times.preload_start, preloaded)
        self._simulation.record("array", name, times.stream_start, times.stream_stop)


def _sum_counters(layer: MatrixWork, executed: Counter[int]) -> ArrayCounters:
    """Sum what the executed passes did; ``executed`` counts them by the identity of their work."""
    total = ArrayCounters()
    for work in {id(work): work for work in layer.passes}.values():
        times = executed[id(work)]
        total += ArrayCounters(
            **{name: times * count for name, count in vars(work.counters).items()}
        )
    return total
