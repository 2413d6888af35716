"""The roofline: where its points and roofs are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.report.roofline import roofline
from accelsim.simulator.run import Traffic


@pytest.fixture
def placed(result):
    """The made-up run on 256 PEs and a bus of 8 bytes; its dense layer moves nothing."""
    point = result.points[0]
    layers = [
        replace(layer, traffic=Traffic()) if layer.name == "dense" else layer
        for layer in point.layers
    ]
    point = replace(point, layers=tuple(layers), peak_macs_per_cycle=256, dram_bytes_per_cycle=8.0)
    return replace(result, points=(point,))


def test_layers_stand_where_their_counts_say(placed):
    (axes,) = roofline(placed).axes
    bounded, unbounded = (collection.get_offsets() for collection in axes.collections)
    layers = [layer for layer in placed.points[0].layers if layer.macs]
    moving = [layer for layer in layers if layer.traffic.dram_read_bytes]
    expected = [
        (layer.macs / layer.traffic.dram_read_bytes, layer.macs / layer.cycles_total)
        for layer in moving
    ]
    assert np.array(bounded) == pytest.approx(np.array(expected))
    assert len(unbounded) == len(layers) - len(moving) == 1
    assert unbounded[0][0] > max(place for place, _ in bounded)


def test_the_roofs_meet_at_the_ridge(placed):
    (axes,) = roofline(placed).axes
    places, heights = axes.lines[0].get_data()
    assert places[1] == 256 / 8
    assert heights[1] == heights[2] == 256
    assert heights[0] == pytest.approx(8 * places[0])
