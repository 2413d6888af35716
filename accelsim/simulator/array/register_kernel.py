"""Numba kernels of the register engine: two-phase registers, stepped one cycle at a time.

A cycle: the edge lanes move on by one, the controller may put a new token into lane 0, every PE
computes its next registers from its own and its neighbours' present ones, in any order, and all
registers change together. `accelsim.simulator.array.register` describes the machine.

All helpers live in this file: numba's cache does not see changes in other files.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Observed", "Rules", "Work", "run_output", "run_stationary"]

Table = NDArray[np.int64]

# Registers of a PE: index into state: int64[8, rows, columns].
TOKEN, TAG, MOVING, SUM = 0, 1, 2, 3
STATIONARY, SHADOW, ARMED = 4, 5, 6
DOWN, BIAS, RESULT, HELD = 4, 5, 6, 7
# Bits of a token: valid, and first and last element of a pass (output stationary: of a tile).
VALID, FIRST, LAST = 1, 2, 4
# Columns of the pass table.
GROUP, STREAM_START, STREAM_STOP, ROW_START, ROW_STOP = 0, 1, 2, 3, 4
COLUMN_START, COLUMN_STOP, FIRST_DEPTH, LAST_DEPTH = 5, 6, 7, 8
# Controller registers.
PASS, ELEMENT, LOAD_PASS, WORD = 0, 1, 2, 3
TILES, SINCE_END, DRAIN_LEFT, DRAINS_BEGUN = 2, 3, 4, 5
CYCLE = 6
# Counters.
MACS, MOVING_WORDS, FACTOR_WORDS, BIASES, READS, WRITES, EVENTS = 0, 1, 2, 3, 4, 5, 6
STREAMING, PRELOADING, FILLING, DRAINING = 0, 1, 2, 3


class Rules(NamedTuple):
    """The array: its size, what may overlap, and its accumulators.

    ``second_register``: weight double buffering, or the hidden drain of output stationary;
    ``result_ports``: the free one.
    """

    rows: int
    columns: int
    tile_overlap: bool
    second_register: bool
    result_ports: bool
    bias_along_stream: bool
    low: int
    high: int
    saturate: bool


class Work(NamedTuple):
    """What there is to do.

    passes: int64[passes, 9], see the column names above, in stream, row and column coordinates.
    moving: int64[groups, stream, rows], factors: int64[groups, rows or stream, columns]: whole
    operands; bias: int64[groups, columns or stream]; memory: int64[groups, stream or rows,
    columns]: the accumulator memory, whose final contents are the results.
    """

    passes: Table
    moving: Table
    factors: Table
    bias: Table
    memory: Table


class Observed(NamedTuple):
    """What is written down.

    trace: int64[window, 8, rows, columns]: all registers at the end of each cycle from
    ``trace_start``; causes: int64[4]; cause_of: int8[window]; log: int64[outputs, 5]: cycle,
    column, pass, index in the pass, value; counts: int64[7]; masks: int64[8], the register bits
    whose toggles count, toggles: int64[8].
    """

    trace_start: int
    trace: Table
    cause_of: NDArray[np.int8]
    causes: Table
    log: Table
    counts: Table
    masks: Table
    toggles: Table


class Machine(NamedTuple):
    """All registers, and the words at the edges in this cycle.

    now, after: int64[8, rows, columns], PE registers before and after this cycle. control:
    int64[7]. Lanes are int64[lanes, 3]: token, pass, element (or row of a preload); row_lanes: the
    left edge, top_lanes: the top, far_lanes: the bottom, column_lanes: the wires down the columns
    (load or drain). left: int64[rows]; top: int64[2, columns]: partial sum and loaded word, or
    moving operand and bias; drained: int64[2, columns]: tiles, and rows of the next.
    """

    now: Table
    after: Table
    control: Table
    row_lanes: Table
    top_lanes: Table
    far_lanes: Table
    column_lanes: Table
    left: Table
    top: Table
    drained: Table


@njit(cache=True)
def _reset(rules: Rules) -> Machine:
    rows, columns = rules.rows, rules.columns
    return Machine(
        np.zeros((8, rows, columns), np.int64),
        np.zeros((8, rows, columns), np.int64),
        np.zeros(7, np.int64),
        np.zeros((rows, 3), np.int64),
        np.zeros((columns, 3), np.int64),
        np.zeros((columns, 3), np.int64),
        np.zeros((columns, 3), np.int64),
        np.zeros(rows, np.int64),
        np.zeros((2, columns), np.int64),
        np.zeros((2, columns), np.int64),
    )


@njit(cache=True)
def _keep(exact: int, rules: Rules) -> int:
    """Wrap or saturate an exact sum."""
    if rules.saturate:
        return min(max(exact, rules.low), rules.high)
    return ((exact - rules.low) & (rules.high - rules.low)) + rules.low


@njit(cache=True)
def _advance(lanes: Table) -> None:
    """Move every lane's token to the next lane; lane 0 becomes empty."""
    for field in range(3):
        for i in range(len(lanes) - 1, 0, -1):
            lanes[i, field] = lanes[i - 1, field]
        lanes[0, field] = 0


