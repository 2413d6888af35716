"""accelsim: accuracy, cycles and energy of a quantized network from one and the same run.

The names below are the public ones; each is imported when it is first used, so that
``import accelsim`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accelsim.compiler import compile_network
    from accelsim.energy import account
    from accelsim.errors import AccelsimError
    from accelsim.frontend.data import load_data
    from accelsim.frontend.load_onnx import load_onnx
    from accelsim.golden import execute
    from accelsim.hardware import load_hardware
    from accelsim.pipeline import RunRequest, run
    from accelsim.quantize import quantize_network
    from accelsim.simulator import simulate
    from accelsim.sweeps.python import sweep

__all__ = [
    "AccelsimError",
    "RunRequest",
    "account",
    "compile_network",
    "execute",
    "load_data",
    "load_hardware",
    "load_onnx",
    "quantize_network",
    "run",
    "simulate",
    "sweep",
]

__version__ = "0.1.0"

_ROOMS = {
    "AccelsimError": "accelsim.errors",
    "RunRequest": "accelsim.pipeline",
    "account": "accelsim.energy",
    "compile_network": "accelsim.compiler",
    "execute": "accelsim.golden",
    "load_data": "accelsim.frontend",
    "load_hardware": "accelsim.hardware",
    "load_onnx": "accelsim.frontend",
    "quantize_network": "accelsim.quantize",
    "run": "accelsim.pipeline",
    "simulate": "accelsim.simulator",
    "sweep": "accelsim.sweeps.python",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'accelsim' has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
