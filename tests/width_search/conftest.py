import numpy as np
import pytest

from accelsim.frontend import workload_path
from accelsim.request import RunRequest


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The path of an .npz with the first hundred test images of the bundled digits."""
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    with np.load(workload_path("digits_mlp").data) as stored:
        np.savez(
            path,
            test_images=stored["test_images"][:100],
            test_labels=stored["test_labels"][:100],
            calibration_images=stored["calibration_images"],
        )
    return str(path)


@pytest.fixture(scope="module")
def request_run(data):
    return RunRequest("digits_mlp", data=data, limit=3)
