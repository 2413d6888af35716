"""What is kept of a kernel is what its texts say, whatever was kept before."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path

import numba
import numpy as np
import pytest

from accelsim.simulator import kernels

KERNEL = """
from typing import NamedTuple

import kept_part
from accelsim.simulator.kernels import kernel


class {kind}(NamedTuple):
    size: int


@kernel(kept_part)
def grow(box):
    return kept_part.more(box.size)


answer = grow({kind}(7))
"""

PART = """
from numba import njit


@njit
def more(size):
    return size + {step}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return what writes both modules, runs them, and returns the kernel's module."""

    def load(name, text):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    def run_both(kind, step):
        load("kept_part", PART.format(step=step))
        return load("kept_kernel", KERNEL.format(kind=kind))

    # Modules of the same second and size are not the same.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return run_both


def test_a_kernel_is_compiled_once_while_its_texts_stay(run):
    first = run("Box", 1)
    assert (first.answer, sum(first.grow.stats.cache_misses.values())) == (8, 1)
    again = run("Box", 1)
    assert (again.answer, sum(again.grow.stats.cache_hits.values())) == (8, 1)
    assert not again.grow.stats.cache_misses


def test_a_type_that_a_kept_kernel_took_may_be_renamed(run):
    assert run("Box", 1).answer == 8
    assert run("Crate", 1).answer == 8


def test_a_part_of_a_kernel_may_change(run):
    assert run("Box", 1).answer == 8
    assert run("Box", 1000).answer == 1007


DAY_SECONDS = 24 * 60 * 60


def kept_files(kernel):
    """The files that numba keeps of all versions of a kernel."""
    return set(Path(kernel.stats.cache_path).glob("kept_kernel.grow_*"))


def make_old(files, days):
    """Let files have been written so many days ago."""
    then = time.time() - days * DAY_SECONDS
    for file in files:
        os.utime(file, (then, then))


def test_what_is_older_than_a_month_goes_when_a_kernel_is_compiled_anew(run):
    oldest = kept_files(run("Box", 1).grow)
    old = kept_files(run("Box", 2).grow) - oldest
    assert (len(oldest), len(old)) == (2, 2)
    make_old(oldest, days=31)
    make_old(old, days=29)
    new = run("Box", 3).grow
    assert not any(file.exists() for file in oldest)
    assert all(file.exists() for file in old)
    assert len(kept_files(new)) == 4


def test_a_kernel_that_is_still_asked_for_is_never_too_old(run):
    files = kept_files(run("Box", 1).grow)
    make_old(files, days=400)
    again = run("Box", 1)
    assert kept_files(again.grow) == files
    assert sum(again.grow.stats.cache_hits.values()) == 1


def test_other_files_of_the_folder_stay(run):
    folder = Path(run("Box", 1).grow.stats.cache_path)
    others = [folder / name for name in ("kept_kernel.py", "kept_kernel.grow_1.nbi", "other.nbi")]
    for file in others:
        file.touch()
    make_old(others, days=400)
    run("Box", 2)
    assert all(file.exists() for file in others)


def test_a_file_that_another_process_has_removed_is_no_failure(run, monkeypatch):
    make_old(kept_files(run("Box", 1).grow), days=400)
    remove = Path.unlink

    def remove_twice(file):
        remove(file)
        remove(file)

    monkeypatch.setattr(Path, "unlink", remove_twice)
    second = run("Box", 2)
    assert second.answer == 9
    assert len(kept_files(second.grow)) == 2


def make_sum():
    """A kernel of a part that is called with two constants, and the part."""

    @kernels.part()
    def end(numbers, step):
        while len(numbers) > step:
            numbers = numbers[step:]
        return numbers[0]

    @numba.njit(**kernels._UNCOUNTED)
    def both(numbers):
        return end(numbers, 1) + end(numbers, 2)

    return both, end


def test_this_numba_has_the_hooks_that_parts_use():
    both, end = make_sum()
    assert both(np.array([1, 2, 3, 20])) == 23
    found = {
        "integers are one type": len(end.signatures) == 1,
        "references are not counted": "NRT_decref" not in "".join(both.inspect_llvm().values()),
    }
    assert all(found.values()), f"numba {numba.__version__}: {found}"


def test_without_these_hooks_a_kernel_gives_the_same(monkeypatch):
    monkeypatch.setattr(kernels, "_for_all_integers", lambda dispatcher: dispatcher)
    monkeypatch.setattr(kernels, "_UNCOUNTED", {})
    both, end = make_sum()
    assert both(np.array([1, 2, 3, 20])) == 23
    assert len(end.signatures) == 2
    assert "NRT_decref" in "".join(both.inspect_llvm().values())


def test_a_dispatcher_that_is_not_asked_for_templates_stays_as_it_is():
    other = object()
    assert kernels._for_all_integers(other) is other
