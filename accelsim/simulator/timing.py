"""When everything of a program happens: by recurrence, or by events."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Literal

from accelsim.compiler.program import MatrixInstruction, Program
from accelsim.hardware.schema import Hardware
from accelsim.simulator.machine import run_machine
from accelsim.simulator.prepare import prepare
from accelsim.simulator.run import LAYER_UNIT, Span, Timing

__all__ = ["simulate_timing", "timeline_notes"]

_FEW_PASSES = 2000
"""Up to here events take less time than loading (or, once, compiling) the recurrence does."""

_MOST_TILES = 250_000
"""Passes of which a timeline shows each: 100 MB of it, and a gigabyte while it is made."""

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
        Whether to return the timeline of every unit, too. Only ``events`` has one, and is used;
        of a program of so many passes that it would be too large, only the layers are shown.
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
    shows_tiles = spans and not timeline_notes(program)
    if method == "auto":
        is_little = _RECURRENCE not in sys.modules and _pass_count(program) <= _FEW_PASSES
        method = "events" if is_little else "compiled"
    timing = None
    if method == "compiled" and not shows_tiles:
        # The recurrence brings numba with it.
        from accelsim.simulator.recurrence import is_exact, recur

        if is_exact(hardware):
            timing = recur(program, hardware)
    if timing is None:
        timing = run_machine(prepare(program, hardware), hardware, shows_tiles)
    return replace(timing, spans=(*_layer_spans(timing), *timing.spans)) if spans else timing


def timeline_notes(program: Program) -> tuple[str, ...]:
    """Return what a reader should know of a program's timeline: what it leaves out."""
    tiles = _pass_count(program)
    if tiles <= _MOST_TILES:
        return ()
    return (
        f"timeline: of layers only: {tiles:,} tiles are more than the {_MOST_TILES:,} that it "
        "has room for",
    )


def _layer_spans(timing: Timing) -> tuple[Span, ...]:
    return tuple(
        Span(LAYER_UNIT, layer.name, layer.start_cycle, layer.start_cycle + layer.cycles_total)
        for layer in timing.layers
        if layer.cycles_total
    )


def _pass_count(program: Program) -> int:
    return sum(
        instruction.plan.pass_count
        for instruction in program.instructions
        if isinstance(instruction, MatrixInstruction)
    )
