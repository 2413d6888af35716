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
