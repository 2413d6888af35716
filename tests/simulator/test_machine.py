"""Timelines of a 2x2 array, worked by hand.

Unless a test says otherwise: two tiles of t = 3 vectors and n = 2 columns, R = C = 2; a transfer
of one burst (4 bytes) holds the channel for 1 cycle and is complete 3 cycles later; the rescale
unit reads a tile's 6 results in 2 cycles and writes the last one 1 cycle after.
"""

from collections.abc import Callable
from typing import Any

import pytest

from accelsim.errors import InternalError
from accelsim.hardware.schema import Hardware
from accelsim.simulator.machine import run_machine
from accelsim.simulator.run import Timing, Traffic
from accelsim.simulator.work import ChunkWork, MatrixWork, PassWork, VectorWork

FETCH: dict[str, Any] = {"fetch_weight_bytes": 4, "releases_weights": True}


@pytest.fixture
def two_tiles(
    small_hardware: Callable[..., Hardware],
    make_pass: Callable[..., PassWork],
    make_layer: Callable[..., MatrixWork],
) -> Callable[..., Timing]:
    """Run two equal tiles as one layer."""

    def run(work: dict[str, Any], staging: int = 0, **hardware: Any) -> Timing:
        layer = make_layer(make_pass(**work), make_pass(**work), staging=staging)
        return run_machine([layer], small_hardware(**hardware), spans=True)

    return run


def test_double_buffered_weights_hide_the_second_preload(
    two_tiles: Callable[..., Timing], timeline: Callable[..., Any], causes: Callable[..., Any]
) -> None:
    # Tile 0 holds the channel in cycle 0 and is complete at 4; tile 1 in cycle 1, complete at 5.
    # Preload 0 takes [4, 6), stream 0 [6, 9). Preload 1 starts with stream 0, at 6, and is over
    # before stream 1 starts at 9. Results are registered R + C - 2 = 2 cycles after a stream:
    # at 11 and 14; the rescale unit reads in [11, 13) and [14, 16) and writes the last at 17.
    timing = two_tiles(FETCH)
    assert timeline(timing, "dram", "array_preload", "array", "rescale") == [
        (0, "dram starts"),
        (1, "dram starts"),
        (1, "dram stops"),
        (2, "dram stops"),
        (4, "array_preload starts"),
        (6, "array starts"),
        (6, "array_preload starts"),
        (6, "array_preload stops"),
        (8, "array_preload stops"),
        (9, "array starts"),
        (9, "array stops"),
        (11, "rescale starts"),
        (12, "array stops"),
        (13, "rescale stops"),
        (14, "rescale starts"),
        (16, "rescale stops"),
    ]
    assert causes(timing) == {
        "preload": 2,
        "stall_weights": 4,
        "stream": 6,
        "fill": 1,
        "drain": 1,
        "stall_rescale": 3,
    }
    assert timing.cycles_total == 17


def test_single_buffered_weights_show_the_second_preload(
    two_tiles: Callable[..., Timing], timeline: Callable[..., Any], causes: Callable[..., Any]
) -> None:
    # As before until 9; preload 1 now follows stream 0: [9, 11), stream 1 [11, 14),
    # registered at 16, rescaled [16, 18), written at 19.
    timing = two_tiles(FETCH, array__weight_double_buffering=False)
    assert timeline(timing, "array_preload", "array") == [
        (4, "array_preload starts"),
        (6, "array starts"),
        (6, "array_preload stops"),
        (9, "array stops"),
        (9, "array_preload starts"),
        (11, "array starts"),
        (11, "array_preload stops"),
        (14, "array stops"),
    ]
    assert causes(timing)["preload"] == 4
    assert timing.cycles_total == 19


def test_a_single_buffered_scratchpad_fetches_only_between_passes(
    two_tiles: Callable[..., Timing], timeline: Callable[..., Any], causes: Callable[..., Any]
) -> None:
    # Tile 1 is asked for when pass 0 has streamed, at 9: channel [9, 10), complete at 13,
    # preload [13, 15), stream [15, 18), registered 20, rescaled [20, 22), written 23.
    # With the tile at hand its preload would be hidden: the whole gap [9, 15) is the weights'.
    timing = two_tiles(FETCH, scratchpads__weights__double_buffered=False)
    assert timeline(timing, "dram", "array") == [
        (0, "dram starts"),
        (1, "dram stops"),
        (6, "array starts"),
        (9, "array stops"),
        (9, "dram starts"),
        (10, "dram stops"),
        (15, "array starts"),
        (18, "array stops"),
    ]
    assert causes(timing) == {
        "preload": 2,
        "stall_weights": 4 + 6,
        "stream": 6,
        "fill": 1,
        "drain": 1,
        "stall_rescale": 3,
    }


