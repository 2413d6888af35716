"""What `import accelsim` gives."""

import subprocess
import sys

import pytest

import accelsim

HEAVY = ("matplotlib", "numba", "numpy", "onnx", "onnxruntime", "pydantic", "rich", "simpy")


def test_few_names():
    assert len(accelsim.__all__) <= 12
    assert accelsim.__all__ == sorted(accelsim.__all__)


@pytest.mark.parametrize("name", accelsim.__all__)
def test_each_name_is_what_its_room_calls_so(name):
    thing = getattr(accelsim, name)
    assert thing.__name__ == name
    assert thing.__module__.startswith("accelsim.")
    assert name in dir(accelsim)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match=r"^module 'accelsim' has no attribute 'simulat'$"):
        _ = accelsim.simulat


def test_import_is_light():
    probe = f"import sys, accelsim; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
