"""The machine around the array: the recurrence against the events, and whole networks."""

from __future__ import annotations

from collections.abc import Callable

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.frontend.topology import load_topology
from accelsim.hardware import Hardware, load_hardware
from accelsim.simulator import simulate_timing
from benchmarks.harness import Row, Size, Times, interleave

QUESTION = "What does the machine around the array cost, without values?"


def measure(size: Size) -> list[Row]:
    network = "mlperf_tiny_autoencoder" if size.tiny else "resnet50"
    small, large = _machine(8), _machine(32)
    middle = _machine(16)
    program = _compile(network, middle)
    fast = interleave(
        {
            "compiled": lambda: simulate_timing(program, middle),
            "whole": lambda: simulate_timing(_compile(network, middle), middle),
        },
        2 * size.rounds,
    )
    events = interleave({"events": lambda: simulate_timing(program, middle, method="events")}, 1)[
        "events"
    ]
    other = "tiny" if size.tiny else "resnet18"
    sizes = interleave({"8x8": _timing(other, small), "32x32": _timing(other, large)}, size.rounds)
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
        Row(
            what=f"{other}, time on 8x8",
            against="time on 32x32",
            ratio=sizes["8x8"].best / sizes["32x32"].best,
            ratio_of_medians=sizes["8x8"].median / sizes["32x32"].median,
            seconds=sizes["8x8"].best,
            against_seconds=sizes["32x32"].best,
            target=2,
            at_most=True,
        ),
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


def _machine(edge: int) -> Hardware:
    return load_hardware("mid_32x32", [f"array.rows={edge}", f"array.columns={edge}"])


def _compile(network: str, hardware: Hardware):
    name = "mlperf_tiny_autoencoder" if network == "tiny" else network
    shapes = lower_topology(load_topology(name), 1, 8, 8, hardware.accumulator.bits)
    return compile_shapes(shapes, hardware)


def _timing(network: str, hardware: Hardware) -> Callable[[], object]:
    program = _compile(network, hardware)
    return lambda: simulate_timing(program, hardware)
