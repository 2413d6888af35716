"""A cycle of all PEs of the register engine: each writes its next registers.

What PEs decide is evaluated for 32 rows of a group's 32 columns at once; what they do, for the 32
PEs of a group. With an ``order``, and where a sum may leave its range, PEs are evaluated one after
the other. Nobody sees a next register before the cycle ends.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from accelsim.simulator.array.cells import (
    CELLS,
    bit,
    bits,
    cell,
    cells,
    inlined,
    set_bit,
    set_cell,
    set_cells,
    shift_in,
    wide,
)
from accelsim.simulator.array.register_decisions import (
    note_output,
    note_stationary,
    output_noted,
    stationary_noted,
)
from accelsim.simulator.array.register_pe import (
    Token,
    Wires,
    decide_output,
    decide_stationary,
)
from accelsim.simulator.array.register_state import (
    ARMED,
    BEFORE,
    EVENTS,
    FIRST,
    FLOW,
    HEAD,
    HELD,
    LAST,
    MARK,
    MOVING,
    NOW,
    VALID,
    WIRE,
    bits_of,
    group_of,
)
from accelsim.simulator.array.register_update import (
    ALL,
    ONE,
    output_array,
    read_all,
    read_one,
    stationary_array,
)

__all__ = ["step"]


class _Kind(NamedTuple):
    """The functions in which PEs that keep an operand differ from those that keep their sum."""

    decide: Any
    own_bit: int
    note: Any
    noted: Any
    array: Any


_STATIONARY = _Kind(decide_stationary, ARMED, note_stationary, stationary_noted, stationary_array)
_OUTPUT = _Kind(decide_output, HELD, note_output, output_noted, output_array)


@inlined
def _token_of(token):  # type: ignore[no-untyped-def]
    """Return the conditions of what is in a lane, or in 32 of them."""
    return Token(token >> VALID & 1, token >> FIRST & 1, token >> LAST & 1)


@inlined
def _tokens_from_left(machine, rules, column, row):  # type: ignore[no-untyped-def]
    """Return the tokens that come to 32 rows of a column of groups from the left."""
    flow, last = machine.control[FLOW], CELLS - 1
    if column == 0:
        return _token_of(wide(cells(machine.lanes.tokens, machine.control[HEAD] + row)))
    return Token(
        cells(machine.bits, bits_of(VALID, flow, rules, column - 1) + row) >> last,
        cells(machine.bits, bits_of(FIRST, flow, rules, column - 1) + row) >> last,
        cells(machine.bits, bits_of(LAST, flow, rules, column - 1) + row) >> last,
    )


@inlined
def _hear(machine, rules, kind, column, row, left):  # type: ignore[no-untyped-def]
    """Let a bit of 32 rows' tokens go one PE to the right; return what the PEs hear."""
    flow = machine.control[FLOW]
    heard = cells(machine.bits, bits_of(kind, flow, rules, column) + row) << 1 | left
    set_cells(machine.bits, bits_of(kind, 1 - flow, rules, column) + row, heard)
    return heard


@inlined
def _words_from_left(machine, rules, column):  # type: ignore[no-untyped-def]
    """Take the operands that go from the group before to each row's group."""
    flow = machine.control[FLOW]
    for row in range(rules.rows):
        last = (group_of(rules, row + 1, column - 1), CELLS - 1)
        set_cell(machine.left, row, read_one(machine.words, MOVING, flow, last))


