"""The edges of the register engine's array: lanes of tokens, and the words that go with them.

A token that the controller puts into lane 0 is in lane i, i cycles later, and only then is the
lane's word read or written (what a triangle of skew registers would do). Neighbouring lanes with
elements of one pass are a *run*: `register_layout` keeps their words side by side.
"""

from __future__ import annotations

from accelsim.simulator.array.cells import (
    CELLS,
    between,
    cell,
    cells,
    choose,
    inlined,
    set_cell,
    set_cells,
)
from accelsim.simulator.array.register_state import (
    BIAS,
    BIASED,
    BIASES,
    COLUMN_COUNT,
    CYCLE,
    DOWN,
    FACTOR_WORDS,
    FIRST,
    FIRST_DEPTH,
    FLOW,
    HEAD,
    LAST,
    LAST_DEPTH,
    LEFT,
    MACS,
    MOVING_WORDS,
    READS,
    RESIDENT,
    REST,
    RESULT,
    RESULTS,
    ROW_COUNT,
    SHADOW,
    SIGNALS,
    SINCE_MARK,
    SINCE_TOKEN,
    SINCE_WIRE,
    STATIONARY,
    SUM,
    TOP,
    WRITES,
    left_edge,
    plane,
)

__all__ = [
    "advance",
    "collect",
    "drain",
    "feed_factors",
    "feed_left",
    "feed_preload",
    "feed_sums",
    "give",
    "put_preload",
    "put_token",
    "put_wire",
]


# Lanes.


@inlined
def _lane(machine, field, i):  # type: ignore[no-untyped-def]
    """Return a field of a lane."""
    return cell(field, machine.control[HEAD] + i)


@inlined
def _put(machine, field, rules, value):  # type: ignore[no-untyped-def]
    """Set a field of lane 0, in both of its places."""
    place = machine.control[HEAD]
    set_cell(field, place, value)
    set_cell(field, place + rules.span, value)


@inlined
def advance(machine, rules):  # type: ignore[no-untyped-def]
    """Move every lane's token to the next lane; lane 0 becomes empty, but keeps its pass."""
    control, lanes = machine.control, machine.lanes
    before = _lane(machine, lanes.passes, 0)
    control[HEAD] = (rules.span if control[HEAD] == 0 else control[HEAD]) - 1
    _put(machine, lanes.passes, rules, before)
    _put(machine, lanes.tokens, rules, 0)
    _put(machine, machine.wires.tokens, rules, 0)
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
    elif token & FIRST:
        counts[BIASES] += columns
    machine.control[SINCE_TOKEN] = 0
    if token & (FIRST | LAST):
        machine.control[SINCE_MARK] = 0


@inlined
def put_wire(machine, rules, signal):  # type: ignore[no-untyped-def]
    """Drive the wire of column 0."""
    _put(machine, machine.wires.tokens, rules, signal)
    machine.control[SINCE_WIRE] = 0


@inlined
def put_preload(machine, work, rules, signal, number, word, counts):  # type: ignore[no-untyped-def]
    """Drive the wire of column 0, and let a word of a pass's tile enter: its rows, last first."""
    step = work.passes[number]
    put_wire(machine, rules, signal)
    _put(machine, machine.wires.passes, rules, number)
    _put(machine, machine.wires.elements, rules, word)
    is_used = rules.rows - word <= step[ROW_COUNT]
    counts[FACTOR_WORDS] += step[COLUMN_COUNT] if is_used else 0
    if word == 0:
        _skew_preload(work, rules, number)


@inlined
def _skew_preload(work, rules, number):  # type: ignore[no-untyped-def]
    """Lay out the tile that a pass preloads, its last row first; unused PEs get zeros."""
    step = work.passes[number]
    rows = rules.rows
    for c in range(rules.columns):
        column = step[RESIDENT] + c * work.resident_pitch
        used = step[ROW_COUNT] if c < step[COLUMN_COUNT] else 0
        last = step[TOP] + (rows - 1 + c) * rules.pitch + c
        for r in range(rows):
            word = cell(work.resident, column + r) if r < used else 0
            set_cell(work.factors, last - r * rules.pitch, word)


@inlined
def _run(machine, lanes, first, stop):  # type: ignore[no-untyped-def]
    """Return (token, pass, element, end): lanes [first, end) hold this element and those before.

    A pass's elements follow each other without a gap, so its first one is the last of the run.
    """
    token = _lane(machine, lanes.tokens, first)
    number = _lane(machine, lanes.passes, first)
    element = _lane(machine, lanes.elements, first)
    return token, number, element, min(stop, first + element + 1) if token else first + 1


