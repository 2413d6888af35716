"""A sweep from Python: a space in, rows out, ready for a data frame."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from accelsim.sweeps.load_space import load_space, make_space
from accelsim.sweeps.read_store import find_space, read_rows, table
from accelsim.sweeps.run import DEFAULT_TIMEOUT_SECONDS
from accelsim.sweeps.store import Store
from accelsim.sweeps.sweep import run_sweep
from accelsim.sweeps.workers import LocalProcesses, ThisProcess, Workers, default_workers

__all__ = ["sweep"]


def sweep(
    space: str | Path | Mapping[str, Any],
    store: str | Path | None = None,
    workers: int | None = None,
    retry_failed: bool = False,
) -> list[dict[str, Any]]:
    """Run the points of a space that its store does not have; return a row for every point.

    Parameters
    ----------
    space
        The path of a space file, or what one holds: ``{"axes": {"array.rows": [8, 16]}, ...}``
        (``schema`` and ``name`` may be left out).
    store
        The file of results, which a later call goes on with; without it nothing is kept.
    workers
        Processes; without it one for each core. 0: this process alone, which begins at once and
        is quickest for a few points.
    retry_failed
        Try points again that failed before.

    Returns
    -------
    A dictionary for each point, all with the same keys: the axes as in the file, ``status``
    (``done``, ``impossible`` or ``failed``) and ``reason``, ``accuracy_pct``,
    ``cycles_per_image``, ``latency_us``, ``energy_uj``, ``area_mm2``, ``power_mw`` and the others,
    ``cycles_...`` by cause and ``energy_..._uj`` by component; None where there is no number.

    Raises
    ------
    AccelsimError
        If the space, its inputs or the store cannot be used.

    Examples
    --------
    >>> rows = sweep({"network": "digits_mlp", "axes": {"array.rows": [8, 16]}}, workers=0)
    >>> [row["array.rows"] for row in rows], rows[0]["status"]
    ([8, 16], 'done')
    """
    if isinstance(space, Mapping):
        checked = make_space({"schema": "accelsim.space/1", "name": "sweep", **space})
    else:
        checked = load_space(space)
    count = default_workers() if workers is None else workers
    with ExitStack() as stack:
        if store is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="accelsim-")))
            place = folder / "sweep.sqlite"
        else:
            place = Path(store)
        staff: Workers = LocalProcesses(count) if count else ThisProcess()
        # A point that takes too long ends its process: not that of the caller.
        timeout_seconds = DEFAULT_TIMEOUT_SECONDS if count else math.inf
        run_sweep(
            checked,
            place,
            staff,
            lambda _: None,
            timeout_seconds=timeout_seconds,
            retry_failed=retry_failed,
        )

        opened = stack.enter_context(Store(place))
        stored = find_space(opened, checked.name)
        return list(table(stored, read_rows(opened, stored)))
