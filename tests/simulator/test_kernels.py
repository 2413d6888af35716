"""What is kept of a kernel is what its texts say, whatever was kept before."""

from __future__ import annotations

import importlib.util
import sys

import pytest

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
