import re
from pathlib import Path

import pytest

from accelsim.energy import load_table
from accelsim.energy.dram import channels, dram_lines, dram_prices, dram_warnings
from accelsim.hardware import load_hardware
from accelsim.simulator.run import ArrayCounters, Cause, LayerRun, Traffic

TYPES = ("ddr3", "ddr4", "lpddr4", "lpddr5", "hbm2", "hbm2e")


@pytest.fixture(scope="module")
def types():
    return load_table("horowitz_45nm").dram.values.types


@pytest.mark.parametrize(
    ("kind", "pj", "gb_per_second", "hit_ns", "miss_ns", "conflict_ns", "banks"),
    [
        ("ddr3", 20, 12.8, 18.75, 32.5, 46.25, 8),
        ("ddr4", 19.4, 25.6, 16.25, 30, 43.75, 16),
        ("lpddr4", 8, 19.2, 20.8, 33, 51, 8),
        ("lpddr5", 6, 51.2, 23.75, 42.5, 61.25, 16),
        ("hbm2", 3.9, 256, 16, 30, 44, 16),
        ("hbm2e", 3.9, 410, 16, 30, 44, 16),
    ],
)
def test_each_type_has_its_numbers(
    types, kind, pj, gb_per_second, hit_ns, miss_ns, conflict_ns, banks
):
    entry = types[kind]
    assert entry.pj / entry.width_bits == pj
    assert entry.timing.bandwidth == gb_per_second * 1e9
    assert entry.timing.row_hit_latency == pytest.approx(hit_ns * 1e-9)
    assert entry.timing.row_miss_latency == pytest.approx(miss_ns * 1e-9)
    assert entry.timing.row_conflict_latency == pytest.approx(conflict_ns * 1e-9)
    assert entry.timing.banks == banks


@pytest.mark.parametrize(
    ("kind", "devices", "volts", "currents_ma", "cycles", "clock_ns"),
    [
        # IDD0, IDD2P, IDD2N, IDD3N, IDD5; tRAS, tRP, tRFC, tREFI of DRAMsim3's configurations.
        ("ddr3", 8, 1.35, (67, 11, 36, 51, 245), (28, 11, 280, 6240), 1.25),
        ("ddr4", 8, 1.2, (57, 25, 37, 52, 250), (52, 22, 560, 12480), 0.63),
        ("lpddr4", 2, 1.2, (41.5, 1.3, 21.5, 22, 150), (40, 17, 196, 3645), 1.07),
        ("lpddr5", 2, 1.2, (41.5, 1.3, 21.5, 22, 150), (40, 17, 196, 3645), 1.07),
        ("hbm2", 8, 1.2, (65, 28, 40, 55, 250), (34, 14, 260, 3900), 1.0),
        ("hbm2e", 8, 1.2, (65, 28, 40, 55, 250), (34, 14, 260, 3900), 1.0),
    ],
)
def test_background_follows_from_the_currents(
    types, kind, devices, volts, currents_ma, cycles, clock_ns
):
    idd0, idd2p, idd2n, idd3n, idd5 = currents_ma
    t_ras, t_rp, t_rfc, t_refi = cycles
    background = types[kind].background
    assert background.power_down_mw == pytest.approx(idd2p * volts * devices, rel=0.01)
    refresh_mw = (idd5 - idd3n) * volts * t_rfc / t_refi * devices
    assert background.refresh_mw == pytest.approx(refresh_mw, rel=0.01)
    opened = idd0 * (t_ras + t_rp) - idd3n * t_ras - idd2n * t_rp
    # The channels of a stack open their rows one by one, the devices of a rank together.
    together = 1 if kind.startswith("hbm") else devices
    expected_pj = opened * volts * clock_ns * together
    assert background.activation_pj == pytest.approx(expected_pj, rel=0.01)


@pytest.mark.parametrize("kind", TYPES)
def test_a_stream_that_opens_each_row_once_hardly_pays_for_it(types, kind):
    background = types[kind].background
    assert background.activation_pj / (8 * background.row_size) < 0.11 * types[kind].pj


def test_a_machine_takes_as_many_channels_as_its_bandwidth_needs(types):
    for bandwidth, count in (("1GB/s", 1), ("12.8GB/s", 1), ("12.9GB/s", 2), ("34GB/s", 3)):
        machine = load_hardware("tpu_v1", [f"dram.bandwidth={bandwidth}"])
        assert channels(machine.dram, types["ddr3"]) == count


