"""Numba kernels of the register engine: two-phase registers, stepped one cycle at a time.

A cycle: the edge lanes move on by one, the controller may put a new token into lane 0, every PE
computes its next registers from its own and its neighbours' present ones, in any order, and all
registers change together. `accelsim.simulator.array.register` describes the machine.

**One PE, three ways to visit all.** `_pe_stationary` and `_pe_output` are the only descriptions
of a PE. Every register has a plane of cells for now and one for after this cycle, and an edge row
and column for the words that come from outside; so a neighbour is a shift, and a cycle is one
loop without branches that the compiler vectorises. In cycles in which no first or last element
and no wire is near a PE, `_flow_*` leaves out the registers that such cycles do not change.
With an ``order``, PEs are visited in that order.

All helpers live in this file: numba's cache does not see changes in other files. Only the two
entries are cached; what they call is part of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "CYCLE",
    "Machine",
    "Observed",
    "Rules",
    "Work",
    "new_machine",
    "registers",
    "run_output",
    "run_stationary",
]

Function = TypeVar("Function", bound=Callable[..., Any])

Table = NDArray[np.int64]
Flags = NDArray[np.int8]
Words = NDArray[np.int16] | NDArray[np.int32]
Sums = NDArray[np.int32]

# Registers by kind. Flags: TOKEN, and ARMED or HELD. Words: MOVING, and STATIONARY and SHADOW or
# DOWN. Sums: SUM, and BIAS and RESULT.
TOKEN, ARMED, HELD = 0, 1, 1
MOVING, STATIONARY, SHADOW, DOWN = 0, 1, 2, 1
SUM, BIAS, RESULT = 0, 1, 2
# Bits of a token: valid, and first and last element of a pass (output stationary: of a tile).
VALID, FIRST, LAST = 1, 2, 4
# Columns of the pass table.
GROUP, STREAM_START, STREAM_STOP, ROW_START, ROW_STOP = 0, 1, 2, 3, 4
COLUMN_START, COLUMN_STOP, FIRST_DEPTH, LAST_DEPTH = 5, 6, 7, 8
# Controller registers.
PASS, ELEMENT, LOAD_PASS, WORD = 0, 1, 2, 3
TILES, SINCE_END, DRAIN_LEFT, DRAINS_BEGUN = 2, 3, 4, 5
SINCE_TOKEN, SINCE_MARK, SINCE_WIRE = 6, 7, 8
# Of the simulation: cycle, where lane 0 is, and which plane is now (FLOW: registers that every
# token changes, REST: the others).
CYCLE, HEAD, FLOW, REST = 9, 10, 11, 12
LONG_AGO = 1 << 40
Policy = tuple[bool, int, int, bool]
UNCHECKED = (False, 0, 0, False)
# Counters.
MACS, MOVING_WORDS, FACTOR_WORDS, BIASES, READS, WRITES, EVENTS = 0, 1, 2, 3, 4, 5, 6
STREAMING, PRELOADING, FILLING, DRAINING = 0, 1, 2, 3


def _jit(**options: Any) -> Callable[[Function], Function]:
    """Compile without reference counts: no array is made here, and to count costs microseconds."""
    compiler = cast(Callable[..., Any], njit)
    return cast(Callable[[Function], Function], compiler(_nrt=False, **options))


class Rules(NamedTuple):
    """The array: its size, what may overlap, and its accumulators.

    ``second_register``: weight double buffering, or the hidden drain of output stationary;
    ``result_ports``: the free one; ``checked``: whether a sum can leave [low, high] at all.
    """

    rows: int
    columns: int
    tile_overlap: bool
    second_register: bool
    result_ports: bool
    bias_along_stream: bool
    checked: bool
    low: int
    high: int
    saturate: bool


class Work(NamedTuple):
    """What there is to do.

    passes: int64[passes, 9], see the column names above, in stream, row and column coordinates.
    moving: int16 or int32[groups, stream, rows], factors: likewise [groups, rows or stream,
    columns]: whole operands; bias: int32[groups, columns or stream]; memory: int32[groups, stream
    or rows, columns]: the accumulator memory, whose final contents are the results.
    """

    passes: Table
    moving: Words
    factors: Words
    bias: Sums
    memory: Sums


class Observed(NamedTuple):
    """What is written down.

    causes: int64[4]; log: int64[outputs, 5]: cycle, column, pass, index in the pass, value;
    counts: int64[7].
    """

    causes: Table
    log: Table
    counts: Table


class Machine(NamedTuple):
    """All registers.

    flags: int8[2, 2, cells], words: int16 or int32[3, 2, cells], sums: int32[3, 2, cells]:
    register, plane, cell; cell (r + 1) * (columns + 1) + c + 1 is PE (r, c), row 0 and column 0 of
    the cells hold the words at the edges in this cycle. lanes, wires: int64[3, 2 * span]: token,
    pass, element (or row of a preload) of lane i at HEAD + i; each is there twice, so that HEAD can
    go round. Left lane r is lane r, top lane c is lane c, bottom lane c is lane rows - 1 + c; wire
    c goes down column c. reach: int8[cells]: wires by cell. drained: int64[2, columns]: tiles, and
    rows of the next.
    """

    flags: Flags
    words: Words
    sums: Sums
    control: Table
    lanes: Table
    wires: Table
    reach: Flags
    drained: Table


def new_machine(work: Work, rules: Rules, preloads: bool) -> Machine:
    """Return a machine before its first cycle; ``preloads``: operand stationary."""
    cells = (rules.rows + 1) * (rules.columns + 1)
    span = rules.rows + rules.columns
    control = np.zeros(13, np.int64)
    control[SINCE_TOKEN : SINCE_WIRE + 1] = LONG_AGO
    flags = np.zeros((2, 2, cells), np.int8)
    flags[ARMED] = preloads
    return Machine(
        flags=flags,
        words=np.zeros((3, 2, cells), work.moving.dtype),
        sums=np.zeros((3, 2, cells), np.int32),
        control=control,
        lanes=np.zeros((3, 2 * span), np.int64),
        wires=np.zeros((3, 2 * span), np.int64),
        reach=np.zeros(cells, np.int8),
        drained=np.zeros((2, rules.columns), np.int64),
    )


def registers(machine: Machine, rules: Rules, preloads: bool) -> dict[str, NDArray[np.integer]]:
    """Return views of all registers, [rows, columns] each, as the last cycle left them.

    They hold until the end of the next cycle, except ``tag``, which is a copy: the pass whose
    token the PE had last.
    """
    flags, words, sums, control = machine.flags, machine.words, machine.sums, machine.control
    flow, rest = control[FLOW], control[REST]
    ages = np.arange(rules.rows)[:, np.newaxis] + np.arange(rules.columns)
    planes = {"token": flags[TOKEN, flow], "moving": words[MOVING, flow], "sum": sums[SUM, flow]}
    if preloads:
        planes |= {"stationary": words[STATIONARY, rest], "shadow": words[SHADOW, rest]}
        planes |= {"armed": flags[ARMED, rest]}
    else:
        planes |= {"down": words[DOWN, flow], "bias": sums[BIAS, rest]}
        planes |= {"result": sums[RESULT, rest], "held": flags[HELD, rest]}
    size = (rules.rows + 1, rules.columns + 1)
    named = {name: plane.reshape(size)[1:, 1:] for name, plane in planes.items()}
    return {**named, "tag": machine.lanes[1, control[HEAD] + ages]}


# The PEs: wires, neighbours' registers and own registers in; the next own registers out.


@_jit(forceinline=True)
def _keep(exact: int, checked: bool, low: int, high: int, saturate: bool) -> int:
    """Wrap or saturate an exact sum."""
    if not checked:
        return exact
    if saturate:
        return min(max(exact, low), high)
    return ((exact - low) & (high - low)) + low


@_jit(forceinline=True)
def _choose(condition: bool, chosen: int, other: int) -> int:
    """``chosen if condition else other`` without a branch: LLVM would move loads into it."""
    return other ^ ((chosen ^ other) & -int(condition))


@_jit(forceinline=True)
def _pe_stationary(
    token: int,
    entering: int,
    above: int,
    word: int,
    load: int,
    own: tuple[int, int, int, int, int],
    double: bool,
    policy: Policy,
) -> tuple[int, int, int, int, int, bool]:
    """``own`` and the result: moving, sum, stationary, shadow, armed; did the sum overflow."""
    moving, total, stationary, shadow, armed = own
    valid = token & VALID != 0
    takes_over = double and token & FIRST != 0
    loads = load & VALID != 0 and (armed != 0 or takes_over)
    resident = _choose(takes_over, shadow, stationary)
    exact = above + entering * resident
    kept = _keep(exact, *policy)
    arms = takes_over or (not double and token & LAST != 0)
    return (
        _choose(valid, entering, moving),
        _choose(valid, kept, total),
        _choose(loads and not double, word, resident),
        _choose(loads and double, word, shadow),
        0 if load & LAST != 0 else (1 if arms else armed),
        valid and kept != exact,
    )


@_jit(forceinline=True)
def _pe_output(
    token: int,
    entering: int,
    above: tuple[int, int, int],
    drain: int,
    own: tuple[int, int, int, int, int, int],
    hidden: bool,
    policy: Policy,
) -> tuple[int, int, int, int, int, int, bool]:
    """``above``: down, bias, and the result that leaves.

    ``own`` and the result: moving, down, sum, bias, result, held; did the sum overflow.
    """
    factor, over, leaving = above
    moving, down, total, bias, result, held = own
    valid, first = token & VALID != 0, token & FIRST != 0
    shifts = drain & FIRST != 0 or (drain & VALID != 0 and held == 0)
    exact = _choose(first, over, total) + entering * factor
    kept = _keep(exact, *policy)
    # The next tile may arrive in the very cycle in which the old result moves on: it wins.
    takes = valid and (token & LAST != 0 or not hidden)
    return (
        _choose(valid, entering, moving),
        _choose(valid, factor, down),
        _choose(valid, kept, _choose(shifts and not hidden, leaving, total)),
        _choose(first, over, bias),
        _choose(takes and hidden, kept, _choose(shifts and hidden, leaving, result)),
        1 if takes else (0 if drain & FIRST != 0 else held),
        valid and kept != exact,
    )


@_jit()
def _put(machine: Machine, lanes: Table, token: int, step: int, element: int) -> None:
    """Put a token into lane 0."""
    head = machine.control[HEAD]
    for i in (head, head + lanes.shape[1] // 2):
        lanes[0, i], lanes[1, i], lanes[2, i] = token, step, element


@_jit()
def _advance(machine: Machine) -> None:
    """Move every lane's token to the next lane; lane 0 becomes empty, but keeps its pass."""
    control = machine.control
    before = machine.lanes[1, control[HEAD]]
    span = machine.lanes.shape[1] // 2
    control[HEAD] = span - 1 if control[HEAD] == 0 else control[HEAD] - 1
    _put(machine, machine.lanes, 0, before, 0)
    _put(machine, machine.wires, 0, 0, 0)
    for clock in range(SINCE_TOKEN, SINCE_WIRE + 1):
        control[clock] += 1


