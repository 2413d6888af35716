"""How PEs of the register engine read their words and sums, and write the next ones.

The same functions are made for one PE of a group, and for all its 32.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from accelsim.simulator.array.cells import (
    cell,
    cells,
    inlined,
    set_cell,
    set_cells,
)
from accelsim.simulator.array.register_pe import (
    Output,
    Stationary,
    pe_output,
    pe_stationary,
)
from accelsim.simulator.array.register_state import (
    BIAS,
    DOWN,
    MOVING,
    NOW,
    RESULT,
    SHADOW,
    STATIONARY,
    SUM,
    cells_of,
)

__all__ = ["ALL", "ONE", "Access", "output_array", "read_all", "read_one", "stationary_array"]


class Access(NamedTuple):
    """How words and sums are read and written: of one PE of a group, or of all its 32."""

    read: Any
    write: Any


@inlined
def read_one(held, kind, phase, place):  # type: ignore[no-untyped-def]
    """Return a PE's word or sum; ``place``: its group, and which of the neighbours it is."""
    group, neighbour = place
    return cell(held, cells_of(kind, phase, group) + neighbour)


@inlined
def _write_one(held, kind, phase, place, word):  # type: ignore[no-untyped-def]
    group, neighbour = place
    set_cell(held, cells_of(kind, phase, group) + neighbour, word)


@inlined
def read_all(held, kind, phase, group):  # type: ignore[no-untyped-def]
    """Return a group's words or sums."""
    return cells(held, cells_of(kind, phase, group))


@inlined
def _write_all(held, kind, phase, group, words):  # type: ignore[no-untyped-def]
    set_cells(held, cells_of(kind, phase, group), words)


ONE, ALL = Access(read_one, _write_one), Access(read_all, _write_all)


def stationary_array(access: Access, whole: bool) -> tuple[Any, Any]:
    """Return (what flows from a PE to the one below, what steps a PE), or a group of them.

    ``whole``: all registers, or only those that every token changes. In what is returned,
    ``phases`` are those to read: of registers that flow, and of those that stay; ``places``: where
    the PE is and the one above; ``flows``: what flows from the PE and what from the one above.
    """
    read, write = access

    @inlined
    def flowing(machine, flow, place):  # type: ignore[no-untyped-def]
        return read(machine.sums, SUM, flow, place)

    @inlined
    def update(  # type: ignore[no-untyped-def]
        machine, rules, phases, places, decided, entering, flows
    ):
        (flow, stay), (place, over) = phases, places
        chain = SHADOW if rules.second_register else STATIONARY
        own = Stationary(
            moving=read(machine.words, MOVING, flow, place),
            sum=flows[0],
            stationary=read(machine.words, STATIONARY, stay, place),
            shadow=read(machine.words, SHADOW, stay, place),
        )
        above = flows[1], read(machine.words, chain, stay, over)
        after, overflows = pe_stationary(decided, entering, above, own, rules.policy)
        write(machine.words, MOVING, 1 - flow, place, after.moving)
        write(machine.sums, SUM, 1 - flow, place, after.sum)
        if whole:
            write(machine.words, STATIONARY, NOW, place, after.stationary)
            write(machine.words, SHADOW, NOW, place, after.shadow)
        return overflows

    return flowing, update


def output_array(access: Access, whole: bool) -> tuple[Any, Any]:
    """Return the same for PEs that keep their sums."""
    read, write = access

    @inlined
    def flowing(machine, flow, place):  # type: ignore[no-untyped-def]
        return read(machine.words, DOWN, flow, place)

    @inlined
    def update(  # type: ignore[no-untyped-def]
        machine, rules, phases, places, decided, entering, flows
    ):
        (flow, stay), (place, over) = phases, places
        path, phase = (RESULT, stay) if rules.second_register else (SUM, flow)
        own = Output(
            moving=read(machine.words, MOVING, flow, place),
            down=flows[0],
            sum=read(machine.sums, SUM, flow, place),
            bias=read(machine.sums, BIAS, stay, place),
            result=read(machine.sums, RESULT, stay, place),
        )
        bias, leaving = read(machine.sums, BIAS, stay, over), read(machine.sums, path, phase, over)
        above = flows[1], bias, leaving
        after, overflows = pe_output(decided, entering, above, own, rules.policy)
        write(machine.words, MOVING, 1 - flow, place, after.moving)
        write(machine.words, DOWN, 1 - flow, place, after.down)
        write(machine.sums, SUM, 1 - flow, place, after.sum)
        if whole:
            write(machine.sums, BIAS, NOW, place, after.bias)
            write(machine.sums, RESULT, NOW, place, after.result)
        return overflows

    return flowing, update
