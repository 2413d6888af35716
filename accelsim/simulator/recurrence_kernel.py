"""The machine of docs/timing.md as one recurrence: no clock, no events, no queue of what happens.

Passes, tiles, chunks and transfers of a unit follow each other, so each one's times are a maximum
over times that are known once its predecessors' are. Only the DRAM channel mixes the units: it
serves requests by (cycle asked, engine). A request that is not known yet depends on a transfer
that has not been granted, so it cannot come before the earliest known one: that one is granted,
and everything that now can be computed is.

Plain loops over int64 arrays. ``machine`` is M_*, ``layers`` L_* and ``classes`` K_* below;
``times`` T_* holds cycles, ``place`` P_* positions in the loop nests and in the rings, ``account``
A_* the cycles and bytes counted so far. Rings: entry i of a ring of 2^s entries is at i modulo 2^s.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["run_layers"]

Integers = NDArray[np.int64]

# The machine.
M_ROWS, M_WAVEFRONT, M_PRELOADS, M_WEIGHTS_STAY, M_DOUBLE, M_OVERLAP = range(6)
M_HIDDEN, M_DRAIN, M_BUFFERS, M_PIPELINE, M_BURST, M_HOLD_UP, M_HOLD_DOWN, M_DELAY = range(6, 14)
M_OUTSTANDING, M_WEIGHT_ROOM, M_ACTIVATION_ROOM, M_WEIGHTS_AHEAD, M_ACTIVATIONS_AHEAD = range(
    14, 19
)
M_SIZE = 19

# A layer; counts of the loop nest.
L_VECTOR, L_RESIDENT, L_STAGING, L_AHEAD, L_GROUPS, L_BLOCKS, L_COLUMNS, L_DEPTHS = range(8)
L_TILES, L_LAST_TILES, L_ROWS_OUTSIDE, L_WEIGHTS, L_ACTIVATIONS, L_FIRST, L_COUNT = range(8, 15)
L_INPUTS = 15
L_SIZE = 16
# L_WEIGHTS: fetched never, with the first rows, with the first rows of each block, always.
NEVER, FIRST_ROWS, EACH_BLOCK, EACH_PASS = range(4)
# L_ACTIVATIONS: a block is fetched never, with the first columns, at each visit.
FIRST_COLUMNS, EACH_VISIT = 1, 2

# A class of passes: which tile of rows (any, a block's last, the layer's last), of columns (any,
# the last) and of depth (any, the first, the last, the only one).
K_STREAM, K_ACTIVATIONS, K_WEIGHTS, K_PRELOAD, K_TILE_STREAM, K_READ, K_OUTPUT = range(7)
K_OUTPUT_BUS, K_WEIGHT_BYTES = 7, 8
K_SIZE = 9
CLASSES = 24

# Chunks of vector layers.
V_CYCLES, V_OUTPUT, V_OUTPUT_BUS, V_INPUT = 0, 1, 2, 3

# Cycles.
T_START, T_STOP, T_LAYER, T_READ_STOP, T_UNHINDERED, T_HELD, T_CHANNEL, T_VECTOR = range(8)
T_RESCALED, T_FREE, T_TAKEN, T_REGISTERED = 8, 10, 12, 14
T_ASKED, T_BLOCKED, T_FRONT, T_PAD, T_PASS_STOP = 16, 19, 22, 31, 33
T_SIZE = 34

# Positions. Weights and activations have six numbers each, stores the first five.
P_LAYER, P_GROUP, P_BLOCK, P_COLUMN, P_TILE, P_DEPTH, P_PASSES, P_STEPS = range(8)
P_STARTED, P_FINISHED, P_READ, P_CLASS, P_READY, P_CHUNKS = 8, 9, 10, 11, 13, 14
P_W_LAYER, P_W_GROUP, P_W_BLOCK, P_W_COLUMN, P_W_TILE, P_W_DEPTH, P_W_LEFT, P_W_BASE = range(15, 23)
P_D_GROUP, P_D_BLOCK, P_D_COLUMN, P_D_INPUT = range(23, 27)
P_PAD, P_RING = 27, 28
ASKED, GRANTED, HELD, APPLIED, RELEASED, CONSUMED = range(6)
P_SIZE = P_RING + 18

# Accounts.
A_STREAM, A_PRELOAD, A_FILL, A_DRAIN, A_STALL_W, A_STALL_A, A_STALL_O, A_STALL_R = range(8)
A_BUSY, A_PIPELINE, A_READ_STALL, A_VECTOR, A_VECTOR_A, A_VECTOR_O, A_HELD = range(8, 15)
A_HOLD, A_ASKING, A_UNDER_WAY, A_WAITING, A_BLOCKED = 15, 18, 21, 24, 27
A_PAD, A_BUS, A_CLASS = 29, 31, 34
A_SIZE = A_CLASS + CLASSES
# What a layer reports: its causes, its start and stop, the bytes it read and wrote.
R_START, R_STOP, R_READ, R_WRITTEN = 8, 9, 10, 11
R_SIZE = 12

# Rings: one row an entry.
E_TAKEN, E_BYTES, E_BUS, E_THERE, E_RELEASED = range(5)
E_SIZE = 5

WEIGHTS, ACTIVATIONS, OUTPUTS = range(3)
DONE, STUCK, NO_ROOM, UNUSED = range(4)


@njit(cache=True)
def _until(account: Integers, cause: int, cursor: int, until: int) -> int:
    """Charge the cycles from ``cursor`` to ``until``, if there are any, and return the later."""
    if until > cursor:
        account[cause] += until - cursor
        return until
    return cursor


@njit(cache=True)
def _cover(
    account: Integers, what: int, times: Integers, front: int, start: int, stop: int
) -> None:
    """Add an interval to a union of intervals that come in order."""
    account[what] += max(0, stop - max(start, times[front]))
    times[front] = max(stop, times[front])


@njit(cache=True)
def _stream(
    machine: Integers,
    work: Integers,
    times: Integers,
    account: Integers,
    first: bool,
    first_depth: bool,
    weights: int,
    activations: int,
    buffer: int,
) -> None:
    """Stream a pass: cycles before its stream and of its stream, each to its cause."""
    stop = times[T_STOP]
    cursor = stop
    settled = stop
    if not first:
        corner = stop + machine[M_WAVEFRONT]
        overlap = machine[M_OVERLAP]
        if machine[M_PRELOADS]:
            if not overlap:
                cursor = _until(account, A_FILL, cursor, stop + machine[M_ROWS] - 1)
                cursor = _until(account, A_DRAIN, cursor, corner)
                settled = corner
        elif first_depth:
            drain = machine[M_DRAIN]
            if not overlap:
                cursor = _until(account, A_FILL, cursor, corner)
                if not machine[M_HIDDEN]:
                    cursor = _until(account, A_DRAIN, cursor, corner + drain)
            elif machine[M_HIDDEN]:
                cursor = _until(account, A_DRAIN, cursor, stop + drain - work[K_TILE_STREAM])
            else:
                cursor = _until(account, A_DRAIN, cursor, stop + drain - 1)
    if machine[M_PRELOADS]:
        earliest = times[T_START] if machine[M_DOUBLE] else settled
        cursor = _until(account, A_PRELOAD, cursor, earliest + machine[M_ROWS])
        if machine[M_WEIGHTS_STAY]:
            preloaded = max(earliest, weights) + work[K_PRELOAD]
            cursor = _until(account, A_STALL_W, cursor, preloaded)
            cursor = _until(account, A_STALL_A, cursor, activations)
        else:
            preloaded = max(earliest, activations) + work[K_PRELOAD]
            cursor = _until(account, A_STALL_A, cursor, preloaded)
            cursor = _until(account, A_STALL_W, cursor, weights)
    else:
        cursor = _until(account, A_STALL_A, cursor, activations)
        cursor = _until(account, A_STALL_W, cursor, weights)
    if first_depth:
        cursor = _until(account, A_STALL_R, cursor, times[T_RESCALED + buffer])
        cursor = _until(account, A_STALL_O, cursor, times[T_FREE + buffer])
    times[T_START] = start = cursor
    cursor = _until(account, A_STREAM, cursor, start + work[K_STREAM])
    cursor = _until(account, A_STALL_A, cursor, start + work[K_ACTIVATIONS])
    times[T_STOP] = _until(account, A_STALL_W, cursor, start + work[K_WEIGHTS])


@njit(cache=True)
def _arrival(ring: Integers, place: Integers, engine: int) -> int:
    """Return when the next load that nobody has picked up is complete, -1 if not known."""
    base = P_RING + 6 * engine
    if place[base + CONSUMED] == place[base + GRANTED]:
        return -1
    return ring[place[base + CONSUMED] & (len(ring) - 1), E_THERE]


@njit(cache=True)
def _release(
    ring: Integers, place: Integers, times: Integers, account: Integers, engine: int, cycle: int
) -> bool:
    """Give away the oldest load that is still held."""
    base = P_RING + 6 * engine
    if place[base + RELEASED] == place[base + CONSUMED]:
        return False
    entry = place[base + RELEASED] & (len(ring) - 1)
    ring[entry, E_RELEASED] = cycle
    if ring[entry, E_BYTES]:
        _cover(account, A_PAD + engine, times, T_PAD + engine, ring[entry, E_TAKEN], cycle)
    place[base + RELEASED] += 1
    return True


@njit(cache=True)
def _room(
    ring: Integers, place: Integers, engine: int, known: int, size: int, room: int, cycle: int
) -> int:
    """Take room from ``cycle`` on and return when there is some, -1 if not known yet.

    Of what is held, the ``known`` oldest entries are given away at E_RELEASED.
    """
    base = P_RING + 6 * engine
    mask = len(ring) - 1
    while place[base + APPLIED] < known:
        entry = place[base + APPLIED] & mask
        full = place[base + HELD] + size > room
        if ring[entry, E_RELEASED] > cycle:
            if not full:
                break
            cycle = ring[entry, E_RELEASED]
        place[base + HELD] -= ring[entry, E_BYTES]
        place[base + APPLIED] += 1
    if place[base + HELD] + size > room:
        return -1
    place[base + HELD] += size
    return cycle


@njit(cache=True)
def _ask(
    machine: Integers,
    times: Integers,
    place: Integers,
    account: Integers,
    ring: Integers,
    ends: Integers,
    engine: int,
    size: int,
    room: int,
    cycle: int,
) -> bool:
    """Ask for a load once a slot and then room are there; whether that is known."""
    base = P_RING + 6 * engine
    number = place[base + ASKED]
    cycle = max(cycle, times[T_ASKED + engine], ends[engine, number % machine[M_OUTSTANDING]])
    taken = _room(ring, place, engine, place[base + RELEASED], size, room, cycle)
    if taken < 0:
        return False
    account[A_BLOCKED + engine] += taken - cycle
    times[T_BLOCKED + engine] = cycle
    times[T_ASKED + engine] = taken
    entry = number & (len(ring) - 1)
    ring[entry, E_TAKEN] = taken
    ring[entry, E_BYTES] = size
    place[base + ASKED] += 1
    return True


@njit(cache=True)
def _grant(
    machine: Integers,
    times: Integers,
    place: Integers,
    account: Integers,
    ring: Integers,
    ends: Integers,
    engine: int,
) -> None:
    """Carry an engine's oldest request over the channel."""
    base = P_RING + 6 * engine
    number = place[base + GRANTED]
    entry = number & (len(ring) - 1)
    asked, bus = times[T_ASKED + engine], ring[entry, E_BUS]
    start = max(asked, times[T_CHANNEL])
    bursts = bus // machine[M_BURST]
    up, down = machine[M_HOLD_UP], machine[M_HOLD_DOWN]
    stop = start + bursts * (up // down) + (bursts * (up % down) + down - 1) // down
    there = stop + machine[M_DELAY]
    times[T_CHANNEL] = stop
    account[A_HOLD + engine] += stop - start
    account[A_BUS + engine] += bus
    _cover(account, A_ASKING + engine, times, T_FRONT + engine, asked, stop)
    _cover(account, A_UNDER_WAY + engine, times, T_FRONT + 3 + engine, asked, there)
    _cover(
        account, A_WAITING + engine, times, T_FRONT + 6 + engine, times[T_BLOCKED + engine], there
    )
    ring[entry, E_THERE] = there
    if engine == OUTPUTS:
        ring[entry, E_RELEASED] = there
    ends[engine, number % machine[M_OUTSTANDING]] = there
    place[base + GRANTED] += 1


@njit(cache=True)
def _class(layer: Integers, block: int, column: int, tile: int, depth: int) -> int:
    """Return the class of a pass."""
    kind = 0
    if block == layer[L_BLOCKS] - 1:
        if tile == layer[L_LAST_TILES] - 1:
            kind = 16
    elif tile == layer[L_TILES] - 1:
        kind = 8
    if column == layer[L_COLUMNS] - 1:
        kind += 4
    if depth == 0:
        kind += 1
    if depth == layer[L_DEPTHS] - 1:
        kind += 2
    return kind


@njit(cache=True)
def _tiles(layer: Integers, block: int) -> int:
    """Return the tiles of rows of a block."""
    return layer[L_LAST_TILES] if block == layer[L_BLOCKS] - 1 else layer[L_TILES]


@njit(cache=True)
def _next_weights(layer: Integers, place: Integers) -> None:
    """Move to the next weight tile that is fetched, or to the next layer."""
    place[P_W_DEPTH] += 1
    if place[P_W_DEPTH] < layer[L_DEPTHS]:
        return
    place[P_W_DEPTH] = 0
    when = layer[L_WEIGHTS]
    if when == EACH_PASS:
        place[P_W_TILE] += 1
        if place[P_W_TILE] < _tiles(layer, place[P_W_BLOCK]):
            return
        place[P_W_TILE] = 0
    more = _next_visit(layer, place, P_W_GROUP)
    while more and when == FIRST_ROWS and place[P_W_BLOCK]:
        more = _next_visit(layer, place, P_W_GROUP)
    if not more:
        place[P_W_LAYER] += 1
        place[P_W_BASE] += layer[L_COUNT]
        place[P_W_LEFT] = 0


@njit(cache=True)
def _next_visit(layer: Integers, place: Integers, group: int) -> bool:
    """Move (group, block, column), which start at ``group``, to the next visit; whether it is."""
    block, column = group + 1, group + 2
    inner, outer = (column, block) if layer[L_ROWS_OUTSIDE] else (block, column)
    for position, count in (
        (inner, layer[L_COLUMNS] if inner == column else layer[L_BLOCKS]),
        (outer, layer[L_BLOCKS] if inner == column else layer[L_COLUMNS]),
        (group, layer[L_GROUPS]),
    ):
        place[position] += 1
        if place[position] < count:
            return True
        place[position] = 0
    return False


@njit(cache=True)
def _pass_number(
    layer: Integers, group: int, block: int, column: int, tile: int, depth: int
) -> int:
    """Return how many passes of the layer come before one."""
    before = block * layer[L_TILES]
    rows = (layer[L_BLOCKS] - 1) * layer[L_TILES] + layer[L_LAST_TILES]
    visits = group * rows * layer[L_COLUMNS]
    if layer[L_ROWS_OUTSIDE]:
        visits += before * layer[L_COLUMNS] + column * _tiles(layer, block)
    else:
        visits += column * rows + before
    return (visits + tile) * layer[L_DEPTHS] + depth


@njit(cache=True)
def _ask_weights(
    machine: Integers,
    layers: Integers,
    classes: Integers,
    times: Integers,
    place: Integers,
    account: Integers,
    ring: Integers,
    ends: Integers,
    results: Integers,
) -> bool:
    """Ask for the next weight tile, if it is known when."""
    number = place[P_W_LAYER]
    while number < len(layers) and (layers[number, L_VECTOR] or layers[number, L_WEIGHTS] == NEVER):
        if not layers[number, L_VECTOR]:
            place[P_W_BASE] += layers[number, L_COUNT]
        number += 1
        place[P_W_LAYER] = number
    if number == len(layers):
        return False
    layer = layers[number]
    cycle = 0
    if not layer[L_AHEAD]:
        if place[P_LAYER] < number:
            return False
        cycle = times[T_LAYER]
    block, column = place[P_W_BLOCK], place[P_W_COLUMN]
    tile, depth = place[P_W_TILE], place[P_W_DEPTH]
    if not machine[M_WEIGHTS_AHEAD]:
        needed = _pass_number(layer, place[P_W_GROUP], block, column, tile, depth)
        if place[P_PASSES] < place[P_W_BASE] + needed:
            return False
        cycle = max(cycle, times[T_PASS_STOP])
    size = classes[number, _class(layer, block, column, tile, depth), K_WEIGHT_BYTES]
    room = machine[M_WEIGHT_ROOM]
    if not _ask(machine, times, place, account, ring, ends, WEIGHTS, size, room, cycle):
        return False
    burst = machine[M_BURST]
    bus = 0
    if size > place[P_W_LEFT]:
        bus = (size - place[P_W_LEFT] + burst - 1) // burst * burst
    place[P_W_LEFT] += bus - size
    ring[(place[P_RING + ASKED] - 1) & (len(ring) - 1), E_BUS] = bus
    results[number, R_READ] += bus
    _next_weights(layer, place)
    return True


@njit(cache=True)
def _ask_activations(machine: Integers, layers: Integers, blocks: Integers, chunks: Integers,
                     times: Integers, place: Integers, account: Integers, ring: Integers,
                     ends: Integers, results: Integers) -> bool:
    """Ask for the next block of rows, or the next input of a chunk, of the layer that runs."""
    number = place[P_LAYER]
    layer = layers[number]
    cycle = times[T_LAYER]
    block = place[P_D_BLOCK]
    if layer[L_VECTOR]:
        if block == layer[L_COUNT] or layer[L_INPUTS] == 0:
            return False
        needed = block
        size = chunks[layer[L_FIRST] + block, V_INPUT + place[P_D_INPUT]]
    else:
        if layer[L_ACTIVATIONS] == NEVER or place[P_D_INPUT]:
            return False
        needed = _pass_number(layer, place[P_D_GROUP], block, place[P_D_COLUMN], 0, 0)
        size = blocks[layer[L_FIRST] + block]
    if not machine[M_ACTIVATIONS_AHEAD]:
        if place[P_STEPS] < needed:
            return False
        if needed:
            cycle = max(cycle, times[T_VECTOR] if layer[L_VECTOR] else times[T_PASS_STOP])
    room = machine[M_ACTIVATION_ROOM] - layer[L_RESIDENT]
    if not _ask(machine, times, place, account, ring, ends, ACTIVATIONS, size, room, cycle):
        return False
    burst = machine[M_BURST]
    bus = (size + burst - 1) // burst * burst
    ring[(place[P_RING + 6 + ASKED] - 1) & (len(ring) - 1), E_BUS] = bus
    results[number, R_READ] += bus
    if layer[L_VECTOR]:
        place[P_D_INPUT] += 1
        if place[P_D_INPUT] == layer[L_INPUTS]:
            place[P_D_INPUT] = 0
            place[P_D_BLOCK] += 1
        return True
    more = _next_visit(layer, place, P_D_GROUP)
    while more and layer[L_ACTIVATIONS] == FIRST_COLUMNS and place[P_D_COLUMN]:
        more = _next_visit(layer, place, P_D_GROUP)
    place[P_D_INPUT] = 0 if more else 1
    return True


@njit(cache=True)
def _ask_store(machine: Integers, times: Integers, place: Integers, ring: Integers,
               ends: Integers) -> bool:
    """Ask for the store of the oldest result that is written, if there is one."""
    base = P_RING + 12
    number = place[base + ASKED]
    if number == place[base + RELEASED]:
        return False
    written = ring[number & (len(ring) - 1), E_TAKEN]
    slot = ends[OUTPUTS, number % machine[M_OUTSTANDING]]
    times[T_ASKED + OUTPUTS] = max(times[T_ASKED + OUTPUTS], written, slot)
    times[T_BLOCKED + OUTPUTS] = times[T_ASKED + OUTPUTS]
    place[base + ASKED] += 1
    return True


@njit(cache=True)
def _store(ring: Integers, place: Integers, size: int, bus: int, written: int) -> None:
    """Queue a result for its store; its room has been taken."""
    base = P_RING + 12
    entry = place[base + RELEASED] & (len(ring) - 1)
    ring[entry, E_TAKEN] = written
    ring[entry, E_BYTES] = size
    ring[entry, E_BUS] = bus
    place[base + RELEASED] += 1


@njit(cache=True)
def _rescale(machine: Integers, layer: Integers, works: Integers, times: Integers,
             place: Integers, account: Integers, stores: Integers) -> bool:
    """Read the oldest finished tile, if there is one and there is room for its results."""
    tile = place[P_READ]
    if tile == place[P_FINISHED]:
        return False
    work = works[place[P_CLASS + (tile & 1)]]
    registered = times[T_REGISTERED + (tile & 1)]
    cursor = times[T_READ_STOP]
    start = max(registered, cursor)
    if work[K_OUTPUT]:
        granted = place[P_RING + 12 + GRANTED]
        start = _room(stores, place, OUTPUTS, granted, work[K_OUTPUT], layer[L_STAGING], start)
        if start < 0:
            return False
    if cursor:
        cursor = _until(account, A_PIPELINE, cursor, min(cursor + machine[M_PIPELINE], start))
    _until(account, A_READ_STALL, max(cursor, registered), start)
    stop = start + work[K_READ]
    account[A_BUSY] += work[K_READ]
    times[T_READ_STOP] = stop
    times[T_UNHINDERED] = max(times[T_UNHINDERED], registered) + work[K_READ]
    buffer = tile % machine[M_BUFFERS]
    times[T_RESCALED + buffer] = times[T_UNHINDERED]
    times[T_FREE + buffer] = stop
    _cover(account, A_HELD, times, T_HELD, times[T_TAKEN + buffer], stop)
    if work[K_OUTPUT]:
        written = stop + machine[M_PIPELINE]
        _store(stores, place, work[K_OUTPUT], work[K_OUTPUT_BUS], written)
    place[P_READ] += 1
    return True


@njit(cache=True)
def _pass(machine: Integers, layer: Integers, works: Integers, times: Integers, place: Integers,
          account: Integers, weight_ring: Integers, activation_ring: Integers) -> int:
    """Run the next pass if all it waits for is known: DONE, STUCK or UNUSED (a false release)."""
    block, column = place[P_BLOCK], place[P_COLUMN]
    tile, depth = place[P_TILE], place[P_DEPTH]
    first_depth, last_depth = depth == 0, depth == layer[L_DEPTHS] - 1
    last_tile = tile == _tiles(layer, block) - 1
    when, again = layer[L_WEIGHTS], layer[L_ACTIVATIONS]
    by_block = when == EACH_BLOCK
    fetches_weights = when == EACH_PASS or (
        when != NEVER and tile == 0 and (by_block or block == 0)
    )
    releases_weights = when == EACH_PASS or (
        when != NEVER and last_tile and (by_block or block == layer[L_BLOCKS] - 1)
    )
    enters = again == EACH_VISIT or (again == FIRST_COLUMNS and column == 0)
    fetches_activations = enters and first_depth and tile == 0
    leaves = again == EACH_VISIT or (
        again == FIRST_COLUMNS and column == layer[L_COLUMNS] - 1
    )
    weights = activations = buffer = 0
    if fetches_weights:
        weights = _arrival(weight_ring, place, WEIGHTS)
    if fetches_activations:
        activations = _arrival(activation_ring, place, ACTIVATIONS)
    if weights < 0 or activations < 0:
        return STUCK
    if first_depth:
        if place[P_STARTED] - place[P_READ] == machine[M_BUFFERS]:
            return STUCK
        buffer = place[P_STARTED] % machine[M_BUFFERS]
    kind = _class(layer, block, column, tile, depth)
    work = works[kind]
    first = place[P_STEPS] == 0
    _stream(
        machine, work, times, account, first, first_depth, weights, activations, buffer
    )
    account[A_CLASS + kind] += 1
    place[P_PASSES] += 1
    place[P_STEPS] += 1
    stop = times[T_PASS_STOP] = times[T_STOP]
    if fetches_weights:
        place[P_RING + CONSUMED] += 1
    if fetches_activations:
        place[P_RING + 6 + CONSUMED] += 1
    if first_depth:
        times[T_TAKEN + buffer] = times[T_START]
        place[P_STARTED] += 1
    if last_depth:
        finished = place[P_FINISHED]
        registered = stop + machine[M_WAVEFRONT]
        if not machine[M_PRELOADS]:
            registered += machine[M_DRAIN]
        times[T_REGISTERED + (finished & 1)] = registered
        place[P_CLASS + (finished & 1)] = kind
        place[P_FINISHED] += 1
    if releases_weights and not _release(weight_ring, place, times, account, WEIGHTS, stop):
        return UNUSED
    if leaves and last_depth and last_tile and not _release(
        activation_ring, place, times, account, ACTIVATIONS, stop
    ):
        return UNUSED
    place[P_DEPTH] += 1
    if last_depth:
        place[P_DEPTH] = 0
        place[P_TILE] += 1
        if last_tile:
            place[P_TILE] = 0
            _next_visit(layer, place, P_GROUP)
    return DONE


@njit(cache=True)
def _chunk(machine: Integers, layer: Integers, chunks: Integers, times: Integers,
           place: Integers, account: Integers, ring: Integers, stores: Integers) -> int:
    """Run the next chunk of a vector layer as far as what it waits for is known."""
    work = chunks[layer[L_FIRST] + place[P_CHUNKS]]
    cursor = times[T_VECTOR]
    while place[P_READY] < layer[L_INPUTS]:
        arrived = _arrival(ring, place, ACTIVATIONS)
        if arrived < 0:
            return STUCK
        cursor = times[T_VECTOR] = _until(account, A_VECTOR_A, cursor, arrived)
        place[P_RING + 6 + CONSUMED] += 1
        place[P_READY] += 1
    size = work[V_OUTPUT]
    if size:
        granted = place[P_RING + 12 + GRANTED]
        start = _room(stores, place, OUTPUTS, granted, size, layer[L_STAGING], cursor)
        if start < 0:
            return STUCK
        cursor = _until(account, A_VECTOR_O, cursor, start)
    cursor = times[T_VECTOR] = _until(account, A_VECTOR, cursor, cursor + work[V_CYCLES])
    for _ in range(layer[L_INPUTS]):
        if not _release(ring, place, times, account, ACTIVATIONS, cursor):
            return UNUSED
    if size:
        _store(stores, place, size, work[V_OUTPUT_BUS], cursor)
    place[P_READY] = 0
    place[P_CHUNKS] += 1
    place[P_STEPS] += 1
    return DONE


@njit(cache=True)
def _start_layer(machine: Integers, layer: Integers, times: Integers, place: Integers,
                 account: Integers, cycle: int) -> int:
    """Start a layer: nothing is in the array, in the staging area or on its way to DRAM."""
    base = P_RING + 6
    if place[base + RELEASED] < place[base + ASKED]:
        return UNUSED
    if layer[L_RESIDENT] > machine[M_ACTIVATION_ROOM]:
        return NO_ROOM
    times[T_LAYER] = times[T_START] = times[T_STOP] = times[T_VECTOR] = cycle
    for position in (P_GROUP, P_BLOCK, P_COLUMN, P_TILE, P_DEPTH, P_STEPS, P_READY, P_CHUNKS):
        place[position] = 0
    for position in (P_D_GROUP, P_D_BLOCK, P_D_COLUMN, P_D_INPUT):
        place[position] = 0
    place[P_PAD] = account[A_PAD + 1]
    place[base + APPLIED] = place[base + ASKED]
    place[base + HELD] = 0
    base = P_RING + 12
    place[base + APPLIED] = place[base + GRANTED]
    place[base + HELD] = 0
    return DONE


@njit(cache=True)
def _end_layer(machine: Integers, layer: Integers, times: Integers, place: Integers,
               account: Integers, stores: Integers, results: Integers) -> int:
    """Close a layer whose last result is stored; return when that was, -1 if not known yet."""
    base = P_RING + 12
    if place[base + GRANTED] < place[base + RELEASED]:
        return -1
    if not layer[L_VECTOR] and place[P_READ] < place[P_FINISHED]:
        return -1
    stored = 0
    if place[base + GRANTED]:
        stored = stores[(place[base + GRANTED] - 1) & (len(stores) - 1), E_THERE]
    if layer[L_VECTOR]:
        end = max(times[T_VECTOR], stored)
    else:
        stop = times[T_STOP]
        corner = stop + machine[M_WAVEFRONT]
        fill, drain = corner, corner + machine[M_DRAIN]
        if machine[M_PRELOADS]:
            fill, drain = stop + machine[M_ROWS] - 1, corner
        cursor = _until(account, A_FILL, stop, fill)
        cursor = _until(account, A_DRAIN, cursor, drain)
        rescaled = times[T_READ_STOP] + machine[M_PIPELINE]
        cursor = _until(account, A_STALL_R, cursor, rescaled)
        end = _until(account, A_STALL_O, cursor, stored)
    if layer[L_RESIDENT]:
        account[A_PAD + 1] = place[P_PAD] + end - times[T_LAYER]
    for cause in range(8):
        results[cause] = account[cause]
        account[cause] = 0
    results[R_START], results[R_STOP] = times[T_LAYER], end
    return end


@njit(cache=True)
def _advance(machine: Integers, layers: Integers, classes: Integers, chunks: Integers,
             times: Integers, place: Integers, account: Integers, weight_ring: Integers,
             activation_ring: Integers, stores: Integers, results: Integers,
             executed: Integers) -> int:
    """Run passes, tiles, chunks and whole layers until a transfer is waited for."""
    number = place[P_LAYER]
    while number < len(layers):
        layer = layers[number]
        status = DONE
        while status == DONE and place[P_STEPS] < layer[L_COUNT]:
            if layer[L_VECTOR]:
                status = _chunk(
                    machine, layer, chunks, times, place, account, activation_ring, stores
                )
            else:
                status = _pass(
                    machine, layer, classes[number], times, place, account, weight_ring,
                    activation_ring,
                )
                if status == STUCK and _rescale(
                    machine, layer, classes[number], times, place, account, stores
                ):
                    status = DONE
        if status != DONE:
            return status
        while not layer[L_VECTOR] and _rescale(
            machine, layer, classes[number], times, place, account, stores
        ):
            pass
        end = _end_layer(machine, layer, times, place, account, stores, results[number])
        if end < 0:
            return STUCK
        for kind in range(CLASSES):
            executed[number, kind] = account[A_CLASS + kind]
            account[A_CLASS + kind] = 0
        number += 1
        if number < len(layers):
            status = _start_layer(machine, layers[number], times, place, account, end)
            if status != DONE:
                return status
        place[P_LAYER] = number
    return DONE


@njit(cache=True)
def run_layers(machine: Integers, layers: Integers, classes: Integers, blocks: Integers,
               chunks: Integers, sizes: Integers, results: Integers, executed: Integers,
               account: Integers) -> tuple[int, int]:
    """Run all layers.

    Parameters
    ----------
    machine : int64[M_SIZE]
    layers : int64[layers, L_SIZE]
    classes : int64[layers, CLASSES, K_SIZE]
    blocks : int64[...]
        Bytes of the activation blocks of a group, layer after layer.
    chunks : int64[..., V_INPUT + inputs]
        Chunks of vector layers.
    sizes : int64[3]
        Entries of the rings of weights, activations and stores: powers of two.
    results : int64[layers, R_SIZE]
        Filled: cycles by cause, start, stop, bytes read and written.
    executed : int64[layers, CLASSES]
        Filled: passes of each class.
    account : int64[A_SIZE]
        Filled: what the units did.

    Returns
    -------
    DONE or what went wrong, and the layer in which it did.
    """
    times = np.zeros(T_SIZE, np.int64)
    place = np.zeros(P_SIZE, np.int64)
    ends = np.zeros((3, machine[M_OUTSTANDING]), np.int64)
    weight_ring = np.zeros((sizes[0], E_SIZE), np.int64)
    activation_ring = np.zeros((sizes[1], E_SIZE), np.int64)
    stores = np.zeros((sizes[2], E_SIZE), np.int64)
    status = DONE
    if len(layers):
        status = _start_layer(machine, layers[0], times, place, account, 0)
    while status == DONE or status == STUCK:
        status = _advance(
            machine, layers, classes, chunks, times, place, account, weight_ring,
            activation_ring, stores, results, executed,
        )
        if status == DONE:
            break
        if status != STUCK:
            return status, place[P_LAYER]
        if place[P_RING + ASKED] == place[P_RING + GRANTED]:
            _ask_weights(
                machine, layers, classes, times, place, account, weight_ring, ends, results
            )
        if place[P_RING + 6 + ASKED] == place[P_RING + 6 + GRANTED]:
            _ask_activations(
                machine, layers, blocks, chunks, times, place, account, activation_ring, ends,
                results,
            )
        if place[P_RING + 12 + ASKED] == place[P_RING + 12 + GRANTED]:
            _ask_store(machine, times, place, stores, ends)
        chosen = -1
        for engine in range(3):
            base = P_RING + 6 * engine
            if place[base + ASKED] > place[base + GRANTED] and (
                chosen < 0 or times[T_ASKED + engine] < times[T_ASKED + chosen]
            ):
                chosen = engine
        if chosen < 0:
            return STUCK, place[P_LAYER]
        if chosen == WEIGHTS:
            _grant(machine, times, place, account, weight_ring, ends, WEIGHTS)
        elif chosen == ACTIVATIONS:
            _grant(machine, times, place, account, activation_ring, ends, ACTIVATIONS)
        else:
            number = place[P_RING + 12 + GRANTED]
            results[place[P_LAYER], R_WRITTEN] += stores[number & (len(stores) - 1), E_BUS]
            _grant(machine, times, place, account, stores, ends, OUTPUTS)
    if place[P_RING + RELEASED] < place[P_RING + ASKED]:
        return UNUSED, len(layers) - 1
    if times[T_READ_STOP]:
        emptied = times[T_READ_STOP] + machine[M_PIPELINE]
        _until(account, A_PIPELINE, times[T_READ_STOP], min(emptied, results[-1, R_STOP]))
    return DONE, len(layers) - 1
