"""The register engine's machine: what it holds between two cycles, and how that lies in memory.

32 neighbouring PEs of a row are a *group*, and their registers lie side by side: first 32 cells of
one kind, then of the next. Rows are filled up to whole groups (PEs beyond the last column hear from
the array, but the array not from them). A column of groups lies row after row, so that from a row
to the one above it is always equally far. The groups of row 0 are the top edge: what enters there
in this cycle. Row r of the array is row r + 1.

Registers of one bit are *conditions* (`cells`), a word for each group; the words of one column of
groups lie side by side, row after row, so that what 32 rows of them decide is decided at once.

All registers change together, so each has two places. Those that every token changes *flow*: one
place is now, the other after this cycle, and FLOW says which. The others *stay*: what is NOW
changes in place, in an order in which nobody reads what has changed already; or BEFORE is a copy
of what it was when the cycle began, and is read instead.
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
    "bits_of",
    "cell_of",
    "cells_of",
    "filled_up",
    "group_of",
    "new_machine",
    "row_of",
]

Table = NDArray[np.int64]
Tokens = NDArray[np.int8]
Bits = NDArray[np.uint32]
Words = NDArray[np.int16] | NDArray[np.int32]
Sums = NDArray[np.int32]

# Registers by kind. Bits: VALID, FIRST and LAST of a token (valid, first and last element of a
# pass; output stationary: of a tile), and ARMED or HELD. Words: MOVING, and STATIONARY and SHADOW,
# or DOWN. Sums: SUM, and BIAS and RESULT.
VALID, FIRST, LAST, ARMED, HELD = 0, 1, 2, 3, 3
MOVING, STATIONARY, SHADOW, DOWN = 0, 1, 2, 1
SUM, BIAS, RESULT = 0, 1, 2
BIT_KINDS, KINDS = 4, 3
# What a PE decides to do with its words and sums, at most.
DECISIONS = 5
NOW, BEFORE = 0, 1
GROUP = 2 * KINDS * CELLS
# A token in a lane, and in which of its bits a PE's registers of the same name begin.
VALID_TOKEN, FIRST_TOKEN, LAST_TOKEN = 1 << VALID, 1 << FIRST, 1 << LAST
# A column's two wires, to load or drain, and the last load or first drain; and what is in a lane.
WIRE, MARK = 0, 1
ON_WIRE, ON_MARK = 1 << WIRE, 1 << MARK
# Columns of the pass table: elements that stream, rows and columns that are used, which part of
# the depth it is; and where its first word of the left edge, the factors, the bias, the results
# and, operand stationary, the resident operand is.
LENGTH, ROW_COUNT, COLUMN_COUNT, FIRST_DEPTH, LAST_DEPTH = 0, 1, 2, 3, 4
LEFT, TOP, BIASED, RESULTS, RESIDENT = 5, 6, 7, 8, 9
# Controller registers.
PASS, ELEMENT, LOAD_PASS, WORD = 0, 1, 2, 3
TILES, SINCE_END, DRAIN_LEFT, DRAINS_BEGUN = 2, 3, 4, 5
SINCE_TOKEN, SINCE_FIRST, SINCE_WIRE = 6, 7, 8
# Of the simulation: cycle, where lane 0 is, and which planes of registers that flow are now.
CYCLE, HEAD, FLOW = 9, 10, 11
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
    first = -room.__array_interface__["data"][0] % _CACHE_LINE_BYTES
    return room[first : first + words * kind.itemsize].view(kind)


class Policy(NamedTuple):
    """An accumulator's range, and whether it saturates or wraps beyond it."""

    low: int
    high: int
    saturate: bool


