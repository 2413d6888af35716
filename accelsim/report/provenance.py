"""Which software made a result."""

from __future__ import annotations

import platform
from importlib.metadata import version

import accelsim

__all__ = ["versions"]

_LIBRARIES = ("numpy", "numba", "simpy", "onnx", "onnxruntime")


def versions() -> dict[str, str]:
    """Return the versions of accelsim, of Python and of the libraries that make the numbers."""
    return {
        "accelsim": accelsim.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }
