"""The lanes of the register engine: tokens on their way along the edges, and wires along columns.

A token that the controller puts into lane 0 is in lane i, i cycles later. Neighbouring lanes with
elements of one pass are a *run*.
"""

from __future__ import annotations

from accelsim.simulator.array.cells import (
    CELLS,
    cell,
    inlined,
    set_cell,
)
from accelsim.simulator.array.register_state import (
    BIASES,
    COLUMN_COUNT,
    FACTOR_WORDS,
    FIRST_DEPTH,
    FIRST_TOKEN,
    HEAD,
    MACS,
    MARK,
    MOVING_WORDS,
    READS,
    ROW_COUNT,
    SINCE_FIRST,
    SINCE_TOKEN,
    SINCE_WIRE,
    WIRE,
)

__all__ = ["advance", "in_lane", "put_preload", "put_token", "put_wires", "run_of"]


@inlined
def in_lane(machine, field, i):  # type: ignore[no-untyped-def]
    """Return a field of a lane."""
    return cell(field, machine.control[HEAD] + i)


@inlined
def _put(machine, field, rules, value):  # type: ignore[no-untyped-def]
    """Set a field of lane 0, in both of its places."""
    place = machine.control[HEAD]
    set_cell(field, place, value)
    set_cell(field, place + rules.span, value)


@inlined
def _leave_empty(machine, lanes, rules):  # type: ignore[no-untyped-def]
    """Put nothing into lane 0, and count for how long that is so."""
    # What was in lane 0 before this cycle is in lane 1.
    nothing = in_lane(machine, lanes.tokens, 1) == 0
    before = in_lane(machine, lanes.elements, 1)
    _put(machine, lanes.tokens, rules, 0)
    _put(machine, lanes.elements, rules, before + 1 if nothing else 0)


@inlined
def advance(machine, rules):  # type: ignore[no-untyped-def]
    """Move every lane's token to the next lane; lane 0 becomes empty, but keeps its pass."""
    control, lanes = machine.control, machine.lanes
    before = in_lane(machine, lanes.passes, 0)
    control[HEAD] = (rules.span if control[HEAD] == 0 else control[HEAD]) - 1
    _put(machine, lanes.passes, rules, before)
    _leave_empty(machine, lanes, rules)
    _leave_empty(machine, machine.wires, rules)
    heard = machine.heard
    for wire in (WIRE, MARK):
        column_0 = wire * rules.groups
        for group in range(column_0 + rules.groups - 1, column_0, -1):
            heard[group] = heard[group] << 1 | heard[group - 1] >> (CELLS - 1)
        heard[column_0] <<= 1
    for clock in range(SINCE_TOKEN, SINCE_WIRE + 1):
        control[clock] += 1


@inlined
def put_token(machine, work, rules, token, number, element, counts):  # type: ignore[no-untyped-def]
    """Put an element of a pass into lane 0 of both edges, and count what it asks for."""
    lanes, step = machine.lanes, work.passes[number]
    rows, columns = step[ROW_COUNT], step[COLUMN_COUNT]
    _put(machine, lanes.tokens, rules, token)
    _put(machine, lanes.passes, rules, number)
    _put(machine, lanes.elements, rules, element)
    counts[MOVING_WORDS] += rows
    # A word passes every column, and meets a factor in those that are used.
    counts[MACS] += rows * columns
    if not rules.preloads:
        counts[FACTOR_WORDS] += columns
    if rules.preloads and not step[FIRST_DEPTH]:
        counts[READS] += columns
    elif rules.bias_along_stream:
        # One read for all columns: the word goes from lane to lane with its token.
        counts[BIASES] += 1
    elif token & FIRST_TOKEN:
        counts[BIASES] += columns
    machine.control[SINCE_TOKEN] = 0
    if token & FIRST_TOKEN:
        machine.control[SINCE_FIRST] = 0


@inlined
def put_wires(machine, rules, signals):  # type: ignore[no-untyped-def]
    """Drive the wires of column 0."""
    _put(machine, machine.wires.tokens, rules, signals)
    for wire in (WIRE, MARK):
        machine.heard[wire * rules.groups] |= signals >> wire & 1
    machine.control[SINCE_WIRE] = 0


@inlined
def put_preload(machine, work, rules, signals, number, word, counts):  # type: ignore[no-untyped-def]
    """Drive the wires of column 0, and let a word of a pass's tile enter: its rows, last first."""
    step = work.passes[number]
    put_wires(machine, rules, signals)
    _put(machine, machine.wires.passes, rules, number)
    _put(machine, machine.wires.elements, rules, word)
    is_used = rules.rows - word <= step[ROW_COUNT]
    counts[FACTOR_WORDS] += step[COLUMN_COUNT] if is_used else 0


@inlined
def run_of(machine, lanes, first, stop):  # type: ignore[no-untyped-def]
    """Return (token, pass, element, end): lanes [first, end) hold this element and those before.

    A pass's elements follow each other without a gap, so its first one is the last of the run.
    Empty lanes are a run, too.
    """
    token = in_lane(machine, lanes.tokens, first)
    number = in_lane(machine, lanes.passes, first)
    element = in_lane(machine, lanes.elements, first)
    return token, number, element, min(stop, first + element + 1)
