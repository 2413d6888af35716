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
        return [_row(Path(folder), cluster.scheduler_address, size)]


def _row(folder: Path, address: str, size: Size) -> Row:
    """Sweep one space in turn on both, workers warm; what is stored is the same to the byte."""
    local = KeptProcesses(_WORKERS)
    warm = random_machines(_NETWORK, 4, 0)
    _sweep(warm, folder / "warm_local.sqlite", local)
    _sweep(warm, folder / "warm_cluster.sqlite", Cluster(address))
    count = size.pick(120, 4)
    space = random_machines(_NETWORK, count, 1)
    seconds: dict[str, list[float]] = {"local": [], "cluster": []}
    for turn in range(1 if size.tiny else 6):
        stores = {where: folder / f"{where}_{turn}.sqlite" for where in seconds}
        workers = {"local": local, "cluster": Cluster(address)}
        for where in sorted(seconds, reverse=turn % 2 == 1):
            seconds[where].append(_sweep(space, stores[where], workers[where]))
        if _exported(stores["cluster"]) != _exported(stores["local"]):
            raise AssertionError("a cluster gave other rows than local processes")
    local.end()
    ours, theirs = (Times(tuple(seconds[where])) for where in ("cluster", "local"))
    return Row(
        what=f"Dask cluster of {_WORKERS} workers",
        against=f"{_WORKERS} local processes",
        ratio=ours.best / theirs.best,
        ratio_of_medians=ours.median / theirs.median,
        seconds=ours.best,
        against_seconds=theirs.best,
        target=_MOST,
        at_most=True,
        note=(
            f"{count} designs of {_NETWORK}, {1e3 * _WORKERS * theirs.best / count:.0f} ms each; "
            "exported rows equal to the byte"
        ),
    )


def _sweep(space: Space, store: Path, workers: Workers) -> float:
    return seconds_of(lambda: run_sweep(space, store, workers, lambda _: None))


def _exported(path: Path) -> bytes:
    output = path.with_suffix(".csv")
    with Store(path) as store:
        export_rows(store, find_space(store, None), output)
    return output.read_bytes()
