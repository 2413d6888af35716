"""The machine: integers through the PE grid, cycles through the units around it.

The names below are imported when they are first used: the machine brings SimPy, the engines
bring numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accelsim.simulator.array import run_array
    from accelsim.simulator.batches import simulate
    from accelsim.simulator.run import Run, Timing
    from accelsim.simulator.timing import simulate_timing, timeline_notes

__all__ = ["Run", "Timing", "run_array", "simulate", "simulate_timing", "timeline_notes"]

_MODULES = {
    "Run": "accelsim.simulator.run",
    "Timing": "accelsim.simulator.run",
    "run_array": "accelsim.simulator.array",
    "simulate": "accelsim.simulator.batches",
    "simulate_timing": "accelsim.simulator.timing",
    "timeline_notes": "accelsim.simulator.timing",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'accelsim.simulator' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