@njit(cache=True)
def _advance_all(machine: Machine) -> None:
    for field in range(3):
        machine.far_lanes[0, field] = machine.row_lanes[-1, field]
    _advance(machine.far_lanes)
    _advance(machine.row_lanes)
    _advance(machine.top_lanes)
    _advance(machine.column_lanes)


@njit(cache=True)
def _occupied(lanes: Table) -> bool:
    """Whether a lane other than 0 holds a token: lane 0 is this cycle's own."""
    tokens = 0
    for i in range(1, len(lanes)):
        tokens |= lanes[i, 0]
    return bool(tokens != 0)


@njit(cache=True)
def _lane(lanes: Table, i: int) -> tuple[int, int, int]:
    return lanes[i, 0], lanes[i, 1], lanes[i, 2]


@njit(cache=True)
def _emit(machine: Machine, work: Work, first: bool, last: bool) -> None:
    """Put the stream's next element into lanes 0 of the left and the top edge."""
    control = machine.control
    token = VALID | (FIRST if first else 0) | (LAST if last else 0)
    element = work.passes[control[PASS], STREAM_START] + control[ELEMENT]
    for lanes in (machine.row_lanes, machine.top_lanes):
        lanes[0, 0], lanes[0, 1], lanes[0, 2] = token, control[PASS], element


@njit(cache=True)
def _feed_left(machine: Machine, work: Work, counts: Table) -> None:
    """Read the words that the left lanes' tokens ask for; unused rows get zeros."""
    passes = work.passes
    for r in range(len(machine.left)):
        token, step, element = _lane(machine.row_lanes, r)
        row = passes[step, ROW_START] + r
        used = token != 0 and row < passes[step, ROW_STOP]
        machine.left[r] = work.moving[passes[step, GROUP], element, row] if used else 0
        counts[MOVING_WORDS] += used


@njit(cache=True)
def _is_used(passes: Table, step: int, r: int, c: int) -> bool:
    """Whether a PE holds a part of the pass's tile."""
    rows = passes[step, ROW_STOP] - passes[step, ROW_START]
    return bool(r < rows and c < passes[step, COLUMN_STOP] - passes[step, COLUMN_START])


@njit(cache=True)
def _commit(cause: int, machine: Machine, out: Observed) -> None:
    """End the cycle: count what toggles, take the snapshot, let all registers change."""
    now, after = machine.now, machine.after
    slot = machine.control[CYCLE] - out.trace_start
    watched = 0 <= slot < len(out.trace)
    for register in range(now.shape[0]):
        for r in range(now.shape[1]):
            for c in range(now.shape[2]):
                value = after[register, r, c]
                bits = (now[register, r, c] ^ value) & out.masks[register]
                while bits:
                    bits &= bits - 1
                    out.toggles[register] += 1
                if watched:
                    out.trace[slot, register, r, c] = value
                now[register, r, c] = value
    if watched:
        out.cause_of[slot] = cause
    out.causes[cause] += 1
    machine.control[CYCLE] += 1


@njit(cache=True)
def _log(out: Observed, cycle: int, c: int, step: int, index: int, value: int) -> None:
    """Count a result, and write it into the log if there is one."""
    if out.counts[WRITES] < len(out.log):
        i = out.counts[WRITES]
        out.log[i, 0], out.log[i, 1], out.log[i, 2] = cycle, c, step
        out.log[i, 3], out.log[i, 4] = index, value
    out.counts[WRITES] += 1


# Operand stationary: the other operand moves right, partial sums move down.


