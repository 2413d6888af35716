import pytest

from accelsim.request import RunRequest


@pytest.fixture(scope="module")
def data(few_digits):
    """The path of an .npz with the first hundred test images of the bundled digits."""
    return str(few_digits(100))


@pytest.fixture(scope="module")
def request_run(data):
    return RunRequest("digits_mlp", data=data, limit=3)
