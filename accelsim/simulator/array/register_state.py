"""The register engine's machine: what it holds between two cycles, and how that lies in memory.

A register of every PE is a *plane* of cells: row 0 holds the words at the top edge in this cycle,
cell ``(r + 1) * pitch + c`` belongs to PE (r, c), and rows are filled up to whole lanes of cells
(PEs beyond the last column hear from the array, but the array not from them). Every register has
a plane for now and one for after this cycle, since all change together. Behind the planes of
`Machine.flags` and `Machine.words` lie a word for each row: what is at the left edge in this cycle.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from accelsim.simulator.array.cells import CELLS, inlined

__all__ = [
    "CYCLE",
    "Lanes",
    "Machine",
    "Observed",
    "Policy",
    "Rules",
    "Work",
    "aligned_zeros",
    "filled_up",
    "left_edge",
    "new_machine",
    "plane",
    "registers",
]

Table = NDArray[np.int64]
Flags = NDArray[np.int8]
Words = NDArray[np.int16] | NDArray[np.int32]
Sums = NDArray[np.int32]

# Registers by kind. Flags: SIGNALS, and ARMED or HELD. Words: MOVING, and STATIONARY and SHADOW or
# DOWN. Sums: SUM, and BIAS and RESULT.
SIGNALS, ARMED, HELD = 0, 1, 1
MOVING, STATIONARY, SHADOW, DOWN = 0, 1, 2, 1
SUM, BIAS, RESULT = 0, 1, 2
KINDS = 3
# Bits of a signal. Of a token: valid, and first and last element of a pass (output stationary: of
# a tile). Of a column's wire: to load or drain, and the last load or first drain.
VALID, FIRST, LAST = 1, 2, 4
LOAD, LOAD_LAST, DRAIN, DRAIN_FIRST = 8, 16, 8, 16
TOKEN = VALID | FIRST | LAST
ON = 1
# Columns of the pass table: elements that stream, rows and columns that are used, which part of
# the depth it is; and where its first word of the left edge, the factors, the bias, the results
# and, operand stationary, the resident operand is.
LENGTH, ROW_COUNT, COLUMN_COUNT, FIRST_DEPTH, LAST_DEPTH = 0, 1, 2, 3, 4
LEFT, TOP, BIASED, RESULTS, RESIDENT = 5, 6, 7, 8, 9
# Controller registers.
PASS, ELEMENT, LOAD_PASS, WORD = 0, 1, 2, 3
TILES, SINCE_END, DRAIN_LEFT, DRAINS_BEGUN = 2, 3, 4, 5
SINCE_TOKEN, SINCE_MARK, SINCE_WIRE = 6, 7, 8
# Of the simulation: cycle, where lane 0 is, and which planes are now (FLOW: of registers that every
# token changes, REST: of the others).
CYCLE, HEAD, FLOW, REST = 9, 10, 11, 12
LONG_AGO = 1 << 40
# Counters.
MACS, MOVING_WORDS, FACTOR_WORDS, BIASES, READS, WRITES, EVENTS = 0, 1, 2, 3, 4, 5, 6
STREAMING, PRELOADING, FILLING, DRAINING = 0, 1, 2, 3

_CACHE_LINE_BYTES = 64


def filled_up(lanes: int) -> int:
    """Return whole vectors of lanes for so many."""
    return (lanes + CELLS - 1) // CELLS * CELLS


def aligned_zeros(words: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return zeros that start at a cache line, as vectors of the CPU like it."""
    room = np.zeros(words * kind.itemsize + _CACHE_LINE_BYTES, np.int8)
    first = -room.ctypes.data % _CACHE_LINE_BYTES
    return room[first : first + words * kind.itemsize].view(kind)


class Policy(NamedTuple):
    """An accumulator's range, and whether it saturates or wraps beyond it."""

    low: int
    high: int
    saturate: bool


class Rules(NamedTuple):
    """The array: its size, what may overlap, and its accumulators.

    ``preloads``: operand stationary; ``second_register``: weight double buffering, or the hidden
    drain of output stationary; ``result_ports``: the free one; ``pitch``: cells of a row,
    ``left_pitch``: of the left edge, ``size``: of a plane; ``span``: lanes from the left edge's
    first to the bottom edge's last, and one more.
    """

    rows: int
    columns: int
    pitch: int
    left_pitch: int
    size: int
    span: int
    preloads: bool
    tile_overlap: bool
    second_register: bool
    result_ports: bool
    bias_along_stream: bool
    policy: Policy

    @classmethod
    def of_size(cls, rows: int, columns: int, **rules: Any) -> Rules:
        """Return rules with the planes that an array of this size needs."""
        pitch = filled_up(columns)
        size = (rows + 1) * pitch
        return cls(rows, columns, pitch, filled_up(rows), size, rows + columns, **rules)


