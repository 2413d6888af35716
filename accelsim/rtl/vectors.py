"""A layer as memory files for a testbench: what enters each cycle, and what must come out when.

Every pass is laid out for the whole array, zeros where a partly filled tile has no data. What is
expected comes from the register engine; the controllers in the RTL find their own timing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator, IntegerFormat, Overflow
from accelsim.compiler.plan import Pass, TilePlan
from accelsim.errors import DataError
from accelsim.hardware.pe_kinds import PeKind
from accelsim.hardware.schema import Array, Drain
from accelsim.rtl.lanes import (
    Expected,
    LaneWords,
    expected_outputs,
    kind_parameters,
    shorter_plan,
    word_bits,
)
from accelsim.simulator.array.interface import MatrixOperands
from accelsim.simulator.array.register_trace import OutputEvent, register_trace

__all__ = ["Vectors", "array_vectors"]

_DRAINS = {Drain.EXPOSED: 0, Drain.HIDDEN: 1, Drain.FREE: 2}

Words = NDArray[Any]
"""Integers of 64 bits, or Python's where a PE takes more in a cycle."""


@dataclass(frozen=True)
class Vectors:
    """One testbench's inputs: ``machine`` names it; parameters are Verilog macros."""

    machine: str
    parameters: dict[str, int]
    memories: dict[str, list[str]]


def array_vectors(
    operands: MatrixOperands, plan: TilePlan, array: Array, accumulator: Accumulator
) -> Vectors:
    """Return the vectors of all passes of a plan, with every output and its cycle.

    Sizes grow with the number of multiply-accumulates over the array's width: for layers, not
    for networks.

    Raises
    ------
    DataError
        An operand outside the signed integers that the array's PEs are built for.
    """
    _check_widths(operands, plan, array)
    expects = _expected_of(operands, plan, array, accumulator)
    words: MatrixOperands | LaneWords = operands
    if array.pe_kind is not PeKind.FIXED:
        words, plan = LaneWords.of(operands, plan, array), shorter_plan(plan)
    tiles = [_Tile(words, plan, array, step) for step in plan.passes()]
    widths, flow = word_bits(array), plan.dataflow
    shared = kind_parameters(array) | {
        "ROWS": array.rows,
        "COLUMNS": array.columns,
        "ACCUMULATOR_BITS": accumulator.bits,
        "SATURATE": int(accumulator.overflow is Overflow.SATURATE),
        "TILE_OVERLAP": int(array.tile_overlap),
        "STREAM_LINES": sum(len(tile.moving) for tile in tiles),
        "EXPECTED": len(expects.outputs),
        "LAST_CYCLE": expects.last_cycle,
        "OVERFLOWS": expects.overflows,
    }
    # With a result port in every PE, what is a column elsewhere is a PE's number.
    columns = array.columns if array.drain is Drain.FREE and not flow.preloads else 0
    expected = {"expected.hex": _expected(expects.outputs, accumulator.bits, columns)}
    if flow.preloads:
        parameters = {
            "MOVING_BITS": widths[flow.moves_right],
            "RESIDENT_BITS": widths[flow.stationary],
            "DOUBLE_BUFFERED": int(array.weight_double_buffering),
            "ACCUMULATOR_DEPTH": max(2, plan.tiles_together * _longest(tiles)),
            "PASSES": len(tiles),
        }
        memories = _stationary_memories(tiles, parameters, accumulator.bits, plan.tiles_together)
        return Vectors("stationary", shared | parameters, memories | expected)
    parameters = {
        "RIGHT_BITS": widths[flow.moves_right],
        "DOWN_BITS": widths[flow.moves_down],
        "DRAIN": _DRAINS[array.drain],
        "TILES": sum(tile.step.last_depth for tile in tiles),
    }
    memories = _output_memories(tiles, parameters, accumulator.bits)
    return Vectors("output", shared | parameters, memories | expected)


def _expected_of(
    operands: MatrixOperands, plan: TilePlan, array: Array, accumulator: Accumulator
) -> Expected:
    """Return what comes out, from the registers of fixed PEs or from plain sums of others."""
    if array.pe_kind is not PeKind.FIXED:
        return expected_outputs(operands, plan, array, accumulator)
    trace = register_trace(operands, plan, array, accumulator, 0, 1)
    last_cycle = sum(trace.result.cycles.values()) - 1
    return Expected(trace.outputs, last_cycle, trace.result.counters.overflow_events)


class _Tile:
    """One pass's operands as the array sees them, padded with zeros to all rows and columns.

    ``moving``: int64[stream, rows]; ``resident``: int64[rows, columns] or, output stationary,
    what moves down, int64[stream, columns]; ``bias``: int64[stream, columns].
    """

    def __init__(
        self, operands: MatrixOperands | LaneWords, plan: TilePlan, array: Array, step: Pass
    ) -> None:
        flow = plan.dataflow
        n_slice, k_slice = slice(step.n_start, step.n_stop), slice(step.k_start, step.k_stop)
        activations = operands.activations(step.group, step.m_start, step.m_stop)[:, k_slice]
        weights = operands.weights(step.group)[k_slice, n_slice]
        bias = operands.bias(step.group)[n_slice]
        by_size = {"m": step.m_size, "n": step.n_size, "k": step.k_size}
        self.step = step
        self.rows_used, self.columns_used = by_size[flow.rows], by_size[flow.columns]
        stream = by_size[flow.stream]
        left = activations if flow.moves_right == "activations" else weights.T
        self.moving = _padded(left if flow.stream != "k" else left.T, stream, array.rows)
        other = weights if flow.columns == "n" else activations.T
        down = stream if flow.stream == "k" else array.rows
        self.resident = _padded(other, down, array.columns)
        # The bias belongs to n: a column of its own, or an element of the stream for all columns.
        spread = bias[np.newaxis, :] if flow.columns == "n" else bias[:, np.newaxis]
        spread = np.broadcast_to(spread, (stream, self.columns_used))
        self.bias = _padded(spread, stream, array.columns)


