import pytest

from accelsim.energy.area import area, leakage_uw, pe_area_um2, pe_leakage_uw
from accelsim.hardware import Array, load_hardware


def one_pe(bits):
    return Array(rows=1, columns=1, dataflow="ws", weight_bits=bits, activation_bits=bits)


@pytest.mark.parametrize("narrow", [2, 3, 4, 8, 15])
def test_a_pe_grows_with_either_width(values, narrow):
    mixed = Array(rows=1, columns=1, dataflow="ws", weight_bits=narrow, activation_bits=narrow + 1)
    for size in (pe_area_um2, pe_leakage_uw):
        assert 0 < size(values, one_pe(narrow)) < size(values, mixed)
        assert size(values, mixed) < size(values, one_pe(narrow + 1))


def test_the_parts_of_the_default_machine(values, edge):
    found = area(edge, values)
    assert found.mm2["pe_array"] == pytest.approx(256 * 521.8e-6)
    assert found.mm2["weight_sram"] == pytest.approx(0.209)
    assert found.mm2["accumulator_sram"] == pytest.approx(0.209 / 2)
    # 16 lanes: a 32 x 32 multiplier, adders of 64 + 32 bits, four registers of 64 bits.
    lane_um2 = 4 * 2614 + 3 * 278 + 4 * 64 * 5.98
    assert found.mm2["rescale"] == pytest.approx(16e-6 * lane_um2)
    assert found.mm2["vector"] == pytest.approx(16e-6 * (278 + 32 * 5.98))
    assert found.total_mm2 == pytest.approx(sum(found.mm2.values()))
    assert found.low_mm2 <= found.total_mm2 < found.high_mm2


@pytest.mark.parametrize(
    ("mode", "multiplier", "adder_bits"),
    [("truncate", 4.0, 32), ("double_round", 4.0, 160), ("float32", 3.0, 88)],
)
def test_a_rescale_lane_is_what_its_mode_needs(values, mode, multiplier, adder_bits):
    machine = load_hardware("edge_16x16", [f"rescale.mode={mode}", "rescale.pipeline=0"])
    lane_um2 = multiplier * 2614 + adder_bits / 32 * 278
    assert area(machine, values).mm2["rescale"] == pytest.approx(16e-6 * lane_um2)


def test_leakage_is_tied_to_the_area_of_logic(values, edge):
    found = leakage_uw(edge, values)
    size = area(edge, values).mm2
    logic_um2 = (size["rescale"] + size["vector"]) * 1e6
    assert found["rescale and vector units"].value == pytest.approx(0.031 * logic_um2)
    assert found["PEs"].value == pytest.approx(256 * 16.54)


def test_standby_cells_leak_less(values):
    def scratchpads(cells):
        machine = load_hardware("edge_16x16", [f"technology.sram_cells={cells}"])
        return leakage_uw(machine, values)["scratchpads"].value

    assert scratchpads("lstp") < scratchpads("lop") < scratchpads("hp")
