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
    if layer.resident > machine.activation_room:
        return NO_ROOM
    machine.layer_start = machine.start = machine.stop = machine.vector = cycle
    machine.steps = machine.ready = machine.input = 0
    for level in range(LEVELS):
        machine.array_at[level] = machine.activations_at[level] = 0
    machine.array_at[AT_LAYER] = machine.activations_at[AT_LAYER] = number
    machine.holding_before = loads.holding
    loads.room = machine.activation_room - layer.resident
    loads.applied, loads.held = loads.asked, 0
    stores.room = layer.staging
    stores.applied, stores.held = stores.granted, 0
    return DONE


@part()
def end_layer(machine: Record, tables: Tables) -> bool:
    """Close a layer whose last result is stored; whether it is known when that was."""
    number = machine.array_at[AT_LAYER]
    layer, result = tables.layers[number], tables.results[number]
    stores, loads = machine.engines[OUTPUTS], machine.engines[ACTIVATIONS]
    causes = machine.causes
    if stores.granted < stores.released or (not layer.vector and machine.read < machine.finished):
        machine.waits_for = OUTPUTS
        return False
    stored = entry(stores, stores.granted - 1, tables.rings).there if stores.granted else 0
    if layer.vector:
        end = max(machine.vector, stored)
    else:
        corner = machine.stop + machine.wavefront + layer.scaling
        fill, drain = corner, corner + machine.drain
        if machine.preloads:
            fill, drain = machine.stop + machine.rows - 1, corner
        cursor = charge(causes, FILL, machine.stop, fill)
        cursor = charge(causes, DRAIN, cursor, drain)
        cursor = charge(causes, STALL_RESCALE, cursor, machine.read_stop + machine.pipeline)
        end = charge(causes, STALL_OUTPUT, cursor, stored)
    if layer.resident:
        loads.holding = machine.holding_before + end - machine.layer_start
    for cause in range(CAUSES):
        result.causes[cause] = causes[cause]
        causes[cause] = 0
    result.start, result.stop = machine.layer_start, end
    return True