def test_a_scratchpad_of_one_tile_fetches_when_it_is_empty(
    two_tiles: Callable[..., Timing],
) -> None:
    # Double buffered, but 64 bytes hold one tile of 40: the same cycles as single buffering.
    work = FETCH | {"fetch_weight_bytes": 40}
    timing = two_tiles(work, dram__burst=64, dram__bandwidth=64e9)
    assert timing.cycles_total == 23
    # The engine waits from 4 (tile 0 complete) to 9 (room); the scratchpad blocks from 0 to 9.
    assert timing.units["dma_weights"] == {
        "transfer": 2,
        "latency": 6,
        "wait_room": 5,
        "idle": 10,
    }
    assert timing.units["weight_scratchpad"] == {"blocked": 9, "holding": 9, "idle": 5}


def test_bandwidth_bound(
    two_tiles: Callable[..., Timing], timeline: Callable[..., Any], causes: Callable[..., Any]
) -> None:
    # 1 byte a cycle: channel [0, 4) and [4, 8), complete at 7 and 11. Preload 0 [7, 9),
    # stream 0 [9, 12); preload 1 [11, 13), stream 1 [13, 16): one cycle late.
    timing = two_tiles(FETCH, dram__bandwidth=1e9)
    assert timeline(timing, "dram", "array_preload", "array") == [
        (0, "dram starts"),
        (4, "dram starts"),
        (4, "dram stops"),
        (7, "array_preload starts"),
        (8, "dram stops"),
        (9, "array starts"),
        (9, "array_preload stops"),
        (11, "array_preload starts"),
        (12, "array stops"),
        (13, "array starts"),
        (13, "array_preload stops"),
        (16, "array stops"),
    ]
    assert causes(timing)["stall_weights"] == 7 + 1
    assert timing.units["dram"] == {"weights": 8, "idle": 13}


def test_slow_scratchpads_stall_stream_and_preload(
    two_tiles: Callable[..., Timing], causes: Callable[..., Any]
) -> None:
    # A preload of 5 cycles instead of R = 2, streams of 4 instead of 3. Preload 0 [0, 5),
    # stream 0 [5, 9), preload 1 [5, 10), stream 1 [10, 14), registered 16, read [16, 18), 19.
    timing = two_tiles({"preload_cycles": 5, "activation_cycles": 4})
    assert causes(timing) == {
        "preload": 2,
        "stall_weights": 3 + 1,
        "stream": 6,
        "stall_activations": 2,
        "fill": 1,
        "drain": 1,
        "stall_rescale": 3,
    }
    assert timing.cycles_total == 19


@pytest.mark.parametrize(
    ("array", "starts", "expected"),
    [
        # s' = s + K + R - 1 = 4; registered at 4 + 3 + 2 + 2 = 11, read until 13, written at 14.
        ({}, [0, 4], {"stream": 6, "drain": 1 + 2, "fill": 2, "stall_rescale": 3}),
        # s' = s + K = 3: the drain of tile 0 hides behind the stream of tile 1.
        ({"array__drain": "hidden"}, [0, 3], {"stream": 6, "fill": 2, "drain": 2}),
        # s' = s + K + (R + C - 2) + R = 7.
        ({"array__tile_overlap": False}, [0, 7], {"stream": 6, "fill": 4, "drain": 4}),
        # s' = s + K + (R + C - 2) = 5.
        (
            {"array__tile_overlap": False, "array__drain": "hidden"},
            [0, 5],
            {"stream": 6, "fill": 4, "drain": 2},
        ),
    ],
    ids=["exposed", "hidden", "exposed, no overlap", "hidden, no overlap"],
)
def test_output_stationary(
    two_tiles: Callable[..., Timing],
    causes: Callable[..., Any],
    array: dict[str, Any],
    starts: list[int],
    expected: dict[str, int],
) -> None:
    timing = two_tiles({"preload_cycles": 0}, array__dataflow="os", **array)
    assert [span.start_cycle for span in timing.spans if span.unit == "array"] == starts
    assert causes(timing) == {"stall_rescale": 3} | expected


