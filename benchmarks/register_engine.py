"""The register engine, cycle by cycle, on 32x32."""

from __future__ import annotations

from accelsim.hardware.schema import Array
from benchmarks.harness import Row, Size, interleave, rate_row
from benchmarks.multiply_add import Yardstick
from benchmarks.products import job

QUESTION = "What does a cycle of a PE cost when every register is stepped?"


def measure(size: Size) -> list[Row]:
    rows = []
    edge = size.pick(32, 4)
    # About as long as a turn of the yardstick, so that both are disturbed alike.
    for dataflow, label, m, n, k in (
        ("ws", "long streams", 8192, 64, 64),
        ("ws", "ResNet-18 layer4 3x3", 49, 512, 4608),
        ("os", "deep tiles", 64, 64, 8192),
        ("is", "long streams", 64, 8192, 64),
    ):
        sizes = [size.pick(length, 8) for length in (m, n, k)]
        work = job("register", *sizes, Array(rows=edge, columns=edge, dataflow=dataflow))
        cycles = sum(work().cycles.values())
        yardstick = Yardstick(size.tiny)
        times = interleave({"y": yardstick, "register": work}, size.rounds)
        against = (yardstick.name, times["y"], yardstick.work)
        rows.append(
            rate_row(
                f"{edge}x{edge} {dataflow}, {label}, PE-updates",
                times["register"],
                cycles * edge * edge,
                *against,
                target=0.15,
                note=f"{cycles} cycles",
            )
        )
    return rows