@_jit()
def _lane(machine: Machine, lanes: Table, i: int) -> tuple[int, int, int]:
    place = machine.control[HEAD] + i
    return lanes[0, place], lanes[1, place], lanes[2, place]


@_jit()
def _emit(machine: Machine, work: Work, first: bool, last: bool) -> None:
    """Put the stream's next element into lane 0 of the left and the top edge."""
    control = machine.control
    token = VALID | (FIRST if first else 0) | (LAST if last else 0)
    element = work.passes[control[PASS], STREAM_START] + control[ELEMENT]
    _put(machine, machine.lanes, token, control[PASS], element)
    control[SINCE_TOKEN] = 0
    if first or last:
        control[SINCE_MARK] = 0


@_jit()
def _wire(machine: Machine, token: int, step: int, row: int) -> None:
    """Drive the wire of column 0."""
    _put(machine, machine.wires, token, step, row)
    machine.control[SINCE_WIRE] = 0


@_jit()
def _run(machine: Machine, work: Work, lane: int, lanes: int) -> tuple[int, int, int, int]:
    """Return (token, pass, element, end): lanes [lane, end) hold this element and those before.

    A pass's elements follow each other without a gap, so its first one is the last of the run.
    """
    token, step, element = _lane(machine, machine.lanes, lane)
    if token == 0:
        return 0, 0, 0, lane + 1
    return token, step, element, min(lanes, lane + element - work.passes[step, STREAM_START] + 1)


@_jit()
def _feed_left(machine: Machine, work: Work, rules: Rules, counts: Table) -> None:
    """Read the words that the left lanes' tokens ask for; unused rows get zeros."""
    passes, pitch, flow = work.passes, rules.columns + 1, machine.control[FLOW]
    tokens, words = machine.flags[TOKEN, flow], machine.words[MOVING, flow]
    for r in range(rules.rows):
        tokens[(r + 1) * pitch] = machine.lanes[0, machine.control[HEAD] + r]
    end = 0
    while end < rules.rows:
        r = end
        token, step, element, end = _run(machine, work, r, rules.rows)
        if token == 0:
            continue
        group, row = passes[step, GROUP], passes[step, ROW_START]
        used = max(r, min(end, passes[step, ROW_STOP] - row))
        for i in range(r, used):
            words[(i + 1) * pitch] = work.moving[group, element - (i - r), row + i]
        for i in range(used, end):
            words[(i + 1) * pitch] = 0
        counts[MOVING_WORDS] += used - r
        # A word passes every column, and meets a factor in those that are used.
        counts[MACS] += (used - r) * (passes[step, COLUMN_STOP] - passes[step, COLUMN_START])


@_jit()
def _spread_wires(machine: Machine, rules: Rules) -> None:
    """Let every row see its columns' wires: copies of row 1, twice as many at each step."""
    pitch, reach = rules.columns + 1, machine.reach
    if machine.control[SINCE_WIRE] > rules.columns:
        return
    for c in range(rules.columns):
        reach[pitch + c + 1] = machine.wires[0, machine.control[HEAD] + c]
    filled, cells = pitch, rules.rows * pitch
    while filled < cells:
        count = min(filled, cells - filled)
        source, copy = reach[pitch : pitch + count], reach[pitch + filled :]
        for i in range(count):
            copy[i] = source[i]
        filled += count


@_jit()
def _is_eventful(machine: Machine, rules: Rules, order: Table) -> bool:
    """Whether registers that plain tokens leave alone may change in this cycle."""
    control = machine.control
    marks = control[SINCE_MARK] <= rules.rows + rules.columns - 2
    # The cycle after the last wire is one of them: in it, all rows see that the wires are off.
    wires = control[SINCE_WIRE] <= rules.columns
    return bool(marks or wires or rules.checked or len(order) > 0)


@_jit()
def _end_cycle(machine: Machine, cause: int, eventful: bool, causes: Table) -> None:
    """Let all registers change together."""
    control = machine.control
    control[FLOW] = 1 - control[FLOW]
    if eventful:
        control[REST] = 1 - control[REST]
    control[CYCLE] += 1
    causes[cause] += 1


@_jit()
def _log(out: Observed, cycle: int, c: int, step: int, index: int, value: int) -> None:
    """Count a result, and write it into the log if there is one."""
    if out.counts[WRITES] < len(out.log):
        i = out.counts[WRITES]
        out.log[i, 0], out.log[i, 1], out.log[i, 2] = cycle, c, step
        out.log[i, 3], out.log[i, 4] = index, value
    out.counts[WRITES] += 1


# Operand stationary: the other operand moves right, partial sums move down.


@_jit(cache=True)
def run_stationary(
    machine: Machine, work: Work, rules: Rules, order: Table, out: Observed, until: int
) -> bool:
    """Step until ``until`` cycles are over; return whether all passes are.

    ``order``: int64[rows * columns], in which PEs are evaluated, or empty.
    """
    while machine.control[CYCLE] < until:
        _advance(machine)
        cause = _control_stationary(machine, work, rules)
        if cause < 0:
            return True
        _feed_left(machine, work, rules, out.counts)
        _feed_sums(machine, work, rules, out.counts)
        eventful = _is_eventful(machine, rules, order)
        if eventful:
            _feed_words(machine, work, rules, out.counts)
            _spread_wires(machine, rules)
        _step_stationary(machine, rules, order, eventful, out.counts)
        _collect(machine, work, rules, out)
        _end_cycle(machine, cause, eventful, out.causes)
    return False


