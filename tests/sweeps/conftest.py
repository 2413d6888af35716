from textwrap import dedent

import pytest

from accelsim.sweeps.load_space import load_space

TINY = """\
schema: accelsim.space/1
name: tiny
network: gemm.csv
hardware: edge_4x4
axes:
  array.rows: [2, 4, 8]
  array.columns: [2, 4, 8]
  array.dataflow: [ws, os]
constraints:
  - array.rows * array.columns <= 32
objectives: [latency, energy]
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a small network of shapes, gemm.csv."""
    (tmp_path / "gemm.csv").write_text("Layer, M, N, K,\nfirst, 16, 8, 12,\nsecond, 16, 6, 8,\n")
    return tmp_path


@pytest.fixture
def space_file(folder):
    """Write a space file into the folder and return its path."""

    def write(text=None, *changes, name="space.yaml"):
        text = TINY if text is None else dedent(text)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = folder / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def tiny(space_file):
    """The space of the tiny file, changed by (old, new) pairs of text."""

    def read(*changes, name="space.yaml"):
        return load_space(space_file(None, *changes, name=name))

    return read


class HereWorkers:
    """Workers in this process, one after another: quick, and easy to break on purpose."""

    count = 1

    def __init__(self, before=None):
        self.before = before
        self.restarts = 0
        self.tasks = 0

    def submit(self, task, *arguments):
        from concurrent.futures import Future

        future = Future()
        self.tasks += 1
        try:
            if self.before is not None:
                self.before(task, *arguments)
            future.set_result(task(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def restart(self):
        self.restarts += 1

    def close(self):
        pass


@pytest.fixture
def sweep_here(folder):
    """Sweep a space in this process; return how it ended."""
    from accelsim.sweeps.sweep import run_sweep

    def sweep(space, store="store.sqlite", before=None, **options):
        workers = HereWorkers(before)
        progress = run_sweep(
            space, folder / store, workers, lambda moment: None, timeout_seconds=1e9, **options
        )
        return progress, workers

    sweep.folder = folder
    return sweep
