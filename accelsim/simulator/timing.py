"""When everything of a program happens: by recurrence, or by events."""

from __future__ import annotations

import sys
from typing import Literal

from accelsim.compiler.program import MatrixInstruction, Program
from accelsim.hardware.schema import Hardware
from accelsim.simulator.machine import run_machine
from accelsim.simulator.prepare import prepare
from accelsim.simulator.run import Timing

__all__ = ["simulate_timing"]

_FEW_PASSES = 2000
"""Up to here events take less time than loading (or, once, compiling) the recurrence does."""

_RECURRENCE = "accelsim.simulator.recurrence"


def simulate_timing(
    program: Program,
    hardware: Hardware,
    spans: bool = False,
    method: Literal["auto", "compiled", "events"] = "auto",
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
        in every field and much faster for many passes. ``auto``: whichever answers sooner. A
        channel whose rate is a fraction so fine that 64 bits cannot count the longest transfer
        in it (say 1/3 of a float, for megabytes) is simulated by events in any case.

    Returns
    -------
    Cycles by cause for every layer and unit, counts, and bytes moved: docs/timing.md.

    Raises
    ------
    InternalError
        A cycle, byte, MAC or buffer is unaccounted for, or the machine came to a standstill.
    """
    if method == "auto":
        is_little = _RECURRENCE not in sys.modules and _pass_count(program) <= _FEW_PASSES
        method = "events" if is_little else "compiled"
    if method == "compiled" and not spans:
        # The recurrence brings numba with it.
        from accelsim.simulator.compilations import tell_of_compilations
        from accelsim.simulator.recurrence import is_exact, recur

        tell_of_compilations()
        if is_exact(hardware):
            return recur(program, hardware)
    return run_machine(prepare(program, hardware), hardware, spans)


def _pass_count(program: Program) -> int:
    return sum(
        instruction.plan.pass_count
        for instruction in program.instructions
        if isinstance(instruction, MatrixInstruction)
    )