@_jit()
def _control_stationary(machine: Machine, work: Work, rules: Rules) -> int:
    """Go on with, or start, a stream and a preload; return the cause, -1 when all is done."""
    control = machine.control
    # Whether a token is still in a left lane; whether one has not left the bottom lanes.
    filling = control[SINCE_TOKEN] < rules.rows
    busy = control[SINCE_TOKEN] <= rules.rows + rules.columns - 2
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


@_jit()
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
    _wire(machine, VALID | (LAST if row == 0 else 0), load, row)
    control[WORD] += 1
    if row == 0:
        control[WORD] = 0
        control[LOAD_PASS] += 1


@_jit()
def _feed_sums(machine: Machine, work: Work, rules: Rules, counts: Table) -> None:
    """Read partial sums or biases; unused columns get zeros."""
    passes, top = work.passes, machine.sums[SUM, machine.control[FLOW]]
    end = 0
    while end < rules.columns:
        c = end
        token, step, element, end = _run(machine, work, c, rules.columns)
        if token == 0:
            continue
        group, column = passes[step, GROUP], passes[step, COLUMN_START]
        used = max(c, min(end, passes[step, COLUMN_STOP] - column))
        first = c + element - passes[step, STREAM_START]
        if not passes[step, FIRST_DEPTH]:
            for i in range(c, used):
                top[i + 1] = work.memory[group, element - (i - c), column + i]
            counts[READS] += used - c
        elif rules.bias_along_stream:
            # One read for all columns: the word goes from lane to lane with its token.
            for i in range(c, used):
                top[i + 1] = work.bias[group, element - (i - c)]
            counts[BIASES] += c == 0
        else:
            for i in range(c, used):
                top[i + 1] = work.bias[group, column + i]
            counts[BIASES] += first < used
        for i in range(used, end):
            top[i + 1] = 0


@_jit()
def _feed_words(machine: Machine, work: Work, rules: Rules, counts: Table) -> None:
    """Read the words of a preload that enter this cycle; unused rows and columns get zeros."""
    if machine.control[SINCE_WIRE] >= rules.columns:
        return
    passes = work.passes
    chain = SHADOW if rules.second_register else STATIONARY
    top = machine.words[chain, machine.control[REST]]
    for c in range(rules.columns):
        token, step, row = _lane(machine, machine.wires, c)
        depth, column = passes[step, ROW_START] + row, passes[step, COLUMN_START] + c
        top[c + 1] = 0
        if token and column < passes[step, COLUMN_STOP] and depth < passes[step, ROW_STOP]:
            top[c + 1] = work.factors[passes[step, GROUP], depth, column]
            counts[FACTOR_WORDS] += 1


@_jit()
def _step_stationary(
    machine: Machine, rules: Rules, order: Table, eventful: bool, counts: Table
) -> None:
    """Every PE's next registers; plain tokens change no registers but the first three."""
    flow, rest, edge = machine.control[FLOW], machine.control[REST], rules.columns + 1
    flags, words, sums = machine.flags, machine.words, machine.sums
    first, last = edge + 1, flags.shape[2]
    chain = SHADOW if rules.second_register else STATIONARY
    wires = (
        flags[TOKEN, flow][edge : last - 1],
        words[MOVING, flow][edge : last - 1],
        sums[SUM, flow][1 : last - edge],
        words[chain, rest][1 : last - edge],
        machine.reach[first:last],
    )
    own = (
        words[MOVING, flow][first:],
        sums[SUM, flow][first:],
        words[STATIONARY, rest][first:],
        words[SHADOW, rest][first:],
        flags[ARMED, rest][first:],
    )
    moved = (flags[TOKEN, 1 - flow][first:], words[MOVING, 1 - flow][first:])
    total = sums[SUM, 1 - flow][first:]
    kept = (
        words[STATIONARY, 1 - rest][first:],
        words[SHADOW, 1 - rest][first:],
        flags[ARMED, 1 - rest][first:],
    )
    double, policy = rules.second_register, (rules.checked, rules.low, rules.high, rules.saturate)
    if len(order) > 0:
        for place in order:
            i = place // rules.columns * edge + place % rules.columns
            counts[EVENTS] += _add_stationary(i, wires, own, moved, total, double, policy)
            _hold_stationary(i, wires, own, kept, double)
        return
    cells = len(total)
    if rules.checked:
        events = 0
        for i in range(cells):
            events += _add_stationary(i, wires, own, moved, total, double, policy)
        counts[EVENTS] += events
    elif eventful:
        for i in range(cells):
            _add_stationary(i, wires, own, moved, total, double, UNCHECKED)
    else:
        for i in range(cells):
            _add_plain_stationary(i, wires, own, moved, total)
    if eventful:
        for i in range(cells):
            _hold_stationary(i, wires, own, kept, double)


