"""The machine of docs/timing.md as one recurrence: no clock, no events, no queue of what happens.

Passes, tiles, chunks and transfers of a unit follow each other, so each one's times are a maximum
over times that are known once its predecessors' are. Only the DRAM channel mixes the units: it
serves requests by (cycle asked, engine). A request that is not known yet depends on a transfer
that has not been granted, so it cannot come before the earliest known one: that one is granted,
and if the array waits for it, everything that now can be computed is.

What a loop does again and again is not run again and again: once the machine is as it was at an
earlier step of the same loop, only later, whole periods are added to every time and account
(`_repeat`). Periods are looked for at every level of a layer's loop nest.

Plain loops over the records of `recurrence_layout`, which says what each field is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from accelsim.simulator import recurrence_layout
from accelsim.simulator.kernels import kernel
from accelsim.simulator.recurrence_layout import CAUSES, CLASSES, LEVELS, MACHINE, RESULT

__all__ = ["run_layers"]

Integers = NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])
Record = Any
Records = Any
Kept = tuple[Records, Records, Integers]
"""For each level the machine, its layer's result and the units' signatures; a scratch level."""

# When weights are fetched: never, with the first rows, with the first rows of each block, always.
NEVER, FIRST_ROWS, EACH_BLOCK, EACH_PASS = range(4)
# When a block of activations is: never, with the first columns, at each visit.
FIRST_COLUMNS, EACH_VISIT = 1, 2
DONE, STUCK, NO_ROOM, UNUSED = range(4)


def _numbers(count: int) -> list[Any]:
    """Return NumPy integers: numba compiles a function anew for each Python integer it is given."""
    return [np.int64(number) for number in range(count)]


AT_LAYER, AT_GROUP, AT_BLOCK, AT_COLUMN, AT_TILE, AT_DEPTH = _numbers(LEVELS)
"""Levels of a loop nest, as places in positions."""
WEIGHTS, ACTIVATIONS, OUTPUTS, ARRAY, ROOM, ARRIVALS = *_numbers(4), np.int64(4), np.int64(7)
"""The engines. Signatures are of their requests, of the array, of their room and arrivals."""
SIGNATURES = 10
STREAM, PRELOAD, FILL, DRAIN, STALL_WEIGHTS, STALL_ACTIVATIONS, STALL_OUTPUT, STALL_RESCALE = (
    _numbers(CAUSES)
)
NOTHING: Any = np.int64(0)
FOREVER: Any = np.int64(1 << 62)

LONGEST_PERIOD = 32
"""Steps of a loop after which the state is kept anew, to see whether it comes again."""
FEW_STEPS, MANY_STEPS = 3, 8
"""Steps that have to be left to look for a period; of the innermost loop, that have little."""
SIGNATURE = 512
"""Most numbers that a unit's signature has; a machine that needs more is not looked at."""

END: Any = np.int64(-1 << 62)
"""Ends a list in a signature: no cycle."""


def _helper(function: Function) -> Function:
    """Compile a function that only `run_layers` calls: it is kept with it, not by itself.

    It allocates nothing, so references to its arrays are not counted: that took half of the time.
    """
    options = {
        "error_model": "numpy",
        "no_cpython_wrapper": True,
        "no_cfunc_wrapper": True,
        "_nrt": False,
    }
    return cast(Function, cast(Callable[..., Any], njit)(**options)(function))


@_helper
def _charge(causes: Integers, cause: int, cursor: int, until: int) -> int:
    """Charge the cycles from ``cursor`` to ``until``, if there are any, and return the later."""
    if until > cursor:
        causes[cause] += until - cursor
        return until
    return cursor


@_helper
def _stream(
    m: Record,
    work: Record,
    first_depth: bool,
    weights: int,
    activations: int,
    buffer: Record,
    wavefront: int,
) -> None:
    """Stream a pass: cycles before its stream and of its stream, each to its cause."""
    causes, stop = m.causes, m.stop
    cursor = settled = stop
    if m.steps:
        corner = stop + wavefront
        if m.preloads:
            if not m.overlap:
                cursor = _charge(causes, FILL, cursor, stop + m.rows - 1)
                cursor = _charge(causes, DRAIN, cursor, corner)
                settled = corner
        elif first_depth:
            if not m.overlap:
                cursor = _charge(causes, FILL, cursor, corner)
                if not m.hidden:
                    cursor = _charge(causes, DRAIN, cursor, corner + m.drain)
            elif m.hidden:
                cursor = _charge(causes, DRAIN, cursor, stop + m.drain - work.tile_stream)
            else:
                cursor = _charge(causes, DRAIN, cursor, stop + m.drain - 1)
    if m.preloads:
        earliest = m.start if m.double else settled
        cursor = _charge(causes, PRELOAD, cursor, earliest + m.rows)
        if m.weights_stay:
            loaded = max(earliest, weights) + work.preload
            cursor = _charge(causes, STALL_WEIGHTS, cursor, loaded)
            cursor = _charge(causes, STALL_ACTIVATIONS, cursor, activations)
        else:
            loaded = max(earliest, activations) + work.preload
            cursor = _charge(causes, STALL_ACTIVATIONS, cursor, loaded)
            cursor = _charge(causes, STALL_WEIGHTS, cursor, weights)
    else:
        cursor = _charge(causes, STALL_ACTIVATIONS, cursor, activations)
        cursor = _charge(causes, STALL_WEIGHTS, cursor, weights)
    if first_depth:
        cursor = _charge(causes, STALL_RESCALE, cursor, buffer.rescaled)
        cursor = _charge(causes, STALL_OUTPUT, cursor, buffer.free)
    m.start = start = cursor
    cursor = _charge(causes, STREAM, cursor, start + work.stream)
    cursor = _charge(causes, STALL_ACTIVATIONS, cursor, start + work.activations)
    m.stop = m.pass_stop = _charge(causes, STALL_WEIGHTS, cursor, start + work.weights)


