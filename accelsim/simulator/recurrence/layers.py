"""The beginning and the end of a layer: between them nothing is in the array or in staging."""

from __future__ import annotations

from accelsim.simulator.kernels import part
from accelsim.simulator.recurrence.records import (
    ACTIVATIONS,
    AT_LAYER,
    CAUSES,
    DONE,
    DRAIN,
    FILL,
    LEVELS,
    NO_ROOM,
    OUTPUTS,
    STALL_OUTPUT,
    STALL_RESCALE,
    UNUSED,
    Record,
    Tables,
)
from accelsim.simulator.recurrence.steps import charge
from accelsim.simulator.recurrence.transfers import entry

__all__ = ["end_layer", "start_layer"]


@part()
def start_layer(machine: Record, tables: Tables, number: int, cycle: int) -> int:
    """Start a layer: DONE, NO_ROOM (for its tensors on chip), or UNUSED (fetches before it)."""
    layer, loads = tables.layers[number], machine.engines[ACTIVATIONS]
    stores = machine.engines[OUTPUTS]
    if loads.released < loads.asked:
        return UNUSED
    if layer.resident_bytes > machine.activation_bytes:
        return NO_ROOM
    machine.layer_start = machine.vector_free_at = cycle
    machine.stream_start = machine.stream_stop = cycle
    machine.buffer_count = layer.tiles_together + machine.spare_buffers
    machine.steps_run = machine.inputs_ready = machine.next_input = machine.all_asked_for = 0
    for level in range(LEVELS):
        machine.array_at[level] = machine.activations_at[level] = 0
    machine.array_at[AT_LAYER] = machine.activations_at[AT_LAYER] = number
    machine.holding_before = loads.holding
    loads.room_bytes = machine.activation_bytes - layer.resident_bytes
    loads.applied, loads.held_bytes = loads.asked, 0
    stores.room_bytes = layer.staging_bytes
    stores.applied, stores.held_bytes = stores.granted, 0
    return DONE


@part()
def end_layer(machine: Record, tables: Tables) -> bool:
    """Close a layer whose last result is stored; whether it is known when that was."""
    number = machine.array_at[AT_LAYER]
    layer, result = tables.layers[number], tables.results[number]
    stores, loads = machine.engines[OUTPUTS], machine.engines[ACTIVATIONS]
    causes = machine.causes
    if stores.granted < stores.released or (
        not layer.is_vector and machine.tiles_read < machine.tiles_finished
    ):
        machine.waits_for = OUTPUTS
        return False
    stored = entry(stores, stores.granted - 1, tables.rings).there_at if stores.granted else 0
    if layer.is_vector:
        end = max(machine.vector_free_at, stored)
    else:
        corner = machine.stream_stop + machine.wavefront_cycles + layer.scaling_cycles
        fill, drain = corner, corner + machine.drain_cycles
        if machine.preloads:
            fill, drain = machine.stream_stop + machine.rows - 1, corner
        cursor = charge(causes, FILL, machine.stream_stop, fill)
        cursor = charge(causes, DRAIN, cursor, drain)
        cursor = charge(causes, STALL_RESCALE, cursor, machine.read_stop + machine.pipeline_cycles)
        end = charge(causes, STALL_OUTPUT, cursor, stored)
    if layer.resident_bytes:
        loads.holding = machine.holding_before + end - machine.layer_start
    for cause in range(CAUSES):
        result.causes[cause] = causes[cause]
        causes[cause] = 0
    result.start, result.stop = machine.layer_start, end
    return True
