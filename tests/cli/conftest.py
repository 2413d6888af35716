"""A few of the bundled digits, so that a command runs in a second."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from accelsim.cli import main


@pytest.fixture(scope="session")
def digits(few_digits):
    """The path of an .npz with the first twelve test images of the bundled digits."""
    return few_digits(12, 32)


@pytest.fixture
def accelsim():
    """Run one command line and return click's result."""

    def invoke(*words: object):
        return CliRunner().invoke(main, [str(word) for word in words])

    return invoke


@pytest.fixture
def quick(accelsim, digits):
    """Run ``accelsim run`` on two simulated images of the small data."""

    def invoke(*words: object):
        return accelsim("run", "digits_mlp", "--data", digits, "--limit", 2, *words)

    return invoke
