"""The steps of a layer: passes of the array, tiles of the rescale unit, chunks of the vector unit.

A step is run once all that it waits for is known, and then as a whole: its times are maxima.
"""

from __future__ import annotations

from accelsim.simulator.kernels import part
from accelsim.simulator.recurrence.positions import next_visit, pass_class, tiles_of_block, uses
from accelsim.simulator.recurrence.records import (
    ACTIVATIONS,
    AT_BLOCK,
    AT_DEPTH,
    AT_LAYER,
    AT_TILE,
    DONE,
    DRAIN,
    FILL,
    OUTPUTS,
    PRELOAD,
    STALL_ACTIVATIONS,
    STALL_OUTPUT,
    STALL_RESCALE,
    STALL_WEIGHTS,
    STREAM,
    STUCK,
    UNUSED,
    WEIGHTS,
    Integers,
    Record,
    Tables,
)
from accelsim.simulator.recurrence.requests import queue_store
from accelsim.simulator.recurrence.transfers import next_arrival, release, room_cycle

__all__ = ["charge", "rescale_tiles", "run_chunk", "run_pass"]


@part()
def charge(causes: Integers, cause: int, cursor: int, until: int) -> int:
    """Charge the cycles from ``cursor`` to ``until``, if there are any, and return the later."""
    if until > cursor:
        causes[cause] += until - cursor
        return until
    return cursor


@part()
def run_pass(machine: Record, tables: Tables, layer: Record) -> int:
    """Run the next pass if all it waits for is known: DONE, STUCK or UNUSED (a false release)."""
    at, rings = machine.array_at, tables.rings
    first_depth, last_depth = at[AT_DEPTH] == 0, at[AT_DEPTH] == layer.depths - 1
    use = uses(layer, at)
    loads, blocks = machine.engines[WEIGHTS], machine.engines[ACTIVATIONS]
    weights = next_arrival(loads, rings) if use.fetches_weights else 0
    activations = next_arrival(blocks, rings) if use.fetches_activations else 0
    if weights < 0 or activations < 0:
        machine.waits_for = WEIGHTS if weights < 0 else ACTIVATIONS
        return STUCK
    if first_depth and machine.started - machine.read == machine.buffer_count:
        machine.waits_for = OUTPUTS
        return STUCK
    kind = pass_class(layer, at)
    work, wavefront = tables.classes[at[AT_LAYER], kind], machine.wavefront + layer.scaling
    _stream(machine, work, first_depth, weights, activations, wavefront)
    tables.results[at[AT_LAYER]].executed[kind] += 1
    machine.passes += 1
    machine.steps += 1
    if use.fetches_weights:
        loads.consumed += 1
    if use.fetches_activations:
        blocks.consumed += 1
    if first_depth:
        machine.buffers[machine.started % machine.buffer_count].taken = machine.start
        machine.started += 1
    if last_depth:
        finished = machine.buffers[machine.finished % machine.buffer_count]
        drain = 0 if machine.preloads else machine.drain
        finished.registered = machine.stop + wavefront + drain
        finished.kind = kind
        machine.finished += 1
    if use.releases_weights and not release(loads, rings, machine.stop):
        return UNUSED
    if use.releases_activations and not release(blocks, rings, machine.stop):
        return UNUSED
    at[AT_DEPTH] += 1
    if last_depth:
        at[AT_DEPTH] = 0
        at[AT_TILE] += 1
        if at[AT_TILE] == tiles_of_block(layer, at[AT_BLOCK]):
            at[AT_TILE] = 0
            next_visit(layer, at)
    return DONE


