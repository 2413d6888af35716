"""The edges of the register engine's array: the words that go with the tokens in its lanes.

When a token is in lane i, and only then, the lane's word is read or written (what a triangle of
skew registers would do). `register_layout` keeps the words of a run side by side.
"""

from __future__ import annotations

from accelsim.simulator.array.cells import (
    CELLS,
    between,
    bits,
    cell,
    cells,
    choose,
    inlined,
    prefetch,
    set_cell,
    set_cells,
)
from accelsim.simulator.array.register_lanes import in_lane, run_of
from accelsim.simulator.array.register_state import (
    BIAS,
    BIASED,
    COLUMN_COUNT,
    CYCLE,
    DOWN,
    FIRST_DEPTH,
    FIRST_TOKEN,
    FLOW,
    LAST,
    LAST_DEPTH,
    LEFT,
    NOW,
    RESIDENT,
    RESULT,
    RESULTS,
    ROW_COUNT,
    SHADOW,
    SINCE_FIRST,
    SINCE_WIRE,
    STATIONARY,
    SUM,
    TOP,
    WRITES,
    bits_of,
    cell_of,
    row_of,
)

__all__ = [
    "collect",
    "drain",
    "feed_factors",
    "feed_left",
    "feed_preload",
    "feed_sums",
    "give",
]

_LINES_AHEAD = 8
"""So many cycles before it is read, a line of what streams in is asked for."""


