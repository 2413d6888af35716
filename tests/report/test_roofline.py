"""The roofline: where its points and roofs are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

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


def test_names_do_not_meet_each_other_nor_the_axis(placed):
    point = placed.points[0]
    layer = next(layer for layer in point.layers if layer.macs)
    layers = tuple(
        replace(
            layer,
            name=f"a_layer_with_a_long_name_{number}",
            macs=layer.macs * factor,
            traffic=Traffic(dram_read_bytes=layer.traffic.dram_read_bytes),
        )
        for number, factor in enumerate((1.0, 1.2, 3.0, 0.01))
    )
    figure = roofline(replace(placed, points=(replace(point, layers=layers),)))
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    named = [text for text in axes.texts if text.get_text().startswith("a_layer")]
    boxes = [text.get_window_extent() for text in named]
    assert [text.get_text()[-1] for text in named] == ["0", "2", "3"]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    assert min(box.y0 for box in boxes) > axes.get_window_extent().y0


def test_the_roofs_meet_at_the_ridge(placed):
    (axes,) = roofline(placed).axes
    places, heights = axes.lines[0].get_data()
    assert places[1] == 256 / 8
    assert heights[1] == heights[2] == 256
    assert heights[0] == pytest.approx(8 * places[0])