def _check_widths(operands: MatrixOperands, plan: TilePlan, array: Array) -> None:
    is_fixed = array.pe_kind is PeKind.FIXED
    for group in range(plan.gemm.groups):
        for name, values, bits in (
            (
                "activations",
                operands.activations(group, 0, plan.gemm.rows_m),
                array.pe_activation_bits if is_fixed else array.activation_bits,
            ),
            (
                "weights",
                operands.weights(group),
                array.pe_weight_bits if is_fixed else array.weight_bits,
            ),
        ):
            held = IntegerFormat(bits)
            if values.min() < held.low or values.max() > held.high:
                raise DataError(
                    f"{name}: the PEs hold {held}, {held.low} to {held.high}, "
                    f"got {values.min()} to {values.max()}"
                )


def _padded(values: NDArray[Any], rows: int, columns: int) -> Words:
    full = np.zeros((rows, columns), object if values.dtype == object else np.int64)
    full[: values.shape[0], : values.shape[1]] = values
    return full


def _longest(tiles: list[_Tile]) -> int:
    return max(len(tile.moving) for tile in tiles)


def _first_addresses(tiles: list[_Tile], together: int) -> Iterator[int]:
    """Yield where each pass's accumulators start: tiles that take turns lie behind each other."""
    longest, started = _longest(tiles), 0
    places: dict[tuple[int, int, int], int] = {}
    for step in (tile.step for tile in tiles):
        output = step.group, step.m_start, step.n_start
        if step.first_depth:
            places[output] = started % together * longest
            started += 1
        yield places[output]


def _stationary_memories(
    tiles: list[_Tile], parameters: dict[str, int], accumulator_bits: int, together: int
) -> dict[str, list[str]]:
    lengths = [len(tile.moving) for tile in tiles]
    firsts = _first_addresses(tiles, together)
    return {
        "pass_length.hex": _numbers(lengths),
        "pass_offset.hex": _numbers(np.cumsum([0, *lengths[:-1]])),
        "pass_first_depth.hex": _numbers(int(tile.step.first_depth) for tile in tiles),
        "resident.hex": _lines((tile.resident for tile in tiles), parameters["RESIDENT_BITS"]),
        "stream.hex": _lines((tile.moving for tile in tiles), parameters["MOVING_BITS"]),
        "stream_bias.hex": _lines((tile.bias for tile in tiles), accumulator_bits),
        "stream_address.hex": _numbers(
            first + line
            for first, length in zip(firsts, lengths, strict=True)
            for line in range(length)
        ),
        "stream_columns.hex": _numbers(
            tile.columns_used for tile in tiles for _ in range(len(tile.moving))
        ),
    }


def _output_memories(
    tiles: list[_Tile], parameters: dict[str, int], accumulator_bits: int
) -> dict[str, list[str]]:
    """Return one entry for each tile; its passes along the depth are one stream."""
    ends = [tile for tile in tiles if tile.step.last_depth]
    stops = np.cumsum([len(tile.moving) for tile in tiles])
    stops = stops[[tile.step.last_depth for tile in tiles]]
    offsets = np.concatenate([[0], stops[:-1]])
    return {
        "tile_length.hex": _numbers(stops - offsets),
        "tile_offset.hex": _numbers(offsets),
        "tile_rows.hex": _numbers(tile.rows_used for tile in ends),
        "tile_columns.hex": _numbers(tile.columns_used for tile in ends),
        "tile_bias.hex": _lines((tile.bias[:1] for tile in ends), accumulator_bits),
        "right.hex": _lines((tile.moving for tile in tiles), parameters["RIGHT_BITS"]),
        "down.hex": _lines((tile.resident for tile in tiles), parameters["DOWN_BITS"]),
    }


def _numbers(values: Iterable[int | np.integer]) -> list[str]:
    return [f"{int(value):x}" for value in values]


def _lines(blocks: Iterable[Words], bits: int) -> list[str]:
    """Return each row of each block as one word, element 0 in the lowest bits."""
    mask = (1 << bits) - 1
    lines = []
    for block in blocks:
        for row in block.tolist():
            word = 0
            for value in reversed(row):
                word = word << bits | value & mask
            lines.append(f"{word:x}")
    return lines


def _expected(outputs: Sequence[OutputEvent], bits: int, columns: int) -> list[str]:
    """Return cycle, port and value of each output; ``columns``: of the array, if PEs have ports."""
    mask = (1 << bits) - 1
    ports = (event.position * columns + event.column for event in outputs)
    return [
        f"{(event.cycle << 32 | port) << bits | event.value & mask:x}"
        for event, port in zip(outputs, ports, strict=True)
    ]
