"""A sweep from its parts: the space, its inputs, a store and workers."""

from __future__ import annotations

from pathlib import Path

from accelsim.sweeps.inputs import read_inputs
from accelsim.sweeps.plan import expected_points
from accelsim.sweeps.progress import Progress
from accelsim.sweeps.run import DEFAULT_TIMEOUT_SECONDS, Show, SweepLoop
from accelsim.sweeps.space import Space
from accelsim.sweeps.store import Store
from accelsim.sweeps.strategies import strategy_for
from accelsim.sweeps.workers import Workers

__all__ = ["run_sweep"]


def run_sweep(
    space: Space,
    store_path: Path,
    workers: Workers,
    show: Show,
    *,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    retry_failed: bool = False,
) -> Progress:
    """Compute the points of a space that its store does not have; return how it ended.

    The workers are closed afterwards, whatever happens.

    Parameters
    ----------
    timeout_seconds
        Of one point, and of one network's preparation.
    retry_failed
        Try points again that failed in earlier runs.

    Raises
    ------
    AccelsimError
        If a network, a table or the store cannot be used.
    """
    try:
        inputs = read_inputs(space)
        space = inputs.space
        strategy = strategy_for(space)
        with Store(store_path, create=True) as store:
            store.enter(space, inputs.hashes)
            if retry_failed:
                store.forget_failures()
            total = expected_points(space)
            loop = SweepLoop(inputs, store, workers, strategy, total, show, timeout_seconds)
            return loop.run()
    finally:
        workers.close()