@part()
def _stream(
    machine: Record,
    work: Record,
    first_depth: bool,
    weights: int,
    activations: int,
    wavefront: int,
) -> None:
    """Stream a pass: cycles before its stream and of its stream, each to its cause.

    ``weights``, ``activations``: when they are there; ``wavefront``: cycles from the last vector's
    entry until the far corner is done with it.
    """
    causes, stop = machine.causes, machine.stop
    cursor = settled = stop
    if machine.steps:
        corner = stop + wavefront
        if machine.preloads:
            if not machine.overlap:
                cursor = charge(causes, FILL, cursor, stop + machine.rows - 1)
                cursor = charge(causes, DRAIN, cursor, corner)
                settled = corner
        elif first_depth:
            if not machine.overlap:
                cursor = charge(causes, FILL, cursor, corner)
                if not machine.hidden:
                    cursor = charge(causes, DRAIN, cursor, corner + machine.drain)
            elif machine.hidden:
                cursor = charge(causes, DRAIN, cursor, stop + machine.drain - work.tile_stream)
            else:
                cursor = charge(causes, DRAIN, cursor, stop + machine.drain - 1)
    if machine.preloads:
        earliest = machine.start if machine.double else settled
        cursor = charge(causes, PRELOAD, cursor, earliest + machine.rows)
        if machine.weights_stay:
            loaded = max(earliest, weights) + work.preload
            cursor = charge(causes, STALL_WEIGHTS, cursor, loaded)
            cursor = charge(causes, STALL_ACTIVATIONS, cursor, activations)
        else:
            loaded = max(earliest, activations) + work.preload
            cursor = charge(causes, STALL_ACTIVATIONS, cursor, loaded)
            cursor = charge(causes, STALL_WEIGHTS, cursor, weights)
    else:
        cursor = charge(causes, STALL_ACTIVATIONS, cursor, activations)
        cursor = charge(causes, STALL_WEIGHTS, cursor, weights)
    if first_depth:
        buffer = machine.buffers[machine.started % machine.buffer_count]
        cursor = charge(causes, STALL_RESCALE, cursor, buffer.rescaled)
        cursor = charge(causes, STALL_OUTPUT, cursor, buffer.free)
    machine.start = start = cursor
    cursor = charge(causes, STREAM, cursor, start + work.stream)
    cursor = charge(causes, STALL_ACTIVATIONS, cursor, start + work.activations)
    cursor = charge(causes, STALL_WEIGHTS, cursor, start + work.weights)
    machine.stop = machine.pass_stop = cursor


@part(inline="always")
def rescale_tiles(machine: Record, tables: Tables) -> None:
    """Read the finished tiles, oldest first, up to one for whose results there is no room yet."""
    while machine.read < machine.finished and _rescale(machine, tables):
        pass


@part()
def _rescale(machine: Record, tables: Tables) -> bool:
    """Read the oldest finished tile, if there is room for its results."""
    buffer = machine.buffers[machine.read % machine.buffer_count]
    engine = machine.engines[OUTPUTS]
    work = tables.classes[machine.array_at[AT_LAYER], buffer.kind]
    before, registered = machine.read_stop, buffer.registered
    start = max(registered, before)
    if work.output:
        start = room_cycle(engine, tables.rings, engine.granted, work.output, start)
        if start < 0:
            return False
    cursor = before
    if before:
        tail = min(before + machine.pipeline, start)
        machine.tail += max(0, tail - before)
        cursor = max(before, tail)
    machine.read_stall += max(0, start - max(cursor, registered))
    stop = start + work.read
    machine.busy += work.read
    machine.taken += stop - max(buffer.taken, before)
    machine.unhindered = max(machine.unhindered, registered) + work.read
    buffer.rescaled = machine.unhindered
    buffer.free = machine.read_stop = stop
    if work.output:
        written = stop + machine.pipeline
        queue_store(machine, tables.rings, work.output, work.output_bus, written)
    machine.read += 1
    return True


@part()
def run_chunk(machine: Record, tables: Tables, layer: Record) -> int:
    """Run the next chunk of a vector layer as far as what it waits for is known."""
    work, rings = tables.chunks[layer.first + machine.steps], tables.rings
    loads, stores = machine.engines[ACTIVATIONS], machine.engines[OUTPUTS]
    while machine.ready < layer.inputs:
        arrived = next_arrival(loads, rings)
        if arrived < 0:
            machine.waits_for = ACTIVATIONS
            return STUCK
        machine.vector_stall_activations += max(0, arrived - machine.vector)
        machine.vector = max(machine.vector, arrived)
        loads.consumed += 1
        machine.ready += 1
    if work.output:
        start = room_cycle(stores, rings, stores.granted, work.output, machine.vector)
        if start < 0:
            machine.waits_for = OUTPUTS
            return STUCK
        machine.vector_stall_output += start - machine.vector
        machine.vector = start
    machine.vector_busy += work.cycles
    machine.vector += work.cycles
    machine.chunk_stop = machine.vector
    for _ in range(layer.inputs):
        if not release(loads, rings, machine.vector):
            return UNUSED
    if work.output:
        queue_store(machine, rings, work.output, work.output_bus, machine.vector)
    machine.ready = 0
    machine.steps += 1
    return DONE