def test_hidden_drains_must_not_meet(
    two_tiles: Callable[..., Timing], causes: Callable[..., Any]
) -> None:
    # K = 1 < R = 2: stream 0 [0, 1); stream 1 must end R cycles later, at 3: it starts at 2.
    work = {"preload_cycles": 0, "vectors": 1, "results": 4}
    timing = two_tiles(work, array__dataflow="os", array__drain="hidden")
    assert [span.start_cycle for span in timing.spans if span.unit == "array"] == [0, 2]
    assert causes(timing) == {"stream": 2, "drain": 1 + 2, "fill": 2, "stall_rescale": 3}


def test_without_overlap_fill_and_drain_show_after_every_pass(
    two_tiles: Callable[..., Timing], causes: Callable[..., Any]
) -> None:
    # s = 2, s' = s + t + R + C - 2 = 7; the preload hides in the fill.
    timing = two_tiles({}, array__tile_overlap=False)
    assert [span.start_cycle for span in timing.spans if span.unit == "array"] == [2, 7]
    assert causes(timing) == {"preload": 2, "stream": 6, "fill": 2, "drain": 2, "stall_rescale": 3}


def test_rescale_bound(
    two_tiles: Callable[..., Timing], timeline: Callable[..., Any], causes: Callable[..., Any]
) -> None:
    # One lane: 6 cycles a tile. One accumulator buffer: tile 0 streams [2, 5), is registered at
    # 7, read in [7, 13); only then tile 1 streams, [13, 16), registered 18, read [18, 24), 25.
    timing = two_tiles({}, rescale__lanes=1, scratchpads__accumulators__double_buffered=False)
    assert timeline(timing, "array", "rescale") == [
        (2, "array starts"),
        (5, "array stops"),
        (7, "rescale starts"),
        (13, "array starts"),
        (13, "rescale stops"),
        (16, "array stops"),
        (18, "rescale starts"),
        (24, "rescale stops"),
    ]
    assert causes(timing) == {
        "preload": 2,
        "stream": 6,
        "fill": 1,
        "drain": 1,
        "stall_rescale": 8 + 7,
    }
    assert timing.units["rescale"] == {"busy": 12, "pipeline": 2, "idle": 11}
    assert timing.units["accumulator_scratchpad"] == {"holding": 22, "idle": 3}


def test_two_accumulator_buffers_hide_the_rescale(two_tiles: Callable[..., Timing]) -> None:
    # Tile 1 streams [5, 8) into the second buffer; its read waits for the unit: [13, 19), 20.
    timing = two_tiles({}, rescale__lanes=1)
    assert [span.start_cycle for span in timing.spans if span.unit == "rescale"] == [7, 13]
    assert timing.cycles_total == 20


def test_outputs_that_go_to_dram_end_the_layer(
    two_tiles: Callable[..., Timing], timeline: Callable[..., Any], causes: Callable[..., Any]
) -> None:
    # Streams [2, 5) and [5, 8); read [7, 9) and [10, 12); written at 10 and 13. 6 bytes are two
    # bursts: channel [10, 12) and [13, 15), complete at 15 and 18.
    timing = two_tiles({"output_bytes": 6}, staging=12)
    assert timeline(timing, "rescale", "dma_outputs") == [
        (7, "rescale starts"),
        (9, "rescale stops"),
        (10, "dma_outputs starts"),
        (10, "rescale starts"),
        (12, "dma_outputs stops"),
        (12, "rescale stops"),
        (13, "dma_outputs starts"),
        (15, "dma_outputs stops"),
    ]
    assert causes(timing) == {
        "preload": 2,
        "stream": 6,
        "fill": 1,
        "drain": 1,
        "stall_rescale": 3,
        "stall_output": 5,
    }
    assert timing.layers[0].traffic == Traffic(dram_write_bytes=16)
    assert timing.cycles_total == 18


