import pytest

from accelsim.energy.area import area, leakage_uw, pe_leakage_uw, pe_pitch_mm, pe_um2
from accelsim.hardware import load_hardware


def one_pe(weights, activations):
    return load_hardware("edge_16x16").with_operand_bits(weights, activations)


@pytest.mark.parametrize("narrow", [2, 3, 4, 8, 15])
def test_a_pe_grows_with_either_width(values, narrow):
    machines = [one_pe(*bits) for bits in ((narrow, narrow), (narrow, narrow + 1))]
    machines.append(one_pe(narrow + 1, narrow + 1))
    sizes = [pe_um2(machine, values).value for machine in machines]
    leakages = [pe_leakage_uw(values, machine.array) for machine in machines]
    assert 0 < sizes[0] < sizes[1] < sizes[2]
    assert 0 < leakages[0] < leakages[1] < leakages[2]


def test_a_pe_is_its_multiplier_adder_and_registers(values, edge):
    expected = 2614 / 4 + 278 + (8 + 2 * 8 + 32) * 5.98
    assert pe_um2(edge, values).value == pytest.approx(expected)
    assert pe_pitch_mm(edge, values) == pytest.approx(1e-3 * expected**0.5)


def test_the_parts_of_the_default_machine(values, edge):
    found = area(edge, values)
    assert found.mm2["pe_array"] == pytest.approx(256e-6 * pe_um2(edge, values).value)
    assert found.mm2["weight_sram"] == pytest.approx(0.209)
    assert found.mm2["accumulator_sram"] == pytest.approx(0.209 / 2)
    # 16 lanes: a 32 x 32 multiplier, adders of 64 + 32 bits, four registers of 64 bits.
    lane_um2 = 4 * 2614 + 3 * 278 + 4 * 64 * 5.98
    assert found.mm2["rescale"] == pytest.approx(16e-6 * lane_um2)
    assert found.mm2["vector"] == pytest.approx(16e-6 * (278 + 32 * 5.98))
    assert found.total_mm2 == pytest.approx(sum(found.mm2.values()))
    assert found.low_mm2 < found.total_mm2 < found.high_mm2


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


@pytest.mark.parametrize(("dataflow", "adders"), [("ws", 16), ("os", 16), ("is", 0)])
def test_row_sums_are_a_column_of_adders_and_a_stage_of_the_rescale_unit(values, dataflow, adders):
    machine = load_hardware("edge_16x16", [f"array.dataflow={dataflow}", "array.row_sums=true"])
    plain = load_hardware("edge_16x16", [f"array.dataflow={dataflow}"])
    # A 32-bit adder, a sum and an activation; in each lane an 8 x 32 multiplier, adder, register.
    column_um2 = adders * (278 + (8 + 32) * 5.98)
    lane_um2 = 2614 + 278 + 32 * 5.98
    found = area(machine, values)
    assert found.mm2["row_sums"] == pytest.approx(1e-6 * (column_um2 + 16 * lane_um2))
    assert found.mm2 == area(plain, values).mm2 | {"row_sums": found.mm2["row_sums"]}
    leaks, before = leakage_uw(machine, values), leakage_uw(plain, values)
    density = before["rescale and vector units"].value / (
        1e6 * (found.mm2["rescale"] + found.mm2["vector"])
    )
    assert leaks["row sums"].value == pytest.approx(density * (column_um2 + 16 * lane_um2))


def test_scales_of_groups_are_multiplied_below_each_column(values, edge):
    machine = load_hardware("edge_16x16", ["array.scale_bits=8"])
    # A 32 x 8 multiplier, a 32-bit adder, and registers of a result and a scale.
    unit_um2 = 2614 + 278 + (32 + 8) * 5.98
    found = area(machine, values)
    assert found.mm2["scaling"] == pytest.approx(16e-6 * unit_um2)
    assert found.total_mm2 == pytest.approx(area(edge, values).total_mm2 + 16e-6 * unit_um2)
    leaks = leakage_uw(machine, values)["scales of groups of weights"].value
    assert leaks == pytest.approx(0.031 * 16 * unit_um2)
    assert "scales of groups of weights" not in leakage_uw(edge, values)


def test_output_stationary_they_are_multiplied_in_each_pe(values):
    plain = load_hardware("edge_16x16", ["array.dataflow=os"])
    machine = load_hardware("edge_16x16", ["array.dataflow=os", "array.scale_bits=8"])
    # The PE's own adder takes the scaled sums.
    unit_um2 = 2614 + (32 + 8) * 5.98
    pes = [pe_um2(each, values).value for each in (plain, machine)]
    assert pes[1] - pes[0] == pytest.approx(unit_um2)
    assert "scaling" not in area(machine, values).mm2
    leaks = leakage_uw(machine, values)["scales of groups of weights"].value
    assert leaks == pytest.approx(0.031 * 256 * unit_um2)
