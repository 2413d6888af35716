from collections.abc import Callable
from fractions import Fraction

import pytest
from simpy import Event

from accelsim.hardware.schema import Hardware
from accelsim.simulator.dram import DramChannel, DramTiming
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


def run(requests: list[tuple[int, str, int]]) -> tuple[list[tuple[int, str]], DramChannel]:
    """Request (cycle, client, bytes), in list order within a cycle; 4 bytes a cycle."""
    simulation, log = Simulation(), []
    channel = DramChannel(simulation, DramTiming(4, Fraction(4), delay_cycles=3))
    ranks = {"weights": 0, "activations": 1, "outputs": 2}
    clients = {name: Recorder(simulation, name, rank, log) for name, rank in ranks.items()}

    def ask(name: str, size_bytes: int) -> Callable[[Event], None]:
        return lambda _: channel.request(clients[name], size_bytes)

    for cycle, name, size_bytes in requests:
        simulation.at(cycle).callbacks.append(ask(name, size_bytes))
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
