"""The cycle engine's clock: when each pass's stream starts, from the one before.

A separate derivation of docs/timing.md with all operands at hand.
"""

from __future__ import annotations

from collections.abc import Iterable

from accelsim.compiler.program import Pass
from accelsim.hardware.dataflow import DATAFLOWS
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.run import Cause

__all__ = ["count_cycles"]


def count_cycles(passes: Iterable[Pass], array: Array) -> dict[Cause, int]:
    """Return the cycles of consecutive passes by cause: preload, fill, stream and drain."""
    if DATAFLOWS[array.dataflow].preloads:
        return _count_stationary(passes, array)
    return _count_output(passes, array)


def _count_stationary(passes: Iterable[Pass], array: Array) -> dict[Cause, int]:
    """Two events bound the next start: the stream before ends, the tile has been shifted in."""
    rows, columns = array.rows, array.columns
    stream_dimension = DATAFLOWS[array.dataflow].stream
    cycles = dict.fromkeys((Cause.PRELOAD, Cause.FILL, Cause.STREAM, Cause.DRAIN), 0)
    may_load, may_stream = 0, 0
    for step in passes:
        loaded = may_load + rows
        start = max(may_stream, loaded)
        cycles[Cause.PRELOAD] += start - may_stream
        length = step.m_size if stream_dimension == "m" else step.n_size
        cycles[Cause.STREAM] += length
        may_stream = start + length
        if not array.tile_overlap:
            cycles[Cause.FILL] += rows - 1
            cycles[Cause.DRAIN] += columns - 1
            may_stream += rows + columns - 2
        may_load = start if array.weight_double_buffering else may_stream
    if array.tile_overlap:
        cycles[Cause.FILL] += rows - 1
        cycles[Cause.DRAIN] += columns - 1
    return cycles


def _count_output(passes: Iterable[Pass], array: Array) -> dict[Cause, int]:
    """Start tile after tile; a tile's depth passes follow each other without a gap."""
    rows, columns = array.rows, array.columns
    hidden, free = array.drain is Drain.HIDDEN, array.drain is Drain.FREE
    cycles = dict.fromkeys((Cause.PRELOAD, Cause.FILL, Cause.STREAM, Cause.DRAIN), 0)
    length = 0
    tiles = 0
    for step in passes:
        length += step.k_size
        if not step.last_depth:
            continue
        if tiles and not array.tile_overlap:
            cycles[Cause.FILL] += rows + columns - 2
            cycles[Cause.DRAIN] += 0 if hidden or free else rows
        elif tiles and not free:
            # Hidden: this stream may end no sooner than R cycles after the one before.
            cycles[Cause.DRAIN] += max(0, rows - length) if hidden else rows - 1
        cycles[Cause.STREAM] += length
        tiles += 1
        length = 0
    cycles[Cause.FILL] += rows + columns - 2
    cycles[Cause.DRAIN] += 0 if free else rows
    return cycles
