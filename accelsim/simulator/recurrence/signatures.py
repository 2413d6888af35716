"""Signatures: lists of numbers that are equal when units will go on as they did, only later.

Cycles in them are relative to the end of the last stream. What lies so far back that no later
maximum can choose it counts as one and the same. The first number of a signature is how many there
are, 0 if there is no room for them: it is equal to none, then.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accelsim.simulator.kernels import part
from accelsim.simulator.recurrence.records import (
    ACTIVATIONS,
    AT_LAYER,
    ENGINES,
    LEVELS,
    MACHINE,
    OUTPUTS,
    RESULT,
    WEIGHTS,
    Integers,
    Record,
    Records,
    Tables,
)
from accelsim.simulator.recurrence.steps import buffer_of
from accelsim.simulator.recurrence.transfers import entry

__all__ = [
    "ARRAY",
    "ARRIVALS",
    "REQUESTS",
    "ROOM",
    "Kept",
    "is_equal",
    "keep",
    "nothing_kept",
    "write_array",
    "write_arrivals",
    "write_requests",
    "write_room",
]

REQUESTS, ARRAY, ROOM, ARRIVALS = 0, 3, 4, 7
"""Places of signatures: the array's, and for each engine (add its number) what it asks for, the
room it fills, and loads on their way to the array."""
_SIGNATURES = 10
_LENGTH = 512
"""Most numbers that a signature has; a machine that needs more is not looked at."""
_END = -1 << 62
"""Ends a list in a signature: no cycle."""


class Kept(NamedTuple):
    """An earlier state for each level of the loops.

    ``machines``: MACHINE[LEVELS]; ``results``: RESULT[LEVELS], of the machine's layer;
    ``signatures``: int64[LEVELS + 1, signatures, length], the last level for scratch.
    """

    machines: Records
    results: Records
    signatures: Integers


def nothing_kept() -> Kept:
    """Return room for what is kept."""
    return Kept(
        np.zeros(LEVELS, MACHINE),
        np.zeros(LEVELS, RESULT),
        np.zeros((LEVELS + 1, _SIGNATURES, _LENGTH), np.int64),
    )


@part()
def keep(machine: Record, tables: Tables, kept: Kept, level: int) -> None:
    """Keep the state, its signatures and what layers report so far."""
    rings, results, signatures = tables.rings, tables.results, kept.signatures
    ahead = machine.weights_at[AT_LAYER]
    machine.read_ahead_bytes = results[ahead].read_bytes if ahead < machine.layer_count else 0
    machine.row_misses_ahead = results[ahead].row_misses if ahead < machine.layer_count else 0
    kept.machines[level] = machine
    kept.results[level] = results[machine.array_at[AT_LAYER]]
    for which in range(ENGINES):
        write_requests(machine, which, rings, signatures[level, REQUESTS + which])
        write_room(machine, which, rings, signatures[level, ROOM + which])
    for which in (WEIGHTS, ACTIVATIONS):
        write_arrivals(machine, which, rings, signatures[level, ARRIVALS + which])
    write_array(machine, signatures[level, ARRAY])


@part()
def is_equal(now: Integers, before: Integers) -> bool:
    """Whether two signatures are one."""
    if now[0] == 0 or now[0] != before[0]:
        return False
    index = 1
    while index < now[0] and now[index] == before[index]:
        index += 1
    return bool(index == now[0])


@part()
def write_array(machine: Record, out: Integers) -> None:
    """Write what the array (out[1]) and the rescale unit do next follows from."""
    now = machine.stream_stop
    out[1] = machine.stream_start - now
    out[2] = machine.read_stop - now
    out[3] = machine.tiles_finished - machine.tiles_read
    out[4] = machine.tiles_started - machine.tiles_read
    out[5] = machine.unhindered_stop - now
    size = 6
    for ahead in range(machine.buffer_count):
        tile = machine.tiles_read + ahead
        buffer = buffer_of(machine, tile)
        for index in range(size, size + 5):
            out[index] = 0
        if tile < machine.tiles_finished:
            out[size] = buffer.registered_at - now
            out[size + 1] = buffer.kind
        if tile < machine.tiles_started:
            out[size + 2] = max(buffer.taken_at, machine.read_stop) - now
        else:
            out[size + 3] = max(buffer.rescaled_at, now) - now
            out[size + 4] = max(buffer.free_at, now) - now
        size += 5
    out[0] = size


@part()
def write_requests(machine: Record, which: int, rings: Records, out: Integers) -> None:
    """Write what an engine's next requests follow from, but for the room they need."""
    engine, now = machine.engines[which], machine.stream_stop
    before = engine.blocked_at if engine.asked > engine.granted else engine.asked_at
    out[1] = engine.asked_at - now
    out[2] = before - now
    out[3] = max(engine.asking_until, before) - now
    out[4] = max(engine.under_way_until, before) - now
    out[5] = max(engine.waiting_until, before) - now
    out[6] = machine.channel_free_at - now
    out[7] = engine.asked - engine.granted
    out[8] = machine.burst_left_bytes
    out[9] = machine.row_left_bytes
    size = 10
    number = engine.asked - machine.outstanding
    while number < engine.granted and size < _LENGTH:
        there = entry(engine, number, rings).there_at if number >= 0 else 0
        out[size] = max(there, engine.asked_at) - now
        size += 1
        number += 1
    out[0] = size if size < _LENGTH else 0


@part()
def write_arrivals(machine: Record, which: int, rings: Records, out: Integers) -> None:
    """Write what the array's next arrivals are: cycles rise with numbers, so the last ones."""
    engine = machine.engines[which]
    out[1] = engine.asked - engine.consumed
    size = 2
    number = engine.granted
    while number > engine.consumed and size < _LENGTH:
        number -= 1
        there = entry(engine, number, rings).there_at
        if there <= machine.stream_start:
            break
        out[size] = there - machine.stream_stop
        size += 1
    out[0] = size if size < _LENGTH else 0


@part()
def write_room(machine: Record, which: int, rings: Records, out: Integers) -> None:
    """Write what the room of an engine's next requests follows from, and what is held.

    Two lists: when what is held will be given away, and when what is asked for took its room.
    """
    engine, loads = machine.engines[which], which != OUTPUTS
    now, released = machine.stream_stop, engine.released
    out[1] = engine.held_bytes
    out[2] = engine.asked - released
    out[3] = engine.asked - engine.applied
    out[4] = engine.holding_until - now if loads else 0
    size = 5
    number = released if loads else engine.granted
    bound = engine.asked_at if loads else machine.read_stop
    while number > engine.applied and size < _LENGTH - 1:
        number -= 1
        cycle = entry(engine, number, rings).released_at
        if cycle <= bound:
            break
        out[size] = cycle - now
        size += 1
    out[size] = _END
    size += 1
    number, last = engine.asked, released
    bound = engine.holding_until
    if not loads:
        number, last, bound = released, engine.asked, -1
    while number > last and size < _LENGTH:
        number -= 1
        cycle = entry(engine, number, rings).taken_at
        if cycle <= bound:
            break
        out[size] = cycle - now
        size += 1
    out[0] = size if size < _LENGTH else 0