def test_results_wait_for_staging_room(
    small_hardware: Callable[..., Hardware],
    make_pass: Callable[..., PassWork],
    make_layer: Callable[..., MatrixWork],
    causes: Callable[..., Any],
) -> None:
    # Room for one tile, one accumulator buffer, three tiles. Tile 0: stream [2, 5), read [7, 9),
    # written 10, stored [10, 12) + 3 = 15. Tile 1: stream [9, 12), registered 14, but room only
    # at 15: read [15, 17), written 18, stored at 23. Tile 2 would have its buffer at 16 but gets
    # it at 17: stream [17, 20), registered 22, room 23, read [23, 25), written 26, stored 31.
    part = make_pass(output_bytes=6)
    hardware = small_hardware(scratchpads__accumulators__double_buffered=False)
    timing = run_machine([make_layer(part, part, part, staging=6)], hardware, spans=True)
    assert [span.start_cycle for span in timing.spans if span.unit == "array"] == [2, 9, 17]
    assert causes(timing) == {
        "preload": 2,
        "stream": 9,
        "fill": 1,
        "drain": 1,
        "stall_rescale": (9 - 5) + (16 - 12) + (26 - 22),
        "stall_output": (17 - 16) + (31 - 26),
    }
    assert timing.units["rescale"] == {"busy": 6, "pipeline": 3, "stall_output": 2, "idle": 20}


def test_depth_tiles_share_one_accumulator_buffer(
    small_hardware: Callable[..., Hardware],
    make_pass: Callable[..., PassWork],
    make_layer: Callable[..., MatrixWork],
) -> None:
    # Two passes of depth for one tile: streams [2, 5) and [5, 8), one tile rescaled from 10 on.
    first = make_pass(last_depth=False, results=6)
    second = make_pass(first_depth=False)
    hardware = small_hardware(scratchpads__accumulators__double_buffered=False)
    timing = run_machine([make_layer(first, second)], hardware, spans=True)
    assert [
        (span.unit, span.start_cycle, span.stop_cycle)
        for span in timing.spans
        if span.unit in ("array", "rescale")
    ] == [("array", 2, 5), ("array", 5, 8), ("rescale", 10, 12)]
    assert timing.layers[0].rescale_operations == 6


def test_next_layer_prefetches_weights_but_not_activations(
    small_hardware: Callable[..., Hardware],
    make_pass: Callable[..., PassWork],
    make_layer: Callable[..., MatrixWork],
    causes: Callable[..., Any],
) -> None:
    # Layer a: weights [0, 1) complete 4, preload [4, 6), stream [6, 9), registered 11,
    # read [11, 13), written 14. Layer b's weights cross in cycle 1. Its activations are asked
    # for at 14: complete at 18. Preload [14, 16), stream [18, 21), read [23, 25), written 26.
    layers = [
        make_layer(make_pass(**FETCH), name="a"),
        make_layer(
            make_pass(**FETCH, fetch_activation_bytes=3, releases_activations=True), name="b"
        ),
    ]
    timing = run_machine(layers, small_hardware(), spans=True)
    assert [(s.start_cycle, s.label) for s in timing.spans if s.unit == "dram"] == [
        (0, "weights a[0]"),
        (1, "weights b[0]"),
        (14, "activations b[0]"),
    ]
    assert [(run.start_cycle, run.cycles_total) for run in timing.layers] == [(0, 14), (14, 12)]
    assert causes(timing, 1) == {
        "preload": 2,
        "stall_activations": 2,
        "stream": 3,
        "fill": 1,
        "drain": 1,
        "stall_rescale": 3,
    }
    assert [run.traffic.dram_read_bytes for run in timing.layers] == [4, 8]


def vector_layer(*chunks: ChunkWork, staging: int = 0) -> VectorWork:
    return VectorWork("pool", "max_pool", None, 0, 8, 8, 0, staging, Traffic(), chunks=chunks)


def test_vector_chunks_are_fetched_and_stored_while_others_compute(
    small_hardware: Callable[..., Hardware], timeline: Callable[..., Any]
) -> None:
    # Fetches [0, 1) and [1, 2), complete at 4 and 5. Chunk 0 computes [4, 8), is stored
    # [8, 9) + 3; chunk 1 computes [8, 12), is stored [12, 13), complete at 16.
    chunk = ChunkWork(fetch_bytes=(4,), compute_cycles=4, operations=8, output_bytes=2)
    timing = run_machine([vector_layer(chunk, chunk, staging=4)], small_hardware(), spans=True)
    assert timeline(timing, "dma_activations", "vector", "dma_outputs") == [
        (0, "dma_activations starts"),
        (1, "dma_activations starts"),
        (1, "dma_activations stops"),
        (2, "dma_activations stops"),
        (4, "vector starts"),
        (8, "dma_outputs starts"),
        (8, "vector starts"),
        (8, "vector stops"),
        (9, "dma_outputs stops"),
        (12, "dma_outputs starts"),
        (12, "vector stops"),
        (13, "dma_outputs stops"),
    ]
    (run,) = timing.layers
    assert (run.cycles_total, run.cycles) == (16, {"idle": 16})
    assert (run.vector_operations, run.gemm, run.macs) == (16, None, 0)
    assert timing.units["vector"] == {"stall_activations": 4, "busy": 8, "idle": 4}
    assert timing.units["array"] == {"idle": 16}


