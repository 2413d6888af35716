from collections.abc import Callable
from typing import Any

import pytest

from accelsim.hardware.schema import Hardware
from accelsim.simulator.machine import run_machine
from accelsim.simulator.run import Timing
from accelsim.simulator.work import MatrixWork, PassWork

FETCH: dict[str, Any] = {"fetch_weight_bytes": 4, "releases_weights": True}


def transfers(timing: Timing, unit: str) -> list[tuple[int, int, str]]:
    return [
        (span.start_cycle, span.stop_cycle, span.label)
        for span in timing.spans
        if span.unit == unit
    ]


@pytest.mark.parametrize(
    ("outstanding", "starts"),
    [
        # A transfer takes 1 cycle of channel and is complete 3 cycles later: with one under way
        # the next starts every 4 cycles, with two every 4 cycles two, with four every cycle.
        (1, [0, 4, 8, 12]),
        (2, [0, 1, 4, 5]),
        (3, [0, 1, 2, 4]),
        (4, [0, 1, 2, 3]),
    ],
)
def test_outstanding_transfers(
    small_hardware: Callable[..., Hardware],
    make_pass: Callable[..., PassWork],
    make_layer: Callable[..., MatrixWork],
    outstanding: int,
    starts: list[int],
) -> None:
    layer = make_layer(*[make_pass(**FETCH)] * 4)
    timing = run_machine([layer], small_hardware(dma__outstanding=outstanding), spans=True)
    assert [start for start, _, _ in transfers(timing, "dma_weights")] == starts


def test_operands_share_the_channel(
    small_hardware: Callable[..., Hardware],
    make_pass: Callable[..., PassWork],
    make_layer: Callable[..., MatrixWork],
) -> None:
    # Both ask in cycle 0: weights first. The activations of pass 1 ask in cycle 0, too.
    part = make_pass(**FETCH, fetch_activation_bytes=8, releases_activations=True)
    timing = run_machine([make_layer(part, part)], small_hardware(), spans=True)
    assert transfers(timing, "dma_weights") == [(0, 1, "a[0]"), (1, 2, "a[1]")]
    assert transfers(timing, "dma_activations") == [(2, 4, "a[0]"), (4, 6, "a[1]")]
    assert timing.units["dram"] == {
        "weights": 2,
        "activations": 4,
        "idle": timing.cycles_total - 6,
    }
    # Asking [0, 2), then transfers until 6, then latency until 9.
    assert timing.units["dma_activations"] == {
        "wait_channel": 2,
        "transfer": 4,
        "latency": 3,
        "idle": timing.cycles_total - 9,
    }


def test_an_empty_transfer_takes_its_latency(
    small_hardware: Callable[..., Hardware],
    make_pass: Callable[..., PassWork],
    make_layer: Callable[..., MatrixWork],
) -> None:
    # A block of nothing but padding: no burst, complete at 3; preload [0, 2), stream [3, 6).
    part = make_pass(fetch_activation_bytes=0, releases_activations=True)
    timing = run_machine([make_layer(part)], small_hardware(), spans=True)
    assert transfers(timing, "array") == [(3, 6, "a")]
    assert timing.layers[0].traffic.dram_read_bytes == 0


def test_a_burst_that_two_weight_tiles_share_is_moved_once(
    small_hardware: Callable[..., Hardware],
    make_pass: Callable[..., PassWork],
    make_layer: Callable[..., MatrixWork],
) -> None:
    # Tiles of 3 bytes, bursts of 4: bytes 0-2, 3-5, 6-8, 9-11 need 1, 1, 1 and 0 new bursts.
    # The last one gets the channel in cycle 3 and gives it on at once; the next layer's bytes
    # start a burst of their own.
    part = make_pass(**FETCH | {"fetch_weight_bytes": 3})
    layers = [make_layer(*[part] * 4), make_layer(part, name="b")]
    timing = run_machine(layers, small_hardware(dma__outstanding=8), spans=True)
    assert transfers(timing, "dma_weights") == [
        (0, 1, "a[0]"),
        (1, 2, "a[1]"),
        (2, 3, "a[2]"),
        (3, 4, "b[0]"),
    ]
    assert [run.traffic.dram_read_bytes for run in timing.layers] == [12, 4]


def test_a_transfer_without_a_burst_keeps_its_place(
    small_hardware: Callable[..., Hardware],
    make_pass: Callable[..., PassWork],
    make_layer: Callable[..., MatrixWork],
) -> None:
    # One transfer under way: tile 0 (2 of the burst's 4 bytes) is complete at 4, tile 1 needs no
    # burst and asks at 4; it is complete 3 cycles later and streams with its preload at [9, 12).
    part = make_pass(**FETCH | {"fetch_weight_bytes": 2})
    hardware = small_hardware(dma__outstanding=1)
    timing = run_machine([make_layer(part, part)], hardware, spans=True)
    assert transfers(timing, "array_preload") == [(4, 6, "a"), (7, 9, "a")]
    assert timing.units["dram"] == {"weights": 1, "idle": timing.cycles_total - 1}
    assert timing.units["dma_weights"]["latency"] == 6