@inlined
def _copy(target, to, source, place, first, end):  # type: ignore[no-untyped-def]
    """Copy the words of lanes [first, end); ``to`` and ``place`` are lane 0's."""
    for block in range(first // CELLS * CELLS, end, CELLS):
        before, copied = cells(target, to + block), cells(source, place + block)
        set_cells(target, to + block, choose(between(first - block, end - block), copied, before))


# What enters.


@inlined
def feed_left(machine, work, rules):  # type: ignore[no-untyped-def]
    """Read the words that the left lanes' tokens ask for."""
    edge, end = left_edge(rules), 0
    while end < rules.rows:
        r = end
        token, number, element, end = _run(machine, machine.lanes, r, rules.rows)
        if token:
            place = work.passes[number, LEFT] + (element + r) * rules.left_pitch
            _copy(machine.words, edge, work.moving, place, r, end)
    # All PEs of a column hear its wire; at the left edge are those of column 0.
    wire = _lane(machine, machine.wires.tokens, 0)
    for block in range(0, rules.rows, CELLS):
        tokens = cells(machine.lanes.tokens, machine.control[HEAD] + block)
        set_cells(machine.flags, edge + block, tokens | wire)


@inlined
def feed_sums(machine, work, rules):  # type: ignore[no-untyped-def]
    """Read partial sums or biases."""
    edge, sums, end = plane(SUM, machine.control[FLOW], rules), machine.sums, 0
    while end < rules.columns:
        c = end
        token, number, element, end = _run(machine, machine.lanes, c, rules.columns)
        if token == 0:
            continue
        step, line = work.passes[number], (element + c) * rules.pitch
        source, place = work.memory, step[RESULTS] + line
        if step[FIRST_DEPTH]:
            source = work.bias
            place = step[BIASED] + (line if rules.bias_along_stream else 0)
        _copy(sums, edge, source, place, c, end)


@inlined
def _feed_top(machine, lanes, work, rules, edge):  # type: ignore[no-untyped-def]
    """Read the factors that the tokens of top lanes, or wires, ask for."""
    end = 0
    while end < rules.columns:
        c = end
        token, number, element, end = _run(machine, lanes, c, rules.columns)
        if token:
            place = work.passes[number, TOP] + (element + c) * rules.pitch
            _copy(machine.words, edge, work.factors, place, c, end)


@inlined
def feed_preload(machine, work, rules):  # type: ignore[no-untyped-def]
    """Read the words of a preload that enter this cycle."""
    chain = SHADOW if rules.second_register else STATIONARY
    edge = plane(chain, machine.control[REST], rules)
    _feed_top(machine, machine.wires, work, rules, edge)


@inlined
def feed_factors(machine, work, rules):  # type: ignore[no-untyped-def]
    """Read the operand that moves down and, where a tile starts, the bias that starts it."""
    _feed_top(machine, machine.lanes, work, rules, plane(DOWN, machine.control[FLOW], rules))
    if machine.control[SINCE_MARK] < rules.columns:
        edge = plane(BIAS, machine.control[REST], rules)
        for c in range(rules.columns):
            if _lane(machine, machine.lanes.tokens, c) & FIRST:
                number = _lane(machine, machine.lanes.passes, c)
                bias = cell(work.bias, work.passes[number, BIASED] + c)
                set_cell(machine.sums, edge + c, bias)


# What leaves.


@inlined
def _log(out, cycle, c, number, index, value):  # type: ignore[no-untyped-def]
    """Count a result, and write it into the log if there is one."""
    i = out.counts[WRITES]
    if i < len(out.log):
        out.log[i, 0], out.log[i, 1], out.log[i, 2] = cycle, c, number
        out.log[i, 3], out.log[i, 4] = index, value
    out.counts[WRITES] += 1


@inlined
def collect(machine, work, rules, out):  # type: ignore[no-untyped-def]
    """Write the sums that the bottom row registers in this cycle into the accumulator memory."""
    sums = machine.sums
    bottom = plane(SUM, 1 - machine.control[FLOW], rules) + rules.rows * rules.pitch
    # Column 0's token is at the bottom row's left edge in this very cycle: lane rows - 1.
    edge, end = rules.rows - 1, 0
    while end < rules.columns:
        c = end
        token, number, element, stop = _run(machine, machine.lanes, edge + c, edge + rules.columns)
        end = stop - edge
        if token == 0:
            continue
        step = work.passes[number]
        place = step[RESULTS] + (element + c) * rules.pitch
        _copy(work.memory, place, sums, bottom, c, end)
        used = min(end, step[COLUMN_COUNT])
        if len(out.log) == 0:
            out.counts[WRITES] += max(0, used - c)
            continue
        for i in range(c, used):
            value = cell(sums, bottom + i)
            _log(out, machine.control[CYCLE], i, number, element - (i - c), value)


@inlined
def _write(machine, work, out, number, r, c, value):  # type: ignore[no-untyped-def]
    """Write the result of PE (r, c), if it is part of the pass's tile."""
    step = work.passes[number]
    if r < step[ROW_COUNT] and c < step[COLUMN_COUNT]:
        work.memory[step[RESULTS] + r * work.columns + c] = value
        _log(out, machine.control[CYCLE], c, number, r, value)


@inlined
def give(machine, work, rules, out):  # type: ignore[no-untyped-def]
    """Write every result that its PE registers in this cycle."""
    after = 1 - machine.control[FLOW]
    signals, sums = plane(SIGNALS, after, rules), plane(SUM, after, rules)
    for r in range(rules.rows):
        row = (r + 1) * rules.pitch
        for c in range(rules.columns):
            if cell(machine.flags, signals + row + c) & LAST:
                # The token entered lane 0 so many cycles ago.
                number = _lane(machine, machine.lanes.passes, r + c)
                _write(machine, work, out, number, r, c, cell(machine.sums, sums + row + c))
                machine.drained[0, c] += r == rules.rows - 1


@inlined
def drain(machine, work, rules, out):  # type: ignore[no-untyped-def]
    """Register the bottom PEs' results at the edge."""
    control, drained = machine.control, machine.drained
    if control[SINCE_WIRE] >= rules.columns:
        return
    hidden = rules.second_register
    path = plane(RESULT, control[REST], rules) if hidden else plane(SUM, control[FLOW], rules)
    bottom = path + rules.rows * rules.pitch
    depth_passes = 1
    while not work.passes[depth_passes - 1, LAST_DEPTH]:
        depth_passes += 1
    for c in range(rules.columns):
        if _lane(machine, machine.wires.tokens, c):
            row = rules.rows - 1 - drained[1, c]
            number = (drained[0, c] + 1) * depth_passes - 1
            _write(machine, work, out, number, row, c, cell(machine.sums, bottom + c))
            drained[1, c] = 0 if row == 0 else drained[1, c] + 1
            drained[0, c] += row == 0
