"""Run independent pieces of work on the cores there are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from accelsim.errors import ConfigError

__all__ = ["run_tasks", "thread_count"]

_VARIABLE = "ACCELSIM_THREADS"

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def thread_count() -> int:
    """Return how many threads to use: ``ACCELSIM_THREADS``, or one for each available core.

    Raises
    ------
    ConfigError
        A value that is not a positive integer.
    """
    text = os.environ.get(_VARIABLE, "")
    if not text:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{_VARIABLE}: must be a positive integer, got {text!r}")
    return int(text)


def run_tasks(
    function: Callable[[Item], Answer], items: Iterable[Item], threads: int
) -> list[Answer]:
    """Return the answers in the order of the items, whichever thread gave them.

    The function must release the interpreter for most of its time, and two calls of it must not
    change the same things.
    """
    tasks = list(items)
    workers = min(threads, len(tasks))
    if workers < 2:
        return [function(task) for task in tasks]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, tasks))
