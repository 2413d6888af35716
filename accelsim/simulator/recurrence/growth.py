"""Whole periods added: everything grows by what it has grown since an earlier state."""

from __future__ import annotations

from accelsim.simulator.kernels import part
from accelsim.simulator.recurrence.records import (
    ACTIVATIONS,
    AT_LAYER,
    CAUSES,
    CLASSES,
    ENGINES,
    LEVELS,
    OUTPUTS,
    WEIGHTS,
    Record,
    Records,
    Tables,
)
from accelsim.simulator.recurrence.signatures import Kept
from accelsim.simulator.recurrence.transfers import entry

__all__ = ["add_periods"]


@part()
def add_periods(machine: Record, tables: Tables, kept: Kept, level: int, count: int) -> None:
    """Let everything grow ``count`` times more by what it grew since the state of a level.

    Numbers of tiles stay: only differences of them matter, and so do their buffers' places.
    """
    old = kept.machines[level]
    period = machine.stop - old.stop
    later = count * period
    _add_to_reports(machine, old, tables, kept.results[level], count)
    _add_to_places(machine, old, count)
    moved = False
    for which in range(ENGINES):
        moved |= _add_transfers(machine, old, tables.rings, which, count, period)
    if moved:
        machine.channel += later
    for cause in range(CAUSES):
        machine.causes[cause] += count * (machine.causes[cause] - old.causes[cause])
    if machine.started != old.started:
        for index in range(machine.buffer_count):
            buffer = machine.buffers[index]
            buffer.rescaled += later
            buffer.free += later
            buffer.taken += later
            buffer.registered += later
        machine.read_stop += later
        machine.unhindered += later
    machine.start += later
    machine.stop += later
    machine.pass_stop += later
    machine.passes += count * (machine.passes - old.passes)
    machine.steps += count * (machine.steps - old.steps)
    machine.busy += count * (machine.busy - old.busy)
    machine.tail += count * (machine.tail - old.tail)
    machine.read_stall += count * (machine.read_stall - old.read_stall)
    machine.taken += count * (machine.taken - old.taken)


@part(inline="always")
def _add_to_reports(
    machine: Record, old: Record, tables: Tables, report: Record, count: int
) -> None:
    """Add to what the layer that runs, and the layer whose weights are fetched, report."""
    result, ahead = tables.results[machine.array_at[AT_LAYER]], machine.weights_at[AT_LAYER]
    fetched = machine.engines[WEIGHTS].asked != old.engines[WEIGHTS].asked
    if fetched and ahead != machine.array_at[AT_LAYER]:
        reported = tables.results[ahead]
        reported.read += count * (reported.read - old.read_ahead)
        reported.misses += count * (reported.misses - old.misses_ahead)
    result.read += count * (result.read - report.read)
    result.written += count * (result.written - report.written)
    result.misses += count * (result.misses - report.misses)
    for kind in range(CLASSES):
        result.executed[kind] += count * (result.executed[kind] - report.executed[kind])


@part(inline="always")
def _add_to_places(machine: Record, old: Record, count: int) -> None:
    """Move the next pass on, and the next fetches of engines that have fetched."""
    fetched = machine.engines[WEIGHTS].asked != old.engines[WEIGHTS].asked
    loaded = machine.engines[ACTIVATIONS].asked != old.engines[ACTIVATIONS].asked
    for index in range(LEVELS):
        machine.array_at[index] += count * (machine.array_at[index] - old.array_at[index])
        if fetched:
            since = machine.weights_at[index] - old.weights_at[index]
            machine.weights_at[index] += count * since
        if loaded:
            since = machine.activations_at[index] - old.activations_at[index]
            machine.activations_at[index] += count * since


@part()
def _add_transfers(
    machine: Record, old_machine: Record, rings: Records, which: int, count: int, period: int
) -> bool:
    """Let an engine's transfers go on for ``count`` periods; whether it had any in a period.

    Once all that is held came in such periods, a further one makes it later and nothing else.
    """
    engine, old, loads = machine.engines[which], old_machine.engines[which], which != OUTPUTS
    made, given = engine.granted - old.granted, engine.released - old.released
    end = max(engine.asked, engine.released)
    listed = count
    if made and made == given and (not loads or engine.consumed - old.consumed == made):
        listed = min(count, (end - engine.applied + machine.outstanding) // made + 2)
    # Local names: an entry's place need not be read anew after each write.
    ring, mask, granted, released = engine.ring, engine.mask, engine.granted, engine.released
    for ahead in range(listed * max(made, given)):
        if made:
            number = end + ahead
            next_one, before = rings[ring + (number & mask)], rings[ring + ((number - made) & mask)]
            next_one.bytes, next_one.bus = before.bytes, before.bus
            next_one.open, next_one.misses = before.open, before.misses
            next_one.taken = before.taken + period
            number = granted + ahead
            there = rings[ring + ((number - made) & mask)].there + period
            next_one = rings[ring + (number & mask)]
            next_one.there = next_one.released = there
        if given and loads:
            number = released + ahead
            before = rings[ring + ((number - given) & mask)]
            rings[ring + (number & mask)].released = before.released + period
    if listed < count:
        for number in range(end, end + listed * made):
            moved = entry(engine, number, rings)
            moved.taken += (count - listed) * period
            moved.there += (count - listed) * period
            moved.released += (count - listed) * period
    later = count * period
    engine.consumed += listed * (engine.consumed - old.consumed)
    engine.released += listed * given
    engine.holding += count * (engine.holding - old.holding)
    if given:
        engine.pad_until += later
    if made == 0:
        return False
    engine.asked += listed * made
    engine.granted += listed * made
    engine.applied += listed * (engine.applied - old.applied)
    engine.held += count * (engine.held - old.held)
    engine.asked_at += later
    engine.blocked_at += later
    engine.asking_until += later
    engine.under_way_until += later
    engine.waiting_until += later
    engine.hold += count * (engine.hold - old.hold)
    engine.asking += count * (engine.asking - old.asking)
    engine.under_way += count * (engine.under_way - old.under_way)
    engine.waiting += count * (engine.waiting - old.waiting)
    engine.blocked += count * (engine.blocked - old.blocked)
    engine.bus += count * (engine.bus - old.bus)
    return True
