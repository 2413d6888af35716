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
    period = machine.stream_stop - old.stream_stop
    later = count * period
    _add_to_reports(machine, old, tables, kept.results[level], count)
    _add_to_places(machine, old, count)
    moved = False
    for which in range(ENGINES):
        moved |= _add_transfers(machine, old, tables.rings, which, count, period)
    if moved:
        machine.channel_free_at += later
    for cause in range(CAUSES):
        machine.causes[cause] += count * (machine.causes[cause] - old.causes[cause])
    if machine.tiles_started != old.tiles_started:
        for index in range(machine.buffer_count):
            buffer = machine.buffers[index]
            buffer.rescaled_at += later
            buffer.free_at += later
            buffer.taken_at += later
            buffer.registered_at += later
        machine.read_stop += later
        machine.unhindered_stop += later
    machine.stream_start += later
    machine.stream_stop += later
    machine.last_pass_stop += later
    machine.passes_run += count * (machine.passes_run - old.passes_run)
    machine.steps_run += count * (machine.steps_run - old.steps_run)
    machine.rescale_busy += count * (machine.rescale_busy - old.rescale_busy)
    machine.rescale_tail += count * (machine.rescale_tail - old.rescale_tail)
    machine.rescale_stall_output += count * (
        machine.rescale_stall_output - old.rescale_stall_output
    )
    machine.accumulators_held += count * (machine.accumulators_held - old.accumulators_held)


@part(inline="always")
def _add_to_reports(
    machine: Record, old: Record, tables: Tables, report: Record, count: int
) -> None:
    """Add to what the layer that runs, and the layer whose weights are fetched, report."""
    result, ahead = tables.results[machine.array_at[AT_LAYER]], machine.weights_at[AT_LAYER]
    fetched = machine.engines[WEIGHTS].asked != old.engines[WEIGHTS].asked
    if fetched and ahead != machine.array_at[AT_LAYER]:
        reported = tables.results[ahead]
        reported.read_bytes += count * (reported.read_bytes - old.read_ahead_bytes)
        reported.row_misses += count * (reported.row_misses - old.row_misses_ahead)
    result.read_bytes += count * (result.read_bytes - report.read_bytes)
    result.written_bytes += count * (result.written_bytes - report.written_bytes)
    result.row_misses += count * (result.row_misses - report.row_misses)
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
    machine: Record, old: Record, rings: Records, which: int, count: int, period: int
) -> bool:
    """Let an engine's transfers go on for ``count`` periods; whether it had any in a period.

    Once all that is held came in such periods, a further one makes it later and nothing else.
    """
    engine, before, loads = machine.engines[which], old.engines[which], which != OUTPUTS
    made, given = engine.granted - before.granted, engine.released - before.released
    end = max(engine.asked, engine.released)
    listed = count
    if made and made == given and (not loads or engine.consumed - before.consumed == made):
        listed = min(count, (end - engine.applied + machine.outstanding) // made + 2)
    # Local names: an entry's place need not be read anew after each write.
    ring, mask, granted, released = engine.ring, engine.mask, engine.granted, engine.released
    for ahead in range(listed * max(made, given)):
        if made:
            number = end + ahead
            new, like = rings[ring + (number & mask)], rings[ring + ((number - made) & mask)]
            new.bytes, new.bus_bytes = like.bytes, like.bus_bytes
            new.open_bytes, new.row_misses = like.open_bytes, like.row_misses
            new.taken_at = like.taken_at + period
            number = granted + ahead
            new, like = rings[ring + (number & mask)], rings[ring + ((number - made) & mask)]
            new.there_at = new.released_at = like.there_at + period
        if given and loads:
            number = released + ahead
            new, like = rings[ring + (number & mask)], rings[ring + ((number - given) & mask)]
            new.released_at = like.released_at + period
    if listed < count:
        for number in range(end, end + listed * made):
            moved = entry(engine, number, rings)
            moved.taken_at += (count - listed) * period
            moved.there_at += (count - listed) * period
            moved.released_at += (count - listed) * period
    later = count * period
    engine.consumed += listed * (engine.consumed - before.consumed)
    engine.released += listed * given
    engine.holding += count * (engine.holding - before.holding)
    if given:
        engine.holding_until += later
    if made == 0:
        return False
    engine.asked += listed * made
    engine.granted += listed * made
    engine.applied += listed * (engine.applied - before.applied)
    engine.held_bytes += count * (engine.held_bytes - before.held_bytes)
    engine.asked_at += later
    engine.blocked_at += later
    engine.asking_until += later
    engine.under_way_until += later
    engine.waiting_until += later
    engine.hold += count * (engine.hold - before.hold)
    engine.asking += count * (engine.asking - before.asking)
    engine.under_way += count * (engine.under_way - before.under_way)
    engine.waiting += count * (engine.waiting - before.waiting)
    engine.blocked += count * (engine.blocked - before.blocked)
    engine.bus_bytes += count * (engine.bus_bytes - before.bus_bytes)
    return True
