"""What each DMA engine asks for next, and whose request is served next.

An engine asks for one transfer at a time: when the one before is granted, and as soon as it is
known from which cycle on the next may be asked for.
"""

from __future__ import annotations

from accelsim.simulator.kernels import part
from accelsim.simulator.recurrence.positions import (
    next_part,
    next_visit,
    pass_class,
    pass_number,
    tiles_of_block,
    tiles_of_part,
)
from accelsim.simulator.recurrence.records import (
    ACTIVATIONS,
    AT_BLOCK,
    AT_COLUMN,
    AT_DEPTH,
    AT_GROUP,
    AT_LAYER,
    AT_PART,
    AT_TILE,
    EACH_PASS,
    ENGINES,
    FIRST_COLUMNS,
    FIRST_ROWS,
    NEVER,
    OUTPUTS,
    WEIGHTS,
    Record,
    Records,
    Tables,
)
from accelsim.simulator.recurrence.transfers import (
    ask,
    entry,
    goes_on,
    lies_alone,
    slot_cycle,
    whole_bursts,
)

__all__ = ["ask_for_all", "earliest", "queue_store"]


@part(inline="always")
def ask_for_all(machine: Record, tables: Tables) -> None:
    """Let each engine whose last request is granted ask for its next transfer, if it is known."""
    if machine.engines[WEIGHTS].asked == machine.engines[WEIGHTS].granted:
        _ask_weights(machine, tables)
    if machine.engines[ACTIVATIONS].asked == machine.engines[ACTIVATIONS].granted:
        _ask_activations(machine, tables)
    if machine.engines[OUTPUTS].asked == machine.engines[OUTPUTS].granted:
        _ask_store(machine, tables.rings)


@part()
def earliest(machine: Record) -> int:
    """Return the engine with the earliest request, -1 if there is none."""
    chosen = -1
    for which in range(ENGINES):
        engine = machine.engines[which]
        if engine.asked > engine.granted and (
            chosen < 0 or engine.asked_at < machine.engines[chosen].asked_at
        ):
            chosen = which
    return chosen


@part()
def queue_store(machine: Record, rings: Records, size: int, bus: int, written: int) -> None:
    """Queue a result for its store; its room has been taken."""
    engine = machine.engines[OUTPUTS]
    store = entry(engine, engine.released, rings)
    store.taken_at = written
    store.bytes = size
    store.bus_bytes = bus
    lies_alone(machine, store)
    engine.released += 1


@part()
def _ask_weights(machine: Record, tables: Tables) -> None:
    """Ask for the next weight tile, if it is known when."""
    layers, at = tables.layers, machine.weights_at
    while at[AT_LAYER] < machine.layer_count and layers[at[AT_LAYER]].weights == NEVER:
        if not layers[at[AT_LAYER]].is_vector:
            machine.passes_before_weights += layers[at[AT_LAYER]].step_count
        at[AT_LAYER] += 1
    if at[AT_LAYER] == machine.layer_count:
        return
    layer, engine = layers[at[AT_LAYER]], machine.engines[WEIGHTS]
    cycle = 0
    if not layer.weights_ahead:
        if machine.array_at[AT_LAYER] < at[AT_LAYER]:
            return
        cycle = machine.layer_start
    if not engine.fetches_ahead:
        if machine.passes_run < machine.passes_before_weights + pass_number(layer, at):
            return
        cycle = max(cycle, machine.last_pass_stop)
    size = tables.classes[at[AT_LAYER], pass_class(layer, at)].weight_bytes
    if not ask(machine, engine, tables.rings, size, cycle):
        return
    load, result = entry(engine, engine.asked - 1, tables.rings), tables.results[at[AT_LAYER]]
    # The rest of the burst in which the tile before ended is there.
    load.bus_bytes = whole_bursts(machine, size - machine.burst_left_bytes)
    machine.burst_left_bytes += load.bus_bytes - size
    goes_on(machine, load)
    result.read_bytes += load.bus_bytes
    result.row_misses += load.row_misses
    _next_weights(machine, layer)


@part()
def _next_weights(machine: Record, layer: Record) -> None:
    """Move to the next weight tile that is fetched, or to the next layer."""
    at = machine.weights_at
    at[AT_DEPTH] += 1
    if at[AT_DEPTH] < tiles_of_part(layer, at):
        return
    at[AT_DEPTH] = 0
    if layer.weights == EACH_PASS or layer.strips:
        at[AT_TILE] += 1
        if at[AT_TILE] < tiles_of_block(layer, at):
            return
        at[AT_TILE] = 0
    if next_part(layer, at):
        return
    more = next_visit(layer, at)
    while more and layer.weights == FIRST_ROWS and at[AT_BLOCK]:
        more = next_visit(layer, at)
    if not more:
        at[AT_GROUP] = 0
        at[AT_LAYER] += 1
        machine.passes_before_weights += layer.step_count
        machine.burst_left_bytes = machine.row_left_bytes = 0


@part()
def _ask_activations(machine: Record, tables: Tables) -> None:
    """Ask for the next block of rows, or the next input of a chunk, of the layer that runs."""
    at, engine = machine.activations_at, machine.engines[ACTIVATIONS]
    number = machine.array_at[AT_LAYER]
    layer = tables.layers[number]
    cycle, block = machine.layer_start, at[AT_BLOCK]
    if layer.is_vector:
        if layer.input_count == 0 or machine.all_asked_for:
            return
        needed, before = block, machine.last_chunk_stop
        size = tables.chunks[layer.first + block].input_bytes[machine.next_input]
    else:
        if layer.activations == NEVER or machine.all_asked_for:
            return
        needed, before = pass_number(layer, at), machine.last_pass_stop
        is_last_part = layer.parts > 1 and at[AT_PART] == layer.parts - 1
        size = tables.sizes[layer.first + block + is_last_part * layer.blocks]
    if not engine.fetches_ahead:
        if machine.steps_run < needed:
            return
        if needed:
            cycle = max(cycle, before)
    if not ask(machine, engine, tables.rings, size, cycle):
        return
    load, result = entry(engine, engine.asked - 1, tables.rings), tables.results[number]
    load.bus_bytes = whole_bursts(machine, size)
    lies_alone(machine, load)
    result.read_bytes += load.bus_bytes
    result.row_misses += load.row_misses
    _next_activations(machine, layer)


@part()
def _next_activations(machine: Record, layer: Record) -> None:
    """Move to the next input of a chunk, or the next block of rows, or part, that is fetched."""
    at = machine.activations_at
    if layer.is_vector:
        machine.next_input += 1
        if machine.next_input == layer.input_count:
            machine.next_input = 0
            at[AT_BLOCK] += 1
            machine.all_asked_for = at[AT_BLOCK] == layer.step_count
        return
    if next_part(layer, at):
        return
    more = next_visit(layer, at)
    while more and layer.activations == FIRST_COLUMNS and at[AT_COLUMN]:
        more = next_visit(layer, at)
    machine.all_asked_for = not more


@part(inline="always")
def _ask_store(machine: Record, rings: Records) -> None:
    """Ask for the store of the oldest result that is written, if there is one."""
    engine = machine.engines[OUTPUTS]
    if engine.asked < engine.released:
        written = entry(engine, engine.asked, rings).taken_at
        engine.asked_at = max(engine.asked_at, written, slot_cycle(machine, engine, rings))
        engine.blocked_at = engine.asked_at
        engine.asked += 1
