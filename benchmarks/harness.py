"""Measure things side by side, and say what was measured."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Skipped(Exception):  # noqa: N818
    """Why a question was not asked."""


@dataclass(frozen=True)
class Size:
    """How large the benchmarks are: ``tiny`` only shows that they run."""

    quick: bool = False
    tiny: bool = False

    def pick(self, full: int, tiny: int) -> int:
        return tiny if self.tiny else full

    @property
    def rounds(self) -> int:
        return 1 if self.tiny else 5


@dataclass(frozen=True)
class Times:
    """Wall seconds of something that ran several times."""

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Row:
    """A ratio: of rates (work a second), of times, or of bytes; ``limit`` says of what kind.

    ``ratio`` is of the best times, ``ratio_of_medians`` of the medians. ``target``: what ``ratio``
    should be, at least or (``at_most``) at most.
    """

    what: str
    against: str
    ratio: float
    ratio_of_medians: float
    seconds: float
    against_seconds: float
    target: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        return "yes" if (self.ratio <= self.target) == self.at_most else "NO"


BUDGET_SECONDS = 3.0
MOST_ROUNDS = 60


def interleave(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Times]:
    """Run each once to warm up, then all in turn, so that all see the same weather.

    ``rounds``: at least; short work gets more of them, as other processes disturb it most.
    """
    for contender in contenders.values():
        contender()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    began, turn = time.perf_counter(), 0
    while turn < rounds or (
        rounds > 1 and turn < MOST_ROUNDS and time.perf_counter() - began < BUDGET_SECONDS
    ):
        turn += 1
        for name, contender in contenders.items():
            start = time.perf_counter()
            contender()
            seconds[name].append(time.perf_counter() - start)
    return {name: Times(tuple(values)) for name, values in seconds.items()}


def rate_row(
    what: str, times: Times, work: float, against: str, other: Times, other_work: float, **rest
) -> Row:
    """A ratio of rates: work a second against the other's work a second."""
    factor = work / other_work
    note = f"{work / times.best / 1e9:.2f} against {other_work / other.best / 1e9:.2f} G a second"
    return Row(
        what=what,
        against=against,
        ratio=factor * other.best / times.best,
        ratio_of_medians=factor * other.median / times.median,
        seconds=times.best,
        against_seconds=other.best,
        note="; ".join(part for part in (note, rest.pop("note", "")) if part),
        **rest,
    )


@dataclass(frozen=True)
class ChildRun:
    """A process that ended: wall seconds, peak resident bytes, what it printed."""

    seconds: float
    peak_bytes: int
    output: str


def run_child(command: list[str], cwd: Path = ROOT, **environment: str) -> ChildRun:
    """Run a process on its own, and return its time and peak memory."""
    start = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as child:
        assert child.stdout is not None
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if child.returncode != 0:
        raise Skipped(f"{' '.join(command)[:80]} failed: {output.strip().splitlines()[-1:]}")
    # Linux counts kilobytes, macOS bytes.
    scale = 1 if sys.platform == "darwin" else 1024
    return ChildRun(seconds, usage.ru_maxrss * scale, output)


def machine() -> dict[str, str]:
    """What it ran on."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.is_file():
        lines = information.read_text().splitlines()
        models = [line.partition(":")[2].strip() for line in lines if "model name" in line]
        model = models[0] if models else model
    packages = ("numpy", "numba", "llvmlite", "simpy")
    return {
        "processor": model,
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else "?"),
        "load before": f"{os.getloadavg()[0]:.1f} processes in the last minute",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in packages},
    }
