"""What the PEs of a column of groups decide in a cycle, kept until each row does it.

32 rows decide at once, and what they decide is written down: `note_stationary`, `note_output`. A
row then reads its own: what `stationary_noted` and `output_noted` return. Where no row decides more
than to let tokens pass, nothing but these is read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.simulator.array.cells import any_of, bits, inlined, set_cells
from accelsim.simulator.array.register_pe import Draining, Loading

__all__ = ["note_output", "note_stationary", "output_noted", "stationary_noted"]

_OFF = np.int64(0)


@inlined
def _note(machine, rules, number, row, conditions):  # type: ignore[no-untyped-def]
    set_cells(machine.decided, number * rules.left_pitch + row, conditions)


@inlined
def _noted(machine, rules, number, row):  # type: ignore[no-untyped-def]
    return bits(machine.decided, number * rules.left_pitch + row)


@inlined
def note_stationary(machine, rules, row, decided):  # type: ignore[no-untyped-def]
    """Write down what rows decide; return whether it is more than to let tokens pass."""
    _note(machine, rules, 0, row, decided.valid)
    _note(machine, rules, 1, row, decided.takes_over)
    _note(machine, rules, 2, row, decided.reloads)
    _note(machine, rules, 3, row, decided.loads)
    return any_of(decided.takes_over | decided.reloads | decided.loads)


@inlined
def note_output(machine, rules, row, decided):  # type: ignore[no-untyped-def]
    """Write down what rows decide; return whether it is more than to let tokens pass."""
    _note(machine, rules, 0, row, decided.valid)
    _note(machine, rules, 1, row, decided.first)
    _note(machine, rules, 2, row, decided.passes_in_sum)
    _note(machine, rules, 3, row, decided.passes)
    _note(machine, rules, 4, row, decided.gives)
    shifts = decided.passes_in_sum | decided.passes
    return any_of(decided.first | shifts | decided.gives)


def stationary_noted(whole: bool) -> Any:
    """Return what reads a row's decisions: all, or only which PEs have a valid token."""

    @inlined
    def noted(machine, rules, row):  # type: ignore[no-untyped-def]
        valid = _noted(machine, rules, 0, row)
        if whole:
            reloads, loads = _noted(machine, rules, 2, row), _noted(machine, rules, 3, row)
            return Loading(valid, _noted(machine, rules, 1, row), reloads, loads)
        return Loading(valid, _OFF, _OFF, _OFF)

    return noted


def output_noted(whole: bool) -> Any:
    """Return the same for PEs that keep their sums."""

    @inlined
    def noted(machine, rules, row):  # type: ignore[no-untyped-def]
        valid = _noted(machine, rules, 0, row)
        if whole:
            first, gives = _noted(machine, rules, 1, row), _noted(machine, rules, 4, row)
            in_sum, passes = _noted(machine, rules, 2, row), _noted(machine, rules, 3, row)
            return Draining(valid, first, in_sum, passes, gives)
        return Draining(valid, _OFF, _OFF, _OFF, _OFF)

    return noted
