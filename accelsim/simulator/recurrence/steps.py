"""The steps of a layer: passes of the array, tiles of the rescale unit, chunks of the vector unit.

A step is run once all that it waits for is known, and then as a whole: its times are maxima.
"""

from __future__ import annotations

from accelsim.simulator.kernels import part
from accelsim.simulator.recurrence.positions import (
    ends_tile,
    next_pass,
    pass_class,
    starts_tile,
    uses,
)
from accelsim.simulator.recurrence.records import (
    ACTIVATIONS,
    AT_LAYER,
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

__all__ = ["buffer_of", "charge", "rescale_tiles", "run_chunk", "run_pass"]


@part()
def charge(causes: Integers, cause: int, cursor: int, until: int) -> int:
    """Charge the cycles from ``cursor`` to ``until``, if there are any, and return the later."""
    if until > cursor:
        causes[cause] += until - cursor
        return until
    return cursor


@part()
def buffer_of(machine: Record, tile: int) -> Record:
    """Return the accumulator buffer of a tile, by the tile's number."""
    return machine.buffers[tile % machine.buffer_count]


@part()
def run_pass(machine: Record, tables: Tables, layer: Record) -> int:
    """Run the next pass if all it waits for is known: DONE, STUCK or UNUSED (a false release)."""
    at, rings = machine.array_at, tables.rings
    first_depth, last_depth = starts_tile(at), ends_tile(layer, at)
    use = uses(layer, at)
    loads, blocks = machine.engines[WEIGHTS], machine.engines[ACTIVATIONS]
    weights = next_arrival(loads, rings) if use.fetches_weights else 0
    activations = next_arrival(blocks, rings) if use.fetches_activations else 0
    if weights < 0 or activations < 0:
        machine.waits_for = WEIGHTS if weights < 0 else ACTIVATIONS
        return STUCK
    if first_depth and machine.tiles_started - machine.tiles_read == machine.buffer_count:
        machine.waits_for = OUTPUTS
        return STUCK
    kind = pass_class(layer, at)
    work = tables.classes[at[AT_LAYER], kind]
    wavefront = machine.wavefront_cycles + layer.scaling_cycles
    _stream(machine, work, first_depth, weights, activations, wavefront)
    tables.results[at[AT_LAYER]].executed[kind] += 1
    machine.passes_run += 1
    machine.steps_run += 1
    if use.fetches_weights:
        loads.consumed += 1
    if use.fetches_activations:
        blocks.consumed += 1
    if first_depth:
        buffer_of(machine, machine.tiles_started).taken_at = machine.stream_start
        machine.tiles_started += 1
    if last_depth:
        finished = buffer_of(machine, machine.tiles_finished)
        drain = 0 if machine.preloads else machine.drain_cycles
        finished.registered_at = machine.stream_stop + wavefront + drain
        finished.kind = kind
        machine.tiles_finished += 1
    if use.releases_weights and not release(loads, rings, machine.stream_stop):
        return UNUSED
    if use.releases_activations and not release(blocks, rings, machine.stream_stop):
        return UNUSED
    next_pass(layer, at)
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
    causes, stop = machine.causes, machine.stream_stop
    cursor = settled = stop
    if machine.steps_run:
        corner = stop + wavefront
        if machine.preloads:
            if not machine.tiles_overlap:
                cursor = charge(causes, FILL, cursor, stop + machine.rows - 1)
                cursor = charge(causes, DRAIN, cursor, corner)
                settled = corner
        elif first_depth:
            if not machine.tiles_overlap:
                cursor = charge(causes, FILL, cursor, corner)
                if not machine.drain_hidden:
                    cursor = charge(causes, DRAIN, cursor, corner + machine.drain_cycles)
            else:
                hidden = work.tile_stream_cycles if machine.drain_hidden else 1
                cursor = charge(causes, DRAIN, cursor, stop + machine.drain_cycles - hidden)
    if machine.preloads:
        earliest = machine.stream_start if machine.double_buffered else settled
        cursor = charge(causes, PRELOAD, cursor, earliest + machine.rows)
        if machine.weights_stay:
            loaded = max(earliest, weights) + work.preload_cycles
            cursor = charge(causes, STALL_WEIGHTS, cursor, loaded)
            cursor = charge(causes, STALL_ACTIVATIONS, cursor, activations)
        else:
            loaded = max(earliest, activations) + work.preload_cycles
            cursor = charge(causes, STALL_ACTIVATIONS, cursor, loaded)
            cursor = charge(causes, STALL_WEIGHTS, cursor, weights)
    else:
        cursor = charge(causes, STALL_ACTIVATIONS, cursor, activations)
        cursor = charge(causes, STALL_WEIGHTS, cursor, weights)
    if first_depth:
        buffer = buffer_of(machine, machine.tiles_started)
        cursor = charge(causes, STALL_RESCALE, cursor, buffer.rescaled_at)
        cursor = charge(causes, STALL_OUTPUT, cursor, buffer.free_at)
    machine.stream_start = start = cursor
    cursor = charge(causes, STREAM, cursor, start + work.stream_cycles)
    cursor = charge(causes, STALL_ACTIVATIONS, cursor, start + work.activation_cycles)
    cursor = charge(causes, STALL_WEIGHTS, cursor, start + work.weight_cycles)
    machine.stream_stop = machine.last_pass_stop = cursor


@part(inline="always")
def rescale_tiles(machine: Record, tables: Tables) -> None:
    """Read the finished tiles, oldest first, up to one for whose results there is no room yet."""
    while machine.tiles_read < machine.tiles_finished and _rescale(machine, tables):
        pass


@part()
def _rescale(machine: Record, tables: Tables) -> bool:
    """Read the oldest finished tile, if there is room for its results."""
    buffer, engine = buffer_of(machine, machine.tiles_read), machine.engines[OUTPUTS]
    work = tables.classes[machine.array_at[AT_LAYER], buffer.kind]
    before, registered = machine.read_stop, buffer.registered_at
    start = max(registered, before)
    if work.output_bytes:
        start = room_cycle(engine, tables.rings, engine.granted, work.output_bytes, start)
        if start < 0:
            return False
    cursor = before
    if before:
        tail = min(before + machine.pipeline_cycles, start)
        machine.rescale_tail += max(0, tail - before)
        cursor = max(before, tail)
    machine.rescale_stall_output += max(0, start - max(cursor, registered))
    stop = start + work.read_cycles
    machine.rescale_busy += work.read_cycles
    machine.accumulators_held += stop - max(buffer.taken_at, before)
    machine.unhindered_stop = max(machine.unhindered_stop, registered) + work.read_cycles
    buffer.rescaled_at = machine.unhindered_stop
    buffer.free_at = machine.read_stop = stop
    if work.output_bytes:
        written = stop + machine.pipeline_cycles
        queue_store(machine, tables.rings, work.output_bytes, work.output_bus_bytes, written)
    machine.tiles_read += 1
    return True


@part()
def run_chunk(machine: Record, tables: Tables, layer: Record) -> int:
    """Run the next chunk of a vector layer as far as what it waits for is known."""
    work, rings = tables.chunks[layer.first + machine.steps_run], tables.rings
    loads, stores = machine.engines[ACTIVATIONS], machine.engines[OUTPUTS]
    while machine.inputs_ready < layer.input_count:
        arrived = next_arrival(loads, rings)
        if arrived < 0:
            machine.waits_for = ACTIVATIONS
            return STUCK
        machine.vector_stall_activations += max(0, arrived - machine.vector_free_at)
        machine.vector_free_at = max(machine.vector_free_at, arrived)
        loads.consumed += 1
        machine.inputs_ready += 1
    if work.output_bytes:
        start = room_cycle(stores, rings, stores.granted, work.output_bytes, machine.vector_free_at)
        if start < 0:
            machine.waits_for = OUTPUTS
            return STUCK
        machine.vector_stall_output += start - machine.vector_free_at
        machine.vector_free_at = start
    machine.vector_busy += work.compute_cycles
    machine.vector_free_at += work.compute_cycles
    machine.last_chunk_stop = machine.vector_free_at
    for _ in range(layer.input_count):
        if not release(loads, rings, machine.vector_free_at):
            return UNUSED
    if work.output_bytes:
        queue_store(
            machine, rings, work.output_bytes, work.output_bus_bytes, machine.vector_free_at
        )
    machine.inputs_ready = 0
    machine.steps_run += 1
    return DONE