@njit(cache=True)
def run_stationary(work: Work, rules: Rules, order: Table, out: Observed) -> None:
    """Run all passes; ``order``: int64[rows * columns], in which PEs are evaluated."""
    machine = _reset(rules)
    machine.now[ARMED] = 1
    machine.after[ARMED] = 1
    while True:
        _advance_all(machine)
        cause = _control_stationary(machine, work, rules)
        if cause < 0:
            return
        _feed_left(machine, work, out.counts)
        _feed_top_stationary(machine, work, rules, out.counts)
        _step_stationary(machine, work, rules, order, out.counts)
        _collect(machine, work, out)
        _commit(cause, machine, out)


@njit(cache=True)
def _control_stationary(machine: Machine, work: Work, rules: Rules) -> int:
    """Go on with, or start, a stream and a preload; return the cause, -1 when all is done."""
    control = machine.control
    filling = _occupied(machine.row_lanes)
    busy = filling or _occupied(machine.far_lanes)
    settled = rules.tile_overlap or not busy
    step = control[PASS]
    done = step == len(work.passes)
    if done and not busy:
        return -1
    cause = PRELOADING
    last = False
    if not done and (control[ELEMENT] > 0 or (control[LOAD_PASS] > step and settled)):
        length = work.passes[step, STREAM_STOP] - work.passes[step, STREAM_START]
        last = control[ELEMENT] == length - 1
        _emit(machine, work, control[ELEMENT] == 0, last)
        control[ELEMENT] += 1
        cause = STREAMING
    elif busy and (done or not rules.tile_overlap):
        cause = FILLING if filling else DRAINING
    _control_preload(machine, work, rules, settled)
    if last:
        control[PASS] += 1
        control[ELEMENT] = 0
    return cause


@njit(cache=True)
def _control_preload(machine: Machine, work: Work, rules: Rules, settled: bool) -> None:
    """Send the next word of a preload: the tile's rows, last one first."""
    control = machine.control
    # Double buffered: the stream before has begun, and words leave the shadows as it passes.
    # Single buffered: it has ended, in an earlier cycle.
    vacated = control[PASS] if settled else -1
    if rules.second_register:
        vacated = control[PASS] + (1 if control[ELEMENT] > 0 else 0)
    load = control[LOAD_PASS]
    if control[WORD] == 0 and (load == len(work.passes) or vacated < load):
        return
    row = rules.rows - 1 - control[WORD]
    lane = machine.column_lanes[0]
    lane[0], lane[1], lane[2] = VALID | (LAST if row == 0 else 0), load, row
    control[WORD] += 1
    if row == 0:
        control[WORD] = 0
        control[LOAD_PASS] += 1


@njit(cache=True)
def _feed_top_stationary(machine: Machine, work: Work, rules: Rules, counts: Table) -> None:
    """Read partial sums or biases, and the words of a preload; unused columns get zeros."""
    passes, top = work.passes, machine.top
    top[:] = 0
    for c in range(rules.columns):
        token, step, element = _lane(machine.top_lanes, c)
        group, column = passes[step, GROUP], passes[step, COLUMN_START] + c
        if token and column < passes[step, COLUMN_STOP]:
            if not passes[step, FIRST_DEPTH]:
                top[0, c] = work.memory[group, element, column]
                counts[READS] += 1
            elif rules.bias_along_stream:
                # One read for all columns: the word goes from lane to lane with its token.
                top[0, c] = work.bias[group, element]
                counts[BIASES] += c == 0
            else:
                top[0, c] = work.bias[group, column]
                counts[BIASES] += token & FIRST != 0
        token, step, row = _lane(machine.column_lanes, c)
        depth, column = passes[step, ROW_START] + row, passes[step, COLUMN_START] + c
        if token and column < passes[step, COLUMN_STOP] and depth < passes[step, ROW_STOP]:
            top[1, c] = work.factors[passes[step, GROUP], depth, column]
            counts[FACTOR_WORDS] += 1


