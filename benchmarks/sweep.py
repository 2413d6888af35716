"""Sweeps: designs a minute, what two workers lose, and how quick a store of 100,000 is."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from accelsim.sweeps.analyse import find_front
from accelsim.sweeps.evaluate import Figures
from accelsim.sweeps.load_space import make_space
from accelsim.sweeps.read_store import find_space, read_rows, stored_spaces
from accelsim.sweeps.report import write_report
from accelsim.sweeps.space import Space
from accelsim.sweeps.store import Store
from accelsim.sweeps.stored_point import StoredPoint
from accelsim.sweeps.sweep import run_sweep
from accelsim.sweeps.workers import LocalProcesses, ThisProcess, Workers
from benchmarks.harness import Row, Size

QUESTION = "How many designs does a sweep run and keep?"

_TARGET_A_MINUTE = 5000
_MOST_SECONDS = 5.0


def measure(size: Size) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        return [*_throughput(Path(folder), size), *_store(Path(folder), size)]


def _throughput(folder: Path, size: Size) -> list[Row]:
    """ResNet-18 as shapes, from choices to stored rows; workers warm, as in a long sweep."""
    rounds = 1 if size.tiny else 3
    alone, together = [], []
    workers = KeptProcesses(2)
    warm = random_machines("resnet18", 4, 0)
    run_sweep(warm, folder / "warm.sqlite", workers, lambda _: None)
    run_sweep(warm, folder / "warm_here.sqlite", ThisProcess(), lambda _: None)
    count = size.pick(2400, 4)
    for turn in range(rounds):
        space = random_machines("resnet18", count, turn + 1)
        together.append(seconds_of(_sweep(space, folder / f"two_{turn}.sqlite", workers)))
        alone.append(seconds_of(_sweep(space, folder / f"one_{turn}.sqlite", ThisProcess())))
    workers.end()
    best, ideal = min(together), min(alone) / 2
    a_minute = 60 * count / best
    return [
        Row(
            what="ResNet-18 designs a minute, two workers",
            against="5,000",
            ratio=a_minute / _TARGET_A_MINUTE,
            ratio_of_medians=60 * count / sorted(together)[rounds // 2] / _TARGET_A_MINUTE,
            seconds=best,
            against_seconds=60 * count / _TARGET_A_MINUTE,
            target=1.0,
            note=f"{a_minute:,.0f} a minute; {count} designs of random machines",
        ),
        Row(
            what="two workers",
            against="half the time of one process",
            ratio=ideal / best,
            ratio_of_medians=sorted(alone)[rounds // 2] / 2 / sorted(together)[rounds // 2],
            seconds=best,
            against_seconds=ideal,
            target=0.9,
            note="the loop that feeds them has no core of its own here",
        ),
    ]


class KeptProcesses(LocalProcesses):
    """Workers that a sweep leaves warm for the next one."""

    def close(self) -> None:
        pass

    def end(self) -> None:
        super().close()


def random_machines(network: str, points: int, seed: int) -> Space:
    """A space of so many random machines."""
    return make_space(
        {
            "schema": "accelsim.space/1",
            "name": network,
            "network": network,
            "hardware": "mid_32x32",
            "axes": {
                "array.rows": {"from": 8, "to": 64, "step": 4},
                "array.columns": {"from": 8, "to": 64, "step": 4},
                "array.dataflow": ["ws", "os", "is"],
                "bits": [8, "w4a8", 4],
                "scratchpads.weights.size": ["128KiB", "256KiB", "512KiB"],
                "dram.bandwidth": {"from": "4GB/s", "to": "32GB/s", "times": 2},
            },
            "strategy": {"method": "random", "points": points, "seed": seed},
        }
    )


def _sweep(space: Space, store: Path, workers: Workers) -> Callable[[], object]:
    return lambda: run_sweep(space, store, workers, lambda _: None)


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _store(folder: Path, size: Size) -> list[Row]:
    """A store of many points: what a person waits for."""
    count = size.pick(100_000, 50)
    path = folder / "large.sqlite"
    _fill(path, count)

    def front() -> None:
        with Store(path) as store:
            stored = find_space(store, None)
            find_front(stored.space, stored.space.objectives, list(read_rows(store, stored)))

    def page() -> None:
        with Store(path) as store:
            stored = find_space(store, None)
            write_report(store, stored, stored.space.objectives, folder / "page.html", None)

    def status() -> None:
        with Store(path) as store:
            stored_spaces(store)

    rows = []
    for name, work in (("status", status), ("front", front), ("HTML page", page)):
        seconds = min(seconds_of(work) for _ in range(1 if size.tiny else 3))
        rows.append(
            Row(
                what=f"{name} of {count:,} points",
                against="5 s",
                ratio=seconds / _MOST_SECONDS,
                ratio_of_medians=seconds / _MOST_SECONDS,
                seconds=seconds,
                against_seconds=_MOST_SECONDS,
                target=1.0,
                at_most=True,
                note=f"a store of {path.stat().st_size / 1e6:.0f} MB",
            )
        )
    return rows


def _fill(path: Path, count: int) -> None:
    """Write made-up results of the first designs of a large space."""
    space = random_machines("resnet18", count, 0)
    lengths = [len(axis.values) for axis in space.axes]
    with Store(path, create=True) as store:
        store.enter(space, {})
        points = []
        for index in range(count):
            choice, rest = [], index
            for length in reversed(lengths):
                rest, digit = divmod(rest, length)
                choice.append(digit)
            # Scattered by a multiplicative hash, the same in every run.
            spread = (index * 2654435761 % 2**32) / 2**32
            energy, latency = 1.0 + spread, 1.0 + (spread * 7919) % 1.0
            points.append(
                StoredPoint(
                    f"{index:032x}", tuple(reversed(choice)), "done", "", _made_up(energy, latency)
                )
            )
        store.put(points)


def _made_up(energy_uj: float, latency_us: float) -> Figures:
    return Figures(
        cycles_total=round(1e6 * latency_us),
        cycles_per_image=1e6 * latency_us,
        latency_us=latency_us,
        energy_uj=energy_uj,
        edp_uj_us=energy_uj * latency_us,
        power_mw=1e3 * energy_uj / latency_us,
        area_mm2=1.0,
        utilization_pct=50.0,
        tops_per_w=1.0,
        macs=10**9,
        dram_bytes=10**7,
        cycles_by_cause={"stream": round(1e6 * latency_us)},
        energy_by_component_uj={"dram": energy_uj},
    )