def test_single_buffered_activations_fetch_chunk_by_chunk(
    small_hardware: Callable[..., Hardware],
) -> None:
    # Chunk 1 is asked for when chunk 0 is computed, at 8: complete at 12, computed at 16.
    chunk = ChunkWork(fetch_bytes=(4,), compute_cycles=4, operations=8, output_bytes=0)
    hardware = small_hardware(scratchpads__activations__double_buffered=False)
    assert run_machine([vector_layer(chunk, chunk)], hardware).cycles_total == 16


def test_units_account_for_every_cycle(two_tiles: Callable[..., Timing]) -> None:
    timing = two_tiles(FETCH | {"output_bytes": 6}, staging=6)
    assert sorted(timing.units) == [
        "accumulator_scratchpad",
        "activation_scratchpad",
        "array",
        "dma_activations",
        "dma_outputs",
        "dma_weights",
        "dram",
        "rescale",
        "vector",
        "weight_scratchpad",
    ]
    assert {sum(cycles.values()) for cycles in timing.units.values()} == {timing.cycles_total}


def test_an_empty_program_takes_no_time(small_hardware: Callable[..., Hardware]) -> None:
    timing = run_machine([], small_hardware())
    assert (timing.cycles_total, timing.layers) == (0, ())


def test_a_standstill_names_what_each_unit_waits_for(two_tiles: Callable[..., Timing]) -> None:
    with pytest.raises(
        InternalError,
        match=r"^the machine stands still in cycle 0: array waits for weights of a; "
        r"dma_outputs waits for results; dma_weights waits for room for the 65 bytes of a\[0\]; "
        r"dram waits for a request; rescale waits for a finished tile$",
    ):
        two_tiles({"fetch_weight_bytes": 65})


def test_results_without_room_stand_still(two_tiles: Callable[..., Timing]) -> None:
    with pytest.raises(
        InternalError,
        match=r"^the machine stands still in cycle 7: array waits for the rescaled results of a; "
        r"dma_outputs waits for results; dram waits for a request; "
        r"rescale waits for room for 6 result bytes$",
    ):
        two_tiles({"output_bytes": 6}, staging=5)


def test_a_fetch_that_nobody_releases_is_found(two_tiles: Callable[..., Timing]) -> None:
    with pytest.raises(
        InternalError, match=r"^dma_weights: 0 fetches were not used, 2 not released$"
    ):
        two_tiles({"fetch_weight_bytes": 4})


def test_a_release_without_a_fetch_is_found(two_tiles: Callable[..., Timing]) -> None:
    with pytest.raises(InternalError, match=r"^dma_weights: a release without a fetch$"):
        two_tiles({"releases_weights": True})


def test_macs_that_are_missing_are_found(
    small_hardware: Callable[..., Hardware],
    make_pass: Callable[..., PassWork],
    make_layer: Callable[..., MatrixWork],
) -> None:
    whole = make_layer(make_pass())
    half = make_layer(make_pass(), make_pass())
    broken = MatrixWork(**{**vars(half), "gemm": whole.gemm})
    with pytest.raises(InternalError, match=r"^MACs of a: 24, expected 12$"):
        run_machine([broken], small_hardware())


def test_resident_tensors_that_do_not_fit_are_found(
    small_hardware: Callable[..., Hardware],
    make_pass: Callable[..., PassWork],
    make_layer: Callable[..., MatrixWork],
) -> None:
    layer = make_layer(make_pass(), resident=60, staging=5)
    with pytest.raises(
        InternalError, match=r"^activation_scratchpad: no room for 65 bytes beside 0 of 64$"
    ):
        run_machine([layer], small_hardware())
