"""The machine: units as SimPy processes around one program, and the account of a whole run."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

from simpy import Event

from accelsim.errors import InternalError
from accelsim.hardware.schema import Hardware
from accelsim.simulator.array_timing import ArrayRules
from accelsim.simulator.array_unit import ArrayProcess
from accelsim.simulator.dma import ActivationEngine, Fetch, StoreEngine, WeightEngine
from accelsim.simulator.dram import DramChannel, DramTiming
from accelsim.simulator.progress import LayerProgress
from accelsim.simulator.rescale_unit import RescaleProcess
from accelsim.simulator.run import ArrayCounters, Cause, LayerRun, Timing
from accelsim.simulator.scratchpad import AccumulatorBuffers, Space
from accelsim.simulator.simulation import Simulation
from accelsim.simulator.vector_unit import VectorProcess
from accelsim.simulator.work import MatrixWork, VectorWork

__all__ = ["run_machine"]

Layer = MatrixWork | VectorWork


def run_machine(layers: Sequence[Layer], hardware: Hardware, spans: bool = False) -> Timing:
    """Run layers given in the machine's own terms; see `accelsim.simulator.timing`.

    Parameters
    ----------
    layers
        What `accelsim.simulator.prepare` makes of a program.
    hardware
        The machine.
    spans
        Whether to return the timeline of every unit, too.

    Raises
    ------
    InternalError
        A cycle, byte, MAC or buffer is unaccounted for, or the machine came to a standstill.
    """
    machine = _Machine(layers, hardware, spans)
    machine.run()
    return machine.account()


class _Machine:
    """All units, wired together."""

    def __init__(self, layers: Sequence[Layer], hardware: Hardware, spans: bool) -> None:
        self.layers = layers
        self.simulation = simulation = Simulation(spans)
        self.progress = [LayerProgress(simulation, layer) for layer in layers]
        self.layer_runs: list[LayerRun] = []
        pads, outstanding = hardware.scratchpads, hardware.dma.outstanding
        self.channel = channel = DramChannel(simulation, DramTiming.from_hardware(hardware))
        self.weight_space = Space(simulation, "weight_scratchpad", pads.weights.size)
        self.activation_space = Space(simulation, "activation_scratchpad", pads.activations.size)
        self.staging = Space(simulation, "output_staging", 0)
        self.buffers = AccumulatorBuffers(simulation, int(pads.accumulators.double_buffered))
        self.weights = WeightEngine(
            simulation, channel, outstanding, self.weight_space, pads.weights.double_buffered
        )
        self.activations = ActivationEngine(
            simulation,
            channel,
            outstanding,
            self.activation_space,
            pads.activations.double_buffered,
        )
        self.stores = StoreEngine(simulation, channel, outstanding, self.staging)
        self.rescale = RescaleProcess(
            simulation,
            hardware.rescale.lanes,
            hardware.rescale_pipeline_cycles,
            self.buffers,
            self.staging,
            self.stores,
        )
        self.array = ArrayProcess(
            simulation,
            ArrayRules.from_array(hardware.array),
            self.weights,
            self.activations,
            self.buffers,
            self.rescale,
        )
        self.vector = VectorProcess(simulation, self.activations, self.staging, self.stores)

    def run(self) -> None:
        """Run until nothing is left to happen.

        Raises
        ------
        InternalError
            That was before the program ended.
        """
        timing = self.channel.timing
        weights = list(zip(self.progress, _weight_fetches(self.layers, timing), strict=True))
        activations = list(
            zip(self.progress, _activation_fetches(self.layers, timing), strict=True)
        )
        for process in (
            self._control(),
            self.channel.run(),
            self.weights.run(weights, across_layers=True),
            self.activations.run(activations, across_layers=False),
            self.stores.run(),
            self.rescale.run(),
        ):
            self.simulation.process(process)
        self.simulation.run()
        if len(self.layer_runs) < len(self.layers):
            waits = "; ".join(
                f"{unit} waits for {what}"
                for unit, what in sorted(self.simulation.waits_for.items())
            )
            raise InternalError(f"the machine stands still in cycle {self.simulation.now}: {waits}")

    def _control(self) -> Generator[Event, None, None]:
        """Run layer after layer."""
        for layer, progress in zip(self.layers, self.progress, strict=True):
            start = self.simulation.now
            self.activation_space.take_now(layer.resident_bytes + layer.staging_bytes)
            self.staging.capacity_bytes = layer.staging_bytes
            progress.started.succeed()
            counters = ArrayCounters()
            if isinstance(layer, MatrixWork):
                self.buffers.divide(layer.tiles_together)
                counters = yield from self.array.run_layer(layer, progress)
            else:
                yield from self.vector.run_layer(layer, progress)
                yield progress.stored
                self.array.ledger.advance(self.simulation.now, Cause.IDLE)
            self.activation_space.give(layer.resident_bytes + layer.staging_bytes)
            self.layer_runs.append(self._layer_run(layer, progress, start, counters))

    def _layer_run(
        self, layer: Layer, progress: LayerProgress, start: int, counters: ArrayCounters
    ) -> LayerRun:
        cycles = self.array.ledger.turn_page()
        return LayerRun(
            name=layer.name,
            operator=layer.operator,
            gemm=layer.gemm,
            weight_bits=layer.weight_bits,
            input_bits=layer.input_bits,
            output_bits=layer.output_bits,
            start_cycle=start,
            cycles_total=self.simulation.now - start,
            cycles={Cause(cause): count for cause, count in cycles.items()},
            array=counters,
            traffic=replace(
                layer.traffic,
                dram_read_bytes=progress.dram_read_bytes,
                dram_write_bytes=progress.dram_write_bytes,
                dram_row_misses=progress.dram_row_misses,
            ),
            rescale_operations=progress.rescale_operations,
            vector_operations=progress.vector_operations,
            row_sums=isinstance(layer, MatrixWork) and layer.row_sums,
            scale_bits=layer.scale_bits if isinstance(layer, MatrixWork) else 0,
        )

    def account(self) -> Timing:
        """Close every unit's account, check what must be conserved, and return the result."""
        total = self.array.ledger.cursor
        accounts = {
            unit.ledger.unit: unit.close(total)
            for unit in (
                *(self.array, self.rescale, self.vector, self.channel),
                *(self.weights, self.activations, self.stores),
                *(self.weight_space, self.activation_space, self.buffers),
            )
        }
        self.staging.close(total)
        self._check_conserved(total)
        return Timing(total, tuple(self.layer_runs), accounts, tuple(self.simulation.spans or ()))

    def _check_conserved(self, cycles_total: int) -> None:
        runs = self.layer_runs
        requested = sum(e.requested_bytes for e in (self.weights, self.activations, self.stores))
        moved = sum(run.traffic.dram_read_bytes + run.traffic.dram_write_bytes for run in runs)
        _must_equal("cycles of the layers", sum(run.cycles_total for run in runs), cycles_total)
        _must_equal("bytes on the bus", self.channel.bus_bytes, requested)
        _must_equal("bytes of the layers", moved, requested)
        misses = sum(run.traffic.dram_row_misses for run in runs)
        _must_equal("rows that the layers open", misses, self.channel.row_misses)
        for run in runs:
            _must_equal(f"cycles of {run.name}", sum(run.cycles.values()), run.cycles_total)
            _must_equal(f"MACs of {run.name}", run.array.macs, run.macs)
        for space in (self.weight_space, self.activation_space):
            if space.peak_bytes > space.capacity_bytes:
                raise InternalError(f"{space.unit}: {space.peak_bytes} bytes held at once")


