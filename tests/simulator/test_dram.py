from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simpy import Event

from accelsim.hardware.schema import Hardware
from accelsim.simulator.dram import DramChannel, DramRows, DramTiming, Transfer
from accelsim.simulator.simulation import Simulation


class Recorder:
    """A client that notes when it hears what."""

    def __init__(
        self, simulation: Simulation, name: str, rank: int, log: list[tuple[int, str]]
    ) -> None:
        self.simulation, self.name, self.rank, self.log = simulation, name, rank, log

    def granted(self) -> None:
        self.log.append((self.simulation.now, f"{self.name} granted"))

    def carried(self) -> None:
        self.log.append((self.simulation.now, f"{self.name} carried"))

    def completed(self, _: Event) -> None:
        self.log.append((self.simulation.now, f"{self.name} completed"))


def run(
    requests: list[tuple[int, str, int | Transfer]], rows: DramRows | None = None
) -> tuple[list[tuple[int, str]], DramChannel]:
    """Request (cycle, client, bytes), in list order within a cycle; 4 bytes a cycle."""
    simulation, log = Simulation(), []
    channel = DramChannel(simulation, DramTiming(4, Fraction(4), 3, rows))
    ranks = {"weights": 0, "activations": 1, "outputs": 2}
    clients = {name: Recorder(simulation, name, rank, log) for name, rank in ranks.items()}

    def ask(name: str, moved: int | Transfer) -> Callable[[Event], None]:
        transfer = moved if isinstance(moved, Transfer) else Transfer(moved)
        return lambda _: channel.request(clients[name], transfer)

    for cycle, name, moved in requests:
        simulation.at(cycle).callbacks.append(ask(name, moved))
    simulation.process(channel.run())
    simulation.run()
    return log, channel


def test_latency_does_not_hold_the_channel() -> None:
    # 8 bytes: 2 cycles of channel, complete 3 later; the second transfer needs only the channel.
    log, channel = run([(0, "weights", 8), (1, "weights", 4)])
    assert log == [
        (0, "weights granted"),
        (2, "weights carried"),
        (2, "weights granted"),
        (3, "weights carried"),
        (5, "weights completed"),
        (6, "weights completed"),
    ]
    assert channel.close(10) == {"idle": 7, "weights": 3}


def test_one_cycle_serves_weights_then_activations_then_outputs() -> None:
    for order in (
        ["weights", "activations", "outputs"],
        ["outputs", "activations", "weights"],
        ["activations", "outputs", "weights"],
    ):
        log, _ = run([(2, name, 4) for name in order])
        grants = [event for event in log if event[1].endswith("granted")]
        assert grants == [
            (2, "weights granted"),
            (3, "activations granted"),
            (4, "outputs granted"),
        ]


def test_first_come_is_first_served_whatever_the_rank() -> None:
    log, _ = run([(0, "activations", 16), (1, "outputs", 4), (2, "weights", 4)])
    grants = [event for event in log if event[1].endswith("granted")]
    assert grants == [(0, "activations granted"), (4, "outputs granted"), (5, "weights granted")]


def test_a_request_in_the_cycle_of_a_release_still_waits_for_its_rank() -> None:
    # The channel is free in cycle 4, and both ask in cycle 4.
    log, _ = run([(0, "activations", 16), (4, "outputs", 4), (4, "weights", 4)])
    grants = [event for event in log if event[1].endswith("granted")]
    assert grants == [(0, "activations granted"), (4, "weights granted"), (5, "outputs granted")]


@pytest.mark.parametrize(
    ("size_bytes", "bus_bytes", "cycles"),
    [(1, 64, 5), (64, 64, 5), (65, 128, 10), (640, 640, 50), (0, 0, 0)],
)
def test_whole_bursts_at_the_exact_rate(size_bytes: int, bus_bytes: int, cycles: int) -> None:
    timing = DramTiming(64, Fraction(64, 5), delay_cycles=0)
    assert (timing.bus_bytes(size_bytes), timing.hold_cycles(bus_bytes)) == (bus_bytes, cycles)


def test_rate_and_latency_in_cycles(small_hardware: Callable[..., Hardware]) -> None:
    # 34 GB/s at 700 MHz are 340/7 bytes a cycle; 60 ns are 42 cycles, 61 ns are 43.
    tpu = {"clock": 7e8, "dram__bandwidth": 34e9, "dma__setup": 4}
    timing = DramTiming.from_hardware(small_hardware(**tpu, dram__latency=60e-9))
    assert timing == DramTiming(4, Fraction(340, 7), 46)
    assert DramTiming.from_hardware(small_hardware(**tpu, dram__latency=61e-9)).delay_cycles == 47
    slow_dma = small_hardware(dma__bandwidth=3, dram__latency=60e-9)
    assert DramTiming.from_hardware(slow_dma) == DramTiming(4, Fraction(3), 61)


