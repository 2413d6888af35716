import subprocess
import sys

import pytest

import accelsim.simulator


def test_importing_the_room_brings_neither_numba_nor_simpy():
    code = (
        "import sys, accelsim.simulator; print({'numba', 'simpy', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_public_name_can_be_reached():
    assert dir(accelsim.simulator) == sorted(accelsim.simulator.__all__)
    for name in accelsim.simulator.__all__:
        assert getattr(accelsim.simulator, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(
        AttributeError, match=r"^module 'accelsim.simulator' has no attribute 'nothing'$"
    ):
        accelsim.simulator.nothing  # noqa: B018