class Rules(NamedTuple):
    """The array: its size, what may overlap, and its accumulators.

    ``preloads``: operand stationary; ``second_register``: weight double buffering, or the hidden
    drain of output stationary, as a condition of all PEs: -1 or 0; ``result_ports``: the free one;
    ``pe_columns``: without a column of adders;
    ``groups``: of a row; ``pitch``: cells of a row, ``left_pitch``: of the left edge; ``span``:
    lanes from the left edge's first to the bottom edge's last.
    """

    rows: int
    columns: int
    groups: int
    pitch: int
    left_pitch: int
    span: int
    pe_columns: int
    preloads: bool
    tile_overlap: bool
    second_register: int
    result_ports: bool
    bias_along_stream: bool
    policy: Policy

    @classmethod
    def of_size(cls, rows: int, columns: int, **rules: Any) -> Rules:
        """Return rules with the groups that an array of this size needs."""
        pitch = filled_up(columns)
        return cls(
            rows, columns, pitch // CELLS, pitch, filled_up(rows), rows + columns - 1, **rules
        )


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
    """What is in each lane: a token (or wires), its pass, and its element (or word of a preload).

    tokens: int8[2 * span], filled up; passes, elements: int64[2 * span]. Lane i is at HEAD + i;
    each is there twice, so that HEAD can go round. An empty lane's element counts the empty ones
    before it.
    """

    tokens: Tokens
    passes: Table
    elements: Table

    @classmethod
    def empty(cls, span: int) -> Lanes:
        """Return lanes without a token."""
        elements = np.full(2 * span, span, np.int64)
        tokens = np.zeros(2 * span + CELLS, np.int8)
        return cls(tokens, np.zeros(2 * span, np.int64), elements)


class Machine(NamedTuple):
    """All registers.

    words, sums: int16 or int32, int32: what each group holds; bits: uint32, the conditions;
    decided: uint32[5 * left_pitch], what the PEs of a column of groups do in this cycle; left: like
    words, [left_pitch], what comes to their rows from the left. control: int64[12]. Left lane r is
    lane r, top lane c is lane c, bottom lane c is lane rows - 1 + c; lane c of the wires is column
    c's. heard: uint32[2 * groups]: what each column hears from its two wires. drained: int64[2,
    columns]: tiles, and rows of the next.
    """

    bits: Bits
    words: Words
    sums: Sums
    decided: Bits
    left: Words
    control: Table
    lanes: Lanes
    wires: Lanes
    heard: Bits
    drained: Table


@inlined
def cells_of(kind, phase, group):  # type: ignore[no-untyped-def]
    """Return where a group's words or sums of a kind are."""
    return group * GROUP + (2 * kind + phase) * CELLS


@inlined
def group_of(rules, row, column):  # type: ignore[no-untyped-def]
    """Return the number of a group; row 0 is the top edge, ``column`` one of groups."""
    return column * (rules.rows + 1) + row


@inlined
def cell_of(kind, phase, rules, row, column):  # type: ignore[no-untyped-def]
    """Return where a PE's word or sum is; row 0 is the top edge."""
    return cells_of(kind, phase, group_of(rules, row, column // CELLS)) + column % CELLS


@inlined
def row_of(kind, phase, rules, row):  # type: ignore[no-untyped-def]
    """Return where a row's words or sums are: (its first group's, how far the next is)."""
    return cells_of(kind, phase, row), (rules.rows + 1) * GROUP


@inlined
def bits_of(kind, phase, rules, column):  # type: ignore[no-untyped-def]
    """Return where the conditions of a column of groups are, row 0's first."""
    return ((2 * kind + phase) * rules.groups + column) * rules.left_pitch


def new_machine(words_type: np.dtype[Any], rules: Rules) -> Machine:
    """Return a machine before its first cycle."""
    groups = (rules.rows + 1) * rules.groups
    control = np.zeros(12, np.int64)
    control[SINCE_TOKEN : SINCE_WIRE + 1] = LONG_AGO
    bits = aligned_zeros(2 * BIT_KINDS * rules.groups * rules.left_pitch, np.dtype(np.uint32))
    if rules.preloads:
        bits.reshape(BIT_KINDS, -1)[ARMED] = np.iinfo(np.uint32).max
    return Machine(
        bits=bits,
        words=aligned_zeros(groups * GROUP, words_type),
        sums=aligned_zeros(groups * GROUP, np.dtype(np.int32)),
        decided=aligned_zeros(DECISIONS * rules.left_pitch, np.dtype(np.uint32)),
        left=aligned_zeros(rules.left_pitch, words_type),
        control=control,
        lanes=Lanes.empty(rules.span),
        wires=Lanes.empty(rules.span),
        heard=np.zeros(2 * rules.groups, np.uint32),
        drained=np.zeros((2, rules.columns), np.int64),
    )
