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
GROUP, STREAM_START, STREAM_STOP, ROW_START, ROW_STOP, COLUMN_START, COLUMN_STOP = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
)
FIRST_DEPTH, LAST_DEPTH = 7, 8
# Controller registers.
PASS, ELEMENT, LOAD_PASS, WORD = 0, 1, 2, 3
TILES, SINCE_END, DRAIN_LEFT, DRAINS_BEGUN = 2, 3, 4, 5
# Counters.
MACS, MOVING_WORDS, FACTOR_WORDS, BIASES, READS, WRITES, EVENTS = 0, 1, 2, 3, 4, 5, 6
STREAMING, PRELOADING, FILLING, DRAINING = 0, 1, 2, 3


class Rules(NamedTuple):
    """The array: its size, what may overlap, and its accumulators.

    ``second_register``: weight double buffering, or the hidden drain of output stationary.
    """

    rows: int
    columns: int
    tile_overlap: bool
    second_register: bool
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


@njit(cache=True)
def _add(total: int, product: int, rules: Rules, counts: Table) -> int:
    exact = total + product
    kept = exact
    if rules.saturate:
        kept = min(max(exact, rules.low), rules.high)
    else:
        kept = ((exact - rules.low) & (rules.high - rules.low)) + rules.low
    if kept != exact:
        counts[EVENTS] += 1
    return kept


@njit(cache=True)
def _advance(lanes: Table) -> None:
    """Move every lane's token to the next lane; lane 0 becomes empty."""
    for i in range(len(lanes) - 1, 0, -1):
        lanes[i] = lanes[i - 1]
    lanes[0] = 0


@njit(cache=True)
def _any_valid(lanes: Table) -> bool:
    """Whether a lane other than 0 holds a token: lane 0 is this cycle's own."""
    return bool(lanes[1:, 0].any())


@njit(cache=True)
def _commit(cycle: int, cause: int, now: Table, after: Table, out: Observed) -> None:
    """End the cycle: count what toggles, take the snapshot, let all registers change."""
    for register in range(len(out.masks)):
        mask = out.masks[register]
        if mask:
            changed = 0
            for r in range(now.shape[1]):
                for c in range(now.shape[2]):
                    bits = (now[register, r, c] ^ after[register, r, c]) & mask
                    while bits:
                        bits &= bits - 1
                        changed += 1
            out.toggles[register] += changed
    out.causes[cause] += 1
    slot = cycle - out.trace_start
    if 0 <= slot < len(out.trace):
        out.trace[slot] = after
        out.cause_of[slot] = cause
    now[:] = after


@njit(cache=True)
def _record(
    log: Table, written: int, cycle: int, column: int, step: int, index: int, value: int
) -> None:
    if written < len(log):
        log[written, 0] = cycle
        log[written, 1] = column
        log[written, 2] = step
        log[written, 3] = index
        log[written, 4] = value


@njit(cache=True)
def _emit(lane: Table, work: Work, control: Table, first: bool, last: bool) -> None:
    """Put the stream's next element into a lane 0."""
    lane[0] = VALID | (FIRST if first else 0) | (LAST if last else 0)
    lane[1] = control[PASS]
    lane[2] = work.passes[control[PASS], STREAM_START] + control[ELEMENT]


# Operand stationary: the other operand moves right, partial sums move down.


