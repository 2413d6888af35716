import pytest

from accelsim.energy import load_table
from accelsim.energy.dram import channels, dram_warnings
from accelsim.hardware import load_hardware

TYPES = ("ddr3", "ddr4", "lpddr4", "lpddr5", "hbm2", "hbm2e")


@pytest.fixture(scope="module")
def types():
    return load_table("horowitz_45nm").dram.values.types


@pytest.mark.parametrize(
    ("kind", "pj", "gb_per_second", "hit_ns", "miss_ns"),
    [
        ("ddr3", 20, 12.8, 18.75, 33.5),
        ("ddr4", 19.4, 25.6, 16.25, 30),
        ("lpddr4", 8, 19.2, 20.8, 33),
        ("lpddr5", 6, 51.2, 23.75, 42.5),
        ("hbm2", 3.9, 256, 16, 30),
        ("hbm2e", 3.9, 410, 16, 30),
    ],
)
def test_each_type_has_its_numbers(types, kind, pj, gb_per_second, hit_ns, miss_ns):
    entry = types[kind]
    assert entry.pj / entry.width_bits == pj
    assert entry.timing.bandwidth == gb_per_second * 1e9
    assert entry.timing.row_hit_latency == pytest.approx(hit_ns * 1e-9)
    assert entry.timing.row_miss_latency == pytest.approx(miss_ns * 1e-9)


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
