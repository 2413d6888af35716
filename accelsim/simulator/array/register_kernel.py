"""The register engine's cycle: two-phase registers, stepped one cycle at a time.

A cycle: the edge lanes move on by one, the controller may put a new token into lane 0, every PE
computes its next registers from its own and its neighbours' present ones, in any order, and all
registers change together. `accelsim.simulator.array.register` describes the machine.
"""

from __future__ import annotations

import numpy as np

from accelsim.simulator.array import cells as cells_module
from accelsim.simulator.array import (
    lanes,
    register_control,
    register_decisions,
    register_edges,
    register_lanes,
    register_pe,
    register_state,
    register_step,
    register_update,
)
from accelsim.simulator.array.cells import (
    CELLS,
    borrowed,
    cell,
    cells,
    inlined,
    ones_in,
    set_cell,
    set_cells,
)
from accelsim.simulator.array.register_control import control_output, control_stationary
from accelsim.simulator.array.register_edges import (
    collect,
    drain,
    feed_factors,
    feed_left,
    feed_preload,
    feed_sums,
    give,
)
from accelsim.simulator.array.register_lanes import advance
from accelsim.simulator.array.register_state import (
    ARMED,
    BEFORE,
    CYCLE,
    DOWN,
    FLOW,
    KINDS,
    NOW,
    Lanes,
    Machine,
    Observed,
    Rules,
    Table,
    Work,
    bits_of,
    cells_of,
)
from accelsim.simulator.array.register_step import step
from accelsim.simulator.kernels import kernel

__all__ = ["run"]

_PARTS = (
    cells_module,
    lanes,
    register_control,
    register_decisions,
    register_edges,
    register_lanes,
    register_pe,
    register_state,
    register_step,
    register_update,
)


@inlined
def _keep_before(machine, rules, order, out):  # type: ignore[no-untyped-def]
    """Keep what registers that stay hold, where it will be read after some have changed."""
    if len(order) == 0 and len(out.masks) == 0:
        return
    # ARMED or HELD.
    now, before = bits_of(ARMED, NOW, rules, 0), bits_of(ARMED, BEFORE, rules, 0)
    for number in range(rules.groups * rules.left_pitch):
        set_cell(machine.bits, before + number, cell(machine.bits, now + number))
    for group in range((rules.rows + 1) * rules.groups):
        for kind in range(1, KINDS):
            now, before = cells_of(kind, NOW, group), cells_of(kind, BEFORE, group)
            set_cells(machine.sums, before, cells(machine.sums, now))
            if rules.preloads or kind != DOWN:
                set_cells(machine.words, before, cells(machine.words, now))


@inlined
def _count_toggles(machine, rules, out):  # type: ignore[no-untyped-def]
    """Count the bits in which PEs' next registers differ from the present ones."""
    flow = machine.control[FLOW]
    for kind in range(KINDS):
        # The first kind of each flows; output stationary, so does the second word.
        phase = flow if kind == 0 or (kind == DOWN and not rules.preloads) else BEFORE
        out.toggles[0, kind] += _toggles(machine.words, kind, phase, out.masks[0, kind], rules)
        phase = flow if kind == 0 else BEFORE
        out.toggles[1, kind] += _toggles(machine.sums, kind, phase, out.masks[1, kind], rules)


@inlined
def _toggles(held, kind, phase, mask, rules):  # type: ignore[no-untyped-def]
    """Return the bits of a mask in which registers of a kind change."""
    total = 0
    for group in range(rules.groups * (rules.rows + 1)):
        column, row = group // (rules.rows + 1), group % (rules.rows + 1)
        # Nothing of the top edge.
        used = min(CELLS, rules.pe_columns - column * CELLS) if row > 0 else 0
        one, other = cells_of(kind, phase, group), cells_of(kind, 1 - phase, group)
        for c in range(used):
            changed = cell(held, one + c) ^ cell(held, other + c)
            total += ones_in(np.uint32(changed & mask))
    return total


@inlined
def _end_cycle(machine, cause, causes):  # type: ignore[no-untyped-def]
    """Let all registers change together."""
    control = machine.control
    control[FLOW] = 1 - control[FLOW]
    control[CYCLE] += 1
    causes[cause] += 1


@inlined
def _borrowed_lanes(lanes):  # type: ignore[no-untyped-def]
    return Lanes(borrowed(lanes.tokens), borrowed(lanes.passes), borrowed(lanes.elements))


@inlined
def _borrowed(machine, work, out):  # type: ignore[no-untyped-def]
    """Return them without counts of who refers to their arrays."""
    registers = Machine(
        borrowed(machine.bits),
        borrowed(machine.words),
        borrowed(machine.sums),
        borrowed(machine.decided),
        borrowed(machine.left),
        borrowed(machine.control),
        _borrowed_lanes(machine.lanes),
        _borrowed_lanes(machine.wires),
        borrowed(machine.heard),
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


@kernel(*_PARTS, nogil=True)
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
        feed_left(machine, work, rules)
        if rules.preloads:
            feed_sums(machine, work, rules)
            feed_preload(machine, work, rules)
        else:
            feed_factors(machine, work, rules)
            if not rules.result_ports:
                drain(machine, work, rules, out)
        _keep_before(machine, rules, order, out)
        step(machine, rules, order, out.counts)
        if rules.preloads:
            collect(machine, work, rules, out)
        elif rules.result_ports:
            give(machine, work, rules, out)
        if len(out.masks) > 0:
            _count_toggles(machine, rules, out)
        _end_cycle(machine, cause, out.causes)
    return False


def run(
    machine: Machine, work: Work, rules: Rules, order: Table, out: Observed, until: int
) -> bool:
    """Step until ``until`` cycles are over; return whether all passes are.

    ``order``: int64[rows * columns], in which PEs are evaluated, or empty.
    """
    return bool(_run_cycles(machine, work, rules, order, out, until))  # type: ignore[no-untyped-call]
