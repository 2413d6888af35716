"""Whether a loop goes on as it did, and for how many periods.

The state decides what comes next, and the steps of a loop but its first and its last are alike. So
once all that may still matter is as it was at an earlier step, only later, everything goes on to
grow by what it has grown since then. Each unit is asked for how long: its signature has to be as it
was, the places of what is fetched next have to be in one loop, and sizes have to come again.
"""

from __future__ import annotations

from accelsim.simulator.kernels import part
from accelsim.simulator.recurrence.growth import add_periods
from accelsim.simulator.recurrence.positions import (
    in_the_same_loop,
    last_places,
    pass_number,
    steps_left,
)
from accelsim.simulator.recurrence.records import (
    ACTIVATIONS,
    AT_BLOCK,
    AT_COLUMN,
    AT_DEPTH,
    AT_LAYER,
    AT_PART,
    AT_TILE,
    ENGINES,
    FOREVER,
    LEVELS,
    OUTPUTS,
    WEIGHTS,
    Integers,
    Record,
    Records,
    Tables,
)
from accelsim.simulator.recurrence.signatures import (
    ARRAY,
    ARRIVALS,
    REQUESTS,
    ROOM,
    Kept,
    is_equal,
    keep,
    write_array,
    write_arrivals,
    write_requests,
    write_room,
)
from accelsim.simulator.recurrence.transfers import entry

__all__ = ["repeat"]

_LONGEST_PERIOD = 32
"""Steps of a loop after which the state is kept anew, to see whether it comes again."""
_FEW_STEPS, _MANY_STEPS = 3, 8
"""Steps that have to be left to look for a period; of the innermost loop, that have little."""


