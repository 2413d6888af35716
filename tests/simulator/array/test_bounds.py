"""No kernel touches memory beyond its arrays, however many words it takes at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="fences are pages of a POSIX system")


def run_between_fences(*arguments):
    command = [sys.executable, "-m", "tests.simulator.array.guarded", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("side", ["end", "begin"])
def test_every_load_and_store_is_within_its_array(side):
    done = run_between_fences(side)
    # What was printed last is the number of the last case that ended well.
    assert done.returncode == 0, [*done.stdout.split()[-1:], done.stderr]
    assert done.stdout.split() == [str(number) for number in range(72)]


@pytest.mark.parametrize("side", ["end", "begin"])
def test_a_load_that_is_not_is_ended(side):
    done = run_between_fences(side, "beyond")
    assert -done.returncode in (signal.SIGSEGV, signal.SIGBUS)