@njit(cache=True)
def _step_stationary(
    machine: Machine, work: Work, rules: Rules, order: Table, counts: Table
) -> None:
    """Compute every PE's next registers from the present ones."""
    now, after, passes = machine.now, machine.after, work.passes
    chain = SHADOW if rules.second_register else STATIONARY
    for place in order:
        r, c = place // rules.columns, place % rules.columns
        token, tag, moving = machine.row_lanes[r, 0], machine.row_lanes[r, 1], machine.left[r]
        if c > 0:
            token, tag, moving = now[TOKEN, r, c - 1], now[TAG, r, c - 1], now[MOVING, r, c - 1]
        above, word = machine.top[0, c], machine.top[1, c]
        if r > 0:
            above, word = now[SUM, r - 1, c], now[chain, r - 1, c]
        load = machine.column_lanes[c, 0]
        takes_over = rules.second_register and token & FIRST != 0
        resident = now[SHADOW, r, c] if takes_over else now[STATIONARY, r, c]
        after[TOKEN, r, c] = token
        if token:
            exact = above + moving * resident
            kept = _keep(exact, rules)
            after[TAG, r, c], after[MOVING, r, c], after[SUM, r, c] = tag, moving, kept
            counts[EVENTS] += exact != kept
            counts[MACS] += _is_used(passes, tag, r, c)
        if takes_over:
            after[STATIONARY, r, c] = resident
        if load and (now[ARMED, r, c] or takes_over):
            after[chain, r, c] = word
        if load & LAST:
            after[ARMED, r, c] = 0
        elif takes_over or (not rules.second_register and token & LAST):
            after[ARMED, r, c] = 1


@njit(cache=True)
def _collect(machine: Machine, work: Work, out: Observed) -> None:
    """Write the sums that the bottom row registers in this cycle into the accumulator memory."""
    passes = work.passes
    # Column 0's token is at the bottom row's left edge in this very cycle.
    for field in range(3):
        machine.far_lanes[0, field] = machine.row_lanes[-1, field]
    for c in range(len(machine.far_lanes)):
        token, step, element = _lane(machine.far_lanes, c)
        group, column = passes[step, GROUP], passes[step, COLUMN_START] + c
        if token and column < passes[step, COLUMN_STOP]:
            value = machine.after[SUM, -1, c]
            work.memory[group, element, column] = value
            index = element - passes[step, STREAM_START]
            _log(out, machine.control[CYCLE], c, step, index, value)


# Output stationary: both operands move, the accumulators stay, then leave downwards.


@njit(cache=True)
def run_output(work: Work, rules: Rules, order: Table, out: Observed) -> None:
    """Run all passes; ``order``: int64[rows * columns], in which PEs are evaluated."""
    machine = _reset(rules)
    while True:
        _advance_all(machine)
        if not rules.result_ports:
            _control_drain(machine, rules)
        cause = _control_output(machine, work, rules)
        if cause < 0:
            return
        _feed_left(machine, work, out.counts)
        _feed_top_output(machine, work, out.counts)
        _step_output(machine, work, rules, order, out.counts)
        if rules.result_ports:
            _give(machine, work, rules, out)
        else:
            _drain(machine, work, rules, out)
        _commit(cause, machine, out)


@njit(cache=True)
def _control_drain(machine: Machine, rules: Rules) -> None:
    """Drain column 0 for R cycles from the one after its bottom PE's last product."""
    control = machine.control
    done = machine.now[TOKEN, -1, 0] & LAST != 0
    if done:
        control[DRAIN_LEFT] = rules.rows
        control[DRAINS_BEGUN] += 1
    if control[DRAIN_LEFT] > 0:
        machine.column_lanes[0, 0] = VALID | (FIRST if done else 0)
        control[DRAIN_LEFT] -= 1


@njit(cache=True)
def _control_output(machine: Machine, work: Work, rules: Rules) -> int:
    """Let a stream go on, or start; return this cycle's cause, -1 when all is done."""
    control, passes = machine.control, work.passes
    busy = _occupied(machine.row_lanes) or _occupied(machine.far_lanes)
    step = control[PASS]
    done = step == len(passes)
    if done and machine.drained[0, -1] == control[TILES]:
        return -1
    within = not done and (control[ELEMENT] > 0 or not passes[step, FIRST_DEPTH])
    if not within and (done or not _tile_may_start(machine, work, rules, busy)):
        control[SINCE_END] += 1
        return FILLING if busy and (done or not rules.tile_overlap) else DRAINING
    ends = control[ELEMENT] == passes[step, STREAM_STOP] - passes[step, STREAM_START] - 1
    last = ends and passes[step, LAST_DEPTH] == 1
    _emit(machine, work, not within, last)
    control[ELEMENT] = 0 if ends else control[ELEMENT] + 1
    control[PASS] += ends
    control[TILES] += last
    control[SINCE_END] = 0
    return STREAMING


@njit(cache=True)
def _tile_may_start(machine: Machine, work: Work, rules: Rules, busy: bool) -> bool:
    control = machine.control
    if control[TILES] == 0:
        return True
    if not rules.tile_overlap:
        drained = machine.drained[0, -1] == control[TILES]
        return bool(not busy if rules.second_register or rules.result_ports else drained)
    if rules.result_ports:
        return True
    if rules.second_register:
        # The results of two tiles must not meet: their streams end R cycles apart.
        depth = work.factors.shape[1]
        return bool(control[SINCE_END] + depth >= rules.rows)
    return bool(control[DRAINS_BEGUN] == control[TILES])


