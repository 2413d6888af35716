"""How time and memory grow with multiply-accumulates and with passes."""

from __future__ import annotations

import json
import sys
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.hardware import load_hardware
from accelsim.hardware.schema import Array
from accelsim.network.topology import TokenMatrix, Topology, TopologyLayer
from accelsim.simulator import simulate_timing
from accelsim.simulator.run import Timing
from benchmarks.harness import Row, Size, interleave
from benchmarks.products import job

QUESTION = "How do time and memory grow, from 10^6 to 10^10 multiply-accumulates?"

FOLDER = Path(__file__).parent
COLOURS = ("#0072b2", "#009e73", "#e69f00", "#d55e00")
"""Of Okabe and Ito, as in the reports: told apart with every common colour blindness."""


@dataclass(frozen=True)
class Timed:
    """The timing of a product without values: how many passes, seconds, peak bytes."""

    passes: int
    seconds: float
    peak_bytes: int


def measure(size: Size) -> list[Row]:
    edges = (4, 8, 16) if size.tiny else (100, 215, 464, 1000, 2154)
    edges = edges[:-1] if size.quick else edges
    points: dict[str, list[tuple[float, float]]] = {}
    for engine, switching, label in (
        ("tile", False, "tile"),
        ("cycle", False, "cycle"),
        ("cycle", True, "cycle, switching"),
        ("register", False, "register"),
    ):
        for edge in edges:
            if engine == "register" and edge > 1000:
                continue
            array = Array(rows=32, columns=32, dataflow="ws")
            work = job(engine, edge, edge, edge, array, switching)
            times = interleave({"it": work}, 2 if edge > 500 else 5)["it"]
            points.setdefault(label, []).append((work.macs, times.best))
    rows = [_linear(label, line) for label, line in points.items()]
    tokens = (64, 256) if size.tiny else (1024, 4096, 16384, 65536, 262144)
    timed = [_timed(count) for count in tokens]
    rows += _passes(timed)
    if not size.tiny:
        _plot(points, timed)
    return rows


def _linear(label: str, line: list[tuple[float, float]]) -> Row:
    """Time for each multiply-accumulate at the largest size against the second largest."""
    (before, before_seconds), (after, after_seconds) = line[-2], line[-1]
    ratio = (after_seconds / after) / (before_seconds / before)
    return Row(
        what=f"{label}: seconds a MAC at {after:.1e} MACs",
        against=f"at {before:.1e} MACs",
        ratio=ratio,
        ratio_of_medians=ratio,
        seconds=after_seconds,
        against_seconds=before_seconds,
        note=f"{after / after_seconds / 1e9:.2f} G MAC a second",
    )


def _timed(tokens: int) -> Timed:
    """Time a matrix of 1024 features for so many tokens: ever more blocks of rows."""
    hardware = load_hardware("mid_32x32")
    topology = Topology(
        name="growth",
        description="one matrix for many tokens",
        source="generated",
        layers=(TopologyLayer("product", TokenMatrix(1024), ("input",), "output"),),
        shapes={"input": (1024, tokens, 1), "output": (1024, tokens, 1)},
        given=("input",),
        kept=("output",),
    )
    shapes = lower_topology(topology, 1, 8, 8, hardware.accumulator.bits)
    program = compile_shapes(shapes, hardware)

    def time_it() -> Timing:
        return simulate_timing(program, hardware, method="compiled")

    passes = sum(part.array.passes for part in time_it().layers)
    seconds = interleave({"it": time_it}, 5)["it"].best
    tracemalloc.start()
    time_it()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Timed(passes, seconds, peak)


def _passes(timed: list[Timed]) -> list[Row]:
    """Time and peak memory of the most passes against those of the fewest."""
    few, many = timed[0], timed[-1]

    def row(what: str, ratio: float, target: float | None, note: str) -> Row:
        return Row(
            what=f"timing alone: {what} with {many.passes:,} passes",
            against=f"with {few.passes:,} passes",
            ratio=ratio,
            ratio_of_medians=ratio,
            seconds=many.seconds,
            against_seconds=few.seconds,
            target=target,
            at_most=True,
            note=note,
        )

    memory = f"{many.peak_bytes / 1e6:.2f} MB against {few.peak_bytes / 1e6:.2f} MB"
    time_a_pass = many.seconds / many.passes / (few.seconds / few.passes)
    return [
        row("seconds a pass", time_a_pass, None, f"{many.seconds / many.passes * 1e9:.0f} ns"),
        row("peak memory", many.peak_bytes / few.peak_bytes, 2, memory),
    ]


def _plot(points: dict[str, list[tuple[float, float]]], timed: list[Timed]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.2), layout="constrained")
    values, times = figure.subplots(1, 2, width_ratios=(3, 2))
    for (label, line), colour in zip(points.items(), COLOURS, strict=True):
        values.plot(*zip(*line, strict=True), marker="o", markersize=4, color=colour, label=label)
    values.set(
        xscale="log",
        yscale="log",
        xlabel="multiply-accumulates",
        ylabel="time [s]",
        title="With values: square products on 32x32, weight stationary",
    )
    values.legend(frameon=False, title="engine")
    passes = [point.passes for point in timed]
    times.plot(
        passes,
        [point.seconds * 1e3 for point in timed],
        marker="o",
        markersize=4,
        color=COLOURS[0],
        label="time [ms]",
    )
    times.plot(
        passes,
        [point.peak_bytes / 1e6 for point in timed],
        marker="s",
        markersize=4,
        linestyle="--",
        color=COLOURS[3],
        label="peak memory [MB]",
    )
    times.set(
        xscale="log",
        ylim=(0, None),
        xlabel="passes",
        title="Without values: ever more tokens",
    )
    times.legend(frameon=False)
    for axes in (values, times):
        axes.title.set_fontsize("medium")
        axes.grid(which="major", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for ending in ("svg", "png"):
        figure.savefig(FOLDER / f"growth.{ending}", dpi=150)


if __name__ == "__main__":
    print(json.dumps([vars(row) for row in measure(Size(tiny="--tiny" in sys.argv))]))
