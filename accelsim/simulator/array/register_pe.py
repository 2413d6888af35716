"""The PEs of the register engine: from present registers to the next ones.

`_pe_stationary` and `_pe_output` are the only descriptions of a PE: what it hears from its left
neighbour (or the left edge) and from above, and its own registers, to its next registers. They
are evaluated for 32 neighbours at once, or, with an ``order`` or where a sum may leave its range,
for one PE after the other. Next registers are written into planes of their own, so nobody sees
one before the cycle ends.

While no first or last element and no wire is near a PE, all but the registers that any token
changes keep their values; `step` does not copy them in such cycles.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from accelsim.simulator.array.cells import (
    CELLS,
    cell,
    cells,
    choose,
    differs,
    flag,
    holds,
    inlined,
    keep,
    lacks,
    set_cell,
    set_cells,
    shift_in,
    wide,
)
from accelsim.simulator.array.register_state import (
    ARMED,
    BIAS,
    DOWN,
    DRAIN,
    DRAIN_FIRST,
    EVENTS,
    FIRST,
    FLOW,
    HELD,
    LAST,
    LOAD,
    LOAD_LAST,
    MOVING,
    ON,
    REST,
    RESULT,
    SHADOW,
    SIGNALS,
    STATIONARY,
    SUM,
    VALID,
    left_edge,
    plane,
)

__all__ = ["step"]


class _Stationary(NamedTuple):
    """Registers of a PE that keeps an operand."""

    moving: Any
    sum: Any
    stationary: Any
    shadow: Any
    armed: Any


class _Output(NamedTuple):
    """Registers of a PE that keeps its sum."""

    moving: Any
    down: Any
    sum: Any
    bias: Any
    result: Any
    held: Any


@inlined
def _pe_stationary(signals, entering, above, own, double, policy):  # type: ignore[no-untyped-def]
    """Return the PE's next registers, and whether its sum overflows.

    ``above``: the sum and the word of a preload that come from above.
    """
    partial, word = above
    valid = holds(signals, VALID)
    takes_over = holds(signals, FIRST) & double
    loads = holds(signals, LOAD) & (holds(own.armed, ON) | takes_over)
    arms = takes_over | (holds(signals, LAST) & (not double))
    resident = choose(takes_over, own.shadow, own.stationary)
    exact = partial + wide(entering) * wide(resident)
    kept = keep(exact, policy)
    after = _Stationary(
        moving=choose(valid, entering, own.moving),
        sum=choose(valid, kept, own.sum),
        stationary=choose(loads & (not double), word, resident),
        shadow=choose(loads & double, word, own.shadow),
        armed=flag((holds(own.armed, ON) | arms) & lacks(signals, LOAD_LAST)),
    )
    return after, valid & differs(kept, exact)


@inlined
def _pe_output(signals, entering, above, own, hidden, policy):  # type: ignore[no-untyped-def]
    """Return the PE's next registers, and whether its sum overflows.

    ``above``: the operand, the bias and the result that come from above.
    """
    factor, over, leaving = above
    valid, first = holds(signals, VALID), holds(signals, FIRST)
    shifts = holds(signals, DRAIN_FIRST) | (holds(signals, DRAIN) & lacks(own.held, ON))
    exact = choose(first, over, own.sum) + wide(entering) * wide(factor)
    kept = keep(exact, policy)
    # The next tile may arrive in the very cycle in which the old result moves on: it wins.
    takes = (holds(signals, LAST) | (valid & (not hidden))) & valid
    after = _Output(
        moving=choose(valid, entering, own.moving),
        down=choose(valid, factor, own.down),
        sum=choose(valid, kept, choose(shifts & (not hidden), leaving, own.sum)),
        bias=choose(first, over, own.bias),
        result=choose(takes & hidden, kept, choose(shifts & hidden, leaving, own.result)),
        held=flag(takes | (holds(own.held, ON) & lacks(signals, DRAIN_FIRST))),
    )
    return after, valid & differs(kept, exact)


def _stationary_array(read: Any, write: Any, whole: bool) -> tuple[Any, Any]:
    """Return (what a PE tells the one below, what steps a PE), or 32 PEs from a place on.

    read, write: of one cell, or of 32 neighbours; ``whole``: all registers, or only those that
    every token changes.
    """

    @inlined
    def below(machine, rules, phases, place):  # type: ignore[no-untyped-def]
        flow, rest = phases
        chain = SHADOW if rules.second_register else STATIONARY
        partial = read(machine.sums, plane(SUM, flow, rules) + place)
        return partial, read(machine.words, plane(chain, rest, rules) + place)

    @inlined
    def update(  # type: ignore[no-untyped-def]
        machine, rules, phases, place, signals, entering, above
    ):
        flow, rest = phases
        own = _Stationary(
            moving=read(machine.words, plane(MOVING, flow, rules) + place),
            sum=read(machine.sums, plane(SUM, flow, rules) + place),
            stationary=read(machine.words, plane(STATIONARY, rest, rules) + place),
            shadow=read(machine.words, plane(SHADOW, rest, rules) + place),
            armed=read(machine.flags, plane(ARMED, rest, rules) + place),
        )
        heard = signals if whole else signals & VALID
        after, overflows = _pe_stationary(
            heard, entering, above, own, rules.second_register, rules.policy
        )
        write(machine.flags, plane(SIGNALS, 1 - flow, rules) + place, signals)
        write(machine.words, plane(MOVING, 1 - flow, rules) + place, after.moving)
        write(machine.sums, plane(SUM, 1 - flow, rules) + place, after.sum)
        if whole:
            write(machine.words, plane(STATIONARY, 1 - rest, rules) + place, after.stationary)
            write(machine.words, plane(SHADOW, 1 - rest, rules) + place, after.shadow)
            write(machine.flags, plane(ARMED, 1 - rest, rules) + place, after.armed)
        return overflows

    return below, update


def _output_array(read: Any, write: Any, whole: bool) -> tuple[Any, Any]:
    """Return the same for PEs that keep their sums."""

    @inlined
    def below(machine, rules, phases, place):  # type: ignore[no-untyped-def]
        flow, rest = phases
        path = plane(RESULT, rest, rules) if rules.second_register else plane(SUM, flow, rules)
        factor = read(machine.words, plane(DOWN, flow, rules) + place)
        over = read(machine.sums, plane(BIAS, rest, rules) + place)
        return factor, over, read(machine.sums, path + place)

    @inlined
    def update(  # type: ignore[no-untyped-def]
        machine, rules, phases, place, signals, entering, above
    ):
        flow, rest = phases
        own = _Output(
            moving=read(machine.words, plane(MOVING, flow, rules) + place),
            down=read(machine.words, plane(DOWN, flow, rules) + place),
            sum=read(machine.sums, plane(SUM, flow, rules) + place),
            bias=read(machine.sums, plane(BIAS, rest, rules) + place),
            result=read(machine.sums, plane(RESULT, rest, rules) + place),
            held=read(machine.flags, plane(HELD, rest, rules) + place),
        )
        heard = signals if whole else signals & VALID
        after, overflows = _pe_output(
            heard, entering, above, own, rules.second_register, rules.policy
        )
        write(machine.flags, plane(SIGNALS, 1 - flow, rules) + place, signals)
        write(machine.words, plane(MOVING, 1 - flow, rules) + place, after.moving)
        write(machine.words, plane(DOWN, 1 - flow, rules) + place, after.down)
        write(machine.sums, plane(SUM, 1 - flow, rules) + place, after.sum)
        if whole:
            write(machine.sums, plane(BIAS, 1 - rest, rules) + place, after.bias)
            write(machine.sums, plane(RESULT, 1 - rest, rules) + place, after.result)
            write(machine.flags, plane(HELD, 1 - rest, rules) + place, after.held)
        return overflows

    return below, update


def _row_by_row(array: Any, whole: bool) -> Any:
    """Return what steps all PEs, 32 at once, where no sum can leave its range."""
    below, update = array(cells, set_cells, whole)

    @inlined
    def step_all(machine, rules):  # type: ignore[no-untyped-def]
        phases = machine.control[FLOW], machine.control[REST]
        signals_now, moving_now = plane(SIGNALS, phases[0], rules), plane(MOVING, phases[0], rules)
        for block in range(0, rules.pitch, CELLS):
            above = below(machine, rules, phases, block)
            for row in range(rules.rows):
                place = (row + 1) * rules.pitch + block
                at_edge = block == 0
                left = left_edge(rules) + row
                signals = shift_in(
                    cells(machine.flags, signals_now + place),
                    cell(machine.flags, left if at_edge else signals_now + place - 1),
                )
                entering = shift_in(
                    cells(machine.words, moving_now + place),
                    cell(machine.words, left if at_edge else moving_now + place - 1),
                )
                here = below(machine, rules, phases, place)
                update(machine, rules, phases, place, signals, entering, above)
                above = here

    return step_all


def _one_by_one(array: Any) -> Any:
    """Return what steps PEs in an order and counts the sums that overflow."""
    below, update = array(cell, set_cell, True)

    @inlined
    def step_all(machine, rules, order, counts):  # type: ignore[no-untyped-def]
        phases = machine.control[FLOW], machine.control[REST]
        signals_now, moving_now = plane(SIGNALS, phases[0], rules), plane(MOVING, phases[0], rules)
        for number in order:
            row, column = number // rules.columns, number % rules.columns
            place = (row + 1) * rules.pitch + column
            left = left_edge(rules) + row
            signals = cell(machine.flags, left if column == 0 else signals_now + place - 1)
            entering = cell(machine.words, left if column == 0 else moving_now + place - 1)
            above = below(machine, rules, phases, place - rules.pitch)
            counts[EVENTS] += update(machine, rules, phases, place, signals, entering, above)

    return step_all


_step_stationary = _row_by_row(_stationary_array, whole=True)
_step_plain_stationary = _row_by_row(_stationary_array, whole=False)
_step_stationary_in_order = _one_by_one(_stationary_array)
_step_output = _row_by_row(_output_array, whole=True)
_step_plain_output = _row_by_row(_output_array, whole=False)
_step_output_in_order = _one_by_one(_output_array)


@inlined
def step(machine, rules, order, whole, counts):  # type: ignore[no-untyped-def]
    """Write every PE's next registers.

    ``order``: int64[rows * columns] or empty; ``whole``: whether there is more near a PE than
    tokens between the first and the last, as there is for every ``order``.
    """
    if rules.preloads:
        if len(order) > 0:
            _step_stationary_in_order(machine, rules, order, counts)
        elif whole:
            _step_stationary(machine, rules)
        else:
            _step_plain_stationary(machine, rules)
    elif len(order) > 0:
        _step_output_in_order(machine, rules, order, counts)
    elif whole:
        _step_output(machine, rules)
    else:
        _step_plain_output(machine, rules)
