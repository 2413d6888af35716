"""Who computes: processes of this machine, or a Dask cluster. Both are `concurrent.futures`."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any, Protocol, TypeVar

from accelsim.errors import ConfigError

__all__ = ["Cluster", "LocalProcesses", "ThisProcess", "Workers", "default_workers"]

Answer = TypeVar("Answer")


class Workers(Protocol):
    """An executor that can be had again after it broke. ``count``: tasks at the same time."""

    count: int

    def submit(self, task: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
        """Have a task done; as `concurrent.futures.Executor.submit`."""

    def restart(self) -> None:
        """Begin again with new workers, where the old ones cannot be used any more."""

    def close(self) -> None:
        """Let go of the workers; what they are at is lost."""


def default_workers() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Worker(SpawnProcess):
    """A process that does not run the script of whoever starts it.

    It needs nothing of that script. One that sweeps without asking whether it is ``__main__``
    would sweep again in every worker.
    """

    def start(self) -> None:
        """Begin."""
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            super().start()
        finally:
            sys.modules["__main__"] = script


class _Processes(SpawnContext):
    """Starts processes and remembers them, so that they can be ended whatever they wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[BaseProcess] = []

    def Process(self, *arguments: Any, **options: Any) -> BaseProcess:  # type: ignore[override]  # noqa: N802
        """Return a process that is to be started."""
        process = _Worker(*arguments, **options)
        self.started.append(process)
        return process


class LocalProcesses:
    """Processes of this machine, one core each."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._executor: Executor | None = None
        self._processes = _Processes()

    def submit(self, task: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
        """Have a task done by the next process that is free."""
        if self._executor is None:
            self._processes = _Processes()
            self._executor = ProcessPoolExecutor(self.count, self._processes, initializer=_begin)
        with _deaf_to_interruptions():  # a process that begins takes over what is blocked
            return self._executor.submit(task, *arguments)

    def restart(self) -> None:
        """Begin again with new processes."""
        self.close()

    def close(self) -> None:
        """End the processes, whatever they are at.

        One that was killed may have held a lock that the others wait for: they are not asked.
        """
        if self._executor is None:
            return
        for process in self._processes.started:
            if process.pid is not None:
                process.kill()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = None


@contextmanager
def _deaf_to_interruptions() -> Iterator[None]:
    """Hold Ctrl-C back, where the system can; it comes when this ends."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Prepare a worker process: one thread, deaf to Ctrl-C, gone when its parent is."""
    os.environ["ACCELSIM_THREADS"] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


class ThisProcess:
    """This process itself, one task after another, each done when it is given."""

    count = 1

    def submit(self, task: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
        """Do a task."""
        future: Future[Answer] = Future()
        try:
            future.set_result(task(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def restart(self) -> None:
        """Do nothing: there is nothing to replace."""

    def close(self) -> None:
        """Do nothing: this process goes on."""


class Cluster:
    """The workers of a Dask scheduler, such as ``tcp://10.0.0.1:8786`` (extra ``cluster``)."""

    def __init__(self, address: str, timeout_seconds: float = 10) -> None:
        try:
            import distributed
        except ImportError:
            raise ConfigError("--scheduler: needs Dask: pip install 'accelsim[cluster]'") from None
        try:
            client: Any = distributed.Client(  # type: ignore[no-untyped-call]
                address, timeout=timeout_seconds
            )
        except (OSError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise ConfigError(f"--scheduler {address}: no answer ({reason})") from None
        self._client = client
        self.count = sum(client.nthreads().values())
        if not self.count:
            self._client.close()
            raise ConfigError(f"--scheduler {address}: has no workers")
        self._executor: Executor = client.get_executor(pure=False)

    def submit(self, task: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
        """Have a task done by some worker of the cluster."""
        return self._executor.submit(task, *arguments)

    def restart(self) -> None:
        """Do nothing: the cluster replaces its dead workers itself."""

    def close(self) -> None:
        """Leave the cluster to others."""
        self._executor.shutdown(wait=False)
        self._client.close()