@njit(cache=True)
def _feed_top_output(machine: Machine, work: Work, counts: Table) -> None:
    """Read the operand that moves down, and the bias with a tile's first element."""
    passes, top = work.passes, machine.top
    top[:] = 0
    for c in range(len(machine.top_lanes)):
        token, step, element = _lane(machine.top_lanes, c)
        group, column = passes[step, GROUP], passes[step, COLUMN_START] + c
        if token and column < passes[step, COLUMN_STOP]:
            top[0, c] = work.factors[group, element, column]
            counts[FACTOR_WORDS] += 1
            if token & FIRST:
                top[1, c] = work.bias[group, column]
                counts[BIASES] += 1


@njit(cache=True)
def _step_output(machine: Machine, work: Work, rules: Rules, order: Table, counts: Table) -> None:
    """Compute every PE's next registers from the present ones."""
    now, after, passes = machine.now, machine.after, work.passes
    path = RESULT if rules.second_register else SUM
    for place in order:
        r, c = place // rules.columns, place % rules.columns
        token, tag, moving = machine.row_lanes[r, 0], machine.row_lanes[r, 1], machine.left[r]
        if c > 0:
            token, tag, moving = now[TOKEN, r, c - 1], now[TAG, r, c - 1], now[MOVING, r, c - 1]
        factor, bias, leaving = machine.top[0, c], machine.top[1, c], 0
        if r > 0:
            factor, bias = now[DOWN, r - 1, c], now[BIAS, r - 1, c]
            leaving = now[path, r - 1, c]
        drain = machine.column_lanes[c, 0]
        if drain & FIRST:
            after[HELD, r, c] = 0
        if drain & FIRST or (drain and not now[HELD, r, c]):
            after[path, r, c] = leaving
        after[TOKEN, r, c] = token
        if token == 0:
            continue
        exact = (bias if token & FIRST else now[SUM, r, c]) + moving * factor
        kept = _keep(exact, rules)
        after[TAG, r, c], after[MOVING, r, c] = tag, moving
        after[DOWN, r, c], after[SUM, r, c] = factor, kept
        if token & FIRST:
            after[BIAS, r, c] = bias
        # The next tile may arrive in the very cycle in which the old result moves on: it wins.
        if token & LAST or not rules.second_register:
            after[path, r, c], after[HELD, r, c] = kept, 1
        counts[EVENTS] += exact != kept
        counts[MACS] += _is_used(passes, tag, r, c)


@njit(cache=True)
def _give(machine: Machine, work: Work, rules: Rules, out: Observed) -> None:
    """Write every result that its PE registers in this cycle."""
    after, passes = machine.after, work.passes
    for r in range(rules.rows):
        for c in range(rules.columns):
            step = after[TAG, r, c]
            if not after[TOKEN, r, c] & LAST:
                continue
            if _is_used(passes, step, r, c):
                m, column = passes[step, ROW_START] + r, passes[step, COLUMN_START] + c
                value = after[SUM, r, c]
                work.memory[passes[step, GROUP], m, column] = value
                _log(out, machine.control[CYCLE], c, step, r, value)
            machine.drained[0, c] += r == rules.rows - 1


@njit(cache=True)
def _drain(machine: Machine, work: Work, rules: Rules, out: Observed) -> None:
    """Register the bottom PEs' results at the edge."""
    passes, drained = work.passes, machine.drained
    path = RESULT if rules.second_register else SUM
    depth_passes = 1
    while not passes[depth_passes - 1, LAST_DEPTH]:
        depth_passes += 1
    for c in range(rules.columns):
        if not machine.column_lanes[c, 0]:
            continue
        row = rules.rows - 1 - drained[1, c]
        step = (drained[0, c] + 1) * depth_passes - 1
        group, m = passes[step, GROUP], passes[step, ROW_START] + row
        column = passes[step, COLUMN_START] + c
        if _is_used(passes, step, row, c):
            value = machine.now[path, -1, c]
            work.memory[group, m, column] = value
            _log(out, machine.control[CYCLE], c, step, row, value)
        drained[1, c] = 0 if row == 0 else drained[1, c] + 1
        drained[0, c] += row == 0
