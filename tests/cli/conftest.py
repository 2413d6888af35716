"""A few of the bundled digits, so that a command runs in a second."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from accelsim.cli import main
from accelsim.frontend import workload_path


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """The path of an .npz with the first twelve test images of the bundled digits."""
    path = tmp_path_factory.mktemp("data") / "few_digits.npz"
    with np.load(workload_path("digits_cnn").data) as stored:
        np.savez(
            path,
            test_images=stored["test_images"][:12],
            test_labels=stored["test_labels"][:12],
            calibration_images=stored["calibration_images"][:32],
        )
    return path


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
