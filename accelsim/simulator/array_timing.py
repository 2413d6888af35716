"""When a pass streams, and what each cycle before it was: docs/timing.md as pure functions.

A pass's times follow from the previous pass's times, its own work and the cycles in which its
operands and its accumulator buffer are there. Nothing else is remembered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from accelsim.hardware.dataflow import DATAFLOWS
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.run import Cause
from accelsim.simulator.work import PassWork

__all__ = [
    "AT_HAND",
    "ArrayRules",
    "Limit",
    "PassTimes",
    "Ready",
    "next_pass",
    "results_leave",
    "stream_limits",
]

Limit = tuple[Cause, int]
"""(cause, until_cycle): the cause holds before that cycle."""


class PassTimes(NamedTuple):
    """Half-open: preload [preload_start, ...), stream [stream_start, stream_stop)."""

    preload_start: int
    stream_start: int
    stream_stop: int


class Ready(NamedTuple):
    """First cycles in which a pass finds what it needs; 0 for what was there before.

    ``buffer_rescaled`` is when its accumulator buffer would have been free had results always
    found room, ``buffer`` when it is.
    """

    weights: int = 0
    activations: int = 0
    buffer_rescaled: int = 0
    buffer: int = 0


AT_HAND = Ready()
"""Everything was there before."""


@dataclass(frozen=True)
class ArrayRules:
    """What the timing of an array depends on, derived once from its description."""

    rows: int
    preloads: bool
    stationary_is_weights: bool
    double_buffered: bool
    overlapped: bool
    drain_hidden: bool
    drain_cycles: int
    """Cycles that a tile's results take to leave (os): R, or none where each PE has a port."""
    wavefront: int
    """Cycles from the last vector's entry until the far corner has used it: R + C - 2, or R + C - 1
    if the far column is one of adders that sum up rows. Where sums are scaled at the edge
    (`with_scaling`), until the last one is."""

    @classmethod
    def from_array(cls, array: Array) -> ArrayRules:
        """Return the rules of one array."""
        flow = DATAFLOWS[array.dataflow]
        return cls(
            rows=array.rows,
            preloads=flow.preloads,
            stationary_is_weights=flow.stationary == "weights",
            double_buffered=array.weight_double_buffering,
            overlapped=array.tile_overlap,
            drain_hidden=array.drain is Drain.HIDDEN,
            drain_cycles=0 if array.drain is Drain.FREE else array.rows,
            wavefront=array.rows + array.stepped_columns - 2,
        )

    def with_scaling(self, cycles: int) -> ArrayRules:
        """Return the rules of a layer whose sums take so many cycles more at the edge."""
        return replace(self, wavefront=self.wavefront + cycles) if cycles else self


def next_pass(
    rules: ArrayRules, previous: PassTimes, work: PassWork, ready: Ready, first: bool
) -> tuple[PassTimes, list[Limit]]:
    """Return a pass's times and the limits that its stream start had to respect, in order.

    ``previous`` holds the layer's start in all places for the ``first`` pass of a layer.
    """
    limits = [] if first else _settle(rules, previous, work)
    preload_start = previous.stream_stop
    if rules.preloads:
        preload_start = _append_preload(rules, previous, work, ready, limits)
        if rules.stationary_is_weights:
            limits.append((Cause.STALL_ACTIVATIONS, ready.activations))
        else:
            limits.append((Cause.STALL_WEIGHTS, ready.weights))
    else:
        limits.append((Cause.STALL_ACTIVATIONS, ready.activations))
        limits.append((Cause.STALL_WEIGHTS, ready.weights))
    limits.append((Cause.STALL_RESCALE, ready.buffer_rescaled))
    limits.append((Cause.STALL_OUTPUT, ready.buffer))
    start = previous.stream_stop
    for _, until in limits:
        start = max(start, until)
    return PassTimes(preload_start, start, start + work.stream_total_cycles), limits


def stream_limits(work: PassWork, stream_start: int) -> list[Limit]:
    """Return the causes of a stream's own cycles: vectors enter, or a scratchpad is too slow."""
    return [
        (Cause.STREAM, stream_start + work.stream_cycles),
        (Cause.STALL_ACTIVATIONS, stream_start + work.activation_cycles),
        (Cause.STALL_WEIGHTS, stream_start + work.weight_cycles),
    ]


def results_leave(rules: ArrayRules, stream_stop: int) -> list[Limit]:
    """Return fill and drain after a last stream; the last result is registered at their end.

    >>> from accelsim.hardware.schema import Array
    >>> array = Array(rows=2, columns=2, dataflow="os")
    >>> results_leave(ArrayRules.from_array(array), 10)
    [(<Cause.FILL: 'fill'>, 12), (<Cause.DRAIN: 'drain'>, 14)]
    """
    corner = stream_stop + rules.wavefront
    if rules.preloads:
        return [(Cause.FILL, stream_stop + rules.rows - 1), (Cause.DRAIN, corner)]
    return [(Cause.FILL, corner), (Cause.DRAIN, corner + rules.drain_cycles)]


def _settle(rules: ArrayRules, previous: PassTimes, work: PassWork) -> list[Limit]:
    """Return what has to pass after the previous stream even with all data at hand."""
    stop = previous.stream_stop
    if rules.preloads:
        return [] if rules.overlapped else results_leave(rules, stop)
    if not work.first_depth:
        return []
    if not rules.drain_cycles:
        return [] if rules.overlapped else [(Cause.FILL, stop + rules.wavefront)]
    if rules.drain_hidden:
        if rules.overlapped:
            # The results of this tile must not meet those of the tile before in the drain path.
            return [(Cause.DRAIN, stop + rules.rows - work.tile_stream_cycles)]
        return [(Cause.FILL, stop + rules.wavefront)]
    if rules.overlapped:
        return [(Cause.DRAIN, stop + rules.rows - 1)]
    return results_leave(rules, stop)


def _append_preload(
    rules: ArrayRules, previous: PassTimes, work: PassWork, ready: Ready, limits: list[Limit]
) -> int:
    """Append the limits of the preload and return the cycle in which it starts."""
    if rules.stationary_is_weights:
        stall, there = Cause.STALL_WEIGHTS, ready.weights
    else:
        stall, there = Cause.STALL_ACTIVATIONS, ready.activations
    earliest = previous.stream_start if rules.double_buffered else previous.stream_stop
    if limits and not rules.double_buffered:
        earliest = limits[-1][1]
    start = max(earliest, there)
    limits.append((Cause.PRELOAD, earliest + rules.rows))
    limits.append((stall, start + work.preload_cycles))
    return start