@njit(cache=True)
def run_stationary(work: Work, rules: Rules, order: Table, out: Observed) -> int:
    """Run all passes; ``order``: int64[rows * columns], in which PEs are evaluated."""
    now = np.zeros((8, rules.rows, rules.columns), np.int64)
    now[ARMED] = 1
    after = now.copy()
    row_lanes, top_lanes = (
        np.zeros((rules.rows, 3), np.int64),
        np.zeros((rules.columns, 3), np.int64),
    )
    bottom_lanes, load_lanes = np.zeros_like(top_lanes), np.zeros_like(top_lanes)
    left, load = np.zeros(rules.rows, np.int64), np.zeros(rules.columns, np.int64)
    top = np.zeros(rules.columns, np.int64)
    control = np.zeros(6, np.int64)
    written = 0
    cycle = 0
    while True:
        bottom_lanes[0] = row_lanes[-1]
        _advance(bottom_lanes)
        _advance(row_lanes)
        _advance(top_lanes)
        _advance(load_lanes)
        cause = _control_stationary(work, rules, control, row_lanes, bottom_lanes, load_lanes)
        if cause < 0:
            return cycle
        top_lanes[0] = row_lanes[0]
        _feed_stationary(work, rules, row_lanes, top_lanes, load_lanes, left, top, load, out.counts)
        for place in order:
            r, c = place // rules.columns, place % rules.columns
            _stationary_pe(
                work, rules, r, c, row_lanes, load_lanes, left, top, load, now, after, out.counts
            )
        written = _collect(work, rules, cycle, bottom_lanes, row_lanes, after, written, out)
        _commit(cycle, cause, now, after, out)
        cycle += 1


@njit(cache=True)
def _control_stationary(
    work: Work,
    rules: Rules,
    control: Table,
    row_lanes: Table,
    bottom_lanes: Table,
    load_lanes: Table,
) -> int:
    """Go on with, or start, a stream and a preload; return the cause, -1 when all is done."""
    filling = _any_valid(row_lanes)
    busy = filling or _any_valid(bottom_lanes)
    settled = rules.tile_overlap or not busy
    passes = work.passes
    done = control[PASS] == len(passes)
    if done and not busy:
        return -1
    cause = PRELOADING
    if not done and (control[ELEMENT] > 0 or (control[LOAD_PASS] > control[PASS] and settled)):
        length = passes[control[PASS], STREAM_STOP] - passes[control[PASS], STREAM_START]
        last = control[ELEMENT] == length - 1
        _emit(row_lanes[0], work, control, control[ELEMENT] == 0, last)
        control[ELEMENT] += 1
        cause = STREAMING
    elif busy and (done or not rules.tile_overlap):
        cause = FILLING if filling else DRAINING
    _control_preload(work, rules, control, settled, load_lanes)
    if cause == STREAMING and row_lanes[0, 0] & LAST:
        control[PASS] += 1
        control[ELEMENT] = 0
    return cause


@njit(cache=True)
def _control_preload(
    work: Work, rules: Rules, control: Table, settled: bool, load_lanes: Table
) -> None:
    """Send the next word of a preload: the tile's rows, last one first."""
    begun = control[PASS] + (1 if control[ELEMENT] > 0 else 0)
    # Double buffered: the stream before has begun, and words leave the shadows as it passes.
    # Single buffered: it has ended, in an earlier cycle.
    vacated = begun if rules.second_register else (control[PASS] if settled else -1)
    if control[WORD] > 0 or (
        control[LOAD_PASS] < len(work.passes) and vacated >= control[LOAD_PASS]
    ):
        row = rules.rows - 1 - control[WORD]
        load_lanes[0, 0] = VALID | (LAST if row == 0 else 0)
        load_lanes[0, 1] = control[LOAD_PASS]
        load_lanes[0, 2] = row
        control[WORD] += 1
        if control[WORD] == rules.rows:
            control[WORD] = 0
            control[LOAD_PASS] += 1


