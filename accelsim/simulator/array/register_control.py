"""The controllers of the register engine: which token enters next, and which wires are driven.

A controller sees its own counters, how long ago it put a token into lane 0 (so whether the
wavefront has reached the far corner), the bottom left PE's last token, and whether the last
column has drained.
"""

from __future__ import annotations

from accelsim.simulator.array.cells import bit, inlined
from accelsim.simulator.array.register_lanes import put_preload, put_token, put_wires
from accelsim.simulator.array.register_state import (
    DRAIN_LEFT,
    DRAINING,
    DRAINS_BEGUN,
    ELEMENT,
    FILLING,
    FIRST_DEPTH,
    FIRST_TOKEN,
    FLOW,
    LAST,
    LAST_DEPTH,
    LAST_TOKEN,
    LENGTH,
    LOAD_PASS,
    ON_MARK,
    ON_WIRE,
    PASS,
    PRELOADING,
    SINCE_END,
    SINCE_TOKEN,
    STREAMING,
    TILES,
    VALID_TOKEN,
    WORD,
    bits_of,
)

__all__ = ["control_output", "control_stationary"]


@inlined
def _emit(machine, work, rules, first, last, counts):  # type: ignore[no-untyped-def]
    """Put the stream's next element into lane 0."""
    control = machine.control
    token = VALID_TOKEN | (FIRST_TOKEN if first else 0) | (LAST_TOKEN if last else 0)
    put_token(machine, work, rules, token, control[PASS], control[ELEMENT], counts)


@inlined
def control_stationary(machine, work, rules, counts):  # type: ignore[no-untyped-def]
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
        last = control[ELEMENT] == work.passes[step, LENGTH] - 1
        _emit(machine, work, rules, control[ELEMENT] == 0, last, counts)
        control[ELEMENT] += 1
        cause = STREAMING
    elif busy and (done or not rules.tile_overlap):
        cause = FILLING if filling else DRAINING
    _control_preload(machine, work, rules, settled, counts)
    if last:
        control[PASS] += 1
        control[ELEMENT] = 0
    return cause


@inlined
def _control_preload(machine, work, rules, settled, counts):  # type: ignore[no-untyped-def]
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
    last = control[WORD] == rules.rows - 1
    signals = ON_WIRE | (ON_MARK if last else 0)
    put_preload(machine, work, rules, signals, load, control[WORD], counts)
    control[WORD] += 1
    if last:
        control[WORD] = 0
        control[LOAD_PASS] += 1


@inlined
def control_output(machine, work, rules, counts):  # type: ignore[no-untyped-def]
    """Let a stream go on, or start; return this cycle's cause, -1 when all is done."""
    control, passes = machine.control, work.passes
    if not rules.result_ports:
        _control_drain(machine, rules)
    busy = control[SINCE_TOKEN] <= rules.rows + rules.columns - 2
    step = control[PASS]
    done = step == len(passes)
    if done and machine.drained[0, -1] == control[TILES]:
        return -1
    within = not done and (control[ELEMENT] > 0 or not passes[step, FIRST_DEPTH])
    if not within and (done or not _tile_may_start(machine, work, rules, busy)):
        control[SINCE_END] += 1
        return FILLING if busy and (done or not rules.tile_overlap) else DRAINING
    ends = control[ELEMENT] == passes[step, LENGTH] - 1
    last = ends and passes[step, LAST_DEPTH] == 1
    _emit(machine, work, rules, not within, last, counts)
    control[ELEMENT] = 0 if ends else control[ELEMENT] + 1
    control[PASS] += ends
    control[TILES] += last
    control[SINCE_END] = 0
    return STREAMING


@inlined
def _control_drain(machine, rules):  # type: ignore[no-untyped-def]
    """Drain column 0 for R cycles from the one after its bottom PE's last product."""
    control = machine.control
    bottom_left = bits_of(LAST, control[FLOW], rules, 0) + rules.rows - 1
    done = bit(machine.bits, bottom_left, 0) == 1
    if done:
        control[DRAIN_LEFT] = rules.rows
        control[DRAINS_BEGUN] += 1
    if control[DRAIN_LEFT] > 0:
        put_wires(machine, rules, ON_WIRE | (ON_MARK if done else 0))
        control[DRAIN_LEFT] -= 1


@inlined
def _tile_may_start(machine, work, rules, busy):  # type: ignore[no-untyped-def]
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
        return bool(control[SINCE_END] + work.depth >= rules.rows)
    return bool(control[DRAINS_BEGUN] == control[TILES])
