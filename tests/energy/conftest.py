import pytest

from accelsim.energy import load_table
from accelsim.hardware import load_hardware


@pytest.fixture(scope="session")
def horowitz():
    return load_table("horowitz_45nm")


@pytest.fixture(scope="session")
def values(horowitz):
    return horowitz.values


@pytest.fixture(scope="session")
def edge():
    return load_hardware("edge_16x16")
