"""Whatever ends a sweep, the same command ends with the store of an undisturbed one."""

import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from accelsim.errors import ConfigError
from accelsim.sweeps.load_space import load_space
from accelsim.sweeps.sweep import run_sweep
from accelsim.sweeps.workers import LocalProcesses

ROOT = Path(__file__).parents[2]
WIDER = (
    ("array.rows: [2, 4, 8]", "array.rows: [2, 3, 4, 6, 8]"),
    ("array.columns: [2, 4, 8]", "array.columns: [2, 3, 4, 6, 8]"),
    ("[ws, os]", "[ws, os, is]"),
)

KILLED = """\
import os, random, signal, sys, time
from concurrent.futures import Future
from pathlib import Path
from accelsim.sweeps.load_space import load_space
from accelsim.sweeps.sweep import run_sweep

class Here:
    count = 1
    def submit(self, task, *arguments):
        future = Future()
        future.set_result(task(*arguments))
        return future
    def restart(self): pass
    def close(self): pass

def sweep(store):
    run_sweep(load_space(sys.argv[1]), store, Here(), lambda moment: None,
              timeout_seconds=float("inf"))

folder, kills = Path(sys.argv[2]), int(sys.argv[3])
sweep(folder / "undisturbed.sqlite")
began = time.monotonic()
sweep(folder / "timed.sqlite")
whole = time.monotonic() - began
generator, killed, finished = random.Random(7), 0, 0
while killed < kills:
    child = os.fork()
    if child == 0:
        sweep(folder / f"{finished}.sqlite")
        os._exit(0)
    time.sleep(generator.uniform(0, whole / 2))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        killed += 1
    else:
        finished += 1
if (folder / f"{finished}.sqlite").exists():
    sweep(folder / f"{finished}.sqlite")
    finished += 1
print(finished)
"""


def content(path):
    """What a store holds, apart from who wrote it in which order."""
    with sqlite3.connect(path) as database:
        points = database.execute("SELECT * FROM points ORDER BY key").fetchall()
        members = database.execute(
            "SELECT choice, key FROM members JOIN points ON points.id = point ORDER BY choice"
        ).fetchall()
        claims = database.execute("SELECT count(*) FROM claims").fetchone()[0]
    assert claims == 0
    return [point[1:] for point in points], members


def test_a_sweep_that_is_killed_at_fifty_moments_ends_as_if_it_had_not_been(space_file, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(space_file(None, *WIDER)), str(tmp_path), "50"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    undisturbed = content(tmp_path / "undisturbed.sqlite")
    assert len(undisturbed[0]) == len(undisturbed[1]) > 50
    finished = int(done.stdout)
    assert finished > 0
    for index in range(finished):
        assert content(tmp_path / f"{index}.sqlite") == undisturbed


AT_EVERY_STATEMENT = """\
import os, signal, sqlite3, sys
from itertools import count
from pathlib import Path
from accelsim.sweeps.evaluate import Figures
from accelsim.sweeps.load_space import load_space
from accelsim.sweeps.store import Store
from accelsim.sweeps.stored_point import StoredPoint

numbers = dict.fromkeys(Figures.__dataclass_fields__, 7)
numbers |= {"cycles_by_cause": {"stream": 7}, "energy_by_component_uj": {"dram": 7.0}}
points = [StoredPoint(key, (index, 0, 0), "done", "", Figures(**numbers))
          for index, key in enumerate("abc")]
space, folder = load_space(sys.argv[1]), Path(sys.argv[2])

def put(path, last):
    seen = count(1)
    def statement(text):
        if next(seen) == last:
            os.kill(os.getpid(), signal.SIGKILL)
    store = Store(path, create=True)
    store.enter(space, {})
    assert store.claim(list("abc")) == set("abc")
    store._database.set_trace_callback(statement)
    store.put(points)
    store.close()

for last in count(1):
    path = folder / f"{last}.sqlite"
    child = os.fork()
    if child == 0:
        put(path, last)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
print(last)
"""


def test_points_are_whole_or_absent_at_whichever_statement_a_process_is_killed(
    space_file, tmp_path
):
    done = subprocess.run(
        [sys.executable, "-c", AT_EVERY_STATEMENT, str(space_file()), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    last = int(done.stdout)
    whole = tables(tmp_path / f"{last}.sqlite")
    assert [len(rows) for rows in whole] == [3, 3, 0]
    absent = 0
    for statement in range(1, last):
        killed = tables(tmp_path / f"{statement}.sqlite")
        assert killed == whole or [len(rows) for rows in killed] == [0, 0, 3]
        absent += killed != whole
    assert absent > 5


def tables(path):
    """The rows of a store's points, of their places in the space, and of what is claimed."""
    with sqlite3.connect(path) as database:
        return [
            database.execute(f"SELECT * FROM {name}").fetchall()
            for name in ("points", "members", "claims")
        ]


def test_the_command_and_its_workers_are_killed_and_it_goes_on(space_file, tmp_path, sweep_here):
    space = space_file(None, *WIDER)
    store = tmp_path / "killed.sqlite"
    words = [sys.executable, "-m", "accelsim", "sweep", str(space), "--workers", "2"]
    generator = random.Random(3)
    with subprocess.Popen(
        [*words, "--store", str(store), "--quiet"], cwd=ROOT, start_new_session=True
    ) as process:
        for _ in range(600):
            if store.exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        time.sleep(generator.uniform(0, 2))
        os.killpg(process.pid, signal.SIGKILL)
    subprocess.run([*words, "--store", str(store), "--quiet"], cwd=ROOT, check=True, timeout=300)
    sweep_here(load_space(space), store=tmp_path / "undisturbed.sqlite")
    assert content(store) == content(tmp_path / "undisturbed.sqlite")


def test_workers_that_are_killed_are_replaced(space_file, tmp_path):
    space = load_space(space_file(None, *WIDER))
    workers = LocalProcesses(2)
    begun, ended = threading.Event(), threading.Event()
    kills = []

    def watch(moment):
        # A network that is killed twice while it is prepared takes all of its points with it.
        if moment.done:
            begun.set()

    def kill():
        begun.wait()
        while not ended.wait(0.02 if not kills else 0.5) and len(kills) < 3:
            children = multiprocessing.active_children()
            if children:
                os.kill(random.choice(children).pid, signal.SIGKILL)
                kills.append(1)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        progress = run_sweep(space, tmp_path / "store.sqlite", workers, watch)
    finally:
        ended.set()
        begun.set()
        killer.join()
    assert progress.stored == len(list(space.grid()))
    assert progress.done + progress.failed == progress.stored
    assert kills
    assert progress.failed <= len(kills)


def test_a_full_disk_ends_a_sweep_in_one_line_and_it_goes_on(space_file, tmp_path, sweep_here):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)]
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this system does not let root mount a small disk")
    try:
        wide = [*WIDER, ("axes:", "axes:\n  batch: [1, 2, 3, 4, 5, 6]")]
        space = load_space(space_file(None, *wide))
        with pytest.raises(ConfigError) as caught:
            sweep_here(space, store=disk / "store.sqlite")
        assert str(caught.value) == (
            f"{disk / 'store.sqlite'}: the disk is full; what is stored is whole, and the same "
            "command goes on"
        )
        larger = ["mount", "-o", "remount,size=16m", str(disk)]
        subprocess.run(larger, check=True)
        progress, _ = sweep_here(space, store=disk / "store.sqlite")
        assert progress.found > 0
        sweep_here(space, store="undisturbed.sqlite")
        assert content(disk / "store.sqlite") == content(tmp_path / "undisturbed.sqlite")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
