"""The timeline of a run in Chrome's trace format: opens in ui.perfetto.dev and chrome://tracing.

One process, one track for each unit. A clock cycle is a microsecond of the viewer, so that what
the viewer shows as "12 us" is 12 cycles.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

from accelsim.simulator.run import Span

__all__ = ["timeline_document"]


def timeline_document(spans: Iterable[Span], name: str) -> dict[str, Any]:
    """Return the trace as a JSON document.

    Spans of a track do not overlap: where a unit does two things at once (a preload behind a
    stream that is not over), the second goes to a further track of the same unit.
    """
    tracks: dict[str, int] = {}
    free: dict[str, list[tuple[int, str]]] = {}
    events: list[dict[str, Any]] = []
    for span in sorted(spans, key=lambda span: (span.start_cycle, span.stop_cycle)):
        lanes = free.setdefault(span.unit, [])
        if lanes and lanes[0][0] <= span.start_cycle:
            _, lane = heapq.heappop(lanes)
        else:
            lane = f"{span.unit} {len(lanes) + 1}" if lanes else span.unit
        heapq.heappush(lanes, (span.stop_cycle, lane))
        events.append(
            {
                "name": span.label,
                "ph": "X",
                "pid": 1,
                "tid": tracks.setdefault(lane, len(tracks) + 1),
                "ts": span.start_cycle,
                "dur": span.stop_cycle - span.start_cycle,
            }
        )
    names = [_meta("process_name", 0, name)]
    names += [_meta("thread_name", number, lane) for lane, number in tracks.items()]
    return {
        "displayTimeUnit": "ns",
        "otherData": {"unit": "1 us of the viewer is 1 clock cycle"},
        "traceEvents": names + events,
    }


def _meta(kind: str, track: int, name: str) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": 1, "tid": track, "args": {"name": name}}