def test_what_one_channel_cannot_do_is_said():
    machine = load_hardware("tpu_v1", ["dram.latency=10ns"])
    assert list(dram_warnings(machine, load_table("horowitz_45nm"))) == [
        "dram.bandwidth: 34GB/s is that of 3 ddr3 channels of 12.8GB/s: the background power of "
        "all is charged",
        "dram.latency: 10ns is less than the 18.75ns that an open row of ddr3 takes",
    ]


def test_a_channel_as_it_is_needs_no_word():
    machine = load_hardware("edge_16x16")
    assert list(dram_warnings(machine, load_table("horowitz_45nm"))) == []


def test_memory_that_is_no_limit_is_one_channel(types):
    machine = load_hardware("scalesim")
    assert channels(machine.dram, types["ddr4"]) == 1
    assert next(dram_warnings(machine, load_table("horowitz_45nm"))) == (
        "dram.bandwidth: 65.536TB/s is more than 64 channels of ddr4 have: the background power of "
        "one is charged"
    )


@pytest.mark.parametrize(
    ("policy", "least", "what"),
    [
        ("open", "30.2ns", "closing a row and opening another"),
        ("closed", "12.2ns", "opening a row"),
    ],
)
def test_rows_that_open_sooner_than_they_can(policy, least, what):
    rows = ["dram.row_size=8KiB", f"dram.row_policy={policy}"]
    table = load_table("horowitz_45nm")
    machine = load_hardware("edge_16x16", [*rows, "dram.row_miss=12.1ns"])
    assert list(dram_warnings(machine, table)) == [
        f"dram.row_miss: 12.1ns is less than the {least} that {what} of lpddr4 takes"
    ]
    machine = load_hardware("edge_16x16", [*rows, f"dram.row_miss={least}"])
    assert list(dram_warnings(machine, table)) == []


def layer_of(read_bytes, misses):
    traffic = Traffic(dram_read_bytes=read_bytes, dram_row_misses=misses)
    return LayerRun(
        *("layer", "conv", None, 8, 8, 8, 0, 1000),
        *({Cause.IDLE: 1000}, ArrayCounters(), traffic, 0, 0),
    )


@pytest.mark.parametrize(
    ("row_size", "read_bytes", "misses", "beyond"),
    [("8KiB", 16384, 2, 0), ("8KiB", 16384, 5, 3), ("4KiB", 16384, 9, 5), ("8KiB", 64, 1, 0)],
)
def test_a_row_that_a_stream_does_not_open_costs_its_activation(
    row_size, read_bytes, misses, beyond
):
    machine = load_hardware("edge_16x16", [f"dram.row_size={row_size}", "dram.row_miss=40ns"])
    prices = dram_prices(machine, load_table("horowitz_45nm"))
    lines = dram_lines(layer_of(read_bytes, misses), machine, prices)
    (line,) = (line for line in lines if line.cause == "row misses beyond a stream's")
    # 2880 pJ for a row of 8 KiB, half or twice of it by the range of the table.
    share = machine.dram.row_size / 8192
    assert (line.count, line.unit) == (beyond, "row")
    assert (line.low_pj, line.pj, line.high_pj) == (
        beyond * 1440 * share,
        beyond * 2880 * share,
        beyond * 5760 * share,
    )


def test_without_rows_a_burst_may_be_a_miss():
    machine = load_hardware("edge_16x16")
    prices = dram_prices(machine, load_table("horowitz_45nm"))
    (line,) = (x for x in dram_lines(layer_of(640, 0), machine, prices) if x.unit == "burst")
    assert (line.count, line.low_pj, line.pj, line.high_pj) == (10, 0, 0, 28800)


def test_the_times_of_rows_in_the_timing_model_are_the_tables(types):
    text = (Path(__file__).parents[2] / "docs" / "timing.md").read_text()
    rows = re.findall(r"^\| ((?:ddr|lpddr|hbm)[^|]*)\|([^|]*) KiB, [^|]*\|(.*)\|$", text, re.M)
    stated = {}
    for kinds, row_kib, rest in rows:
        for kind in kinds.strip().split(", "):
            stated[kind] = [float(row_kib), *(float(cell) for cell in rest.split("|"))]
    assert set(stated) == set(types)
    for kind, entry in types.items():
        timing = entry.timing
        latencies = (
            timing.row_hit_latency,
            timing.row_miss_latency,
            timing.row_conflict_latency,
            timing.row_conflict_latency - timing.row_hit_latency,
            timing.row_miss_latency - timing.row_hit_latency,
        )
        expected = [entry.background.row_size / 1024, timing.banks, *(1e9 * x for x in latencies)]
        assert stated[kind] == pytest.approx(expected)
