"""The machine of docs/timing.md as one recurrence: no clock, no events, no queue of what happens.

Passes, tiles, chunks and transfers of a unit follow each other, so each one's times are a maximum
over times that are known once its predecessors' are. Only the DRAM channel mixes the units: it
serves requests by (cycle asked, engine). A request that is not known yet depends on a transfer
that has not been granted, so it cannot come before the earliest known one: that one is granted,
and everything that now can be computed is. Columns of tiles that begin alike are not run one by
one: what one of them, or a few, added to every time and account is added as often (`_repeat`).

Plain loops over three int64 arrays (`run_layers`), whose places the constants below name: M_*
what the machine is, T_* cycles, P_* positions in loop nests and rings, A_* what was done so far.
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
M_LAYERS, M_RING, M_MASK = 19, 20, 23

# Cycles. Where there are several: one for each buffer, engine or scratchpad.
T_START, T_STOP, T_LAYER, T_READ_STOP, T_UNHINDERED, T_HELD, T_CHANNEL, T_VECTOR = range(26, 34)
T_PASS_STOP, T_RESCALED, T_FREE, T_TAKEN, T_REGISTERED = 34, 35, 37, 39, 41
T_ASKED, T_BLOCKED, T_PAD, T_ASKING, T_UNDER_WAY, T_WAITING = 43, 46, 49, 51, 54, 57

# Positions: of the array, of the weights' engine, of the activations' engine; then of each ring.
P_LAYER, P_GROUP, P_BLOCK, P_COLUMN, P_TILE, P_DEPTH, P_PASSES, P_STEPS = range(60, 68)
P_STARTED, P_FINISHED, P_READ, P_CLASS, P_READY, P_CHUNKS, P_PAD = 68, 69, 70, 71, 73, 74, 75
P_W_LAYER, P_W_GROUP, P_W_BLOCK, P_W_COLUMN, P_W_TILE, P_W_DEPTH, P_W_LEFT, P_W_BASE = range(76, 84)
P_D_GROUP, P_D_BLOCK, P_D_COLUMN, P_D_INPUT = range(84, 88)
P_WEIGHTS, P_ACTIVATIONS, P_OUTPUTS, P_RING = 88, 94, 100, 6
ASKED, GRANTED, HELD, APPLIED, RELEASED, CONSUMED = range(P_RING)

# Accounts.
A_STREAM, A_PRELOAD, A_FILL, A_DRAIN, A_STALL_W, A_STALL_A, A_STALL_O, A_STALL_R = range(106, 114)
A_BUSY, A_PIPELINE, A_READ_STALL, A_VECTOR, A_VECTOR_A, A_VECTOR_O, A_HELD = range(114, 121)
A_HOLD, A_ASKING, A_UNDER_WAY, A_WAITING, A_BLOCKED, A_PAD = 121, 124, 127, 130, 133, 135
A_BUS = 137
CAUSES = 8

T_CHUNK_STOP, A_BEFORE, S_ENDS = 140, 141, 149
"""When the last transfers of each engine were complete: as many as may be outstanding."""

# A layer: its loop nest, its passes by class, what it reports.
L_VECTOR, L_RESIDENT, L_STAGING, L_AHEAD, L_GROUPS, L_BLOCKS, L_COLUMNS, L_DEPTHS = range(8)
L_TILES, L_LAST_TILES, L_ROWS_OUTSIDE, L_WEIGHTS, L_ACTIVATIONS, L_FIRST, L_COUNT = range(8, 15)
L_INPUTS, L_CLASSES, CLASSES, K_SIZE = 15, 16, 24, 9
R_PASSES = L_CLASSES + CLASSES * K_SIZE
R_CAUSES = R_PASSES + CLASSES
R_START, R_STOP, R_READ, R_WRITTEN = range(R_CAUSES + CAUSES, R_CAUSES + CAUSES + 4)
LAYER = R_WRITTEN + 1
# L_WEIGHTS: fetched never, with the first rows, with the first rows of each block, always.
NEVER, FIRST_ROWS, EACH_BLOCK, EACH_PASS = range(4)
# L_ACTIVATIONS: a block is fetched never, with the first columns, at each visit.
FIRST_COLUMNS, EACH_VISIT = 1, 2

# A class of passes: which tile of rows (any, a block's last, the layer's last), of columns (any,
# the last) and of depth (any, the first, the last, the only one).
K_STREAM, K_ACTIVATIONS, K_WEIGHTS, K_PRELOAD, K_TILE_STREAM, K_READ, K_OUTPUT = range(7)
K_OUTPUT_BUS, K_WEIGHT_BYTES = 7, 8

# A chunk of a vector layer.
V_CYCLES, V_OUTPUT, V_OUTPUT_BUS, V_INPUT, V_SIZE = 0, 1, 2, 3, 5

# An entry of a ring.
E_TAKEN, E_BYTES, E_BUS, E_THERE, E_RELEASED, E_SIZE = range(6)

LONGEST_PERIOD = 32
"""Columns after which the state is looked at anew, to see whether it comes again."""

WEIGHTS, ACTIVATIONS, OUTPUTS = range(3)
DONE, STUCK, NO_ROOM, UNUSED = range(4)


@njit(cache=True, error_model="numpy")
def _entry(state: Integers, engine: int, number: int) -> int:
    """Return the row of a transfer in the rings."""
    return int(state[M_RING + engine] + (number & state[M_MASK + engine]))


@njit(cache=True, error_model="numpy")
def _work(layer: int, kind: int) -> int:
    """Return where the K_* of a class are."""
    return layer + L_CLASSES + kind * K_SIZE


@njit(cache=True, error_model="numpy")
def _until(state: Integers, cause: int, cursor: int, until: int) -> int:
    """Charge the cycles from ``cursor`` to ``until``, if there are any, and return the later."""
    if until > cursor:
        state[cause] += until - cursor
        return until
    return cursor


@njit(cache=True, error_model="numpy")
def _cover(state: Integers, what: int, front: int, start: int, stop: int) -> None:
    """Add an interval to a union of intervals that come in order."""
    state[what] += max(0, stop - max(start, state[front]))
    state[front] = max(stop, state[front])


@njit(cache=True, error_model="numpy")
def _stream(
    state: Integers,
    nests: Integers,
    work: int,
    first: bool,
    first_depth: bool,
    weights: int,
    activations: int,
    buffer: int,
) -> None:
    """Stream a pass: cycles before its stream and of its stream, each to its cause."""
    stop = state[T_STOP]
    cursor = stop
    settled = stop
    if not first:
        corner = stop + state[M_WAVEFRONT]
        overlap = state[M_OVERLAP]
        if state[M_PRELOADS]:
            if not overlap:
                cursor = _until(state, A_FILL, cursor, stop + state[M_ROWS] - 1)
                cursor = _until(state, A_DRAIN, cursor, corner)
                settled = corner
        elif first_depth:
            drain = state[M_DRAIN]
            if not overlap:
                cursor = _until(state, A_FILL, cursor, corner)
                if not state[M_HIDDEN]:
                    cursor = _until(state, A_DRAIN, cursor, corner + drain)
            elif state[M_HIDDEN]:
                cursor = _until(state, A_DRAIN, cursor, stop + drain - nests[work + K_TILE_STREAM])
            else:
                cursor = _until(state, A_DRAIN, cursor, stop + drain - 1)
    if state[M_PRELOADS]:
        earliest = state[T_START] if state[M_DOUBLE] else settled
        cursor = _until(state, A_PRELOAD, cursor, earliest + state[M_ROWS])
        if state[M_WEIGHTS_STAY]:
            preloaded = max(earliest, weights) + nests[work + K_PRELOAD]
            cursor = _until(state, A_STALL_W, cursor, preloaded)
            cursor = _until(state, A_STALL_A, cursor, activations)
        else:
            preloaded = max(earliest, activations) + nests[work + K_PRELOAD]
            cursor = _until(state, A_STALL_A, cursor, preloaded)
            cursor = _until(state, A_STALL_W, cursor, weights)
    else:
        cursor = _until(state, A_STALL_A, cursor, activations)
        cursor = _until(state, A_STALL_W, cursor, weights)
    if first_depth:
        cursor = _until(state, A_STALL_R, cursor, state[T_RESCALED + buffer])
        cursor = _until(state, A_STALL_O, cursor, state[T_FREE + buffer])
    state[T_START] = start = cursor
    cursor = _until(state, A_STREAM, cursor, start + nests[work + K_STREAM])
    cursor = _until(state, A_STALL_A, cursor, start + nests[work + K_ACTIVATIONS])
    state[T_STOP] = _until(state, A_STALL_W, cursor, start + nests[work + K_WEIGHTS])


@njit(cache=True, error_model="numpy")
def _arrival(rings: Integers, state: Integers, engine: int) -> int:
    """Return when the next load that nobody has picked up is complete, -1 if not known."""
    base = P_WEIGHTS + P_RING * engine
    if state[base + CONSUMED] == state[base + GRANTED]:
        return -1
    return int(rings[_entry(state, engine, state[base + CONSUMED]), E_THERE])


@njit(cache=True, error_model="numpy")
def _release(rings: Integers, state: Integers, engine: int, cycle: int) -> bool:
    """Give away the oldest load that is still held."""
    base = P_WEIGHTS + P_RING * engine
    if state[base + RELEASED] == state[base + CONSUMED]:
        return False
    entry = _entry(state, engine, state[base + RELEASED])
    rings[entry, E_RELEASED] = cycle
    if rings[entry, E_BYTES]:
        _cover(state, A_PAD + engine, T_PAD + engine, rings[entry, E_TAKEN], cycle)
    state[base + RELEASED] += 1
    return True


@njit(cache=True, error_model="numpy")
def _room(
    rings: Integers, state: Integers, engine: int, known: int, size: int, room: int, cycle: int
) -> int:
    """Take room from ``cycle`` on and return when there is some, -1 if not known yet.

    Of what is held, the ``known`` oldest entries are given away at E_RELEASED.
    """
    base = P_WEIGHTS + P_RING * engine
    while state[base + APPLIED] < known:
        entry = _entry(state, engine, state[base + APPLIED])
        full = state[base + HELD] + size > room
        if rings[entry, E_RELEASED] > cycle:
            if not full:
                break
            cycle = rings[entry, E_RELEASED]
        state[base + HELD] -= rings[entry, E_BYTES]
        state[base + APPLIED] += 1
    if state[base + HELD] + size > room:
        return -1
    state[base + HELD] += size
    return cycle


@njit(cache=True, error_model="numpy")
def _ask(state: Integers, rings: Integers, engine: int, size: int, room: int, cycle: int) -> bool:
    """Ask for a load once a slot and then room are there; whether that is known."""
    base = P_WEIGHTS + P_RING * engine
    number = state[base + ASKED]
    cycle = max(
        cycle,
        state[T_ASKED + engine],
        state[S_ENDS + engine * state[M_OUTSTANDING] + number % state[M_OUTSTANDING]],
    )
    taken = _room(rings, state, engine, state[base + RELEASED], size, room, cycle)
    if taken < 0:
        return False
    state[A_BLOCKED + engine] += taken - cycle
    state[T_BLOCKED + engine] = cycle
    state[T_ASKED + engine] = taken
    entry = _entry(state, engine, number)
    rings[entry, E_TAKEN] = taken
    rings[entry, E_BYTES] = size
    state[base + ASKED] += 1
    return True


@njit(cache=True, error_model="numpy")
def _grant(state: Integers, rings: Integers, engine: int) -> None:
    """Carry an engine's oldest request over the channel."""
    base = P_WEIGHTS + P_RING * engine
    number = state[base + GRANTED]
    entry = _entry(state, engine, number)
    asked, bus = state[T_ASKED + engine], rings[entry, E_BUS]
    start = max(asked, state[T_CHANNEL])
    bursts = bus // state[M_BURST]
    up, down = state[M_HOLD_UP], state[M_HOLD_DOWN]
    stop = start + bursts * (up // down) + (bursts * (up % down) + down - 1) // down
    there = stop + state[M_DELAY]
    state[T_CHANNEL] = stop
    state[A_HOLD + engine] += stop - start
    state[A_BUS + engine] += bus
    _cover(state, A_ASKING + engine, T_ASKING + engine, asked, stop)
    _cover(state, A_UNDER_WAY + engine, T_UNDER_WAY + engine, asked, there)
    _cover(state, A_WAITING + engine, T_WAITING + engine, state[T_BLOCKED + engine], there)
    rings[entry, E_THERE] = there
    if engine == OUTPUTS:
        rings[entry, E_RELEASED] = there
    state[S_ENDS + engine * state[M_OUTSTANDING] + number % state[M_OUTSTANDING]] = there
    state[base + GRANTED] += 1


@njit(cache=True, error_model="numpy")
def _class(nests: Integers, layer: int, block: int, column: int, tile: int, depth: int) -> int:
    """Return the class of a pass."""
    kind = 0
    if block == nests[layer + L_BLOCKS] - 1:
        if tile == nests[layer + L_LAST_TILES] - 1:
            kind = 16
    elif tile == nests[layer + L_TILES] - 1:
        kind = 8
    if column == nests[layer + L_COLUMNS] - 1:
        kind += 4
    if depth == 0:
        kind += 1
    if depth == nests[layer + L_DEPTHS] - 1:
        kind += 2
    return kind


@njit(cache=True, error_model="numpy")
def _tiles(nests: Integers, layer: int, block: int) -> int:
    """Return the tiles of rows of a block."""
    return int(
        nests[layer + L_LAST_TILES]
        if block == nests[layer + L_BLOCKS] - 1
        else nests[layer + L_TILES]
    )


@njit(cache=True, error_model="numpy")
def _next_weights(nests: Integers, layer: int, state: Integers) -> None:
    """Move to the next weight tile that is fetched, or to the next layer."""
    state[P_W_DEPTH] += 1
    if state[P_W_DEPTH] < nests[layer + L_DEPTHS]:
        return
    state[P_W_DEPTH] = 0
    when = nests[layer + L_WEIGHTS]
    if when == EACH_PASS:
        state[P_W_TILE] += 1
        if state[P_W_TILE] < _tiles(nests, layer, state[P_W_BLOCK]):
            return
        state[P_W_TILE] = 0
    more = _next_visit(nests, layer, state, P_W_GROUP)
    while more and when == FIRST_ROWS and state[P_W_BLOCK]:
        more = _next_visit(nests, layer, state, P_W_GROUP)
    if not more:
        state[P_W_LAYER] += 1
        state[P_W_BASE] += nests[layer + L_COUNT]
        state[P_W_LEFT] = 0


@njit(cache=True, error_model="numpy")
def _next_visit(nests: Integers, layer: int, state: Integers, group: int) -> bool:
    """Move (group, block, column), which start at ``group``, to the next visit; whether it is."""
    block, column = group + 1, group + 2
    inner, outer = (column, block) if nests[layer + L_ROWS_OUTSIDE] else (block, column)
    for position, count in (
        (inner, nests[layer + L_COLUMNS] if inner == column else nests[layer + L_BLOCKS]),
        (outer, nests[layer + L_BLOCKS] if inner == column else nests[layer + L_COLUMNS]),
        (group, nests[layer + L_GROUPS]),
    ):
        state[position] += 1
        if state[position] < count:
            return True
        state[position] = 0
    return False


@njit(cache=True, error_model="numpy")
def _pass_number(
    nests: Integers, layer: int, group: int, block: int, column: int, tile: int, depth: int
) -> int:
    """Return how many passes of the layer come before one."""
    before = block * nests[layer + L_TILES]
    rows = (nests[layer + L_BLOCKS] - 1) * nests[layer + L_TILES] + nests[layer + L_LAST_TILES]
    visits = group * rows * nests[layer + L_COLUMNS]
    if nests[layer + L_ROWS_OUTSIDE]:
        visits += before * nests[layer + L_COLUMNS] + column * _tiles(nests, layer, block)
    else:
        visits += column * rows + before
    return int((visits + tile) * nests[layer + L_DEPTHS] + depth)


@njit(cache=True, error_model="numpy")
def _ask_weights(state: Integers, nests: Integers, rings: Integers) -> bool:
    """Ask for the next weight tile, if it is known when."""
    number = state[P_W_LAYER]
    count = state[M_LAYERS]
    while number < count and nests[number * LAYER + L_WEIGHTS] == NEVER:
        if not nests[number * LAYER + L_VECTOR]:
            state[P_W_BASE] += nests[number * LAYER + L_COUNT]
        number += 1
        state[P_W_LAYER] = number
    if number == count:
        return False
    layer = number * LAYER
    cycle = 0
    if not nests[layer + L_AHEAD]:
        if state[P_LAYER] < number:
            return False
        cycle = state[T_LAYER]
    block, column = state[P_W_BLOCK], state[P_W_COLUMN]
    tile, depth = state[P_W_TILE], state[P_W_DEPTH]
    if not state[M_WEIGHTS_AHEAD]:
        needed = _pass_number(nests, layer, state[P_W_GROUP], block, column, tile, depth)
        if state[P_PASSES] < state[P_W_BASE] + needed:
            return False
        cycle = max(cycle, state[T_PASS_STOP])
    work = _work(layer, _class(nests, layer, block, column, tile, depth))
    size = nests[work + K_WEIGHT_BYTES]
    room = state[M_WEIGHT_ROOM]
    if not _ask(state, rings, WEIGHTS, size, room, cycle):
        return False
    burst = state[M_BURST]
    bus = 0
    if size > state[P_W_LEFT]:
        bus = (size - state[P_W_LEFT] + burst - 1) // burst * burst
    state[P_W_LEFT] += bus - size
    rings[_entry(state, WEIGHTS, state[P_WEIGHTS + ASKED] - 1), E_BUS] = bus
    nests[layer + R_READ] += bus
    _next_weights(nests, layer, state)
    return True


@njit(cache=True, error_model="numpy")
def _ask_activations(state: Integers, nests: Integers, rings: Integers) -> bool:
    """Ask for the next block of rows, or the next input of a chunk, of the layer that runs."""
    layer = state[P_LAYER] * LAYER
    cycle = state[T_LAYER]
    block = state[P_D_BLOCK]
    if nests[layer + L_VECTOR]:
        if block == nests[layer + L_COUNT] or nests[layer + L_INPUTS] == 0:
            return False
        needed = block
        size = nests[nests[layer + L_FIRST] + block * V_SIZE + V_INPUT + state[P_D_INPUT]]
    else:
        if nests[layer + L_ACTIVATIONS] == NEVER or state[P_D_INPUT]:
            return False
        needed = _pass_number(nests, layer, state[P_D_GROUP], block, state[P_D_COLUMN], 0, 0)
        size = nests[nests[layer + L_FIRST] + block]
    if not state[M_ACTIVATIONS_AHEAD]:
        if state[P_STEPS] < needed:
            return False
        if needed:
            cycle = max(
                cycle, state[T_CHUNK_STOP] if nests[layer + L_VECTOR] else state[T_PASS_STOP]
            )
    room = state[M_ACTIVATION_ROOM] - nests[layer + L_RESIDENT]
    if not _ask(state, rings, ACTIVATIONS, size, room, cycle):
        return False
    burst = state[M_BURST]
    bus = (size + burst - 1) // burst * burst
    rings[_entry(state, ACTIVATIONS, state[P_ACTIVATIONS + ASKED] - 1), E_BUS] = bus
    nests[layer + R_READ] += bus
    if nests[layer + L_VECTOR]:
        state[P_D_INPUT] += 1
        if state[P_D_INPUT] == nests[layer + L_INPUTS]:
            state[P_D_INPUT] = 0
            state[P_D_BLOCK] += 1
        return True
    more = _next_visit(nests, layer, state, P_D_GROUP)
    while more and nests[layer + L_ACTIVATIONS] == FIRST_COLUMNS and state[P_D_COLUMN]:
        more = _next_visit(nests, layer, state, P_D_GROUP)
    state[P_D_INPUT] = 0 if more else 1
    return True


@njit(cache=True, error_model="numpy")
def _ask_store(state: Integers, rings: Integers) -> bool:
    """Ask for the store of the oldest result that is written, if there is one."""
    base = P_OUTPUTS
    number = state[base + ASKED]
    if number == state[base + RELEASED]:
        return False
    written = rings[_entry(state, OUTPUTS, number), E_TAKEN]
    slot = state[S_ENDS + OUTPUTS * state[M_OUTSTANDING] + number % state[M_OUTSTANDING]]
    state[T_ASKED + OUTPUTS] = max(state[T_ASKED + OUTPUTS], written, slot)
    state[T_BLOCKED + OUTPUTS] = state[T_ASKED + OUTPUTS]
    state[base + ASKED] += 1
    return True


@njit(cache=True, error_model="numpy")
def _store(rings: Integers, state: Integers, size: int, bus: int, written: int) -> None:
    """Queue a result for its store; its room has been taken."""
    base = P_OUTPUTS
    entry = _entry(state, OUTPUTS, state[base + RELEASED])
    rings[entry, E_TAKEN] = written
    rings[entry, E_BYTES] = size
    rings[entry, E_BUS] = bus
    state[base + RELEASED] += 1


@njit(cache=True, error_model="numpy")
def _rescale(state: Integers, nests: Integers, layer: int, rings: Integers) -> bool:
    """Read the oldest finished tile, if there is one and there is room for its results."""
    tile = state[P_READ]
    if tile == state[P_FINISHED]:
        return False
    work = _work(layer, state[P_CLASS + (tile & 1)])
    registered = state[T_REGISTERED + (tile & 1)]
    cursor = state[T_READ_STOP]
    start = max(registered, cursor)
    if nests[work + K_OUTPUT]:
        granted = state[P_OUTPUTS + GRANTED]
        start = _room(
            rings, state, OUTPUTS, granted, nests[work + K_OUTPUT], nests[layer + L_STAGING], start
        )
        if start < 0:
            return False
    if cursor:
        cursor = _until(state, A_PIPELINE, cursor, min(cursor + state[M_PIPELINE], start))
    _until(state, A_READ_STALL, max(cursor, registered), start)
    stop = start + nests[work + K_READ]
    state[A_BUSY] += nests[work + K_READ]
    state[T_READ_STOP] = stop
    state[T_UNHINDERED] = max(state[T_UNHINDERED], registered) + nests[work + K_READ]
    buffer = tile % state[M_BUFFERS]
    state[T_RESCALED + buffer] = state[T_UNHINDERED]
    state[T_FREE + buffer] = stop
    _cover(state, A_HELD, T_HELD, state[T_TAKEN + buffer], stop)
    if nests[work + K_OUTPUT]:
        written = stop + state[M_PIPELINE]
        _store(rings, state, nests[work + K_OUTPUT], nests[work + K_OUTPUT_BUS], written)
    state[P_READ] += 1
    return True


@njit(cache=True, error_model="numpy")
def _pass(state: Integers, nests: Integers, layer: int, rings: Integers) -> int:
    """Run the next pass if all it waits for is known: DONE, STUCK or UNUSED (a false release)."""
    block, column = state[P_BLOCK], state[P_COLUMN]
    tile, depth = state[P_TILE], state[P_DEPTH]
    first_depth, last_depth = depth == 0, depth == nests[layer + L_DEPTHS] - 1
    last_tile = tile == _tiles(nests, layer, block) - 1
    when, again = nests[layer + L_WEIGHTS], nests[layer + L_ACTIVATIONS]
    by_block = when == EACH_BLOCK
    fetches_weights = when == EACH_PASS or (
        when != NEVER and tile == 0 and (by_block or block == 0)
    )
    releases_weights = when == EACH_PASS or (
        when != NEVER and last_tile and (by_block or block == nests[layer + L_BLOCKS] - 1)
    )
    enters = again == EACH_VISIT or (again == FIRST_COLUMNS and column == 0)
    fetches_activations = enters and first_depth and tile == 0
    leaves = again == EACH_VISIT or (
        again == FIRST_COLUMNS and column == nests[layer + L_COLUMNS] - 1
    )
    weights = activations = buffer = 0
    if fetches_weights:
        weights = _arrival(rings, state, WEIGHTS)
    if fetches_activations:
        activations = _arrival(rings, state, ACTIVATIONS)
    if weights < 0 or activations < 0:
        return STUCK
    if first_depth:
        if state[P_STARTED] - state[P_READ] == state[M_BUFFERS]:
            return STUCK
        buffer = state[P_STARTED] % state[M_BUFFERS]
    kind = _class(nests, layer, block, column, tile, depth)
    work = _work(layer, kind)
    first = state[P_STEPS] == 0
    if not first_depth and not last_depth:
        return _run(state, nests, layer, rings, kind, fetches_weights, releases_weights)
    _stream(state, nests, work, first, first_depth, weights, activations, buffer)
    nests[layer + R_PASSES + kind] += 1
    state[P_PASSES] += 1
    state[P_STEPS] += 1
    stop = state[T_PASS_STOP] = state[T_STOP]
    if fetches_weights:
        state[P_WEIGHTS + CONSUMED] += 1
    if fetches_activations:
        state[P_ACTIVATIONS + CONSUMED] += 1
    if first_depth:
        state[T_TAKEN + buffer] = state[T_START]
        state[P_STARTED] += 1
    if last_depth:
        finished = state[P_FINISHED]
        registered = stop + state[M_WAVEFRONT]
        if not state[M_PRELOADS]:
            registered += state[M_DRAIN]
        state[T_REGISTERED + (finished & 1)] = registered
        state[P_CLASS + (finished & 1)] = kind
        state[P_FINISHED] += 1
    if releases_weights and not _release(rings, state, WEIGHTS, stop):
        return UNUSED
    if leaves and last_depth and last_tile and not _release(rings, state, ACTIVATIONS, stop):
        return UNUSED
    state[P_DEPTH] += 1
    if last_depth:
        state[P_DEPTH] = 0
        state[P_TILE] += 1
        if last_tile:
            state[P_TILE] = 0
            _next_visit(nests, layer, state, P_GROUP)
    return DONE


@njit(cache=True, error_model="numpy")
def _run(
    state: Integers,
    nests: Integers,
    layer: int,
    rings: Integers,
    kind: int,
    fetches: bool,
    releases: bool,
) -> int:
    """Run passes of one tile between its first and its last depth: as many as are alike.

    They are of one class, and a pass depends on the one before it only. So once an operand is
    known to be there before it matters, each takes what the first of them takes.
    """
    count = nests[layer + L_DEPTHS] - 1 - state[P_DEPTH]
    weights = 0
    if fetches:
        consumed = state[P_WEIGHTS + CONSUMED]
        weights = rings[_entry(state, WEIGHTS, consumed), E_THERE]
        count = min(count, state[P_WEIGHTS + GRANTED] - consumed)
        while count > 1 and (
            rings[_entry(state, WEIGHTS, consumed + count - 1), E_THERE] > state[T_START]
        ):
            count //= 2
        state[P_WEIGHTS + CONSUMED] += count
    before = state[T_STOP]
    for cause in range(CAUSES):
        state[A_BEFORE + cause] = state[A_STREAM + cause]
    _stream(state, nests, _work(layer, kind), False, False, weights, 0, 0)
    first_stop = state[T_STOP]
    period = first_stop - before
    for cause in range(CAUSES):
        charged = state[A_STREAM + cause] - state[A_BEFORE + cause]
        state[A_STREAM + cause] += (count - 1) * charged
    state[T_START] += (count - 1) * period
    state[T_STOP] += (count - 1) * period
    state[T_PASS_STOP] = state[T_STOP]
    nests[layer + R_PASSES + kind] += count
    state[P_PASSES] += count
    state[P_STEPS] += count
    state[P_DEPTH] += count
    if releases:
        for number in range(count):
            if not _release(rings, state, WEIGHTS, first_stop + number * period):
                return UNUSED
    return DONE


@njit(cache=True, error_model="numpy")
def _chunk(state: Integers, nests: Integers, layer: int, rings: Integers) -> int:
    """Run the next chunk of a vector layer as far as what it waits for is known."""
    work = nests[layer + L_FIRST] + state[P_CHUNKS] * V_SIZE
    cursor = state[T_VECTOR]
    while state[P_READY] < nests[layer + L_INPUTS]:
        arrived = _arrival(rings, state, ACTIVATIONS)
        if arrived < 0:
            return STUCK
        cursor = state[T_VECTOR] = _until(state, A_VECTOR_A, cursor, arrived)
        state[P_ACTIVATIONS + CONSUMED] += 1
        state[P_READY] += 1
    size = nests[work + V_OUTPUT]
    if size:
        granted = state[P_OUTPUTS + GRANTED]
        start = _room(rings, state, OUTPUTS, granted, size, nests[layer + L_STAGING], cursor)
        if start < 0:
            return STUCK
        cursor = _until(state, A_VECTOR_O, cursor, start)
    cursor = state[T_VECTOR] = _until(state, A_VECTOR, cursor, cursor + nests[work + V_CYCLES])
    for _ in range(nests[layer + L_INPUTS]):
        if not _release(rings, state, ACTIVATIONS, cursor):
            return UNUSED
    if size:
        _store(rings, state, size, nests[work + V_OUTPUT_BUS], cursor)
    state[P_READY] = 0
    state[P_CHUNKS] += 1
    state[T_CHUNK_STOP] = cursor
    state[P_STEPS] += 1
    return DONE


@njit(cache=True, error_model="numpy")
def _start_layer(state: Integers, nests: Integers, layer: int, cycle: int) -> int:
    """Start a layer: nothing is in the array, in the staging area or on its way to DRAM."""
    base = P_ACTIVATIONS
    if state[base + RELEASED] < state[base + ASKED]:
        return UNUSED
    if nests[layer + L_RESIDENT] > state[M_ACTIVATION_ROOM]:
        return NO_ROOM
    state[T_LAYER] = state[T_START] = state[T_STOP] = state[T_VECTOR] = cycle
    for position in (P_GROUP, P_BLOCK, P_COLUMN, P_TILE, P_DEPTH, P_STEPS, P_READY, P_CHUNKS):
        state[position] = 0
    for position in (P_D_GROUP, P_D_BLOCK, P_D_COLUMN, P_D_INPUT):
        state[position] = 0
    state[P_PAD] = state[A_PAD + 1]
    state[base + APPLIED] = state[base + ASKED]
    state[base + HELD] = 0
    base = P_OUTPUTS
    state[base + APPLIED] = state[base + GRANTED]
    state[base + HELD] = 0
    return DONE


@njit(cache=True, error_model="numpy")
def _end_layer(state: Integers, nests: Integers, layer: int, rings: Integers) -> int:
    """Close a layer whose last result is stored; return when that was, -1 if not known yet."""
    base = P_OUTPUTS
    if state[base + GRANTED] < state[base + RELEASED]:
        return -1
    if not nests[layer + L_VECTOR] and state[P_READ] < state[P_FINISHED]:
        return -1
    stored = 0
    if state[base + GRANTED]:
        stored = rings[_entry(state, OUTPUTS, state[base + GRANTED] - 1), E_THERE]
    if nests[layer + L_VECTOR]:
        end = max(state[T_VECTOR], stored)
    else:
        stop = state[T_STOP]
        corner = stop + state[M_WAVEFRONT]
        fill, drain = corner, corner + state[M_DRAIN]
        if state[M_PRELOADS]:
            fill, drain = stop + state[M_ROWS] - 1, corner
        cursor = _until(state, A_FILL, stop, fill)
        cursor = _until(state, A_DRAIN, cursor, drain)
        rescaled = state[T_READ_STOP] + state[M_PIPELINE]
        cursor = _until(state, A_STALL_R, cursor, rescaled)
        end = _until(state, A_STALL_O, cursor, stored)
    if nests[layer + L_RESIDENT]:
        state[A_PAD + 1] = state[P_PAD] + end - state[T_LAYER]
    for cause in range(8):
        nests[layer + R_CAUSES + cause] = state[A_STREAM + cause]
        state[A_STREAM + cause] = 0
    nests[layer + R_START], nests[layer + R_STOP] = state[T_LAYER], end
    return int(end)


@njit(cache=True, error_model="numpy")
def _repeat(
    state: Integers, nests: Integers, rings: Integers, seen: Integers, old: Integers
) -> None:
    """When a column of tiles begins: add whole periods, if it begins like an earlier one did.

    The state decides what comes next, and the passes of all columns but the first and the last
    are alike. So once all that may still matter is as it was, only later, everything goes on to
    grow by what it has grown since then.
    """
    layer, column = state[P_LAYER] * LAYER, state[P_COLUMN]
    middle = nests[layer + L_COLUMNS] - 2
    if not nests[layer + L_ROWS_OUTSIDE] or column == 0 or column > middle:
        return
    if seen[P_STEPS] == state[P_STEPS] and seen[P_LAYER] == state[P_LAYER]:
        return
    # Column 1 is always kept, so what is seen is of this layer, group and block.
    if column > 1 and _is_alike(state, rings, seen, old):
        ahead = state[P_W_COLUMN] if state[P_W_COLUMN] != seen[P_W_COLUMN] else 0
        count = (middle - max(column, ahead)) // (column - seen[P_COLUMN])
        if count > 0:
            _add_periods(state, nests, rings, seen, count)
            return
    if column & (column - 1) == 0 or column % LONGEST_PERIOD == 0:
        _keep(state, nests, rings, seen, old)


@njit(cache=True, error_model="numpy")
def _live(state: Integers, engine: int) -> tuple[int, int]:
    """Return the first and one past the last transfer that still matter."""
    base = P_WEIGHTS + P_RING * engine
    return state[base + APPLIED], max(state[base + ASKED], state[base + RELEASED])


@njit(cache=True, error_model="numpy")
def _keep(state: Integers, nests: Integers, rings: Integers, seen: Integers, old: Integers) -> None:
    """Keep the state, what its layer reports so far and the transfers that still matter."""
    layer = state[P_LAYER] * LAYER
    for index in range(state.size):
        seen[index] = state[index]
    for index in range(LAYER - R_PASSES):
        seen[state.size + index] = nests[layer + R_PASSES + index]
    for engine in range(3):
        first, end = _live(state, engine)
        for number in range(first, end):
            entry = _entry(state, engine, number)
            for field in range(E_SIZE):
                old[entry, field] = rings[entry, field]


@njit(cache=True, error_model="numpy")
def _is_alike(state: Integers, rings: Integers, seen: Integers, old: Integers) -> bool:
    """Whether the state is the seen one, later, at another column of the same block.

    Buffers and slots are compared one by one, so as many tiles or transfers as there are of them
    have to have passed. What stands still must not be waited for: it would come sooner, later.
    """
    later = state[T_STOP] - seen[T_STOP]
    tiles = state[P_STARTED] - seen[P_STARTED]
    alike = tiles % 2 == 0
    for index in (T_START, T_READ_STOP, T_UNHINDERED, T_HELD, T_REGISTERED, T_REGISTERED + 1):
        alike &= state[index] - seen[index] == later
    for buffer in range(state[M_BUFFERS]):
        for index in (T_RESCALED, T_FREE, T_TAKEN):
            alike &= state[index + buffer] - seen[index + buffer] == later
    for index in (P_FINISHED, P_READ):
        alike &= state[index] - seen[index] == tiles
    for index in (P_CLASS, P_CLASS + 1, P_W_LAYER, P_W_GROUP, P_W_BLOCK, P_W_TILE, P_W_DEPTH):
        alike &= state[index] == seen[index]
    for index in (P_W_LEFT, P_D_GROUP, P_D_BLOCK, P_D_COLUMN, P_D_INPUT):
        alike &= state[index] == seen[index]
    if state[P_WEIGHTS + ASKED] == seen[P_WEIGHTS + ASKED]:
        alike &= state[P_W_COLUMN] == seen[P_W_COLUMN]
    else:
        alike &= state[P_W_COLUMN] - seen[P_W_COLUMN] == state[P_COLUMN] - seen[P_COLUMN]
        alike &= state[P_W_LAYER] == state[P_LAYER]
        alike &= state[P_W_GROUP] == state[P_GROUP] and state[P_W_BLOCK] == state[P_BLOCK]
    engine = WEIGHTS
    while alike and engine <= OUTPUTS:
        alike = _is_engine_alike(state, rings, seen, old, engine, later)
        engine += 1
    return bool(alike)


@njit(cache=True, error_model="numpy")
def _is_engine_alike(
    state: Integers, rings: Integers, seen: Integers, old: Integers, engine: int, later: int
) -> bool:
    """Whether an engine did nothing and waits for nothing, or is where it was, later."""
    base = P_WEIGHTS + P_RING * engine
    asked, granted, released = state[base + ASKED], state[base + GRANTED], state[base + RELEASED]
    consumed = granted if engine == OUTPUTS else state[base + CONSUMED]
    count = asked - seen[base + ASKED]
    alike = state[base + HELD] == seen[base + HELD]
    for index in (GRANTED, APPLIED, RELEASED):
        alike &= state[base + index] - seen[base + index] == count
    if engine != OUTPUTS:
        alike &= consumed - seen[base + CONSUMED] == count
    if count == 0:
        return bool(alike and asked == granted and (engine != OUTPUTS or asked == released))
    outstanding = state[M_OUTSTANDING]
    alike &= count % outstanding == 0 and engine != ACTIVATIONS
    alike &= state[T_CHANNEL] - seen[T_CHANNEL] == later
    for index in (T_ASKED, T_BLOCKED, T_ASKING, T_UNDER_WAY, T_WAITING):
        alike &= state[index + engine] - seen[index + engine] == later
    if engine == WEIGHTS:
        alike &= state[T_PAD] - seen[T_PAD] == later
    for index in range(S_ENDS + engine * outstanding, S_ENDS + (engine + 1) * outstanding):
        alike &= state[index] - seen[index] == later
    freed, taken = (granted, asked) if engine == OUTPUTS else (released, released)
    number, end = _live(state, engine)
    while alike and number < end:
        entry, other = _entry(state, engine, number), _entry(state, engine, number - count)
        alike = rings[entry, E_BYTES] == old[other, E_BYTES]
        if number < freed:
            alike &= rings[entry, E_RELEASED] - old[other, E_RELEASED] == later
        if number >= taken:
            alike &= rings[entry, E_TAKEN] - old[other, E_TAKEN] == later
        if consumed <= number < granted:
            alike &= rings[entry, E_THERE] - old[other, E_THERE] == later
        if number >= granted:
            alike &= rings[entry, E_BUS] == old[other, E_BUS]
        number += 1
    return bool(alike)


@njit(cache=True, error_model="numpy")
def _add_periods(
    state: Integers, nests: Integers, rings: Integers, seen: Integers, count: int
) -> None:
    """Let everything grow ``count`` times more by what it grew since the state seen.

    The numbers of transfers stay: only differences of them matter, and so do the rings' places.
    """
    later = count * (state[T_STOP] - seen[T_STOP])
    for engine in range(3):
        first, end = _live(state, engine)
        if state[P_WEIGHTS + P_RING * engine + ASKED] == seen[P_WEIGHTS + P_RING * engine + ASKED]:
            end = first
        for number in range(first, end):
            entry = _entry(state, engine, number)
            for field in (E_TAKEN, E_THERE, E_RELEASED):
                rings[entry, field] += later
    for index in range(state.size):
        if not P_WEIGHTS <= index < A_STREAM:
            state[index] += count * (state[index] - seen[index])
    results = state[P_LAYER] * LAYER + R_PASSES
    for index in range(LAYER - R_PASSES):
        nests[results + index] += count * (nests[results + index] - seen[state.size + index])


@njit(cache=True, error_model="numpy")
def _advance(
    state: Integers, nests: Integers, rings: Integers, seen: Integers, old: Integers
) -> int:
    """Run passes, tiles, chunks and whole layers until a transfer is waited for."""
    while state[P_LAYER] < state[M_LAYERS]:
        layer = state[P_LAYER] * LAYER
        status = DONE
        while status == DONE and state[P_STEPS] < nests[layer + L_COUNT]:
            if nests[layer + L_VECTOR]:
                status = _chunk(state, nests, layer, rings)
            else:
                if state[P_DEPTH] == 0 and state[P_TILE] == 0:
                    _repeat(state, nests, rings, seen, old)
                status = _pass(state, nests, layer, rings)
                if status == STUCK and _rescale(state, nests, layer, rings):
                    status = DONE
        if status != DONE:
            return status
        while not nests[layer + L_VECTOR] and _rescale(state, nests, layer, rings):
            pass
        end = _end_layer(state, nests, layer, rings)
        if end < 0:
            return STUCK
        if state[P_LAYER] + 1 < state[M_LAYERS]:
            status = _start_layer(state, nests, layer + LAYER, end)
            if status != DONE:
                return status
        state[P_LAYER] += 1
    return DONE


@njit(cache=True, error_model="numpy")
def run_layers(state: Integers, nests: Integers, rings: Integers) -> int:
    """Run all layers.

    Parameters
    ----------
    state : int64[S_ENDS + 3 * outstanding]
        M_* given, the rest zero. Filled: T_*, and in A_* what the units did.
    nests : int64[layers * LAYER + ...]
        A row of LAYER for each layer: L_* and the K_* of each class given, R_* filled. The rows
        are followed by bytes of activation blocks and by chunks, at L_FIRST.
    rings : int64[entries, E_SIZE]
        The rings of weights, activations and stores: each a power of two, M_MASK + 1 entries
        from M_RING on.

    Returns
    -------
    DONE or what went wrong, in layer P_LAYER.
    """
    seen = np.zeros(state.size + LAYER - R_PASSES, np.int64)
    old = np.zeros_like(rings)
    status = STUCK
    if state[M_LAYERS]:
        status = max(status, _start_layer(state, nests, 0, 0))
    while status == STUCK:
        status = _advance(state, nests, rings, seen, old)
        if status != STUCK:
            break
        if state[P_WEIGHTS + ASKED] == state[P_WEIGHTS + GRANTED]:
            _ask_weights(state, nests, rings)
        if state[P_ACTIVATIONS + ASKED] == state[P_ACTIVATIONS + GRANTED]:
            _ask_activations(state, nests, rings)
        if state[P_OUTPUTS + ASKED] == state[P_OUTPUTS + GRANTED]:
            _ask_store(state, rings)
        chosen = -1
        for engine in range(3):
            base = P_WEIGHTS + P_RING * engine
            if state[base + ASKED] > state[base + GRANTED] and (
                chosen < 0 or state[T_ASKED + engine] < state[T_ASKED + chosen]
            ):
                chosen = engine
        if chosen < 0:
            return STUCK
        if chosen == OUTPUTS:
            entry = _entry(state, OUTPUTS, state[P_OUTPUTS + GRANTED])
            nests[state[P_LAYER] * LAYER + R_WRITTEN] += rings[entry, E_BUS]
        _grant(state, rings, chosen)
    if status == DONE and state[P_WEIGHTS + RELEASED] < state[P_WEIGHTS + ASKED]:
        return UNUSED
    read = state[T_READ_STOP]
    if read:
        last = nests[(state[M_LAYERS] - 1) * LAYER + R_STOP]
        _until(state, A_PIPELINE, read, min(read + state[M_PIPELINE], last))
    return status
