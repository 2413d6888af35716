from collections.abc import Callable
from typing import Any

import pytest

from accelsim.hardware.schema import Array
from accelsim.simulator.array_timing import (
    ArrayRules,
    PassTimes,
    Ready,
    next_pass,
    results_leave,
    stream_limits,
)
from accelsim.simulator.ledger import split_gap
from accelsim.simulator.run import Cause
from accelsim.simulator.work import PassWork

BEFORE = PassTimes(preload_start=94, stream_start=100, stream_stop=107)


def rules(**array: Any) -> ArrayRules:
    return ArrayRules.from_array(Array(**({"rows": 3, "columns": 4, "dataflow": "ws"} | array)))


def gap(
    work: PassWork, ready: Ready, first: bool = False, **array: Any
) -> tuple[PassTimes, list[tuple[str, int]]]:
    """The pass after ``BEFORE`` (t = 7 in [100, 107), R = 3, C = 4) and its gap by cause."""
    times, limits = next_pass(rules(**array), BEFORE, work, ready, first)
    pieces, cursor = [], BEFORE.stream_stop
    for cause, until in split_gap(cursor, limits):
        pieces.append((str(cause), until - cursor))
        cursor = until
    assert cursor == times.stream_start
    return times, pieces


@pytest.mark.parametrize(
    ("array", "start"),
    [
        ({}, 107),
        ({"weight_double_buffering": False}, 107 + 3),
        ({"tile_overlap": False}, 107 + 3 + 4 - 2),
        ({"tile_overlap": False, "weight_double_buffering": False}, 107 + 3 + 4 - 2 + 3),
        ({"dataflow": "os"}, 107 + 3 - 1),
        ({"dataflow": "os", "drain": "hidden"}, 107),
        ({"dataflow": "os", "tile_overlap": False}, 107 + 3 + 4 - 2 + 3),
        ({"dataflow": "os", "drain": "hidden", "tile_overlap": False}, 107 + 3 + 4 - 2),
    ],
)
def test_the_table_of_the_timing_model(
    make_pass: Callable[..., PassWork], array: dict[str, Any], start: int
) -> None:
    work = make_pass(7, preload_cycles=0 if array.get("dataflow") == "os" else 3)
    assert gap(work, Ready(), **array)[0] == PassTimes(
        # The preload starts with the stream before, or, single buffered, R before its own.
        preload_start={True: 107, False: 100}[array.get("dataflow") == "os"]
        if array.get("weight_double_buffering", True)
        else start - 3,
        stream_start=start,
        stream_stop=start + 7,
    )


def test_every_cause_in_its_place(make_pass: Callable[..., PassWork]) -> None:
    # Single buffered, no overlap: fill until 109, drain until 112, preload until 115. Weights
    # came at 114, so the preload ends at 117; slow scratchpad (5 instead of 3): 119. Activations
    # come at 121, the buffer would be free at 124, and is at 126.
    times, pieces = gap(
        make_pass(preload_cycles=5),
        Ready(weights=114, activations=121, buffer_rescaled=124, buffer=126),
        tile_overlap=False,
        weight_double_buffering=False,
    )
    assert pieces == [
        ("fill", 2),
        ("drain", 3),
        ("preload", 3),
        ("stall_weights", 4),
        ("stall_activations", 2),
        ("stall_rescale", 3),
        ("stall_output", 2),
    ]
    assert times == PassTimes(114, 126, 129)


def test_input_stationary_waits_for_activations_first(make_pass: Callable[..., PassWork]) -> None:
    _, pieces = gap(make_pass(preload_cycles=3), Ready(weights=116, activations=110), dataflow="is")
    assert pieces == [("stall_activations", 6), ("stall_weights", 3)]


def test_a_depth_tile_of_os_goes_on_without_drain(make_pass: Callable[..., PassWork]) -> None:
    work = make_pass(preload_cycles=0, first_depth=False)
    assert gap(work, Ready(), dataflow="os")[1] == []
    assert gap(work, Ready(weights=109, activations=108), dataflow="os")[1] == [
        ("stall_activations", 1),
        ("stall_weights", 1),
    ]


def test_the_first_pass_of_a_layer_has_nothing_to_wait_for(
    make_pass: Callable[..., PassWork],
) -> None:
    start = PassTimes(107, 107, 107)
    for array, stream_start in (({}, 110), ({"dataflow": "os"}, 107)):
        work = make_pass(preload_cycles=3 if not array else 0)
        times, _ = next_pass(rules(tile_overlap=False, **array), start, work, Ready(), first=True)
        assert times.stream_start == stream_start


def test_streams_slower_than_a_vector_a_cycle(make_pass: Callable[..., PassWork]) -> None:
    work = make_pass(7, activation_cycles=9, weight_cycles=12)
    assert work.stream_total_cycles == 12
    assert list(split_gap(50, stream_limits(work, 50))) == [
        (Cause.STREAM, 57),
        (Cause.STALL_ACTIVATIONS, 59),
        (Cause.STALL_WEIGHTS, 62),
    ]


def test_one_pe_has_no_fill(make_pass: Callable[..., PassWork]) -> None:
    single = {"rows": 1, "columns": 1}
    assert list(split_gap(10, results_leave(rules(**single), 10))) == []
    assert list(split_gap(10, results_leave(rules(dataflow="os", **single), 10))) == [
        (Cause.DRAIN, 11)
    ]