@_helper
def _entry(engine: Record, number: int, rings: Records) -> Record:
    """Return the entry of a transfer."""
    return rings[engine.ring + (number & engine.mask)]


@_helper
def _arrival(engine: Record, rings: Records) -> int:
    """Return when the next load that nobody has picked up is complete, -1 if not known."""
    if engine.consumed == engine.granted:
        return -1
    return int(_entry(engine, engine.consumed, rings).there)


@_helper
def _release(engine: Record, rings: Records, cycle: int) -> bool:
    """Give away the oldest load that is still held."""
    if engine.released == engine.consumed:
        return False
    entry = _entry(engine, engine.released, rings)
    entry.released = cycle
    if entry.bytes:
        engine.holding += max(0, cycle - max(entry.taken, engine.pad_until))
        engine.pad_until = max(engine.pad_until, cycle)
    engine.released += 1
    return True


@_helper
def _room(engine: Record, rings: Records, known: int, size: int, cycle: int) -> int:
    """Take room from ``cycle`` on and return when there is some, -1 if not known yet.

    Of what is held, the entries before number ``known`` are given away when they say.
    """
    while engine.applied < known:
        entry = _entry(engine, engine.applied, rings)
        full = engine.held + size > engine.room
        if entry.released > cycle:
            if not full:
                break
            cycle = entry.released
        engine.held -= entry.bytes
        engine.applied += 1
    if engine.held + size > engine.room:
        return -1
    engine.held += size
    return cycle


@_helper
def _slot(m: Record, engine: Record, rings: Records) -> int:
    """Return when a slot for the next request is free: the request so many before is complete."""
    number = engine.asked - m.outstanding
    return int(_entry(engine, number, rings).there) if number >= 0 else 0


@_helper
def _ask(m: Record, engine: Record, rings: Records, size: int, cycle: int) -> bool:
    """Ask for a load once a slot and then room are there; whether that is known."""
    cycle = max(cycle, engine.asked_at, _slot(m, engine, rings))
    taken = _room(engine, rings, engine.released, size, cycle)
    if taken < 0:
        return False
    engine.blocked += taken - cycle
    engine.blocked_at = cycle
    engine.asked_at = taken
    entry = _entry(engine, engine.asked, rings)
    entry.taken = taken
    entry.bytes = size
    engine.asked += 1
    return True


