"""A transfer of a DMA engine, and where it waits.

1. For those before it: an engine asks in order, and has few requests under way (`slot_cycle`).
2. For room in the scratchpad that it fills (`room_cycle`). A load asks for the channel then
   (`ask`); a store's room was taken when its result was written.
3. For the channel: first come, first served (`requests.earliest`), and for rows of the DRAM that
   are not open (`opening_cycles`). It holds the channel and is complete a latency later (`grant`).
4. A load that is complete waits to be picked up (`next_arrival`), then holds its room until its
   last user gives it away (`release`). A store gives its room away when it is complete.

Engines number their transfers. An entry of the ring is a transfer's until a ring's length later.
"""

from __future__ import annotations

from accelsim.simulator.kernels import part
from accelsim.simulator.recurrence.records import Record, Records

__all__ = [
    "ask",
    "entry",
    "goes_on",
    "grant",
    "lies_alone",
    "next_arrival",
    "release",
    "room_cycle",
    "slot_cycle",
    "whole_bursts",
]


@part()
def entry(engine: Record, number: int, rings: Records) -> Record:
    """Return the entry of a transfer."""
    return rings[engine.ring + (number & engine.mask)]


@part()
def slot_cycle(machine: Record, engine: Record, rings: Records) -> int:
    """Return when a slot for the next request is free: the request so many before is complete."""
    number = engine.asked - machine.outstanding
    return int(entry(engine, number, rings).there_at) if number >= 0 else 0


@part()
def room_cycle(engine: Record, rings: Records, known: int, size: int, cycle: int) -> int:
    """Take room from ``cycle`` on and return when there is some, -1 if not known yet.

    Of what is held, the entries before number ``known`` are given away when they say.
    """
    while engine.applied < known:
        oldest = entry(engine, engine.applied, rings)
        full = engine.held_bytes + size > engine.room_bytes
        if oldest.released_at > cycle:
            if not full:
                break
            cycle = oldest.released_at
        engine.held_bytes -= oldest.bytes
        engine.applied += 1
    if engine.held_bytes + size > engine.room_bytes:
        return -1
    engine.held_bytes += size
    return cycle


@part()
def ask(machine: Record, engine: Record, rings: Records, size: int, cycle: int) -> bool:
    """Ask for a load once a slot and then room are there; whether that is known."""
    cycle = max(cycle, engine.asked_at, slot_cycle(machine, engine, rings))
    taken = room_cycle(engine, rings, engine.released, size, cycle)
    if taken < 0:
        return False
    engine.blocked += taken - cycle
    engine.blocked_at = cycle
    engine.asked_at = taken
    load = entry(engine, engine.asked, rings)
    load.taken_at = taken
    load.bytes = size
    engine.asked += 1
    return True


@part()
def whole_bursts(machine: Record, size: int) -> int:
    """Return the bytes on the bus that move ``size`` bytes: 0 if a part of a burst is left over."""
    return int(-(-size // machine.burst_bytes) * machine.burst_bytes)


@part()
def lies_alone(machine: Record, transfer: Record) -> None:
    """Let a transfer begin a row of its own, if rows matter."""
    transfer.open_bytes = transfer.row_misses = 0
    if machine.row_bytes:
        transfer.row_misses = (transfer.bus_bytes + machine.row_bytes - 1) // machine.row_bytes


@part()
def goes_on(machine: Record, transfer: Record) -> None:
    """Let a transfer go on in the row that the weights before it ended in, if rows matter."""
    transfer.open_bytes = transfer.row_misses = 0
    if machine.row_bytes:
        there = min(transfer.bus_bytes, machine.row_left_bytes)
        opened = (transfer.bus_bytes - there + machine.row_bytes - 1) // machine.row_bytes
        transfer.row_misses = opened
        machine.row_left_bytes += opened * machine.row_bytes - transfer.bus_bytes
        if machine.rows_stay_open:
            transfer.open_bytes = there
        elif there:
            transfer.row_misses += 1


@part()
def hold_cycles(machine: Record, bus: int) -> int:
    """Return the cycles for which bytes on the bus hold the channel."""
    bursts = bus // machine.burst_bytes
    return int(
        bursts * machine.burst_cycles
        + (bursts * machine.burst_rest + machine.burst_parts - 1) // machine.burst_parts
    )


@part()
def opening_cycles(machine: Record, transfer: Record, waited: int) -> int:
    """Return the cycles for which rows that are not open yet hold up a transfer."""
    if transfer.row_misses == 0:
        return 0
    first = machine.row_miss_cycles
    if machine.rows_open_ahead:
        first = max(0, first - waited - hold_cycles(machine, transfer.open_bytes))
    return int(first + (transfer.row_misses - 1) * machine.row_further_cycles)


@part()
def grant(machine: Record, engine: Record, rings: Records) -> None:
    """Carry an engine's oldest request over the channel."""
    transfer = entry(engine, engine.granted, rings)
    asked, bus = engine.asked_at, transfer.bus_bytes
    start = max(asked, machine.channel_free_at)
    stop = start + opening_cycles(machine, transfer, start - asked) + hold_cycles(machine, bus)
    there = stop + machine.delay_cycles
    machine.channel_free_at = stop
    engine.hold += stop - start
    engine.bus_bytes += bus
    engine.asking += max(0, stop - max(asked, engine.asking_until))
    engine.asking_until = max(engine.asking_until, stop)
    engine.under_way += max(0, there - max(asked, engine.under_way_until))
    engine.under_way_until = max(engine.under_way_until, there)
    engine.waiting += max(0, there - max(engine.blocked_at, engine.waiting_until))
    engine.waiting_until = max(engine.waiting_until, there)
    transfer.there_at = transfer.released_at = there
    engine.granted += 1


@part()
def next_arrival(engine: Record, rings: Records) -> int:
    """Return when the next load that nobody has picked up is complete, -1 if not known."""
    if engine.consumed == engine.granted:
        return -1
    return int(entry(engine, engine.consumed, rings).there_at)


@part()
def release(engine: Record, rings: Records, cycle: int) -> bool:
    """Give away the oldest load that is still held; whether there is one."""
    if engine.released == engine.consumed:
        return False
    load = entry(engine, engine.released, rings)
    load.released_at = cycle
    if load.bytes:
        engine.holding += max(0, cycle - max(load.taken_at, engine.holding_until))
        engine.holding_until = max(engine.holding_until, cycle)
    engine.released += 1
    return True
