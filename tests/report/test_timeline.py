"""Timelines: one track a unit, and nothing on a track overlaps."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.frontend.topology import load_topology
from accelsim.hardware import load_hardware
from accelsim.report.timeline import timeline_document
from accelsim.simulator import simulate_timing, timeline_notes
from accelsim.simulator import timing as timing_module
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
        Span("layer", "conv", 0, 12),
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
        "layer": [(0, 12, "conv")],
        "array": [(4, 9, "conv"), (9, 12, "conv")],
    }
    places = {
        event["args"]["sort_index"]: event["tid"]
        for event in document["traceEvents"]
        if event["name"] == "thread_sort_index"
    }
    names = {
        event["tid"]: event["args"]["name"]
        for event in document["traceEvents"]
        if event["name"] == "thread_name"
    }
    from_the_top = [names[places[place]] for place in range(len(names))]
    assert from_the_top == ["layer", "array", "dram", "dram 2"]


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
    # Layers follow each other without a gap, and are all there is.
    layers = found["layer"]
    assert (layers[0][0], layers[-1][1]) == (0, timing.cycles_total)
    assert all(before[1] == after[0] for before, after in pairwise(layers))
    # The array's track is busy for the cycles in which it streams.
    busy = sum(stop - start for start, stop, _ in found["array"])
    assert busy == timing.units["array"]["stream"]
    # Each layer's streams lie inside the layer.
    for run in timing.layers:
        streams = [s for s in found["array"] if s[2] == run.name]
        assert streams
        assert run.start_cycle <= streams[0][0]
        assert streams[-1][1] <= run.start_cycle + run.cycles_total


def test_of_too_many_tiles_only_layers_are_shown(monkeypatch):
    hardware = load_hardware("edge_16x16")
    topology = load_topology("mlperf_tiny_autoencoder")
    program = compile_shapes(lower_topology(topology, 1, 8, 8, 32), hardware)
    whole = simulate_timing(program, hardware, spans=True)
    assert timeline_notes(program) == ()
    monkeypatch.setattr(timing_module, "_MOST_TILES", 1039)
    assert timeline_notes(program) == (
        "timeline: of layers only: 1,040 tiles are more than the 1,039 that it has room for",
    )
    for method in ("compiled", "events"):
        timing = simulate_timing(program, hardware, spans=True, method=method)
        assert timing == replace(
            whole, spans=tuple(span for span in whole.spans if span.unit == "layer")
        )
    assert set(tracks(timeline_document(timing.spans, "net"))) == {"layer"}