def _group_by_group(kind: _Kind) -> Any:
    """Return what steps all PEs, 32 at once, where no sum can leave its range.

    It goes up, row by row: what a row hears from above has not changed yet.
    """
    decide, own_bit, note = kind.decide, kind.own_bit, kind.note

    @inlined
    def decide_all(machine, rules, column):  # type: ignore[no-untyped-def]
        on = bits(machine.heard, WIRE * rules.groups + column)
        wires = Wires(on, bits(machine.heard, MARK * rules.groups + column))
        own, whole = bits_of(own_bit, NOW, rules, column), False
        for row in range(0, rules.rows, CELLS):
            left = _tokens_from_left(machine, rules, column, row)
            token = Token(
                _hear(machine, rules, VALID, column, row, left.valid),
                _hear(machine, rules, FIRST, column, row, left.first),
                _hear(machine, rules, LAST, column, row, left.last),
            )
            before = cells(machine.bits, own + row)
            decided, after = decide(token, wires, before, rules.second_register)
            set_cells(machine.bits, own + row, after)
            whole |= note(machine, rules, row, decided)
        return whole

    def act(whole: bool) -> Any:
        flowing, update = kind.array(ALL, whole)
        noted = kind.noted(whole)

        @inlined
        def act_all(machine, rules, column):  # type: ignore[no-untyped-def]
            flow = machine.control[FLOW]
            here = flowing(machine, flow, group_of(rules, rules.rows, column))
            for row in range(rules.rows - 1, -1, -1):
                group = group_of(rules, row + 1, column)
                moving = read_all(machine.words, MOVING, flow, group)
                entering = shift_in(moving, cell(machine.left, row))
                above = flowing(machine, flow, group - 1)
                places, flows = (group, group - 1), (here, above)
                decided = noted(machine, rules, row)
                update(machine, rules, (flow, NOW), places, decided, entering, flows)
                here = above

        return act_all

    act_whole, act_plain = act(whole=True), act(whole=False)

    @inlined
    def step_all(machine, rules):  # type: ignore[no-untyped-def]
        for column in range(rules.groups):
            if column > 0:
                _words_from_left(machine, rules, column)
            if decide_all(machine, rules, column):
                act_whole(machine, rules, column)
            else:
                act_plain(machine, rules, column)

    return step_all


@inlined
def _hear_alone(machine, rules, row, column):  # type: ignore[no-untyped-def]
    """Let a token go to a PE from its left; return its bits."""
    flow, left = machine.control[FLOW], column - 1
    token = np.int64(cell(machine.lanes.tokens, machine.control[HEAD] + row))
    if column > 0:
        token = np.int64(0)
        for kind in (VALID, FIRST, LAST):
            now = bits_of(kind, flow, rules, left // CELLS) + row
            token |= bit(machine.bits, now, left % CELLS) << kind
    for kind in (VALID, FIRST, LAST):
        after = bits_of(kind, 1 - flow, rules, column // CELLS) + row
        set_bit(machine.bits, after, column % CELLS, token >> kind)
    return token


def _one_by_one(kind: _Kind) -> Any:
    """Return what steps PEs in an order and counts the sums that overflow."""
    decide, own_bit = kind.decide, kind.own_bit
    flowing, update = kind.array(ONE, whole=True)

    @inlined
    def step_all(machine, rules, order, counts):  # type: ignore[no-untyped-def]
        flow = machine.control[FLOW]
        for number in order:
            row, column = number // rules.columns, number % rules.columns
            group, neighbour = column // CELLS, column % CELLS
            entering = cell(machine.left, row)
            if column > 0:
                left = column - 1
                place = group_of(rules, row + 1, left // CELLS), left % CELLS
                entering = read_one(machine.words, MOVING, flow, place)
            token = _token_of(_hear_alone(machine, rules, row, column))
            on = bit(machine.heard, WIRE * rules.groups + group, neighbour)
            wires = Wires(on, bit(machine.heard, MARK * rules.groups + group, neighbour))
            before = bit(machine.bits, bits_of(own_bit, BEFORE, rules, group) + row, neighbour)
            decided, after = decide(token, wires, before, rules.second_register)
            now = bits_of(own_bit, NOW, rules, group) + row
            set_bit(machine.bits, now, neighbour, after)
            place = group_of(rules, row + 1, group), neighbour
            over = group_of(rules, row, group), neighbour
            flows = flowing(machine, flow, place), flowing(machine, flow, over)
            overflows = update(
                machine, rules, (flow, BEFORE), (place, over), decided, entering, flows
            )
            counts[EVENTS] += overflows & 1

    return step_all


_step_stationary = _group_by_group(_STATIONARY)
_step_stationary_in_order = _one_by_one(_STATIONARY)
_step_output = _group_by_group(_OUTPUT)
_step_output_in_order = _one_by_one(_OUTPUT)


@inlined
def step(machine, rules, order, counts):  # type: ignore[no-untyped-def]
    """Write every PE's next registers.

    ``order``: int64[rows * columns] or empty; with one, what was BEFORE is read.
    """
    if rules.preloads:
        if len(order) > 0:
            _step_stationary_in_order(machine, rules, order, counts)
        else:
            _step_stationary(machine, rules)
    elif len(order) > 0:
        _step_output_in_order(machine, rules, order, counts)
    else:
        _step_output(machine, rules)