@_helper
def _hold(m: Record, bus: int) -> int:
    """Return the cycles for which bytes on the bus hold the channel."""
    bursts = bus // m.burst
    return int(bursts * m.hold_whole + (bursts * m.hold_rest + m.hold_parts - 1) // m.hold_parts)


@_helper
def _lies_alone(m: Record, entry: Record) -> None:
    """Let a transfer begin a row of its own, if rows matter."""
    entry.open = entry.misses = 0
    if m.row:
        entry.misses = (entry.bus + m.row - 1) // m.row


@_helper
def _goes_on(m: Record, entry: Record) -> None:
    """Let a transfer go on in the row that the weights before it ended in, if rows matter."""
    entry.open = entry.misses = 0
    if m.row:
        there = min(entry.bus, m.row_left)
        opened = (entry.bus - there + m.row - 1) // m.row
        entry.misses = opened
        m.row_left += opened * m.row - entry.bus
        if m.rows_stay:
            entry.open = there
        elif there:
            entry.misses += 1


@_helper
def _opening(m: Record, entry: Record, waited: int) -> int:
    """Return the cycles for which rows that are not open yet hold up a transfer."""
    if entry.misses == 0:
        return 0
    first = m.row_miss
    if m.row_ahead:
        first = max(0, first - waited - _hold(m, entry.open))
    return int(first + (entry.misses - 1) * m.row_further)


@_helper
def _grant(m: Record, engine: Record, rings: Records) -> None:
    """Carry an engine's oldest request over the channel."""
    entry = _entry(engine, engine.granted, rings)
    asked, bus = engine.asked_at, entry.bus
    start = max(asked, m.channel)
    stop = start + _opening(m, entry, start - asked) + _hold(m, bus)
    there = stop + m.delay
    m.channel = stop
    engine.hold += stop - start
    engine.bus += bus
    engine.asking += max(0, stop - max(asked, engine.asking_until))
    engine.asking_until = max(engine.asking_until, stop)
    engine.under_way += max(0, there - max(asked, engine.under_way_until))
    engine.under_way_until = max(engine.under_way_until, there)
    engine.waiting += max(0, there - max(engine.blocked_at, engine.waiting_until))
    engine.waiting_until = max(engine.waiting_until, there)
    entry.there = entry.released = there
    engine.granted += 1


@_helper
def _class(layer: Record, at: Integers) -> int:
    """Return the class of a pass."""
    kind = 0
    if at[AT_BLOCK] == layer.blocks - 1:
        if at[AT_TILE] == layer.last_tiles - 1:
            kind = 16
    elif at[AT_TILE] == layer.tiles - 1:
        kind = 8
    if at[AT_COLUMN] == layer.columns - 1:
        kind += 4
    if at[AT_DEPTH] == 0:
        kind += 1
    if at[AT_DEPTH] == layer.depths - 1:
        kind += 2
    return kind


@_helper
def _tiles(layer: Record, block: int) -> int:
    """Return the tiles of rows of a block."""
    return int(layer.last_tiles if block == layer.blocks - 1 else layer.tiles)


@_helper
def _next_visit(layer: Record, at: Integers) -> bool:
    """Move to the next block and column; whether there is one."""
    if layer.rows_outside:
        at[AT_COLUMN] += 1
        if at[AT_COLUMN] < layer.columns:
            return True
        at[AT_COLUMN] = 0
        at[AT_BLOCK] += 1
        if at[AT_BLOCK] < layer.blocks:
            return True
        at[AT_BLOCK] = 0
    else:
        at[AT_BLOCK] += 1
        if at[AT_BLOCK] < layer.blocks:
            return True
        at[AT_BLOCK] = 0
        at[AT_COLUMN] += 1
        if at[AT_COLUMN] < layer.columns:
            return True
        at[AT_COLUMN] = 0
    at[AT_GROUP] += 1
    return bool(at[AT_GROUP] < layer.groups)


@_helper
def _pass_number(layer: Record, at: Integers) -> int:
    """Return how many passes of the layer come before one."""
    before = at[AT_BLOCK] * layer.tiles
    rows = (layer.blocks - 1) * layer.tiles + layer.last_tiles
    visits = at[AT_GROUP] * rows * layer.columns
    if layer.rows_outside:
        visits += before * layer.columns + at[AT_COLUMN] * _tiles(layer, at[AT_BLOCK])
    else:
        visits += at[AT_COLUMN] * rows + before
    return int((visits + at[AT_TILE]) * layer.depths + at[AT_DEPTH])


@_helper
def _next_weights(m: Record, layer: Record) -> None:
    """Move to the next weight tile that is fetched, or to the next layer."""
    at = m.weights_at
    at[AT_DEPTH] += 1
    if at[AT_DEPTH] < layer.depths:
        return
    at[AT_DEPTH] = 0
    if layer.weights == EACH_PASS:
        at[AT_TILE] += 1
        if at[AT_TILE] < _tiles(layer, at[AT_BLOCK]):
            return
        at[AT_TILE] = 0
    more = _next_visit(layer, at)
    while more and layer.weights == FIRST_ROWS and at[AT_BLOCK]:
        more = _next_visit(layer, at)
    if not more:
        at[AT_GROUP] = 0
        at[AT_LAYER] += 1
        m.base += layer.count
        m.left = m.row_left = 0


@_helper
def _ask_weights(
    m: Record, layers: Records, classes: Records, rings: Records, results: Records
) -> None:
    """Ask for the next weight tile, if it is known when."""
    at = m.weights_at
    while at[AT_LAYER] < m.layers and layers[at[AT_LAYER]].weights == NEVER:
        if not layers[at[AT_LAYER]].vector:
            m.base += layers[at[AT_LAYER]].count
        at[AT_LAYER] += 1
    if at[AT_LAYER] == m.layers:
        return
    layer, engine = layers[at[AT_LAYER]], m.engines[WEIGHTS]
    cycle = 0
    if not layer.ahead:
        if m.array_at[AT_LAYER] < at[AT_LAYER]:
            return
        cycle = m.layer_start
    if not engine.ahead:
        if m.passes < m.base + _pass_number(layer, at):
            return
        cycle = max(cycle, m.pass_stop)
    size = classes[at[AT_LAYER], _class(layer, at)].weight_bytes
    if not _ask(m, engine, rings, size, cycle):
        return
    bus = 0
    if size > m.left:
        bus = (size - m.left + m.burst - 1) // m.burst * m.burst
    m.left += bus - size
    entry = _entry(engine, engine.asked - 1, rings)
    entry.bus = bus
    _goes_on(m, entry)
    results[at[AT_LAYER]].read += bus
    results[at[AT_LAYER]].misses += entry.misses
    _next_weights(m, layer)


@_helper
def _ask_activations(
    m: Record, layers: Records, sizes: Integers, chunks: Records, rings: Records, results: Records
) -> None:
    """Ask for the next block of rows, or the next input of a chunk, of the layer that runs."""
    at, engine = m.activations_at, m.engines[ACTIVATIONS]
    number = m.array_at[AT_LAYER]
    layer = layers[number]
    cycle, block = m.layer_start, at[AT_BLOCK]
    if layer.vector:
        if block == layer.count or layer.inputs == 0:
            return
        needed, before = block, m.chunk_stop
        size = chunks[layer.first + block].inputs[m.input]
    else:
        if layer.activations == NEVER or m.input:
            return
        needed, before = _pass_number(layer, at), m.pass_stop
        size = sizes[layer.first + block]
    if not engine.ahead:
        if m.steps < needed:
            return
        if needed:
            cycle = max(cycle, before)
    if not _ask(m, engine, rings, size, cycle):
        return
    bus = (size + m.burst - 1) // m.burst * m.burst
    entry = _entry(engine, engine.asked - 1, rings)
    entry.bus = bus
    _lies_alone(m, entry)
    results[number].read += bus
    results[number].misses += entry.misses
    if layer.vector:
        m.input += 1
        if m.input == layer.inputs:
            m.input = 0
            at[AT_BLOCK] += 1
        return
    more = _next_visit(layer, at)
    while more and layer.activations == FIRST_COLUMNS and at[AT_COLUMN]:
        more = _next_visit(layer, at)
    m.input = 0 if more else 1


@_helper
def _ask_store(m: Record, rings: Records) -> None:
    """Ask for the store of the oldest result that is written, if there is one."""
    engine = m.engines[OUTPUTS]
    if engine.asked < engine.released:
        written = _entry(engine, engine.asked, rings).taken
        engine.asked_at = max(engine.asked_at, written, _slot(m, engine, rings))
        engine.blocked_at = engine.asked_at
        engine.asked += 1


@_helper
def _store(m: Record, engine: Record, rings: Records, size: int, bus: int, written: int) -> None:
    """Queue a result for its store; its room has been taken."""
    entry = _entry(engine, engine.released, rings)
    entry.taken = written
    entry.bytes = size
    entry.bus = bus
    _lies_alone(m, entry)
    engine.released += 1


@_helper
def _rescale(m: Record, classes: Records, rings: Records) -> bool:
    """Read the oldest finished tile, if there is one and there is room for its results."""
    if m.read == m.finished:
        return False
    buffer, engine = m.buffers[m.read % m.buffer_count], m.engines[OUTPUTS]
    work = classes[m.array_at[AT_LAYER], buffer.kind]
    before, registered = m.read_stop, buffer.registered
    start = max(registered, before)
    if work.output:
        start = _room(engine, rings, engine.granted, work.output, start)
        if start < 0:
            return False
    cursor = before
    if before:
        tail = min(before + m.pipeline, start)
        m.tail += max(0, tail - before)
        cursor = max(before, tail)
    m.read_stall += max(0, start - max(cursor, registered))
    stop = start + work.read
    m.busy += work.read
    m.taken += stop - max(buffer.taken, before)
    m.unhindered = max(m.unhindered, registered) + work.read
    buffer.rescaled = m.unhindered
    buffer.free = m.read_stop = stop
    if work.output:
        _store(m, engine, rings, work.output, work.output_bus, stop + m.pipeline)
    m.read += 1
    return True


@_helper
def _pass(m: Record, layer: Record, classes: Records, rings: Records, result: Record) -> int:
    """Run the next pass if all it waits for is known: DONE, STUCK or UNUSED (a false release)."""
    at = m.array_at
    block, column, tile = at[AT_BLOCK], at[AT_COLUMN], at[AT_TILE]
    first_depth, last_depth = at[AT_DEPTH] == 0, at[AT_DEPTH] == layer.depths - 1
    last_tile = tile == _tiles(layer, block) - 1
    when, again = layer.weights, layer.activations
    by_block = when == EACH_BLOCK
    fetches_weights = when == EACH_PASS or (
        when != NEVER and tile == 0 and (by_block or block == 0)
    )
    releases_weights = when == EACH_PASS or (
        when != NEVER and last_tile and (by_block or block == layer.blocks - 1)
    )
    enters = again == EACH_VISIT or (again == FIRST_COLUMNS and column == 0)
    fetches_activations = enters and first_depth and tile == 0
    leaves = again == EACH_VISIT or (again == FIRST_COLUMNS and column == layer.columns - 1)
    releases_activations = leaves and last_depth and last_tile
    loads, blocks = m.engines[WEIGHTS], m.engines[ACTIVATIONS]
    weights = _arrival(loads, rings) if fetches_weights else 0
    activations = _arrival(blocks, rings) if fetches_activations else 0
    if weights < 0 or activations < 0:
        m.waits_for = WEIGHTS if weights < 0 else ACTIVATIONS
        return STUCK
    buffer = m.buffers[m.started % m.buffer_count]
    if first_depth and m.started - m.read == m.buffer_count:
        m.waits_for = OUTPUTS
        return STUCK
    kind = _class(layer, at)
    work, wavefront = classes[at[AT_LAYER], kind], m.wavefront + layer.scaling
    _stream(m, work, first_depth, weights, activations, buffer, wavefront)
    result.executed[kind] += 1
    m.passes += 1
    m.steps += 1
    if fetches_weights:
        loads.consumed += 1
    if fetches_activations:
        blocks.consumed += 1
    if first_depth:
        buffer.taken = m.start
        m.started += 1
    if last_depth:
        finished = m.buffers[m.finished % m.buffer_count]
        finished.registered = m.stop + wavefront + (0 if m.preloads else m.drain)
        finished.kind = kind
        m.finished += 1
    if releases_weights and not _release(loads, rings, m.stop):
        return UNUSED
    if releases_activations and not _release(blocks, rings, m.stop):
        return UNUSED
    at[AT_DEPTH] += 1
    if last_depth:
        at[AT_DEPTH] = 0
        at[AT_TILE] += 1
        if last_tile:
            at[AT_TILE] = 0
            _next_visit(layer, at)
    return DONE


@_helper
def _chunk(m: Record, layer: Record, chunks: Records, rings: Records) -> int:
    """Run the next chunk of a vector layer as far as what it waits for is known."""
    work = chunks[layer.first + m.steps]
    loads, stores = m.engines[ACTIVATIONS], m.engines[OUTPUTS]
    while m.ready < layer.inputs:
        arrived = _arrival(loads, rings)
        if arrived < 0:
            m.waits_for = ACTIVATIONS
            return STUCK
        m.vector_stall_activations += max(0, arrived - m.vector)
        m.vector = max(m.vector, arrived)
        loads.consumed += 1
        m.ready += 1
    if work.output:
        start = _room(stores, rings, stores.granted, work.output, m.vector)
        if start < 0:
            m.waits_for = OUTPUTS
            return STUCK
        m.vector_stall_output += start - m.vector
        m.vector = start
    m.vector_busy += work.cycles
    m.vector += work.cycles
    m.chunk_stop = m.vector
    for _ in range(layer.inputs):
        if not _release(loads, rings, m.vector):
            return UNUSED
    if work.output:
        _store(m, stores, rings, work.output, work.output_bus, m.vector)
    m.ready = 0
    m.steps += 1
    return DONE


@_helper
def _start_layer(m: Record, layers: Records, number: int, cycle: int) -> int:
    """Start a layer: nothing is in the array, in the staging area or on its way to DRAM."""
    layer, loads, stores = layers[number], m.engines[ACTIVATIONS], m.engines[OUTPUTS]
    if loads.released < loads.asked:
        return UNUSED
    if layer.resident > m.activation_room:
        return NO_ROOM
    m.layer_start = m.start = m.stop = m.vector = cycle
    m.steps = m.ready = m.input = 0
    for level in range(LEVELS):
        m.array_at[level] = m.activations_at[level] = 0
    m.array_at[AT_LAYER] = m.activations_at[AT_LAYER] = number
    m.holding_before = loads.holding
    loads.room = m.activation_room - layer.resident
    loads.applied, loads.held = loads.asked, 0
    stores.room = layer.staging
    stores.applied, stores.held = stores.granted, 0
    return DONE


@_helper
def _end_layer(m: Record, layer: Record, rings: Records, result: Record) -> bool:
    """Close a layer whose last result is stored; whether it is known when that was."""
    stores, loads, causes = m.engines[OUTPUTS], m.engines[ACTIVATIONS], m.causes
    if stores.granted < stores.released or (not layer.vector and m.read < m.finished):
        m.waits_for = OUTPUTS
        return False
    stored = _entry(stores, stores.granted - 1, rings).there if stores.granted else 0
    if layer.vector:
        end = max(m.vector, stored)
    else:
        corner = m.stop + m.wavefront + layer.scaling
        fill, drain = corner, corner + m.drain
        if m.preloads:
            fill, drain = m.stop + m.rows - 1, corner
        cursor = _charge(causes, FILL, m.stop, fill)
        cursor = _charge(causes, DRAIN, cursor, drain)
        cursor = _charge(causes, STALL_RESCALE, cursor, m.read_stop + m.pipeline)
        end = _charge(causes, STALL_OUTPUT, cursor, stored)
    if layer.resident:
        loads.holding = m.holding_before + end - m.layer_start
    for cause in range(CAUSES):
        result.causes[cause] = causes[cause]
        causes[cause] = 0
    result.start, result.stop = m.layer_start, end
    return True


@_helper
def _array_signature(m: Record, out: Integers) -> None:
    """Write what the array (out[1]) and the rescale unit do next follows from, relative to now.

    What lies so far back that no later maximum can choose it counts as now: the last stream's end.
    """
    now = m.stop
    out[1] = m.start - now
    out[2] = m.read_stop - now
    out[3] = m.finished - m.read
    out[4] = m.started - m.read
    out[5] = m.unhindered - now
    size = 6
    for ahead in range(m.buffer_count):
        tile = m.read + ahead
        buffer = m.buffers[tile % m.buffer_count]
        for index in range(size, size + 5):
            out[index] = 0
        if tile < m.finished:
            out[size] = buffer.registered - now
            out[size + 1] = buffer.kind
        if tile < m.started:
            out[size + 2] = max(buffer.taken, m.read_stop) - now
        else:
            out[size + 3] = max(buffer.rescaled, now) - now
            out[size + 4] = max(buffer.free, now) - now
        size += 5
    out[0] = size


@_helper
def _request_signature(m: Record, engine: Record, rings: Records, out: Integers) -> None:
    """Write what an engine's next requests follow from, but for the room they need."""
    now = m.stop
    before = engine.blocked_at if engine.asked > engine.granted else engine.asked_at
    out[1] = engine.asked_at - now
    out[2] = before - now
    out[3] = max(engine.asking_until, before) - now
    out[4] = max(engine.under_way_until, before) - now
    out[5] = max(engine.waiting_until, before) - now
    out[6] = m.channel - now
    out[7] = engine.asked - engine.granted
    out[8] = m.left
    out[9] = m.row_left
    size = 10
    number = engine.asked - m.outstanding
    while number < engine.granted and size < SIGNATURE:
        there = _entry(engine, number, rings).there if number >= 0 else 0
        out[size] = max(there, engine.asked_at) - now
        size += 1
        number += 1
    out[0] = size if size < SIGNATURE else 0


@_helper
def _arrival_signature(m: Record, engine: Record, rings: Records, out: Integers) -> None:
    """Write what the array's next arrivals are: cycles rise with numbers, so the last ones."""
    out[1] = engine.asked - engine.consumed
    size = 2
    number = engine.granted
    while number > engine.consumed and size < SIGNATURE:
        number -= 1
        there = _entry(engine, number, rings).there
        if there <= m.start:
            break
        out[size] = there - m.stop
        size += 1
    out[0] = size if size < SIGNATURE else 0


@_helper
def _room_signature(m: Record, engine: Record, rings: Records, loads: bool, out: Integers) -> None:
    """Write what the room of an engine's next requests follows from, and what is held."""
    now, released = m.stop, engine.released
    out[1] = engine.held
    out[2] = engine.asked - released
    out[3] = engine.asked - engine.applied
    out[4] = engine.pad_until - now if loads else 0
    size = 5
    number = released if loads else engine.granted
    bound = engine.asked_at if loads else m.read_stop
    while number > engine.applied and size < SIGNATURE - 1:
        number -= 1
        cycle = _entry(engine, number, rings).released
        if cycle <= bound:
            break
        out[size] = cycle - now
        size += 1
    out[size] = END
    size += 1
    number, last = engine.asked, released
    bound = engine.pad_until
    if not loads:
        number, last, bound = released, engine.asked, -1
    while number > last and size < SIGNATURE:
        number -= 1
        cycle = _entry(engine, number, rings).taken
        if cycle <= bound:
            break
        out[size] = cycle - now
        size += 1
    out[0] = size if size < SIGNATURE else 0


@_helper
def _keep(m: Record, rings: Records, results: Records, kept: Kept, level: int) -> None:
    """Keep the state, its signature and what layers report so far."""
    seen, reports, signatures = kept
    ahead = m.weights_at[AT_LAYER]
    m.read_ahead = results[ahead].read if ahead < m.layers else 0
    m.misses_ahead = results[ahead].misses if ahead < m.layers else 0
    seen[level] = m
    reports[level] = results[m.array_at[AT_LAYER]]
    for which in range(ARRAY):
        engine, loads = m.engines[which], which != OUTPUTS
        _request_signature(m, engine, rings, signatures[level, which])
        _room_signature(m, engine, rings, loads, signatures[level, ROOM + which])
        if loads:
            _arrival_signature(m, engine, rings, signatures[level, ARRIVALS + which])
    _array_signature(m, signatures[level, ARRAY])


@_helper
def _is_equal(now: Integers, before: Integers) -> bool:
    """Whether two signatures are one."""
    if now[0] == 0 or now[0] != before[0]:
        return False
    index = 1
    while index < now[0] and now[index] == before[index]:
        index += 1
    return bool(index == now[0])


@_helper
def _periods(at: Integers, before: Integers, lasts: Integers) -> int:
    """Return how often a position can go on as it did since before, in one loop and up to its last.

    ``lasts``: the last place of each level.
    """
    moved = -1
    for level in range(LEVELS):
        if at[level] != before[level]:
            if moved >= 0 or at[level] < before[level]:
                return 0
            moved = level
    if moved < 0:
        return 0
    return int(max(0, lasts[moved] - at[moved]) // (at[moved] - before[moved]))


@_helper
def _lasts(layer: Record, at: Integers, lasts: Integers) -> None:
    """Write where a position in a layer may go with each loop, its last step left out."""
    lasts[AT_LAYER] = at[AT_LAYER]
    lasts[AT_GROUP] = layer.groups - 1
    lasts[AT_BLOCK] = layer.blocks - 1
    lasts[AT_COLUMN] = layer.columns - 1
    lasts[AT_TILE] = _tiles(layer, at[AT_BLOCK]) - 1
    lasts[AT_DEPTH] = layer.depths - 1


@_helper
def _stock_periods(m: Record, old: Record, which: int, rings: Records) -> int:
    """Return how often the array can go on taking and giving away loads that are there already.

    They must have come, and their room been taken, before it mattered.
    """
    engine, before = m.engines[which], old.engines[which]
    count, used = int(FOREVER), engine.consumed - before.consumed
    if used:
        first = engine.consumed
        if _entry(engine, first - 1, rings).there > old.start:
            return 0
        count = (engine.granted - first) // used
        while count and _entry(engine, first + count * used - 1, rings).there > m.start:
            count //= 2
    given = engine.released - before.released
    if given:
        first = engine.released
        if _entry(engine, first - 1, rings).taken > before.pad_until:
            return 0
        count = min(count, (engine.granted - first) // given)
        while count and (_entry(engine, first + count * given - 1, rings).taken > engine.pad_until):
            count //= 2
        for number in range(before.released, first + count * given):
            if _entry(engine, number, rings).bytes == 0:
                return 0
    return int(count)


@_helper
def _engine_periods(
    m: Record,
    old: Record,
    which: int,
    most: int,
    rings: Records,
    kept: Kept,
    level: int,
    scratch: Integers,
) -> int:
    """Return how often an engine can go on as it did, if it is where it was, only later.

    A load that is asked for is given away in the same loop, or none is; so it is with arrivals.
    ``most``: what is held is looked at as far as so many periods give it away.
    """
    engine, before, loads = m.engines[which], old.engines[which], which != OUTPUTS
    signatures = kept[2]
    count = engine.asked - before.asked
    used = engine.consumed - before.consumed
    given = engine.released - before.released
    if count == 0 and engine.granted == before.granted:
        if used == 0 and given == 0:
            return int(FOREVER)
        return _stock_periods(m, old, which, rings) if loads else 0
    end = max(engine.asked, engine.released)
    if (
        engine.granted - before.granted != count
        or engine.applied - before.applied != given
        or given not in (0, count)
        or used not in (0, count)
        or end - engine.applied + 2 * count + m.outstanding > engine.mask
    ):
        return 0
    _request_signature(m, engine, rings, scratch)
    if not _is_equal(scratch, signatures[level, which]):
        return 0
    if used:
        _arrival_signature(m, engine, rings, scratch)
        if not _is_equal(scratch, signatures[level, ARRIVALS + which]):
            return 0
    # What is on its way is granted first, what is held is given away first.
    for number in range(engine.granted, end):
        size = _entry(engine, number, rings).bytes
        if size != _entry(engine, number - count, rings).bytes:
            return 0
    if given == 0:
        if engine.applied < engine.released or engine.held == before.held:
            return 0
        return int((engine.room - engine.held) // (engine.held - before.held))
    _room_signature(m, engine, rings, loads, scratch)
    if not _is_equal(scratch, signatures[level, ROOM + which]):
        return 0
    first, ring, mask = engine.applied, engine.ring, engine.mask
    for number in range(first, min(engine.granted, engine.released + most * count)):
        size = rings[ring + (number & mask)].bytes
        if size != rings[ring + ((number - count) & mask)].bytes:
            return int((number - first) // count)
    return int(FOREVER)


@_helper
def _pointer_periods(
    m: Record, old: Record, layers: Records, sizes: Integers, lasts: Integers
) -> int:
    """Return how often what is fetched next can go on as it did: places, and sizes of blocks."""
    count = FOREVER
    if m.engines[WEIGHTS].asked != old.engines[WEIGHTS].asked:
        at, before = m.weights_at, old.weights_at
        if at[AT_LAYER] == m.layers or before[AT_DEPTH] == 0 < at[AT_DEPTH]:
            return 0
        layer = layers[at[AT_LAYER]]
        _lasts(layer, at, lasts)
        lasts[AT_BLOCK] -= 1
        lasts[AT_COLUMN] -= 1
        count = _periods(at, before, lasts)
        if not m.engines[WEIGHTS].ahead:
            done = m.base + _pass_number(layer, at) - m.passes
            if done != old.base + _pass_number(layer, before) - old.passes:
                return 0
    if m.engines[ACTIVATIONS].asked != old.engines[ACTIVATIONS].asked:
        at, before = m.activations_at, old.activations_at
        layer = layers[at[AT_LAYER]]
        _lasts(layer, at, lasts)
        count = min(count, _periods(at, before, lasts))
        if m.input:
            return 0
        if not m.engines[ACTIVATIONS].ahead:
            done = _pass_number(layer, at) - m.steps
            if done != _pass_number(layer, before) - old.steps:
                return 0
        shift = at[AT_BLOCK] - before[AT_BLOCK]
        if shift:
            first = layer.first + at[AT_BLOCK]
            for ahead in range(count * shift):
                if sizes[first + ahead] != sizes[first + ahead - shift]:
                    return int(ahead // shift)
    return int(count)


@_helper
def _is_in_step(m: Record, old: Record) -> bool:
    """Whether engines at work asked last, and the channel is free, as long ago as then.

    Signatures say so, too. Where units have rhythms of their own, this is soon over.
    """
    now, then = m.stop, old.stop
    is_free_as_then = m.channel - now == old.channel - then
    for which in range(ARRAY):
        engine, before = m.engines[which], old.engines[which]
        is_at_work = engine.asked != before.asked or engine.granted != before.granted
        asked_as_then = engine.asked_at - now == before.asked_at - then
        if is_at_work and not (is_free_as_then and asked_as_then):
            return False
    return True


@_helper
def _is_array_alike(m: Record, old: Record, scratch: Integers, before: Integers) -> bool:
    """Whether the array and the rescale unit are as they were; ``before``: their signature."""
    if m.started == old.started and m.finished == old.finished and m.read == old.read:
        return bool(m.start - m.stop == before[1] and old.steps > 0)
    _array_signature(m, scratch)
    return _is_equal(scratch, before)


@_helper
def _repeat(
    m: Record,
    layers: Records,
    sizes: Integers,
    rings: Records,
    results: Records,
    kept: Kept,
    level: int,
) -> None:
    """At a step of a loop: add whole periods, if it begins like an earlier step of it did.

    The state decides what comes next, and the steps of a loop but its first and its last are
    alike. So once all that may still matter is as it was, only later, everything goes on to grow
    by what it has grown since then. The state is kept ever more rarely, up to LONGEST_PERIOD.
    """
    seen, _, signatures = kept
    at, old, scratch = m.array_at, seen[level], signatures[LEVELS, 0]
    lasts, others = signatures[LEVELS, 1], signatures[LEVELS, 2]
    _lasts(layers[at[AT_LAYER]], at, lasts)
    is_same_loop = True
    for index in range(LEVELS):
        is_same_loop &= index == level or at[index] == old.array_at[index]
    period = at[level] - old.array_at[level]
    if is_same_loop and period == 0:
        return
    if is_same_loop and period > 0:
        count = 0
        if _is_in_step(m, old) and _is_array_alike(m, old, scratch, signatures[level, ARRAY]):
            count = (lasts[level] - at[level]) // period
            count = min(count, _pointer_periods(m, old, layers, sizes, others))
            moved = stock = False
            for which in range(ARRAY):
                if count:
                    engine, before = m.engines[which], old.engines[which]
                    more = _engine_periods(m, old, which, count, rings, kept, level, scratch)
                    count = min(count, more)
                    if engine.granted != before.granted:
                        moved = True
                    elif (
                        engine.released != before.released
                        or engine.consumed != before.consumed
                        or engine.asked != engine.granted
                    ):
                        stock = True
            if moved and stock:
                count = 0
        if count:
            _add_periods(m, old, rings, results, kept, level, count)
            m.repeats[level] += 1
        elif period < m.patience[level]:
            return
        else:
            m.patience[level] = max(1, min(2 * m.patience[level], LONGEST_PERIOD))
            _keep(m, rings, results, kept, level)
            return
    m.patience[level] = 1
    left = lasts[level] - at[level]
    if left >= MANY_STEPS or (level != AT_DEPTH and left >= FEW_STEPS):
        _keep(m, rings, results, kept, level)


@_helper
def _add_periods(
    m: Record,
    old: Record,
    rings: Records,
    results: Records,
    kept: Kept,
    level: int,
    count: int,
) -> None:
    """Let everything grow ``count`` times more by what it grew since ``old``.

    Numbers of tiles stay: only differences of them matter, and so do their buffers' places.
    """
    period = m.stop - old.stop
    later = count * period
    fetched = m.engines[WEIGHTS].asked != old.engines[WEIGHTS].asked
    loaded = m.engines[ACTIVATIONS].asked != old.engines[ACTIVATIONS].asked
    for index in range(LEVELS):
        m.array_at[index] += count * (m.array_at[index] - old.array_at[index])
        if fetched:
            m.weights_at[index] += count * (m.weights_at[index] - old.weights_at[index])
        if loaded:
            m.activations_at[index] += count * (m.activations_at[index] - old.activations_at[index])
    moved = False
    for which in range(ARRAY):
        moved |= _add_transfers(m, old, rings, which, count, period)
    if moved:
        m.channel += later
    report, result = kept[1][level], results[m.array_at[AT_LAYER]]
    ahead = m.weights_at[AT_LAYER]
    if fetched and ahead != m.array_at[AT_LAYER]:
        results[ahead].read += count * (results[ahead].read - old.read_ahead)
        results[ahead].misses += count * (results[ahead].misses - old.misses_ahead)
    result.read += count * (result.read - report.read)
    result.written += count * (result.written - report.written)
    result.misses += count * (result.misses - report.misses)
    for kind in range(CLASSES):
        result.executed[kind] += count * (result.executed[kind] - report.executed[kind])
    for cause in range(CAUSES):
        m.causes[cause] += count * (m.causes[cause] - old.causes[cause])
    if m.started != old.started:
        for index in range(m.buffer_count):
            buffer = m.buffers[index]
            buffer.rescaled += later
            buffer.free += later
            buffer.taken += later
            buffer.registered += later
        m.read_stop += later
        m.unhindered += later
    m.start += later
    m.stop += later
    m.pass_stop += later
    m.passes += count * (m.passes - old.passes)
    m.steps += count * (m.steps - old.steps)
    m.busy += count * (m.busy - old.busy)
    m.tail += count * (m.tail - old.tail)
    m.read_stall += count * (m.read_stall - old.read_stall)
    m.taken += count * (m.taken - old.taken)


@_helper
def _add_transfers(
    m: Record, old_machine: Record, rings: Records, which: int, count: int, period: int
) -> bool:
    """Let an engine's transfers go on for ``count`` periods; whether it had any in a period.

    Once all that is held came in such periods, a further one makes it later and nothing else.
    """
    engine, old, loads = m.engines[which], old_machine.engines[which], which != OUTPUTS
    made, given = engine.granted - old.granted, engine.released - old.released
    end = max(engine.asked, engine.released)
    listed = count
    if made and made == given and (not loads or engine.consumed - old.consumed == made):
        listed = min(count, (end - engine.applied + m.outstanding) // made + 2)
    # Local names: an entry's place need not be read anew after each write.
    ring, mask, granted, released = engine.ring, engine.mask, engine.granted, engine.released
    for ahead in range(listed * max(made, given)):
        if made:
            number = end + ahead
            entry, before = rings[ring + (number & mask)], rings[ring + ((number - made) & mask)]
            entry.bytes, entry.bus = before.bytes, before.bus
            entry.open, entry.misses = before.open, before.misses
            entry.taken = before.taken + period
            number = granted + ahead
            there = rings[ring + ((number - made) & mask)].there + period
            entry = rings[ring + (number & mask)]
            entry.there = entry.released = there
        if given and loads:
            number = released + ahead
            before = rings[ring + ((number - given) & mask)]
            rings[ring + (number & mask)].released = before.released + period
    if listed < count:
        for number in range(end, end + listed * made):
            entry = _entry(engine, number, rings)
            entry.taken += (count - listed) * period
            entry.there += (count - listed) * period
            entry.released += (count - listed) * period
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


@_helper
def _level(layer: Record, at: Integers) -> int:
    """Return the level of the innermost loop that is not at its first step."""
    inner, outer = (AT_COLUMN, AT_BLOCK) if layer.rows_outside else (AT_BLOCK, AT_COLUMN)
    for level in (AT_DEPTH, AT_TILE, inner, outer):
        if at[level]:
            return int(level)
    return int(AT_GROUP)


@_helper
def _advance(
    m: Record,
    layers: Records,
    classes: Records,
    sizes: Integers,
    chunks: Records,
    rings: Records,
    results: Records,
    kept: Kept,
    horizon: int,
) -> int:
    """Run passes or chunks up to the horizon, or to the first that may make a request known."""
    at = m.array_at
    loads, blocks, stores = m.engines[WEIGHTS], m.engines[ACTIVATIONS], m.engines[OUTPUTS]
    given = loads.released + blocks.released + stores.released
    while max(m.stop, m.vector) <= horizon:
        number = at[AT_LAYER]
        layer, result = layers[number], results[number]
        if m.steps < layer.count:
            if layer.vector:
                status = _chunk(m, layer, chunks, rings)
            else:
                level = _level(layer, at)
                if at[level]:
                    _repeat(m, layers, sizes, rings, results, kept, level)
                status = _pass(m, layer, classes, rings, result)
                while m.read < m.finished and _rescale(m, classes, rings):
                    pass
            if status != DONE:
                return int(status)
        else:
            if not _end_layer(m, layer, rings, result):
                return STUCK
            if number + 1 == m.layers:
                at[AT_LAYER] = m.layers
                return DONE
            return int(_start_layer(m, layers, number + 1, result.stop))
        if loads.released + blocks.released + stores.released != given:
            break
    return DONE


@_helper
def _next_engine(m: Record) -> int:
    """Return the engine with the earliest request, -1 if there is none."""
    chosen = -1
    for which in range(3):
        engine = m.engines[which]
        if engine.asked > engine.granted and (
            chosen < 0 or engine.asked_at < m.engines[chosen].asked_at
        ):
            chosen = which
    return chosen


@kernel(recurrence_layout, error_model="numpy")
def run_layers(
    machine: Records,
    layers: Records,
    classes: Records,
    sizes: Integers,
    chunks: Records,
    rings: Records,
    results: Records,
) -> int:
    """Run all layers.

    Parameters
    ----------
    machine : MACHINE[1]
        Its constants given, the rest zero. Filled: times, positions and accounts.
    layers : LAYER[layers]
        The loop nests.
    classes : PASS_CLASS[layers, CLASSES]
        The passes of each class.
    sizes : int64[blocks]
        Bytes of the activation blocks of a group, from a layer's ``first`` on.
    chunks : CHUNK[chunks]
        Chunks of the vector layers, from a layer's ``first`` on.
    rings : ENTRY[entries]
        The rings of the engines, each a power of two.
    results : RESULT[layers]
        Zero. Filled.

    Returns
    -------
    DONE or what went wrong, in layer ``array_at[AT_LAYER]``.
    """
    kept = (
        np.zeros(LEVELS, MACHINE),
        np.zeros(LEVELS, RESULT),
        np.zeros((LEVELS + 1, SIGNATURES, SIGNATURE), np.int64),
    )
    m = machine[0]
    status = _start_layer(m, layers, NOTHING, NOTHING) if m.layers else DONE
    if status != DONE or m.layers == 0:
        return int(status)
    loads, blocks, stores = m.engines[WEIGHTS], m.engines[ACTIVATIONS], m.engines[OUTPUTS]
    while m.array_at[AT_LAYER] < m.layers:
        if loads.asked == loads.granted:
            _ask_weights(m, layers, classes, rings, results)
        if blocks.asked == blocks.granted:
            _ask_activations(m, layers, sizes, chunks, rings, results)
        if stores.asked == stores.granted:
            _ask_store(m, rings)
        chosen = _next_engine(m)
        horizon = m.engines[chosen].asked_at if chosen >= 0 else FOREVER
        if status == DONE and max(m.stop, m.vector) <= horizon:
            status = _advance(m, layers, classes, sizes, chunks, rings, results, kept, horizon)
            if status not in (DONE, STUCK):
                return int(status)
            continue
        if chosen < 0:
            return STUCK
        if chosen == OUTPUTS:
            carried = _entry(stores, stores.granted, rings)
            results[m.array_at[AT_LAYER]].written += carried.bus
            results[m.array_at[AT_LAYER]].misses += carried.misses
        _grant(m, m.engines[chosen], rings)
        # The array goes on when what it waits for is there, the rescale unit when there is room.
        if chosen == OUTPUTS:
            while m.read < m.finished and _rescale(m, classes, rings):
                pass
        if chosen == m.waits_for:
            status = DONE
    if loads.released < loads.asked:
        return UNUSED
    if m.read_stop:
        last = results[m.layers - 1].stop
        m.tail += max(0, min(m.read_stop + m.pipeline, last) - m.read_stop)
    return DONE
