"""How many threads, and that answers keep the order of the items."""

from __future__ import annotations

import threading

import pytest

from accelsim.errors import ConfigError
from accelsim.simulator.threads import run_tasks, shares, thread_count, threads_for


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("7", 7)])
def test_the_environment_decides(monkeypatch, text, count):
    monkeypatch.setenv("ACCELSIM_THREADS", text)
    assert thread_count() == count


def test_all_available_cores_unless_told(monkeypatch):
    monkeypatch.delenv("ACCELSIM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert thread_count() == 3


@pytest.mark.parametrize("text", ["0", "-1", "two"])
def test_what_is_no_count_is_refused(monkeypatch, text):
    monkeypatch.setenv("ACCELSIM_THREADS", text)
    with pytest.raises(ConfigError) as error:
        thread_count()
    assert str(error.value) == f"ACCELSIM_THREADS: must be a positive integer, got {text!r}"


def test_answers_come_in_the_order_of_the_items():
    """The first task ends only when the second has run: they are on two threads."""
    second_ran = threading.Event()

    def run(item):
        if item == 0:
            assert second_ran.wait(timeout=10)
        else:
            second_ran.set()
        return item

    assert run_tasks(run, [0, 1], threads=2) == [0, 1]


def test_one_thread_starts_none():
    here = threading.get_ident()
    assert run_tasks(lambda _: threading.get_ident(), [0, 1], threads=1) == [here, here]


def test_the_first_failure_is_the_callers():
    def fail(item):
        raise ValueError(str(item))

    with pytest.raises(ValueError, match=r"^[01]$"):
        run_tasks(fail, [0, 1], threads=2)


def test_little_work_is_for_one_thread(monkeypatch):
    monkeypatch.setenv("ACCELSIM_THREADS", "3")
    assert [threads_for(work, 10) for work in (9, 10)] == [1, 3]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8])
@pytest.mark.parametrize("threads", [1, 2, 3, 9])
def test_shares_cover_everything_once(count, threads):
    ranges = shares(count, threads)
    assert len(ranges) <= threads
    assert [item for start, stop in ranges for item in range(start, stop)] == list(range(count))
