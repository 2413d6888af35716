"""A sweep on a Dask cluster against the same sweep on local processes, two workers each."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from accelsim.sweeps.export import export_rows
from accelsim.sweeps.read_store import find_space
from accelsim.sweeps.space import Space
from accelsim.sweeps.store import Store
from accelsim.sweeps.sweep import run_sweep
from accelsim.sweeps.workers import Cluster, Workers
from benchmarks.harness import Row, Size, Skipped, Times
from benchmarks.sweep import KeptProcesses, random_machines, seconds_of

QUESTION = "What does a cluster cost a sweep?"

_NETWORK = "gpt2_prefill"
"""About 50 ms a point."""
_WORKERS = 2
_MOST = 1.1


def measure(size: Size) -> list[Row]:
    try:
        from distributed import LocalCluster
    except ImportError:
        raise Skipped("Dask is not installed (extra cluster)") from None
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=_WORKERS,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        return _rows(Path(folder), cluster.scheduler_address, size)


def _rows(folder: Path, address: str, size: Size) -> list[Row]:
    """Sweep one space in turn on both, workers warm; what is stored is the same to the byte."""
    local = KeptProcesses(_WORKERS)
    warm = random_machines(_NETWORK, 4, 0)
    _sweep(warm, folder / "warm_local.sqlite", local)
    _sweep(warm, folder / "warm_cluster.sqlite", Cluster(address))
    count = size.pick(120, 4)
    space = random_machines(_NETWORK, count, 1)
    seconds: dict[str, list[float]] = {"local": [], "cluster": []}
    processor: dict[str, list[float]] = {"local": [], "cluster": []}
    for turn in range(1 if size.tiny else 6):
        stores = {where: folder / f"{where}_{turn}.sqlite" for where in seconds}
        workers = {"local": local, "cluster": Cluster(address)}
        for where in sorted(seconds, reverse=turn % 2 == 1):
            before = _processor_seconds()
            seconds[where].append(_sweep(space, stores[where], workers[where]))
            processor[where].append(_processor_seconds() - before)
        if _exported(stores["cluster"]) != _exported(stores["local"]):
            raise AssertionError("a cluster gave other rows than local processes")
    local.end()
    each = 1e3 * _WORKERS * min(seconds["local"]) / count
    note = f"{count} designs of {_NETWORK}, {each:.0f} ms each; exported rows equal to the byte"
    return [
        _ratio(f"Dask cluster of {_WORKERS} workers", seconds, _MOST, note),
        _ratio(
            "its processor time",
            processor,
            None,
            "all processes, the scheduler and this one too; little changed by what else runs",
        ),
    ]


def _ratio(what: str, seconds: dict[str, list[float]], target: float | None, note: str) -> Row:
    ours, theirs = (Times(tuple(seconds[where])) for where in ("cluster", "local"))
    return Row(
        what=what,
        against=f"{_WORKERS} local processes",
        ratio=ours.best / theirs.best,
        ratio_of_medians=ours.median / theirs.median,
        seconds=ours.best,
        against_seconds=theirs.best,
        target=target,
        at_most=True,
        note=note,
    )


def _processor_seconds() -> float:
    """Of this process and of all that it has started. Dask brings psutil."""
    import psutil

    here = psutil.Process()
    times = [process.cpu_times() for process in (here, *here.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def _sweep(space: Space, store: Path, workers: Workers) -> float:
    return seconds_of(lambda: run_sweep(space, store, workers, lambda _: None))


def _exported(path: Path) -> bytes:
    output = path.with_suffix(".csv")
    with Store(path) as store:
        export_rows(store, find_space(store, None), output)
    return output.read_bytes()
