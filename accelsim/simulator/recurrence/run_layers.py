"""The kernel: the channel and the array take turns, whoever is further behind."""

from __future__ import annotations

from accelsim.simulator.kernels import kernel, part
from accelsim.simulator.recurrence import (
    growth,
    layers,
    periods,
    positions,
    records,
    requests,
    signatures,
    steps,
    transfers,
)
from accelsim.simulator.recurrence.layers import end_layer, start_layer
from accelsim.simulator.recurrence.periods import repeat
from accelsim.simulator.recurrence.positions import innermost_loop
from accelsim.simulator.recurrence.records import (
    ACTIVATIONS,
    AT_LAYER,
    DONE,
    FOREVER,
    OUTPUTS,
    STUCK,
    UNUSED,
    WEIGHTS,
    Record,
    Records,
    Tables,
)
from accelsim.simulator.recurrence.requests import ask_for_all, earliest
from accelsim.simulator.recurrence.signatures import Kept
from accelsim.simulator.recurrence.steps import rescale_tiles, run_chunk, run_pass
from accelsim.simulator.recurrence.transfers import entry, grant

__all__ = ["run_layers"]

_PARTS = growth, layers, periods, positions, records, requests, signatures, steps, transfers


@kernel(*_PARTS, counts_references=False, error_model="numpy")
def run_layers(machines: Records, tables: Tables, kept: Kept) -> int:
    """Run all layers.

    Parameters
    ----------
    machines : MACHINE[1]
        The machine's constants given, the rest zero. Filled: times, positions and accounts.
    tables
        The program; its rings and results are filled.

    Returns
    -------
    DONE or what went wrong, in layer ``array_at[AT_LAYER]``.
    """
    machine = machines[0]
    if machine.layer_count == 0:
        return DONE
    status = start_layer(machine, tables, 0, 0)
    if status != DONE:
        return int(status)
    while machine.array_at[AT_LAYER] < machine.layer_count:
        ask_for_all(machine, tables)
        chosen = earliest(machine)
        horizon = machine.engines[chosen].asked_at if chosen >= 0 else FOREVER
        if status == DONE and max(machine.stream_stop, machine.vector_free_at) <= horizon:
            status = _advance(machine, tables, kept, horizon)
            if status not in (DONE, STUCK):
                return int(status)
        elif chosen < 0:
            return STUCK
        else:
            _serve(machine, tables, chosen)
            if chosen == machine.waits_for:
                status = DONE
    if machine.engines[ACTIVATIONS].released < machine.engines[ACTIVATIONS].asked:
        return UNUSED
    if machine.read_stop:
        last = tables.results[machine.layer_count - 1].stop
        emptied = min(machine.read_stop + machine.pipeline_cycles, last)
        machine.rescale_tail += max(0, emptied - machine.read_stop)
    return DONE


@part(inline="always")
def _serve(machine: Record, tables: Tables, chosen: int) -> None:
    """Grant an engine the channel; the rescale unit goes on if a store makes room."""
    engine = machine.engines[chosen]
    if chosen == OUTPUTS:
        carried = entry(engine, engine.granted, tables.rings)
        result = tables.results[machine.array_at[AT_LAYER]]
        result.written_bytes += carried.bus_bytes
        result.row_misses += carried.row_misses
    grant(machine, engine, tables.rings)
    if chosen == OUTPUTS:
        rescale_tiles(machine, tables)


@part(inline="always")
def _advance(machine: Record, tables: Tables, kept: Kept, horizon: int) -> int:
    """Run passes or chunks up to the horizon, or to the first that may make a request known."""
    at, given = machine.array_at, _given_away(machine)
    while max(machine.stream_stop, machine.vector_free_at) <= horizon:
        number = at[AT_LAYER]
        layer = tables.layers[number]
        if machine.steps_run < layer.step_count:
            if layer.is_vector:
                status = run_chunk(machine, tables, layer)
            else:
                level = innermost_loop(layer, at)
                if at[level]:
                    repeat(machine, tables, kept, level)
                status = run_pass(machine, tables, layer)
                rescale_tiles(machine, tables)
            if status != DONE:
                return int(status)
        else:
            if not end_layer(machine, tables):
                return STUCK
            if number + 1 == machine.layer_count:
                at[AT_LAYER] = machine.layer_count
                return DONE
            return int(start_layer(machine, tables, number + 1, tables.results[number].stop))
        if _given_away(machine) != given:
            break
    return DONE


@part(inline="always")
def _given_away(machine: Record) -> int:
    """Return how many loads were given away and results written: each may let an engine ask."""
    engines = machine.engines
    return int(
        engines[WEIGHTS].released + engines[ACTIVATIONS].released + engines[OUTPUTS].released
    )
