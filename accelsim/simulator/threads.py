"""Run independent pieces of work on the cores there are."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from accelsim.errors import ConfigError

__all__ = ["run_tasks", "shares", "thread_count", "threads_for"]

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


def threads_for(work: int, least: int) -> int:
    """Return how many threads are worth starting: one if there is less than ``least`` to do."""
    return thread_count() if work >= least else 1


def shares(count: int, threads: int) -> list[tuple[int, int]]:
    """Return half-open ranges that cover [0, count), at most one for each thread.

    >>> shares(5, 2)
    [(0, 3), (3, 5)]
    """
    size = max(1, -(-count // threads))
    return [(start, min(start + size, count)) for start in range(0, count, size)]


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
    waiting = deque(enumerate(tasks))
    answers: dict[int, Answer] = {}

    def work() -> None:
        # Taking an item is one step that no other thread can interrupt.
        while waiting:
            try:
                number, task = waiting.popleft()
            except IndexError:
                return
            answers[number] = function(task)

    # This thread works too. The others get one call each, not one for each task.
    with ThreadPoolExecutor(workers - 1) as pool:
        others = [pool.submit(work) for _ in range(workers - 1)]
        work()
        for other in others:
            other.result()
    return [answers[number] for number in range(len(tasks))]