def test_a_row_is_opened_while_the_channel_is_busy() -> None:
    # Rows of 64 bytes take 16 cycles. The weights' row is opened from cycle 0 to 10; the
    # activations ask in cycle 2, so their row is open in cycle 12, before the channel is free.
    rows = DramRows(64, miss_cycles=10, banks=8, stay_open=True)
    requests = [(0, "weights", Transfer(16, 0, 1)), (2, "activations", Transfer(8, 0, 1))]
    log, channel = run(requests, rows)
    assert [event for event in log if not event[1].endswith("completed")] == [
        (0, "weights granted"),
        (14, "weights carried"),
        (14, "activations granted"),
        (16, "activations carried"),
    ]
    assert channel.row_misses == 2
    assert channel.close(19) == {"weights": 14, "activations": 2, "idle": 3}


def test_one_bank_opens_a_row_only_when_the_one_before_is_read() -> None:
    rows = DramRows(64, miss_cycles=10, banks=1, stay_open=True)
    requests = [(0, "weights", Transfer(16, 0, 1)), (2, "activations", Transfer(8, 0, 1))]
    log, _ = run(requests, rows)
    assert [event for event in log if event[1].endswith("carried")] == [
        (14, "weights carried"),
        (26, "activations carried"),
    ]


@pytest.mark.parametrize(
    ("transfer", "banks", "waited", "cycles"),
    [
        (Transfer(64), 8, 0, 0),  # all of it in an open row
        (Transfer(64, 0, 1), 8, 0, 40),
        (Transfer(64, 0, 1), 8, 30, 10),
        (Transfer(64, 0, 1), 8, 100, 0),
        (Transfer(64, 32, 1), 8, 0, 32),  # 8 cycles of the open row go on meanwhile
        (Transfer(256, 0, 4), 8, 0, 40),  # 8 banks: a row each 7 cycles, read in 16
        (Transfer(256, 0, 4), 2, 0, 40 + 3 * 12),  # 2 banks: a row each 28 cycles
        (Transfer(256, 0, 4), 1, 30, 4 * 40),
    ],
)
def test_what_rows_add_to_a_transfer(
    transfer: Transfer, banks: int, waited: int, cycles: int
) -> None:
    rows = DramRows(64, miss_cycles=40, banks=banks, stay_open=True)
    assert DramTiming(4, Fraction(4), 3, rows).opening_cycles(transfer, waited) == cycles


@given(
    st.integers(1, 6).map(lambda bursts: 8 * bursts),
    st.lists(st.integers(0, 100), max_size=20),
    st.booleans(),
)
def test_a_stream_opens_each_of_its_rows(row: int, sizes: list[int], stay_open: bool) -> None:
    """Byte by byte: open or not, each transfer's rows are those that its bytes lie in."""
    timing = DramTiming(8, Fraction(8), 0, DramRows(row, 5, 8, stay_open))
    moved, last_row, stop = 0, None, 0
    for size in sizes:
        start, stop = stop, stop + size
        transfer = timing.part(start, stop)
        addresses = range(moved, moved + transfer.bus_bytes)
        moved += transfer.bus_bytes
        assert moved == timing.bus_bytes(stop)
        touched = {address // row for address in addresses}
        expected_open = 0
        if stay_open:
            expected_open = sum(address // row == last_row for address in addresses)
            touched -= {last_row}
        assert (transfer.row_misses, transfer.open_bytes) == (len(touched), expected_open)
        if addresses:
            last_row = addresses[-1] // row
    if stay_open:
        assert timing.alone(stop) == Transfer(timing.bus_bytes(stop), 0, -(-moved // row))


def test_rows_of_a_machine(small_hardware: Callable[..., Hardware]) -> None:
    timing = DramTiming.from_hardware(small_hardware())
    assert (timing.rows, timing.alone(10)) == (None, Transfer(12))
    rows = {"dram__row_size": 8192, "dram__row_miss": 27.5e-9, "dram__banks": 16}
    timing = DramTiming.from_hardware(small_hardware(**rows, dram__row_policy="closed"))
    assert timing.rows == DramRows(8192, 28, 16, stay_open=False)
