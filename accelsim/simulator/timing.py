"""When everything of a program happens: by recurrence, or by events."""

from __future__ import annotations

from typing import Literal

from accelsim.compiler.program import Program
from accelsim.hardware.schema import Hardware
from accelsim.simulator.machine import run_machine
from accelsim.simulator.prepare import prepare
from accelsim.simulator.recurrence import is_exact, recur
from accelsim.simulator.run import Timing

__all__ = ["simulate_timing"]


def simulate_timing(
    program: Program,
    hardware: Hardware,
    spans: bool = False,
    method: Literal["compiled", "events"] = "compiled",
) -> Timing:
    """Run a program for one batch and return when everything happened and why.

    Parameters
    ----------
    program
        What `accelsim.compiler` made for this hardware.
    hardware
        The machine.
    spans
        Whether to return the timeline of every unit, too. Only ``events`` has one, and is used.
    method
        ``events``: the units as processes. ``compiled``: the same machine as a recurrence, equal
        in every field and much faster. A channel whose rate is no fraction of moderate size
        (say 1/3 of a float) is simulated by events in any case.

    Returns
    -------
    Cycles by cause for every layer and unit, counts, and bytes moved: docs/timing.md.

    Raises
    ------
    InternalError
        A cycle, byte, MAC or buffer is unaccounted for, or the machine came to a standstill.
    """
    if method == "events" or spans or not is_exact(hardware):
        return run_machine(prepare(program, hardware), hardware, spans)
    return recur(program, hardware)
