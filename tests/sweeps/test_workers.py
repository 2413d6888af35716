import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor
from pathlib import Path

import pytest

from accelsim.errors import ConfigError
from accelsim.sweeps.evaluate import ends_after
from accelsim.sweeps.workers import Cluster, LocalProcesses


@pytest.fixture
def two():
    workers = LocalProcesses(2)
    yield workers
    workers.close()


def test_processes_answer_and_use_one_thread_each(two):
    assert two.submit(os.getenv, "ACCELSIM_THREADS").result(60) == "1"
    assert two.submit(os.getpid).result(60) != os.getpid()


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="needs blocked signals")
def test_processes_are_deaf_to_interruptions_from_their_beginning(two):
    assert two.submit(_blocked).result(60)
    assert not _blocked()


def _blocked():
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_process_that_is_killed_breaks_the_pool_and_can_be_replaced(two):
    future = two.submit(_kill_me)
    with pytest.raises(BrokenExecutor):
        future.result(60)
    two.restart()
    assert two.submit(os.getpid).result(60) > 0


def _kill_me():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_hangs_ends_itself(two):
    future = two.submit(_hang)
    with pytest.raises(BrokenExecutor):
        future.result(60)


def _hang():
    with ends_after(0.2):
        time.sleep(1000)


def test_closing_does_not_wait_for_work(two):
    two.submit(os.getpid).result(60)
    two.submit(time.sleep, 1000)
    began = time.monotonic()
    two.close()
    assert time.monotonic() - began < 10


def test_workers_go_with_their_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, time\n"
        "from accelsim.sweeps.workers import LocalProcesses\n"
        "if __name__ == '__main__':\n"
        "    workers = LocalProcesses(2)\n"
        "    print(workers.submit(os.getpid).result(), flush=True)\n"
        "    workers.submit(time.sleep, 1000)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    worker = int(done.stdout)
    for _ in range(100):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        stat = Path(f"/proc/{worker}/stat")
        if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("a worker outlives its parent")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x"])
def test_a_cluster_that_is_not_there_is_one_line(address):
    pytest.importorskip("distributed", reason="needs Dask (extra cluster)")
    with pytest.raises(ConfigError, match=rf"^--scheduler {address}: no answer \("):
        Cluster(address, timeout_seconds=0.5)