@njit(cache=True)
def _feed_stationary(
    work: Work, rules: Rules, row_lanes: Table, top_lanes: Table, load_lanes: Table,
    left: Table, top: Table, load: Table, counts: Table,
) -> None:  # fmt: skip
    """Read what the tokens at the edges ask for; lanes without data get zeros."""
    passes = work.passes
    for r in range(rules.rows):
        step, element = row_lanes[r, 1], row_lanes[r, 2]
        left[r] = 0
        if row_lanes[r, 0] and r < passes[step, ROW_STOP] - passes[step, ROW_START]:
            left[r] = work.moving[passes[step, GROUP], element, passes[step, ROW_START] + r]
            counts[MOVING_WORDS] += 1
    for c in range(rules.columns):
        step, element = top_lanes[c, 1], top_lanes[c, 2]
        group, column = passes[step, GROUP], passes[step, COLUMN_START] + c
        top[c] = 0
        if top_lanes[c, 0] and column < passes[step, COLUMN_STOP]:
            if not passes[step, FIRST_DEPTH]:
                top[c] = work.memory[group, element, column]
                counts[READS] += 1
            elif rules.bias_along_stream:
                top[c] = work.bias[group, element]
                # One read for all columns: the word goes from lane to lane with its token.
                counts[BIASES] += 1 if c == 0 else 0
            else:
                top[c] = work.bias[group, column]
                counts[BIASES] += 1 if top_lanes[c, 0] & FIRST else 0
        load[c] = 0
        token, step, row = load_lanes[c]
        column, depth = passes[step, COLUMN_START] + c, passes[step, ROW_START] + row
        if token and column < passes[step, COLUMN_STOP] and depth < passes[step, ROW_STOP]:
            load[c] = work.factors[passes[step, GROUP], depth, column]
            counts[FACTOR_WORDS] += 1


@njit(cache=True)
def _stationary_pe(
    work: Work, rules: Rules, r: int, c: int, row_lanes: Table, load_lanes: Table,
    left: Table, top: Table, load: Table, now: Table, after: Table, counts: Table,
) -> None:  # fmt: skip
    if c == 0:
        token, tag, moving = row_lanes[r, 0], row_lanes[r, 1], left[r]
    else:
        token, tag, moving = now[TOKEN, r, c - 1], now[TAG, r, c - 1], now[MOVING, r, c - 1]
    chain = SHADOW if rules.second_register else STATIONARY
    above = top[c] if r == 0 else now[SUM, r - 1, c]
    word = load[c] if r == 0 else now[chain, r - 1, c]
    loads = load_lanes[c, 0]
    takes_over = rules.second_register and token & FIRST
    resident = now[SHADOW, r, c] if takes_over else now[STATIONARY, r, c]
    after[TOKEN, r, c] = token
    if token:
        after[TAG, r, c] = tag
        after[MOVING, r, c] = moving
        after[SUM, r, c] = _add(above, moving * resident, rules, counts)
        counts[MACS] += _is_used(work.passes, tag, r, c)
    if takes_over:
        after[STATIONARY, r, c] = resident
    if loads and (now[ARMED, r, c] or takes_over):
        after[chain, r, c] = word
    if loads & LAST:
        after[ARMED, r, c] = 0
    elif takes_over or (not rules.second_register and token & LAST):
        after[ARMED, r, c] = 1


@njit(cache=True)
def _is_used(passes: Table, step: int, r: int, c: int) -> int:
    rows = passes[step, ROW_STOP] - passes[step, ROW_START]
    columns = passes[step, COLUMN_STOP] - passes[step, COLUMN_START]
    return 1 if r < rows and c < columns else 0


@njit(cache=True)
def _collect(
    work: Work, rules: Rules, cycle: int, bottom_lanes: Table, row_lanes: Table, after: Table,
    written: int, out: Observed,
) -> int:  # fmt: skip
    """Write the sums that the bottom row registers in this cycle into the accumulator memory."""
    for c in range(rules.columns):
        # Column 0's token is at the bottom row's left edge in this very cycle.
        token, step, element = row_lanes[-1] if c == 0 else bottom_lanes[c]
        column = work.passes[step, COLUMN_START] + c
        if token and column < work.passes[step, COLUMN_STOP]:
            value = after[SUM, rules.rows - 1, c]
            work.memory[work.passes[step, GROUP], element, column] = value
            out.counts[WRITES] += 1
            index = element - work.passes[step, STREAM_START]
            _record(out.log, written, cycle, c, step, index, value)
            written += 1
    return written


# Output stationary: both operands move, the accumulators stay, then leave downwards.