@_jit(forceinline=True)
def _add_stationary(  # type: ignore[no-untyped-def]
    i, wires, own, moved, total, double, policy
) -> bool:
    """Token, moving and sum of a PE; did the sum overflow."""
    token = wires[0][i]
    here = (own[0][i], own[1][i], own[2][i], own[3][i], 0)
    after = _pe_stationary(token, wires[1][i], wires[2][i], 0, 0, here, double, policy)
    moved[0][i], moved[1][i], total[i] = token, after[0], after[1]
    return after[5]


@_jit(forceinline=True)
def _add_plain_stationary(i, wires, own, moved, total) -> None:  # type: ignore[no-untyped-def]
    """The same for a PE that keeps its operand."""
    token, here = wires[0][i], (own[0][i], own[1][i], own[2][i], 0, 0)
    after = _pe_stationary(token & VALID, wires[1][i], wires[2][i], 0, 0, here, False, UNCHECKED)
    moved[0][i], moved[1][i], total[i] = token, after[0], after[1]


@_jit(forceinline=True)
def _hold_stationary(i, wires, own, kept, double) -> None:  # type: ignore[no-untyped-def]
    """Stationary, shadow and armed of a PE."""
    here = (0, 0, own[2][i], own[3][i], own[4][i])
    after = _pe_stationary(wires[0][i], 0, 0, wires[3][i], wires[4][i], here, double, UNCHECKED)
    kept[0][i], kept[1][i], kept[2][i] = after[2], after[3], after[4]


@_jit()
def _collect(machine: Machine, work: Work, rules: Rules, out: Observed) -> None:
    """Write the sums that the bottom row registers in this cycle into the accumulator memory."""
    passes, control = work.passes, machine.control
    bottom = machine.sums[SUM, 1 - control[FLOW]][rules.rows * (rules.columns + 1) + 1 :]
    # Column 0's token is at the bottom row's left edge in this very cycle.
    edge = rules.rows - 1
    end = 0
    while end < rules.columns:
        c = end
        token, step, element, stop = _run(machine, work, edge + c, edge + rules.columns)
        end = stop - edge
        if token == 0:
            continue
        group, column = passes[step, GROUP], passes[step, COLUMN_START]
        used = max(c, min(end, passes[step, COLUMN_STOP] - column))
        for i in range(c, used):
            work.memory[group, element - (i - c), column + i] = bottom[i]
        if len(out.log) == 0:
            out.counts[WRITES] += used - c
            continue
        for i in range(c, used):
            index = element - (i - c) - passes[step, STREAM_START]
            _log(out, control[CYCLE], i, step, index, bottom[i])


# Output stationary: both operands move, the accumulators stay, then leave downwards.


@_jit(cache=True)
def run_output(
    machine: Machine, work: Work, rules: Rules, order: Table, out: Observed, until: int
) -> bool:
    """Step until ``until`` cycles are over; return whether all passes are.

    ``order``: int64[rows * columns], in which PEs are evaluated, or empty.
    """
    while machine.control[CYCLE] < until:
        _advance(machine)
        if not rules.result_ports:
            _control_drain(machine, rules)
        cause = _control_output(machine, work, rules)
        if cause < 0:
            return True
        _feed_left(machine, work, rules, out.counts)
        _feed_factors(machine, work, rules, out.counts)
        eventful = _is_eventful(machine, rules, order)
        if eventful:
            _spread_wires(machine, rules)
        _step_output(machine, rules, order, eventful, out.counts)
        if eventful and rules.result_ports:
            _give(machine, work, rules, out)
        elif eventful:
            _drain(machine, work, rules, out)
        _end_cycle(machine, cause, eventful, out.causes)
    return False


