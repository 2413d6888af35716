"""ResNet-18 side by side with SCALE-Sim 3.0.0: the same layers, the same array."""

from __future__ import annotations

import json
import sys
import time

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.frontend.topology import load_topology
from accelsim.hardware import load_hardware
from accelsim.hardware.schema import Array
from accelsim.simulator import simulate_timing
from benchmarks.harness import ChildRun, Row, Size, Skipped, interleave, run_child
from benchmarks.products import job
from benchmarks.resnet18_onnx import scalesim_layers
from benchmarks.scalesim import run_scalesim

QUESTION = "ResNet-18, 224x224, batch 1, on 32x32 weight stationary: against SCALE-Sim 3.0.0?"

REPEATS = 5


def measure(size: Size) -> list[Row]:
    if size.tiny:
        raise Skipped("ResNet-18 has no tiny size")
    ours = run_child([sys.executable, "-m", "benchmarks.resnet18_run", str(REPEATS)])
    values = json.loads(ours.output.strip().splitlines()[-1])
    shapes = _topology_only(size)
    if size.quick:
        raise Skipped(
            f"left out by --quick; ours takes {min(values['seconds']):.2f} s with values, "
            f"{shapes[0] * 1e3:.2f} ms without"
        )
    theirs, their_cycles = run_scalesim(scalesim_layers(), "conv", 32, "ws")
    return [*_values(ours, values, theirs, their_cycles), _shapes(shapes, theirs), _product(size)]


def _values(ours: ChildRun, values: dict, theirs: ChildRun, their_cycles: int) -> list[Row]:
    against = "SCALE-Sim, whole process, no values"
    best = min(values["seconds"])
    median = sorted(values["seconds"])[len(values["seconds"]) // 2]
    first, gib = values["seconds"][0], 2**30
    note = (
        f"{values['macs'] / 1e9:.2f} G MAC; first run {first:.2f} s, preparing "
        f"{values['prepared_seconds']:.1f} s; SCALE-Sim's one run: {their_cycles:,} cycles with "
        "nothing overlapped"
    )
    return [
        Row(
            what="all values, switching of every register",
            against=against,
            ratio=theirs.seconds / best,
            ratio_of_medians=theirs.seconds / median,
            seconds=best,
            against_seconds=theirs.seconds,
            target=200,
            note=note,
        ),
        Row(
            what="the same, our whole process: import, random weights, quantize, five runs",
            against=against,
            ratio=theirs.seconds / ours.seconds,
            ratio_of_medians=theirs.seconds / ours.seconds,
            seconds=ours.seconds,
            against_seconds=theirs.seconds,
        ),
        Row(
            what="peak memory, whole process, GiB",
            against="1 GiB",
            ratio=ours.peak_bytes / gib,
            ratio_of_medians=ours.peak_bytes / gib,
            seconds=ours.seconds,
            against_seconds=theirs.seconds,
            target=1,
            at_most=True,
            note=f"{ours.peak_bytes / 1e9:.2f} GB; SCALE-Sim {theirs.peak_bytes / 1e9:.2f} GB",
        ),
    ]


def _topology_only(size: Size) -> tuple[float, float]:
    """Return (best, median) seconds of the timing of the compiled network."""
    hardware = load_hardware("mid_32x32")
    shapes = lower_topology(load_topology("resnet18"), 1, 8, 8, hardware.accumulator.bits)
    program = compile_shapes(shapes, hardware)
    times = interleave({"ours": lambda: simulate_timing(program, hardware)}, 20 * size.rounds)
    return times["ours"].best, times["ours"].median


def _shapes(shapes: tuple[float, float], theirs: ChildRun) -> Row:
    return Row(
        what="topology only: cycles by cause, traffic, stalls",
        against="SCALE-Sim, whole process, no values",
        ratio=theirs.seconds / shapes[0],
        ratio_of_medians=theirs.seconds / shapes[1],
        seconds=shapes[0],
        against_seconds=theirs.seconds,
        target=20_000,
    )


def _product(size: Size) -> Row:
    length = 512
    array = Array(rows=32, columns=32, dataflow="ws")
    work = job("cycle", length, length, length, array, switching=True)
    times = interleave({"ours": work}, size.rounds)["ours"]
    start = time.perf_counter()
    theirs, _ = run_scalesim([("product", *[str(length)] * 3)], "gemm", 32, "ws")
    return Row(
        what=f"product of {length}^3, all values, switching",
        against="SCALE-Sim, whole process, no values",
        ratio=theirs.seconds / times.best,
        ratio_of_medians=theirs.seconds / times.median,
        seconds=times.best,
        against_seconds=theirs.seconds,
        note=f"SCALE-Sim peak {theirs.peak_bytes / 1e9:.2f} GB, "
        f"{time.perf_counter() - start:.1f} s with start and files",
    )