@njit(cache=True)
def run_output(work: Work, rules: Rules, order: Table, out: Observed) -> int:
    """Run all passes; ``order``: int64[rows * columns], in which PEs are evaluated."""
    now = np.zeros((8, rules.rows, rules.columns), np.int64)
    after = now.copy()
    row_lanes, top_lanes = (
        np.zeros((rules.rows, 3), np.int64),
        np.zeros((rules.columns, 3), np.int64),
    )
    wave_lanes, drain_lanes = np.zeros_like(top_lanes), np.zeros_like(top_lanes)
    left, down = np.zeros(rules.rows, np.int64), np.zeros((2, rules.columns), np.int64)
    drained = np.zeros((2, rules.columns), np.int64)
    control = np.zeros(6, np.int64)
    written = 0
    cycle = 0
    while True:
        wave_lanes[0] = row_lanes[-1]
        _advance(wave_lanes)
        _advance(row_lanes)
        _advance(top_lanes)
        _advance(drain_lanes)
        _control_drain(rules, control, now, drain_lanes)
        cause = _control_output(work, rules, control, row_lanes, wave_lanes, drained)
        if cause < 0:
            return cycle
        top_lanes[0] = row_lanes[0]
        _feed_output(work, rules, row_lanes, top_lanes, left, down, out.counts)
        for place in order:
            r, c = place // rules.columns, place % rules.columns
            _output_pe(
                work, rules, r, c, row_lanes, drain_lanes, left, down, now, after, out.counts
            )
        written = _drain(work, rules, cycle, drain_lanes, now, drained, written, out)
        _commit(cycle, cause, now, after, out)
        cycle += 1


@njit(cache=True)
def _control_drain(rules: Rules, control: Table, now: Table, drain_lanes: Table) -> None:
    """Drain column 0 for R cycles from the one after its bottom PE's last product."""
    done = now[TOKEN, -1, 0] & LAST
    if done:
        control[DRAIN_LEFT] = rules.rows
        control[DRAINS_BEGUN] += 1
    if control[DRAIN_LEFT] > 0:
        drain_lanes[0, 0] = VALID | (FIRST if done else 0)
        control[DRAIN_LEFT] -= 1


@njit(cache=True)
def _control_output(
    work: Work, rules: Rules, control: Table, row_lanes: Table, wave_lanes: Table, drained: Table
) -> int:
    """Let a stream go on, or start; return this cycle's cause, -1 when all is done."""
    passes = work.passes
    busy = _any_valid(row_lanes) or _any_valid(wave_lanes)
    step = control[PASS]
    done = step == len(passes)
    if done and drained[0, -1] == control[TILES]:
        return -1
    streaming = not done and (control[ELEMENT] > 0 or not passes[step, FIRST_DEPTH])
    if not done and not streaming:
        streaming = _tile_may_start(work, rules, control, busy, drained)
    cause = DRAINING
    if streaming:
        length = passes[step, STREAM_STOP] - passes[step, STREAM_START]
        ends = control[ELEMENT] == length - 1
        first = control[ELEMENT] == 0 and passes[step, FIRST_DEPTH] == 1
        last = ends and passes[step, LAST_DEPTH] == 1
        _emit(row_lanes[0], work, control, first, last)
        control[ELEMENT] = 0 if ends else control[ELEMENT] + 1
        control[PASS] += 1 if ends else 0
        control[TILES] += 1 if last else 0
        control[SINCE_END] = 0
        cause = STREAMING
    else:
        if busy and (done or not rules.tile_overlap):
            cause = FILLING
        control[SINCE_END] += 1
    return cause


@njit(cache=True)
def _tile_may_start(work: Work, rules: Rules, control: Table, busy: bool, drained: Table) -> bool:
    if control[TILES] == 0:
        return True
    if not rules.tile_overlap:
        return not busy if rules.second_register else drained[0, -1] == control[TILES]
    if rules.second_register:
        depth = work.factors.shape[1]
        return bool(control[SINCE_END] + depth >= rules.rows)
    return bool(control[DRAINS_BEGUN] == control[TILES])


