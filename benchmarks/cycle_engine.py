"""The cycle engine on arrays of 32x32 and larger, with and without switching activity."""

from __future__ import annotations

import os

from accelsim.hardware.schema import Array
from benchmarks.harness import Row, Size, Skipped, interleave, rate_row
from benchmarks.multiply_add import Yardstick
from benchmarks.products import job

QUESTION = "What does a multiply-add of a PE cost in the cycle engine?"

# name, m, n, k: two of ResNet-18's layers as matrix products, a square product, a tall one.
LAYERS = (
    ("ResNet-18 layer1 3x3", 3136, 64, 576),
    ("ResNet-18 layer4 3x3", 49, 512, 4608),
    ("product of 1024^3", 1024, 1024, 1024),
)


def measure(size: Size) -> list[Row]:
    rows = []
    layers = LAYERS[-1:] if size.tiny else LAYERS
    for label, m, n, k in layers:
        for edge in (32,) if size.quick or size.tiny else (32, 128):
            for dataflow in ("ws", "os", "is"):
                if edge == 128 and dataflow != "ws":
                    continue
                sizes = [size.pick(length, 16) for length in (m, n, k)]
                rows += _compare(f"{label}, {edge}x{edge} {dataflow}", sizes, edge, dataflow, size)
    return [*rows, *_cores(size)]


def _compare(label: str, sizes: list[int], edge: int, dataflow: str, size: Size) -> list[Row]:
    array = Array(rows=edge, columns=edge, dataflow=dataflow)
    plain = job("cycle", *sizes, array)
    counted = job("cycle", *sizes, array, switching=True)
    yardstick = Yardstick(size.tiny)
    with _threads(1):
        times = interleave({"y": yardstick, "plain": plain, "counted": counted}, size.rounds)
    against = (yardstick.name, times["y"], yardstick.work)
    return [
        rate_row(f"{label}, values", times["plain"], plain.macs, *against, target=0.6),
        rate_row(f"{label}, switching", times["counted"], plain.macs, *against, target=0.35),
    ]


def _cores(size: Size) -> list[Row]:
    """All cores against one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if cores < 2:
        raise Skipped("two cores against one: there is one core")
    length = size.pick(1024, 16)
    array = Array(rows=32, columns=32, dataflow="ws")
    rows = []
    for switching in (False, True):
        work = job("cycle", length, length, length, array, switching)

        def run(threads: int, work=work) -> object:
            with _threads(threads):
                return work()

        times = interleave({"one": lambda: run(1), "all": lambda: run(2)}, size.rounds)
        rows.append(
            rate_row(
                f"two cores, {length}^3, 32x32 ws, {'switching' if switching else 'values'}",
                times["all"],
                work.macs,
                "one core",
                times["one"],
                work.macs,
                target=1.7,
            )
        )
    return rows


class _threads:  # noqa: N801
    """So many threads for the engines, for a while."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __enter__(self) -> None:
        self.before = os.environ.get("ACCELSIM_THREADS")
        os.environ["ACCELSIM_THREADS"] = str(self.count)

    def __exit__(self, *_: object) -> None:
        os.environ.pop("ACCELSIM_THREADS")
        if self.before is not None:
            os.environ["ACCELSIM_THREADS"] = self.before
