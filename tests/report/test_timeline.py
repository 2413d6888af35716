"""Timelines: one track a unit, and nothing on a track overlaps."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.frontend.topology import load_topology
from accelsim.hardware import load_hardware
from accelsim.report.timeline import timeline_document
from accelsim.simulator import simulate_timing
from accelsim.simulator.run import Span


def tracks(document):
    """Return {track name: [(start, stop, label)]} in the order of the file."""
    events = document["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    found = {name: [] for name in names.values()}
    for event in events:
        if event["ph"] == "X":
            stop = event["ts"] + event["dur"]
            found[names[event["tid"]]].append((event["ts"], stop, event["name"]))
    return found


def test_a_timeline_by_hand():
    spans = [
        Span("array", "conv", 4, 9),
        Span("array", "conv", 9, 12),
        Span("dram", "weights conv[0]", 0, 3),
        Span("dram", "weights conv[1]", 2, 5),
    ]
    document = timeline_document(spans, "net on machine")
    assert document["displayTimeUnit"] == "ns"
    assert document["traceEvents"][0] == {
        "name": "process_name",
        "ph": "M",
        "pid": 1,
        "tid": 0,
        "args": {"name": "net on machine"},
    }
    assert tracks(document) == {
        "dram": [(0, 3, "weights conv[0]")],
        "dram 2": [(2, 5, "weights conv[1]")],
        "array": [(4, 9, "conv"), (9, 12, "conv")],
    }


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
def test_a_real_one(dataflow):
    hardware = load_hardware("edge_16x16", [f"array.dataflow={dataflow}"])
    topology = load_topology("mlperf_tiny_autoencoder")
    program = compile_shapes(lower_topology(topology, 1, 8, 8, 32), hardware)
    timing = simulate_timing(program, hardware, spans=True)
    document = json.loads(json.dumps(timeline_document(timing.spans, "net")))
    found = tracks(document)
    # The array does one thing at a time, and so does the bus.
    assert {"array", "dram", "rescale", "dma_weights"} <= set(found)
    assert not {"array 2", "dram 2", "rescale 2"} & set(found)
    for track in found.values():
        assert all(type(cycle) is int for start, stop, _ in track for cycle in (start, stop))
        assert all(0 <= start < stop <= timing.cycles_total for start, stop, _ in track)
        assert all(before[1] <= after[0] for before, after in pairwise(track))
    assert sum(map(len, found.values())) == len(timing.spans)
    # Each layer's streams lie inside the layer.
    for run in timing.layers:
        streams = [s for s in found["array"] if s[2] == run.name]
        assert streams
        assert run.start_cycle <= streams[0][0]
        assert streams[-1][1] <= run.start_cycle + run.cycles_total