@part()
def repeat(machine: Record, tables: Tables, kept: Kept, level: int) -> None:
    """At a step of a loop: add whole periods, if it begins like an earlier step of it did.

    The state is kept ever more rarely, up to once in _LONGEST_PERIOD steps.
    """
    at, old = machine.array_at, kept.machines[level]
    lasts = kept.signatures[LEVELS, 1]
    last_places(tables.layers[at[AT_LAYER]], at, lasts)
    period = at[level] - old.array_at[level]
    is_same_loop = in_the_same_loop(at, old.array_at, level)
    if is_same_loop and period == 0:
        return
    if is_same_loop and period > 0:
        count = 0
        if _is_in_step(machine, old) and _is_array_alike(machine, old, kept, level):
            count = _periods(machine, tables, kept, level, (lasts[level] - at[level]) // period)
        if count:
            add_periods(machine, tables, kept, level, count)
            machine.repeats[level] += 1
        elif period < machine.patience[level]:
            return
        else:
            machine.patience[level] = max(1, min(2 * machine.patience[level], _LONGEST_PERIOD))
            keep(machine, tables, kept, level)
            return
    machine.patience[level] = 1
    left = lasts[level] - at[level]
    if left >= _MANY_STEPS or (level != AT_DEPTH and left >= _FEW_STEPS):
        keep(machine, tables, kept, level)


@part(inline="always")
def _is_in_step(machine: Record, old: Record) -> bool:
    """Whether engines at work asked last, and the channel is free, as long ago as then.

    Signatures say so, too. Where units have rhythms of their own, this is soon over.
    """
    now, then = machine.stream_stop, old.stream_stop
    is_free_as_then = machine.channel_free_at - now == old.channel_free_at - then
    for which in range(ENGINES):
        engine, before = machine.engines[which], old.engines[which]
        is_at_work = engine.asked != before.asked or engine.granted != before.granted
        asked_as_then = engine.asked_at - now == before.asked_at - then
        if is_at_work and not (is_free_as_then and asked_as_then):
            return False
    return True


@part(inline="always")
def _is_array_alike(machine: Record, old: Record, kept: Kept, level: int) -> bool:
    """Whether the array and the rescale unit are as they were."""
    before, scratch = kept.signatures[level, ARRAY], kept.signatures[LEVELS, 0]
    if (
        machine.tiles_started == old.tiles_started
        and machine.tiles_finished == old.tiles_finished
        and machine.tiles_read == old.tiles_read
    ):
        return bool(machine.stream_start - machine.stream_stop == before[1] and old.steps_run > 0)
    write_array(machine, scratch)
    return is_equal(scratch, before)


@part(inline="always")
def _periods(machine: Record, tables: Tables, kept: Kept, level: int, most: int) -> int:
    """Return for how many periods, ``most`` at most, all that is fetched goes on as it did."""
    old = kept.machines[level]
    count = min(most, _periods_of_places(machine, old, tables, kept))
    moved = stock = False
    for which in range(ENGINES):
        if count:
            engine, before = machine.engines[which], old.engines[which]
            count = min(count, _periods_of_engine(machine, tables, kept, level, which, count))
            if engine.granted != before.granted:
                moved = True
            elif (
                engine.released != before.released
                or engine.consumed != before.consumed
                or engine.asked != engine.granted
            ):
                stock = True
    # What an engine with a stock asks for next would meet the requests of those that move.
    return 0 if moved and stock else count


@part()
def _periods_of_places(machine: Record, old: Record, tables: Tables, kept: Kept) -> int:
    """Return how often what is fetched next can go on as it did: places, and sizes of blocks."""
    count, lasts = FOREVER, kept.signatures[LEVELS, 2]
    if machine.engines[WEIGHTS].asked != old.engines[WEIGHTS].asked:
        at, before = machine.weights_at, old.weights_at
        if at[AT_LAYER] == machine.layer_count or before[AT_DEPTH] == 0 < at[AT_DEPTH]:
            return 0
        if before[AT_PART] == 0 < at[AT_PART]:
            return 0
        layer = tables.layers[at[AT_LAYER]]
        last_places(layer, at, lasts)
        lasts[AT_BLOCK] -= 1
        lasts[AT_COLUMN] -= 1
        lasts[AT_PART] -= 1
        lasts[AT_TILE] -= layer.strips
        count = steps_left(at, before, lasts)
        if not machine.engines[WEIGHTS].fetches_ahead:
            done = machine.passes_before_weights + pass_number(layer, at) - machine.passes_run
            if done != old.passes_before_weights + pass_number(layer, before) - old.passes_run:
                return 0
    if machine.engines[ACTIVATIONS].asked != old.engines[ACTIVATIONS].asked:
        at, before = machine.activations_at, old.activations_at
        layer = tables.layers[at[AT_LAYER]]
        last_places(layer, at, lasts)
        count = min(count, steps_left(at, before, lasts))
        if machine.all_asked_for:
            return 0
        if not machine.engines[ACTIVATIONS].fetches_ahead:
            done = pass_number(layer, at) - machine.steps_run
            if done != pass_number(layer, before) - old.steps_run:
                return 0
        shift = at[AT_BLOCK] - before[AT_BLOCK]
        if shift:
            first = layer.first + at[AT_BLOCK]
            begun = at[AT_PART] > 0 or (layer.rows_outside and at[AT_COLUMN] > 0)
            count = _periods_of_sizes(tables.sizes, first, shift, begun, count)
            if layer.parts > 1:
                first += layer.blocks
                count = _periods_of_sizes(tables.sizes, first, shift, begun, count)
    return int(count)


@part()
def _periods_of_sizes(sizes: Integers, first: int, shift: int, begun: bool, most: int) -> int:
    """Return how often, ``most`` at most, blocks are as large as those ``shift`` before them.

    ``begun``: the first one has been fetched in part, and so the one behind the last will be.
    """
    for ahead in range(most * shift + begun):
        if sizes[first + ahead] != sizes[first + ahead - shift]:
            return int(max(0, ahead - begun) // shift)
    return int(most)


@part()
def _periods_of_engine(
    machine: Record, tables: Tables, kept: Kept, level: int, which: int, most: int
) -> int:
    """Return how often an engine can go on as it did, if it is where it was, only later.

    A load that is asked for is given away in the same loop, or none is; so it is with arrivals.
    ``most``: what is held is looked at as far as so many periods give it away.
    """
    rings, old = tables.rings, kept.machines[level]
    engine, before, loads = machine.engines[which], old.engines[which], which != OUTPUTS
    scratch = kept.signatures[LEVELS, 0]
    count = engine.asked - before.asked
    used = engine.consumed - before.consumed
    given = engine.released - before.released
    if count == 0 and engine.granted == before.granted:
        if used == 0 and given == 0:
            return int(FOREVER)
        return _periods_of_stock(machine, old, which, rings) if loads else 0
    end = max(engine.asked, engine.released)
    if (
        engine.granted - before.granted != count
        or engine.applied - before.applied != given
        or given not in (0, count)
        or used not in (0, count)
        or end - engine.applied + 2 * count + machine.outstanding > engine.mask
    ):
        return 0
    write_requests(machine, which, rings, scratch)
    if not is_equal(scratch, kept.signatures[level, REQUESTS + which]):
        return 0
    if used:
        write_arrivals(machine, which, rings, scratch)
        if not is_equal(scratch, kept.signatures[level, ARRIVALS + which]):
            return 0
    # What is on its way is granted first, what is held is given away first.
    for number in range(engine.granted, end):
        size = entry(engine, number, rings).bytes
        if size != entry(engine, number - count, rings).bytes:
            return 0
    if given == 0:
        if engine.applied < engine.released or engine.held_bytes == before.held_bytes:
            return 0
        return int(
            (engine.room_bytes - engine.held_bytes) // (engine.held_bytes - before.held_bytes)
        )
    write_room(machine, which, rings, scratch)
    if not is_equal(scratch, kept.signatures[level, ROOM + which]):
        return 0
    first, ring, mask = engine.applied, engine.ring, engine.mask
    for number in range(first, min(engine.granted, engine.released + most * count)):
        size = rings[ring + (number & mask)].bytes
        if size != rings[ring + ((number - count) & mask)].bytes:
            return int((number - first) // count)
    return int(FOREVER)


@part()
def _periods_of_stock(machine: Record, old: Record, which: int, rings: Records) -> int:
    """Return how often the array can go on taking and giving away loads that are there already.

    They must have come, and their room been taken, before it mattered.
    """
    engine, before = machine.engines[which], old.engines[which]
    count, used = int(FOREVER), engine.consumed - before.consumed
    if used:
        first = engine.consumed
        if entry(engine, first - 1, rings).there_at > old.stream_start:
            return 0
        count = (engine.granted - first) // used
        while (
            count and entry(engine, first + count * used - 1, rings).there_at > machine.stream_start
        ):
            count //= 2
    given = engine.released - before.released
    if given:
        first = engine.released
        if entry(engine, first - 1, rings).taken_at > before.holding_until:
            return 0
        count = min(count, (engine.granted - first) // given)
        while count and (
            entry(engine, first + count * given - 1, rings).taken_at > engine.holding_until
        ):
            count //= 2
        for number in range(before.released, first + count * given):
            if entry(engine, number, rings).bytes == 0:
                return 0
    return int(count)