@njit(cache=True)
def _feed_output(
    work: Work, rules: Rules, row_lanes: Table, top_lanes: Table, left: Table, down: Table,
    counts: Table,
) -> None:  # fmt: skip
    """Read what the tokens at the edges ask for; lanes without data get zeros."""
    passes = work.passes
    for r in range(rules.rows):
        step, element = row_lanes[r, 1], row_lanes[r, 2]
        left[r] = 0
        if row_lanes[r, 0] and r < passes[step, ROW_STOP] - passes[step, ROW_START]:
            left[r] = work.moving[passes[step, GROUP], element, passes[step, ROW_START] + r]
            counts[MOVING_WORDS] += 1
    for c in range(rules.columns):
        token, step, element = top_lanes[c]
        group, column = passes[step, GROUP], passes[step, COLUMN_START] + c
        down[:, c] = 0
        if token and column < passes[step, COLUMN_STOP]:
            down[0, c] = work.factors[group, element, column]
            counts[FACTOR_WORDS] += 1
            if token & FIRST:
                down[1, c] = work.bias[group, column]
                counts[BIASES] += 1


@njit(cache=True)
def _output_pe(
    work: Work, rules: Rules, r: int, c: int, row_lanes: Table, drain_lanes: Table,
    left: Table, down: Table, now: Table, after: Table, counts: Table,
) -> None:  # fmt: skip
    if c == 0:
        token, tag, moving = row_lanes[r, 0], row_lanes[r, 1], left[r]
    else:
        token, tag, moving = now[TOKEN, r, c - 1], now[TAG, r, c - 1], now[MOVING, r, c - 1]
    if r == 0:
        factor, bias = down[0, c], down[1, c]
    else:
        factor, bias = now[DOWN, r - 1, c], now[BIAS, r - 1, c]
    path = RESULT if rules.second_register else SUM
    drains = drain_lanes[c, 0]
    if drains & FIRST:
        after[HELD, r, c] = 0
    if drains & FIRST or (drains and not now[HELD, r, c]):
        # Zeros follow the results, unless the next tile's values are already there.
        after[path, r, c] = now[path, r - 1, c] if r > 0 else 0
    after[TOKEN, r, c] = token
    if not token:
        return
    total = bias if token & FIRST else now[SUM, r, c]
    total = _add(total, moving * factor, rules, counts)
    after[TAG, r, c] = tag
    after[MOVING, r, c] = moving
    after[DOWN, r, c] = factor
    after[SUM, r, c] = total
    if token & FIRST:
        after[BIAS, r, c] = bias
    if path == SUM or token & LAST:
        after[path, r, c] = total
        after[HELD, r, c] = 1
    counts[MACS] += _is_used(work.passes, tag, r, c)


@njit(cache=True)
def _drain(
    work: Work, rules: Rules, cycle: int, drain_lanes: Table, now: Table, drained: Table,
    written: int, out: Observed,
) -> int:  # fmt: skip
    """Register the bottom PEs' results at the edge; ``drained``: tiles, and rows of the next."""
    path = RESULT if rules.second_register else SUM
    bottom = rules.rows - 1
    for c in range(rules.columns):
        if not drain_lanes[c, 0]:
            continue
        row = bottom - drained[1, c]
        step = _last_pass_of_tile(work.passes, drained[0, c])
        stream, column = work.passes[step, ROW_START] + row, work.passes[step, COLUMN_START] + c
        if stream < work.passes[step, ROW_STOP] and column < work.passes[step, COLUMN_STOP]:
            value = now[path, bottom, c]
            work.memory[work.passes[step, GROUP], stream, column] = value
            out.counts[WRITES] += 1
            _record(out.log, written, cycle, c, step, row, value)
            written += 1
        drained[1, c] += 1
        if row == 0:
            drained[1, c] = 0
            drained[0, c] += 1
    return written


@njit(cache=True)
def _last_pass_of_tile(passes: Table, tile: int) -> int:
    """Tiles all have the same number of depth passes."""
    depth_passes = 1
    while not passes[depth_passes - 1, LAST_DEPTH]:
        depth_passes += 1
    return (tile + 1) * depth_passes - 1
