"""The timeline of a run in Chrome's trace format: opens in ui.perfetto.dev and chrome://tracing.

One process, one track for each unit and one for the layers. A clock cycle is a microsecond of the
viewer, so that what the viewer shows as "12 us" is 12 cycles.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

from accelsim.simulator.run import LAYER_UNIT, Span

__all__ = ["timeline_document"]

_ORDER = (
    *(LAYER_UNIT, "array", "array_preload", "rescale", "vector"),
    *("dma_weights", "dma_activations", "dma_outputs", "dram"),
)
"""Tracks from the top; those of other units follow by name."""


def timeline_document(spans: Iterable[Span], name: str) -> dict[str, Any]:
    """Return the trace as a JSON document.

    Spans of a track do not overlap: where a unit does two things at once (a preload behind a
    stream that is not over), the second goes to a further track of the same unit.
    """
    tracks: dict[tuple[str, int], int] = {}
    lanes: dict[str, list[tuple[int, int]]] = {}
    events: list[dict[str, Any]] = []
    for span in sorted(spans, key=lambda span: (span.start_cycle, span.stop_cycle)):
        of_unit = lanes.setdefault(span.unit, [])
        if of_unit and of_unit[0][0] <= span.start_cycle:
            _, lane = heapq.heappop(of_unit)
        else:
            lane = len(of_unit) + 1
        heapq.heappush(of_unit, (span.stop_cycle, lane))
        events.append(
            {
                "name": span.label,
                "ph": "X",
                "pid": 1,
                "tid": tracks.setdefault((span.unit, lane), len(tracks) + 1),
                "ts": span.start_cycle,
                "dur": span.stop_cycle - span.start_cycle,
            }
        )
    names = [_meta("process_name", 0, {"name": name})]
    for place, (unit, lane) in enumerate(sorted(tracks, key=_from_the_top)):
        number = tracks[unit, lane]
        names += [
            _meta("thread_name", number, {"name": unit if lane == 1 else f"{unit} {lane}"}),
            _meta("thread_sort_index", number, {"sort_index": place}),
        ]
    return {
        "displayTimeUnit": "ns",
        "otherData": {"unit": "1 us of the viewer is 1 clock cycle"},
        "traceEvents": names + events,
    }


def _from_the_top(track: tuple[str, int]) -> tuple[int, str, int]:
    unit, lane = track
    return _ORDER.index(unit) if unit in _ORDER else len(_ORDER), unit, lane


def _meta(kind: str, track: int, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": 1, "tid": track, "args": arguments}