def _weight_fetches(layers: Sequence[Layer], timing: DramTiming) -> Iterator[list[Fetch]]:
    """Yield the weight loads of each layer; only passes count as steps.

    They are one sequence of bytes: the burst in which two of them meet is moved once.
    """
    step = 0
    for layer in layers:
        fetches = []
        loaded_bytes = 0
        for work in layer.passes if isinstance(layer, MatrixWork) else ():
            if work.fetch_weight_bytes is not None:
                size_bytes = work.fetch_weight_bytes
                transfer = timing.part(loaded_bytes, loaded_bytes + size_bytes)
                loaded_bytes += size_bytes
                fetches.append(Fetch(size_bytes, transfer, step))
            step += 1
        yield fetches


def _activation_fetches(layers: Sequence[Layer], timing: DramTiming) -> Iterator[list[Fetch]]:
    """Yield the activation loads of each layer; passes and chunks count as steps."""

    def alone(size_bytes: int) -> Fetch:
        return Fetch(size_bytes, timing.alone(size_bytes), step)

    step = 0
    for layer in layers:
        fetches = []
        if isinstance(layer, MatrixWork):
            for work in layer.passes:
                if work.fetch_activation_bytes is not None:
                    fetches.append(alone(work.fetch_activation_bytes))
                step += 1
        else:
            for chunk in layer.chunks:
                fetches.extend(alone(size_bytes) for size_bytes in chunk.fetch_bytes)
                step += 1
        yield fetches


def _must_equal(what: str, got: int, expected: int) -> None:
    if got != expected:
        raise InternalError(f"{what}: {got}, expected {expected}")