@inlined
def _copy(target, to, source, place, first, end):  # type: ignore[no-untyped-def]
    """Copy the words of lanes [first, end).

    ``to``, ``place``: (lane 0's, what 32 lanes further is further).
    """
    for block in range(first // CELLS, (end + CELLS - 1) // CELLS):
        there, here = to[0] + block * to[1], place[0] + block * place[1]
        chosen = between(first - block * CELLS, end - block * CELLS)
        set_cells(target, there, choose(chosen, cells(source, here), cells(target, there)))


# What enters.


@inlined
def feed_left(machine, work, rules):  # type: ignore[no-untyped-def]
    """Read the words that the left lanes' tokens ask for."""
    end = 0
    while end < rules.rows:
        r = end
        token, number, element, end = run_of(machine, machine.lanes, r, rules.rows)
        if token:
            place = work.passes[number, LEFT] + (element + r) * rules.left_pitch
            _copy(machine.left, (0, CELLS), work.moving, (place, CELLS), r, end)
            prefetch(work.moving, place + _LINES_AHEAD * rules.left_pitch)


@inlined
def feed_sums(machine, work, rules):  # type: ignore[no-untyped-def]
    """Read partial sums or biases."""
    edge, end = row_of(SUM, machine.control[FLOW], rules, 0), 0
    while end < rules.columns:
        c = end
        token, number, element, end = run_of(machine, machine.lanes, c, rules.columns)
        if token == 0:
            continue
        step = work.passes[number]
        source, place, used = work.memory, step[RESULTS] + (element + c) * rules.pitch, end
        if step[FIRST_DEPTH]:
            source, place = work.bias, step[BIASED]
            if rules.bias_along_stream:
                # The last element's bias comes first; behind it, to unused columns, go zeros.
                place -= element + c
                used = max(c, min(end, step[COLUMN_COUNT]))
        _copy(machine.sums, edge, source, (place, CELLS), c, used)
        if used < end:
            _copy(machine.sums, edge, work.bias, (0, CELLS), used, end)


@inlined
def feed_preload(machine, work, rules):  # type: ignore[no-untyped-def]
    """Read the words of a preload that enter this cycle."""
    chain = SHADOW if rules.second_register else STATIONARY
    edge, end = row_of(chain, NOW, rules, 0), 0
    while end < rules.columns:
        c = end
        on, number, element, end = run_of(machine, machine.wires, c, rules.columns)
        if on:
            if element == end - 1 - c:
                _skew_column(work, rules, number, end - 1)
            place = work.passes[number, TOP] + (element + c) * rules.pitch
            _copy(machine.words, edge, work.factors, (place, CELLS), c, end)


@inlined
def _skew_column(work, rules, number, c):  # type: ignore[no-untyped-def]
    """Lay out a column of the tile whose first word enters now, its last row first.

    Unused PEs get zeros. Columns are far from each other in memory, so the one of the next pass is
    asked for.
    """
    step = work.passes[number]
    column = step[RESIDENT] + c * work.resident_pitch
    used = step[ROW_COUNT] if c < step[COLUMN_COUNT] else 0
    last = step[TOP] + (rules.rows - 1 + c) * rules.pitch + c
    for r in range(rules.rows):
        word = cell(work.resident, column + r) if r < used else 0
        set_cell(work.factors, last - r * rules.pitch, word)
    if number + 1 < len(work.passes):
        following = work.passes[number + 1, RESIDENT] + c * work.resident_pitch
        for r in range(0, rules.rows + CELLS // 2, CELLS // 2):
            prefetch(work.resident, following + r)


@inlined
def feed_factors(machine, work, rules):  # type: ignore[no-untyped-def]
    """Read the operand that moves down and, where a tile starts, the bias that starts it."""
    edge, end = row_of(DOWN, machine.control[FLOW], rules, 0), 0
    while end < rules.columns:
        c = end
        token, number, element, end = run_of(machine, machine.lanes, c, rules.columns)
        if token:
            place = work.passes[number, TOP] + (element + c) * rules.pitch
            _copy(machine.words, edge, work.factors, (place, CELLS), c, end)
    if machine.control[SINCE_FIRST] < rules.columns:
        for c in range(rules.columns):
            if in_lane(machine, machine.lanes.tokens, c) & FIRST_TOKEN:
                number = in_lane(machine, machine.lanes.passes, c)
                bias = cell(work.bias, work.passes[number, BIASED] + c)
                set_cell(machine.sums, cell_of(BIAS, NOW, rules, 0, c), bias)


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
    after = 1 - machine.control[FLOW]
    bottom = row_of(SUM, after, rules, rules.rows)
    # Column 0's token is at the bottom row's left edge in this very cycle: lane rows - 1.
    edge, end = rules.rows - 1, 0
    while end < rules.columns:
        c = end
        token, number, element, stop = run_of(
            machine, machine.lanes, edge + c, edge + rules.columns
        )
        end = stop - edge
        if token == 0:
            continue
        step = work.passes[number]
        place = step[RESULTS] + (element + c) * rules.pitch
        _copy(work.memory, (place, CELLS), sums, bottom, c, end)
        used = min(end, step[COLUMN_COUNT])
        if len(out.log) == 0:
            out.counts[WRITES] += max(0, used - c)
            continue
        for i in range(c, used):
            value = cell(sums, cell_of(SUM, after, rules, rules.rows, i))
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
    for r in range(rules.rows):
        for group in range(rules.groups):
            ended = bits(machine.bits, bits_of(LAST, after, rules, group) + r)
            if ended == 0:
                continue
            for c in range(group * CELLS, min((group + 1) * CELLS, rules.columns)):
                if ended >> (c % CELLS) & 1:
                    # The token entered lane 0 so many cycles ago.
                    number = in_lane(machine, machine.lanes.passes, r + c)
                    value = cell(machine.sums, cell_of(SUM, after, rules, r + 1, c))
                    _write(machine, work, out, number, r, c, value)
                    machine.drained[0, c] += r == rules.rows - 1


@inlined
def drain(machine, work, rules, out):  # type: ignore[no-untyped-def]
    """Register the bottom PEs' results at the edge."""
    control, drained = machine.control, machine.drained
    if control[SINCE_WIRE] >= rules.columns:
        return
    path, phase = (RESULT, NOW) if rules.second_register else (SUM, control[FLOW])
    depth_passes = 1
    while not work.passes[depth_passes - 1, LAST_DEPTH]:
        depth_passes += 1
    for c in range(rules.columns):
        if in_lane(machine, machine.wires.tokens, c):
            row = rules.rows - 1 - drained[1, c]
            number = (drained[0, c] + 1) * depth_passes - 1
            value = cell(machine.sums, cell_of(path, phase, rules, rules.rows, c))
            _write(machine, work, out, number, row, c, value)
            drained[1, c] = 0 if row == 0 else drained[1, c] + 1
            drained[0, c] += row == 0