@_jit()
def _control_drain(machine: Machine, rules: Rules) -> None:
    """Drain column 0 for R cycles from the one after its bottom PE's last product."""
    control = machine.control
    bottom_left = rules.rows * (rules.columns + 1) + 1
    done = machine.flags[TOKEN, control[FLOW], bottom_left] & LAST != 0
    if done:
        control[DRAIN_LEFT] = rules.rows
        control[DRAINS_BEGUN] += 1
    if control[DRAIN_LEFT] > 0:
        _wire(machine, VALID | (FIRST if done else 0), 0, 0)
        control[DRAIN_LEFT] -= 1


@_jit()
def _control_output(machine: Machine, work: Work, rules: Rules) -> int:
    """Let a stream go on, or start; return this cycle's cause, -1 when all is done."""
    control, passes = machine.control, work.passes
    busy = control[SINCE_TOKEN] <= rules.rows + rules.columns - 2
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


@_jit()
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


@_jit()
def _feed_factors(machine: Machine, work: Work, rules: Rules, counts: Table) -> None:
    """Read the operand that moves down, and the bias with a tile's first element."""
    passes, control = work.passes, machine.control
    down, bias = machine.words[DOWN, control[FLOW]], machine.sums[BIAS, control[REST]]
    end = 0
    while end < rules.columns:
        c = end
        token, step, element, end = _run(machine, work, c, rules.columns)
        if token == 0:
            continue
        group, column = passes[step, GROUP], passes[step, COLUMN_START]
        used = max(c, min(end, passes[step, COLUMN_STOP] - column))
        for i in range(c, used):
            down[i + 1] = work.factors[group, element - (i - c), column + i]
        for i in range(used, end):
            down[i + 1] = 0
        counts[FACTOR_WORDS] += used - c
        # Of a run only the oldest token can be a tile's first.
        if _lane(machine, machine.lanes, end - 1)[0] & FIRST:
            bias[end] = work.bias[group, column + end - 1] if end <= used else 0
            counts[BIASES] += end <= used


@_jit()
def _step_output(
    machine: Machine, rules: Rules, order: Table, eventful: bool, counts: Table
) -> None:
    """Every PE's next registers; plain tokens change no registers but the first four."""
    flow, rest, edge = machine.control[FLOW], machine.control[REST], rules.columns + 1
    flags, words, sums = machine.flags, machine.words, machine.sums
    first, last = edge + 1, flags.shape[2]
    hidden, policy = rules.second_register, (rules.checked, rules.low, rules.high, rules.saturate)
    path, phase = (RESULT, rest) if hidden else (SUM, flow)
    wires = (
        flags[TOKEN, flow][edge : last - 1],
        words[MOVING, flow][edge : last - 1],
        words[DOWN, flow][1 : last - edge],
        sums[BIAS, rest][1 : last - edge],
        sums[path, phase][1 : last - edge],
        machine.reach[first:last],
    )
    own = (
        words[MOVING, flow][first:],
        words[DOWN, flow][first:],
        sums[SUM, flow][first:],
        sums[BIAS, rest][first:],
        sums[RESULT, rest][first:],
        flags[HELD, rest][first:],
    )
    moved = (
        flags[TOKEN, 1 - flow][first:],
        words[MOVING, 1 - flow][first:],
        words[DOWN, 1 - flow][first:],
    )
    total = sums[SUM, 1 - flow][first:]
    kept = (
        sums[BIAS, 1 - rest][first:],
        sums[RESULT, 1 - rest][first:],
        flags[HELD, 1 - rest][first:],
    )
    if len(order) > 0:
        for place in order:
            i = place // rules.columns * edge + place % rules.columns
            token = wires[0][i]
            counts[EVENTS] += _add_output(i, token, wires, own, moved, total, hidden, policy)
            _hold_output(i, wires, own, kept, hidden, policy)
        return
    cells = len(total)
    if rules.checked:
        events = 0
        for i in range(cells):
            events += _add_output(i, wires[0][i], wires, own, moved, total, hidden, policy)
        counts[EVENTS] += events
        for i in range(cells):
            _hold_output(i, wires, own, kept, hidden, policy)
    elif eventful:
        for i in range(cells):
            _add_output(i, wires[0][i], wires, own, moved, total, hidden, UNCHECKED)
        for i in range(cells):
            _hold_output(i, wires, own, kept, hidden, UNCHECKED)
    else:
        for i in range(cells):
            _add_plain_output(i, wires, own, moved, total)


