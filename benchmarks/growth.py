"""How time and memory grow with multiply-accumulates and with tiles."""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from pathlib import Path

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.hardware import load_hardware
from accelsim.hardware.schema import Array
from accelsim.network.topology import TokenMatrix, Topology, TopologyLayer
from accelsim.simulator import simulate_timing
from benchmarks.harness import Row, Size, interleave
from benchmarks.products import job

QUESTION = "How do time and memory grow, from 10^6 to 10^10 multiply-accumulates?"

FOLDER = Path(__file__).parent


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
            times = interleave({"it": work}, 1 if edge > 500 else 3)["it"]
            points.setdefault(label, []).append((work.macs, times.best))
    rows = [_linear(label, line) for label, line in points.items()]
    rows += _tiles(size, points)
    if not size.tiny:
        _plot(points)
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


def _tiles(size: Size, points: dict[str, list[tuple[float, float]]]) -> list[Row]:
    """A product without values whose tiles become 64 times as many: time and peak memory."""
    hardware = load_hardware("mid_32x32")
    measured = []
    for tokens in (size.pick(1024, 64), size.pick(1024 * 64, 256)):
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
        run = simulate_timing(program, hardware)
        passes = sum(part.array.passes for part in run.layers)
        start = time.perf_counter()
        simulate_timing(program, hardware)
        seconds = time.perf_counter() - start
        tracemalloc.start()
        simulate_timing(program, hardware)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        measured.append((passes, seconds, peak))
        points.setdefault("timing alone, by passes", []).append((passes, seconds))
    (few, few_seconds, few_peak), (many, many_seconds, many_peak) = measured
    return [
        Row(
            what=f"timing alone: seconds a pass with {many:,} passes",
            against=f"with {few:,} passes",
            ratio=many_seconds / many / (few_seconds / few),
            ratio_of_medians=many_seconds / many / (few_seconds / few),
            seconds=many_seconds,
            against_seconds=few_seconds,
        ),
        Row(
            what=f"timing alone: peak memory with {many:,} passes",
            against=f"with {few:,} passes",
            ratio=many_peak / few_peak,
            ratio_of_medians=many_peak / few_peak,
            seconds=many_seconds,
            against_seconds=few_seconds,
            target=2,
            at_most=True,
            note=f"{many_peak / 1e6:.2f} MB against {few_peak / 1e6:.2f} MB",
        ),
    ]


def _plot(points: dict[str, list[tuple[float, float]]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for label, line in points.items():
        axes.plot(*zip(*line, strict=True), marker="o", label=label)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="multiply-accumulates (or passes)",
        ylabel="seconds",
        title="Square products on 32x32 weight stationary",
    )
    axes.grid(which="major", alpha=0.3)
    axes.legend()
    for ending in ("svg", "png"):
        figure.savefig(FOLDER / f"growth.{ending}", dpi=120)


if __name__ == "__main__":
    print(json.dumps([vars(row) for row in measure(Size(tiny="--tiny" in sys.argv))]))
