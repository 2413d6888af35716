"""The machine around the array: the recurrence against the events, and whole networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, product

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.energy import account, load_table
from accelsim.frontend.topology import load_topology
from accelsim.hardware import Hardware, load_hardware
from accelsim.simulator import simulate_timing
from benchmarks.harness import Row, Size, Times, interleave

DATAFLOWS = ("ws", "os", "is")
SMALL_ARRAYS = [*(("resnet18", flow) for flow in DATAFLOWS), ("resnet50", "ws"), ("vgg16", "is")]
"""Small arrays have many passes: ResNet-18, and where they cost most of the shipped networks."""
QUESTION = "What does the machine around the array cost, without values?"


def measure(size: Size) -> list[Row]:
    network = "mlperf_tiny_autoencoder" if size.tiny else "resnet50"
    middle = _machine(16)
    program = _compile(network, middle)
    fast = interleave(
        {
            "compiled": lambda: simulate_timing(program, middle, method="compiled"),
            "whole": lambda: simulate_timing(_compile(network, middle), middle),
        },
        2 * size.rounds,
    )
    events = interleave({"events": lambda: simulate_timing(program, middle, method="events")}, 1)[
        "events"
    ]
    other = "mlperf_tiny_autoencoder" if size.tiny else "resnet18"
    edges = {
        (name, flow): interleave(
            {"8x8": _timing(name, _machine(8, flow)), "32x32": _timing(name, _machine(32, flow))},
            size.rounds,
        )
        for name, flow in dict.fromkeys(
            (other if size.tiny else name, flow) for name, flow in SMALL_ARRAYS
        )
    }
    milliseconds = fast["compiled"].best * 1e3
    return [
        _times(
            f"{network} on 16x16, topology only",
            fast["compiled"],
            "the same with SimPy's events",
            events,
            note=f"{milliseconds:.1f} ms after warm-up (asked for: under 50 ms)",
        ),
        _times(
            f"{network} on 16x16, search for loop nests included",
            fast["whole"],
            "the same with SimPy's events, without the search",
            events,
            note=f"{fast['whole'].best * 1e3:.0f} ms",
        ),
        *(_edges(f"{name}, {flow}", times) for (name, flow), times in edges.items()),
        _points(other, size),
    ]


def _edges(what: str, times: dict[str, Times]) -> Row:
    small, large = times["8x8"], times["32x32"]
    return Row(
        what=f"{what}, time on 8x8",
        against="time on 32x32",
        ratio=small.best / large.best,
        ratio_of_medians=small.median / large.median,
        seconds=small.best,
        against_seconds=large.best,
        target=2,
        at_most=True,
    )


def _points(network: str, size: Size) -> Row:
    """Points of a sweep, from shapes to energy, all on machines of their own."""
    machines = [
        load_hardware("mid_32x32", changes) for changes in islice(_changes(), size.pick(24, 2))
    ]
    topology, table = load_topology(network), load_table("horowitz_45nm")
    programs = [_compile(network, machine) for machine in machines]

    def whole() -> None:
        for machine in machines:
            shapes = lower_topology(topology, 1, 8, 8, machine.accumulator.bits)
            program = compile_shapes(shapes, machine)
            account(simulate_timing(program, machine), program, machine, table)

    def timing() -> None:
        for machine, program in zip(machines, programs, strict=True):
            simulate_timing(program, machine)

    times = interleave({"whole": whole, "timing": timing}, size.rounds)
    each = times["whole"].best / len(machines)
    return Row(
        what=f"{network} on {len(machines)} machines: loop nests, timing and energy",
        against="the timing alone",
        ratio=times["whole"].best / times["timing"].best,
        ratio_of_medians=times["whole"].median / times["timing"].median,
        seconds=times["whole"].best,
        against_seconds=times["timing"].best,
        note=f"{each * 1e3:.1f} ms a point, {60 / each:,.0f} points a minute on one core",
    )


def _changes() -> Iterator[list[str]]:
    """Yield machines of many sizes; none has another's plans."""
    for count, (edge, flow, size) in enumerate(product((8, 16, 32, 64), DATAFLOWS, (64, 256))):
        yield [
            f"array.rows={edge}",
            f"array.columns={edge}",
            f"array.dataflow={flow}",
            f"scratchpads.activations.size={size + count}KiB",
            f"scratchpads.weights.size={size // 2 + count}KiB",
            f"dram.bandwidth={(6.4, 12.8, 25.6)[count % 3]}GB/s",
        ]


def _times(what: str, times: Times, against: str, other: Times, note: str) -> Row:
    return Row(
        what=what,
        against=against,
        ratio=other.best / times.best,
        ratio_of_medians=other.median / times.median,
        seconds=times.best,
        against_seconds=other.best,
        note=note,
    )


def _machine(edge: int, dataflow: str = "ws") -> Hardware:
    changes = [f"array.rows={edge}", f"array.columns={edge}", f"array.dataflow={dataflow}"]
    return load_hardware("mid_32x32", changes)


def _compile(network: str, hardware: Hardware):
    shapes = lower_topology(load_topology(network), 1, 8, 8, hardware.accumulator.bits)
    return compile_shapes(shapes, hardware)


def _timing(network: str, hardware: Hardware) -> Callable[[], object]:
    program = _compile(network, hardware)
    return lambda: simulate_timing(program, hardware, method="compiled")