@_jit(forceinline=True)
def _add_output(  # type: ignore[no-untyped-def]
    i, token, wires, own, moved, total, hidden, policy
) -> bool:
    """Token, moving, down and sum of a PE; did the sum overflow."""
    here = (own[0][i], own[1][i], own[2][i], 0, 0, own[5][i])
    above = (wires[2][i], wires[3][i], wires[4][i])
    after = _pe_output(token, wires[1][i], above, wires[5][i], here, hidden, policy)
    moved[0][i], moved[1][i], moved[2][i], total[i] = token, after[0], after[1], after[2]
    return after[6]


@_jit(forceinline=True)
def _add_plain_output(i, wires, own, moved, total) -> None:  # type: ignore[no-untyped-def]
    """The same for a PE that neither starts nor ends a tile, and does not drain."""
    token, above = wires[0][i], (wires[2][i], 0, 0)
    here = (own[0][i], own[1][i], own[2][i], 0, 0, 0)
    after = _pe_output(token & VALID, wires[1][i], above, 0, here, True, UNCHECKED)
    moved[0][i], moved[1][i], moved[2][i], total[i] = token, after[0], after[1], after[2]


@_jit(forceinline=True)
def _hold_output(i, wires, own, kept, hidden, policy) -> None:  # type: ignore[no-untyped-def]
    """Bias, result and held of a PE."""
    here = (0, 0, own[2][i], own[3][i], own[4][i], own[5][i])
    above = (wires[2][i], wires[3][i], wires[4][i])
    after = _pe_output(wires[0][i], wires[1][i], above, wires[5][i], here, hidden, policy)
    kept[0][i], kept[1][i], kept[2][i] = after[3], after[4], after[5]


@_jit()
def _give(machine: Machine, work: Work, rules: Rules, out: Observed) -> None:
    """Write every result that its PE registers in this cycle."""
    passes, after = work.passes, 1 - machine.control[FLOW]
    tokens, sums = machine.flags[TOKEN, after], machine.sums[SUM, after]
    for r in range(rules.rows):
        for c in range(rules.columns):
            cell = (r + 1) * (rules.columns + 1) + c + 1
            if not tokens[cell] & LAST:
                continue
            # The token entered lane 0 so many cycles ago.
            _, step, _ = _lane(machine, machine.lanes, r + c)
            if _is_used(passes, step, r, c):
                m, column = passes[step, ROW_START] + r, passes[step, COLUMN_START] + c
                work.memory[passes[step, GROUP], m, column] = sums[cell]
                _log(out, machine.control[CYCLE], c, step, r, sums[cell])
            machine.drained[0, c] += r == rules.rows - 1


@_jit()
def _is_used(passes: Table, step: int, r: int, c: int) -> bool:
    """Whether a PE holds a part of the pass's tile."""
    rows = passes[step, ROW_STOP] - passes[step, ROW_START]
    return bool(r < rows and c < passes[step, COLUMN_STOP] - passes[step, COLUMN_START])


@_jit()
def _drain(machine: Machine, work: Work, rules: Rules, out: Observed) -> None:
    """Register the bottom PEs' results at the edge."""
    control, passes, drained = machine.control, work.passes, machine.drained
    if control[SINCE_WIRE] >= rules.columns:
        return
    path, phase = (RESULT, control[REST]) if rules.second_register else (SUM, control[FLOW])
    bottom = machine.sums[path, phase][rules.rows * (rules.columns + 1) + 1 :]
    depth_passes = 1
    while not passes[depth_passes - 1, LAST_DEPTH]:
        depth_passes += 1
    for c in range(rules.columns):
        if not machine.wires[0, control[HEAD] + c]:
            continue
        row = rules.rows - 1 - drained[1, c]
        step = (drained[0, c] + 1) * depth_passes - 1
        group, m = passes[step, GROUP], passes[step, ROW_START] + row
        column = passes[step, COLUMN_START] + c
        if _is_used(passes, step, row, c):
            work.memory[group, m, column] = bottom[c]
            _log(out, control[CYCLE], c, step, row, bottom[c])
        drained[1, c] = 0 if row == 0 else drained[1, c] + 1
        drained[0, c] += row == 0
