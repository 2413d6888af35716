"""The register engine's cycle: two-phase registers, stepped one cycle at a time.

A cycle: the edge lanes move on by one, the controller may put a new token into lane 0, every PE
computes its next registers from its own and its neighbours' present ones, in any order, and all
registers change together. `accelsim.simulator.array.register` describes the machine.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from accelsim.simulator.array import (
    cells,
    lanes,
    register_control,
    register_edges,
    register_pe,
    register_state,
)
from accelsim.simulator.array.cells import borrowed, inlined, ones_in
from accelsim.simulator.array.register_control import control_output, control_stationary
from accelsim.simulator.array.register_edges import (
    advance,
    collect,
    drain,
    feed_factors,
    feed_left,
    feed_preload,
    feed_sums,
    give,
)
from accelsim.simulator.array.register_pe import step
from accelsim.simulator.array.register_state import (
    CYCLE,
    FLOW,
    KINDS,
    REST,
    SINCE_MARK,
    SINCE_WIRE,
    Lanes,
    Machine,
    Observed,
    Rules,
    Table,
    Work,
    plane,
)

__all__ = ["run"]

_PARTS = (cells, lanes, register_control, register_edges, register_pe, register_state)


@inlined
def _is_whole(machine, rules, order, out):  # type: ignore[no-untyped-def]
    """Whether registers that plain tokens leave alone may change in this cycle, or are watched."""
    control = machine.control
    marks = control[SINCE_MARK] <= rules.rows + rules.columns - 2
    wires = control[SINCE_WIRE] < rules.columns
    return bool(marks or wires or len(order) > 0 or len(out.masks) > 0)


@inlined
def _count_toggles(machine, rules, out):  # type: ignore[no-untyped-def]
    """Count the bits in which the next registers differ from the present ones."""
    control, words, sums = machine.control, machine.words, machine.sums
    flow, rest = control[FLOW], control[REST]
    for kind in range(KINDS):
        # The first kind of each is the one that every token changes; output stationary, so is
        # the second word. In a cycle that is watched, all of them have both their planes.
        phase = flow if kind == 0 or (kind == 1 and not rules.preloads) else rest
        before, after = plane(kind, phase, rules), plane(kind, 1 - phase, rules)
        out.toggles[0, kind] += _toggles(words, before, after, out.masks[0, kind], rules)
        phase = flow if kind == 0 else rest
        before, after = plane(kind, phase, rules), plane(kind, 1 - phase, rules)
        out.toggles[1, kind] += _toggles(sums, before, after, out.masks[1, kind], rules)


@inlined
def _toggles(planes, before, after, mask, rules):  # type: ignore[no-untyped-def]
    """Return the bits of a mask in which two planes differ."""
    total = 0
    for r in range(1, rules.rows + 1):
        first = before + r * rules.pitch
        one = planes[first : first + rules.columns]
        first = after + r * rules.pitch
        other = planes[first : first + rules.columns]
        for c in range(rules.columns):
            total += ones_in(np.uint32((one[c] ^ other[c]) & mask))
    return total


@inlined
def _end_cycle(machine, cause, whole, causes):  # type: ignore[no-untyped-def]
    """Let all registers change together."""
    control = machine.control
    control[FLOW] = 1 - control[FLOW]
    if whole:
        control[REST] = 1 - control[REST]
    control[CYCLE] += 1
    causes[cause] += 1


@inlined
def _borrowed_lanes(lanes):  # type: ignore[no-untyped-def]
    return Lanes(borrowed(lanes.tokens), borrowed(lanes.passes), borrowed(lanes.elements))


@inlined
def _borrowed(machine, work, out):  # type: ignore[no-untyped-def]
    """Return them without counts of who refers to their arrays."""
    registers = Machine(
        borrowed(machine.flags),
        borrowed(machine.words),
        borrowed(machine.sums),
        borrowed(machine.control),
        _borrowed_lanes(machine.lanes),
        _borrowed_lanes(machine.wires),
        borrowed(machine.drained),
    )
    operands = Work(
        borrowed(work.passes),
        work.depth,
        work.columns,
        borrowed(work.moving),
        borrowed(work.factors),
        borrowed(work.resident),
        work.resident_pitch,
        borrowed(work.bias),
        borrowed(work.memory),
    )
    observed = Observed(
        borrowed(out.causes),
        borrowed(out.log),
        borrowed(out.counts),
        borrowed(out.masks),
        borrowed(out.toggles),
    )
    return registers, operands, observed


def _compiled(function: Any) -> Any:
    """Compile a kernel, and keep it under a name that changes with any of its parts.

    numba looks at a kernel's own file alone to see whether what it kept is still good.
    """
    texts = (Path(str(part.__file__)).read_bytes() for part in _PARTS)
    digest = hashlib.sha256(b"".join(texts)).hexdigest()
    function.__qualname__ = f"{function.__qualname__}_{digest[:16]}"
    return njit(cache=True, nogil=True)(function)


@_compiled
def _run_cycles(machine, work, rules, order, out, until):  # type: ignore[no-untyped-def]
    machine, work, out = _borrowed(machine, work, out)
    order = borrowed(order)
    while machine.control[CYCLE] < until:
        advance(machine, rules)
        if rules.preloads:
            cause = control_stationary(machine, work, rules, out.counts)
        else:
            cause = control_output(machine, work, rules, out.counts)
        if cause < 0:
            return True
        whole = _is_whole(machine, rules, order, out)
        feed_left(machine, work, rules)
        if rules.preloads:
            feed_sums(machine, work, rules)
            if whole:
                feed_preload(machine, work, rules)
        else:
            feed_factors(machine, work, rules)
        step(machine, rules, order, whole, out.counts)
        if rules.preloads:
            collect(machine, work, rules, out)
        elif whole and rules.result_ports:
            give(machine, work, rules, out)
        elif whole:
            drain(machine, work, rules, out)
        if len(out.masks) > 0:
            _count_toggles(machine, rules, out)
        _end_cycle(machine, cause, whole, out.causes)
    return False


def run(
    machine: Machine, work: Work, rules: Rules, order: Table, out: Observed, until: int
) -> bool:
    """Step until ``until`` cycles are over; return whether all passes are.

    ``order``: int64[rows * columns], in which PEs are evaluated, or empty.
    """
    return bool(_run_cycles(machine, work, rules, order, out, until))
