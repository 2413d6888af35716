"""What a worker does: shapes and machines in, figures out. Nothing here reads a file."""

from __future__ import annotations

import faulthandler
import math
import os
import platform
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from accelsim.compiler import compile_shapes
from accelsim.compiler.shapes import NetworkShape
from accelsim.energy import EnergyTable, account
from accelsim.errors import AccelsimError
from accelsim.hardware import Hardware
from accelsim.report.results import CAUSES
from accelsim.simulator import simulate_timing
from accelsim.simulator.run import Timing
from accelsim.simulator.utilization import utilization_pct
from accelsim.sweeps.parcel import Parcel
from accelsim.sweeps.result_version import result_version

__all__ = ["Failure", "Figures", "Job", "Outcome", "ends_after", "evaluate", "run_job"]


@dataclass(frozen=True)
class Figures:
    """What a design takes for one image (``cycles_total``: for its batch).

    ``cycles_by_cause`` sums to ``cycles_total``; ``energy_by_component_uj`` to ``energy_uj``.
    ``dram_bytes`` is for the batch.
    """

    cycles_total: int
    cycles_per_image: float
    latency_us: float
    energy_uj: float
    edp_uj_us: float
    power_mw: float
    area_mm2: float
    utilization_pct: float
    tops_per_w: float
    macs: int
    dram_bytes: int
    cycles_by_cause: Mapping[str, int]
    energy_by_component_uj: Mapping[str, float]


@dataclass(frozen=True)
class Failure:
    """Why there are no figures. ``lasting``: the design's own fault, the same every time."""

    reason: str
    lasting: bool


Outcome = Figures | Failure


@dataclass(frozen=True)
class Job:
    """Points for one worker: for each, which of the shapes, which of the tables, which machine.

    ``version``: what the worker's own `result_version` has to be. ``timeout_seconds`` is for one
    point; a worker that takes longer ends its own process.
    """

    shapes: tuple[Parcel[NetworkShape], ...]
    tables: tuple[Parcel[EnergyTable], ...]
    points: tuple[tuple[int, int, Hardware], ...]
    version: str
    timeout_seconds: float


def run_job(job: Job) -> tuple[tuple[Outcome, ...], float]:
    """Return the outcome of every point of a job, in its order, and the seconds it took."""
    began = time.perf_counter()
    if job.version != result_version():
        raise AccelsimError(
            f"the worker on {platform.node()} has another version of accelsim: its results are "
            "not those of this one"
        )
    outcomes = tuple(
        _outcome(
            job.shapes[shape].content(),
            hardware,
            job.tables[table].content(),
            job.timeout_seconds,
        )
        for shape, table, hardware in job.points
    )
    return outcomes, time.perf_counter() - began


def evaluate(shape: NetworkShape, hardware: Hardware, table: EnergyTable) -> Figures:
    """Run a network of shapes on a machine and account for it.

    Raises
    ------
    CapacityError, ConfigError
        If a layer does not fit the machine, or the table is not of its technology.
    """
    program = compile_shapes(shape, hardware)
    timing = simulate_timing(program, hardware)
    energy = account(timing, program, hardware, table)
    batch = shape.batch
    macs = sum(layer.macs for layer in timing.layers)
    seconds = timing.cycles_total / hardware.clock
    latency_us = seconds * 1e6 / batch
    energy_uj = energy.total_pj * 1e-6 / batch
    return Figures(
        cycles_total=timing.cycles_total,
        cycles_per_image=timing.cycles_total / batch,
        latency_us=latency_us,
        energy_uj=energy_uj,
        edp_uj_us=energy_uj * latency_us,
        power_mw=energy.total_pj * 1e-9 / seconds,
        area_mm2=energy.area.total_mm2,
        utilization_pct=utilization_pct(timing.layers, hardware.array),
        tops_per_w=2 * macs / energy.total_pj,
        macs=macs,
        dram_bytes=sum(
            layer.traffic.dram_read_bytes + layer.traffic.dram_write_bytes
            for layer in timing.layers
        ),
        cycles_by_cause=_cycles_by_cause(timing),
        energy_by_component_uj={
            str(name): value * 1e-6 / batch for name, value in energy.components_pj.items()
        },
    )


def _cycles_by_cause(timing: Timing) -> dict[str, int]:
    """Return the sums over layers, in one order whichever way the timing was found."""
    causes: dict[str, int] = {}
    for layer in timing.layers:
        for cause, cycles in layer.cycles.items():
            causes[str(cause)] = causes.get(str(cause), 0) + cycles
    return {cause: causes[cause] for cause in CAUSES if cause in causes}


def _outcome(
    shape: NetworkShape, hardware: Hardware, table: EnergyTable, timeout_seconds: float
) -> Outcome:
    try:
        with ends_after(timeout_seconds):
            return evaluate(shape, hardware, table)
    except AccelsimError as error:
        return Failure(str(error), lasting=True)
    except MemoryError:
        return Failure("out of memory", lasting=False)
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", lasting=False)


_ONE_AT_A_TIME = threading.Lock()
"""A cluster's worker may have several threads, a process has one watchdog."""


@contextmanager
def ends_after(seconds: float) -> Iterator[None]:
    """End this process if it takes longer: also where it never comes back to Python.

    Whoever gave the job sees a worker that died, which is what happened. No time: no end.
    """
    if not math.isfinite(seconds):
        yield
        return
    with _ONE_AT_A_TIME, Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