class Work(NamedTuple):
    """What there is to do.

    passes: int64[passes, 10], see the column names above; ``depth``, ``columns``: of the whole
    product. Words as `register_layout` has them: moving, factors: int16 or int32; bias, memory:
    int32: ``memory`` is the accumulator memory, whose final contents are the results. Operand
    stationary, resident: int32: the operand to preload, column after column of ``resident_pitch``
    words, and ``factors`` is room for the tiles that are entering.
    """

    passes: Table
    depth: int
    columns: int
    moving: Words
    factors: Words
    resident: Sums
    resident_pitch: int
    bias: Sums
    memory: Sums


class Observed(NamedTuple):
    """What is written down.

    causes: int64[4]; counts: int64[7]; log: int64[outputs, 5]: cycle, column, pass, index in the
    pass, value. If toggles are counted, masks: int32[2, 3]: the bits of each word and sum register,
    and toggles: int64[2, 3]; else both are empty.
    """

    causes: Table
    log: Table
    counts: Table
    masks: NDArray[np.int32]
    toggles: Table


class Lanes(NamedTuple):
    """What is in each lane: a token (or wire), its pass, and its element (or word of a preload).

    tokens: int8[2 * span], filled up; passes, elements: int64[2 * span]. Lane i is at HEAD + i;
    each is there twice, so that HEAD can go round.
    """

    tokens: Flags
    passes: Table
    elements: Table

    @classmethod
    def empty(cls, span: int) -> Lanes:
        """Return lanes without a token."""
        tokens = np.zeros(2 * span + CELLS, np.int8)
        return cls(tokens, np.zeros(2 * span, np.int64), np.zeros(2 * span, np.int64))


class Machine(NamedTuple):
    """All registers.

    flags, words, sums: int8, int16 or int32, int32: for each kind of register two planes, then the
    left edge. control: int64[13]. Left lane r is lane r, top lane c is lane c, bottom lane c is
    lane rows - 1 + c; wire c is column c's. drained: int64[2, columns]: tiles, and rows of the
    next.
    """

    flags: Flags
    words: Words
    sums: Sums
    control: Table
    lanes: Lanes
    wires: Lanes
    drained: Table


@inlined
def plane(kind, phase, rules):  # type: ignore[no-untyped-def]
    """Return where a register's plane of a phase starts."""
    return (2 * kind + phase) * rules.size


@inlined
def left_edge(rules):  # type: ignore[no-untyped-def]
    """Return where the left edge starts."""
    return 2 * KINDS * rules.size


def new_machine(words_type: np.dtype[Any], rules: Rules) -> Machine:
    """Return a machine before its first cycle."""
    words = 2 * KINDS * rules.size + rules.left_pitch
    control = np.zeros(13, np.int64)
    control[SINCE_TOKEN : SINCE_WIRE + 1] = LONG_AGO
    flags = aligned_zeros(words, np.dtype(np.int8))
    if rules.preloads:
        flags[2 * ARMED * rules.size : 2 * (ARMED + 1) * rules.size] = ON
    return Machine(
        flags=flags,
        words=aligned_zeros(words, words_type),
        sums=aligned_zeros(words, np.dtype(np.int32)),
        control=control,
        lanes=Lanes.empty(rules.span),
        wires=Lanes.empty(rules.span),
        drained=np.zeros((2, rules.columns), np.int64),
    )


def registers(machine: Machine, rules: Rules) -> dict[str, NDArray[np.integer]]:
    """Return all registers, [rows, columns] each, as the last cycle left them.

    They are views that hold until the end of the next cycle, except ``token`` and ``tag``, which
    are copies; ``tag`` is the pass whose token the PE had last.
    """
    control = machine.control
    flow, rest = int(control[FLOW]), int(control[REST])

    def view(planes: NDArray[Any], kind: int, phase: int) -> NDArray[Any]:
        start = (2 * kind + phase) * rules.size
        grid = planes[start : start + rules.size].reshape(-1, rules.pitch)
        return grid[1:, : rules.columns]

    named = {
        "token": view(machine.flags, SIGNALS, flow) & TOKEN,
        "moving": view(machine.words, MOVING, flow),
        "sum": view(machine.sums, SUM, flow),
    }
    if rules.preloads:
        named["stationary"] = view(machine.words, STATIONARY, rest)
        named["shadow"] = view(machine.words, SHADOW, rest)
        named["armed"] = view(machine.flags, ARMED, rest)
    else:
        named["down"] = view(machine.words, DOWN, flow)
        named["bias"] = view(machine.sums, BIAS, rest)
        named["result"] = view(machine.sums, RESULT, rest)
        named["held"] = view(machine.flags, HELD, rest)
    ages = np.arange(rules.rows)[:, np.newaxis] + np.arange(rules.columns)
    return {**named, "tag": machine.lanes.passes[control[HEAD] + ages]}
