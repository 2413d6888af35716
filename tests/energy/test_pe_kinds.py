"""What PEs cost that are not fixed: counts and prices by hand."""

from __future__ import annotations

import pytest

from accelsim.compiler import compile_shapes
from accelsim.compiler.shapes import LayerShape, MatrixShape, NetworkShape, TensorShape
from accelsim.energy import Component, EnergyMode, account, check_mode
from accelsim.energy.area import area, leakage_uw, pe_um2
from accelsim.energy.registers import register_bits, register_use
from accelsim.errors import ConfigError
from accelsim.hardware import Array, load_hardware
from accelsim.network.geometry import Window
from accelsim.simulator import simulate_timing

MULTIPLY = {"q": 0.002994791666667, "l": 0.001041666666667}
ROWS, DEPTH, COLUMNS, VECTORS = 16, 40, 6, 5
"""A product of 5 x 40 by 40 x 6 on 16 x 16 PEs: depth tiles of 16, 16 and 8."""


def row_pj(bits):
    """A row of a multiplier: bits x 1."""
    return MULTIPLY["q"] * bits + MULTIPLY["l"] * (bits + 1) / 2


def machine_of(kind, *overrides, weight_bits=8, activation_bits=8, pe_bits=8):
    machine = load_hardware(
        "edge_16x16", [f"array.pe_kind={kind}", f"array.pe_bits={pe_bits}", *overrides]
    )
    return machine.with_operand_bits(weight_bits, activation_bits)


def report_of(machine, horowitz):
    array = machine.array
    shape = MatrixShape(
        (DEPTH, VECTORS, 1),
        COLUMNS,
        Window((1, 1)),
        groups=1,
        batch=1,
        weight_bits=array.weight_bits,
        input_bits=array.activation_bits,
        output_bits=8,
        accumulator_bits=32,
        weights_are_ternary=array.weight_bits == 2,
    )
    tensors = {
        "x": TensorShape((DEPTH, VECTORS, 1), array.activation_bits),
        "y": TensorShape((COLUMNS, VECTORS, 1), 8),
    }
    layers = (LayerShape("dense", shape, ("x",), "y"),)
    network = NetworkShape("one", 1, "x", "y", layers, tensors, {name: name for name in tensors})
    program = compile_shapes(network, machine)
    return account(simulate_timing(program, machine), program, machine, horowitz)


def lines_of(report, component):
    (layer,) = report.layers
    return {
        line.cause: (line.count, line.price.value)
        for line in layer.lines
        if line.component == component
    }


def close(found, expected):
    assert found.keys() == expected.keys()
    for cause, (count, price) in expected.items():
        assert found[cause] == pytest.approx((count, price)), cause


@pytest.mark.parametrize(
    ("bits", "depth_steps"),
    # 1, 4 and 16 elements of the depth at once.
    [((8, 8), 40), ((4, 4), 10), ((3, 4), 10), ((2, 2), 3), ((2, 8), 10)],
)
def test_a_composable_pe_costs_2_26_fixed_ones_for_as_many_products_as_it_takes(
    horowitz, bits, depth_steps
):
    machine = machine_of("composable", weight_bits=bits[0], activation_bits=bits[1])
    report, fixed = report_of(machine, horowitz), report_of(machine_of("fixed"), horowitz)
    steps = VECTORS * COLUMNS * depth_steps
    close(lines_of(report, Component.MULTIPLIER), {"all bricks of a PE": (steps, 2.26 * 0.2)})
    close(lines_of(report, Component.ADDER), {"additions": (steps, 2.26 * 0.1)})
    prices = {cause: price for cause, (_, price) in lines_of(report, Component.REGISTERS).items()}
    assert prices == pytest.approx({"changed bits": 2.26 * 0.003, "clocked bits": 2.26 * 0.0015})
    if depth_steps == DEPTH:
        for component in (Component.MULTIPLIER, Component.ADDER, Component.REGISTERS):
            expected = pytest.approx(2.26 * fixed.components_pj[component])
            assert report.components_pj[component] == expected
    assert "composable_pe" in report.sources
    assert report.sources["composable_pe"].startswith("derived: composable against fixed 8-bit")


def test_a_composable_pe_is_as_large_and_leaks_as_synthesis_says(horowitz, values):
    composable, fixed = machine_of("composable"), machine_of("fixed")
    assert pe_um2(composable, values).value == pytest.approx(3.4 * pe_um2(fixed, values).value)
    leaks = [leakage_uw(machine, values)["PEs"].value for machine in (composable, fixed)]
    assert leaks[0] == pytest.approx(3.68 * leaks[1])


def test_composable_pes_take_operands_wider_than_they_are_in_parts(horowitz, values):
    machine = machine_of("composable", weight_bits=16, activation_bits=16)
    found = lines_of(report_of(machine, horowitz), Component.ADDER)
    # Four pairs of parts for each product; three tiles of the depth.
    products, sums = VECTORS * COLUMNS * DEPTH, VECTORS * COLUMNS * 3
    put_together = 0.1 + 32 * (0.0015 + 0.003 / 2)
    close(
        found,
        {
            "additions": (4 * products, 2.26 * 0.1),
            "parts put together below columns": (4 * sums, put_together),
        },
    )
    below_um2 = 16 * (278 + 32 * 5.98)
    size = area(machine, values).mm2["pe_array"]
    assert size == pytest.approx(1e-6 * (256 * pe_um2(machine, values).value + below_um2))


@pytest.mark.parametrize("bits", [2, 5, 8])
def test_a_bit_serial_pe_adds_a_weight_for_each_bit_of_an_activation(horowitz, bits):
    machine = machine_of("bit_serial", activation_bits=bits)
    report = report_of(machine, horowitz)
    steps = VECTORS * COLUMNS * DEPTH * bits
    sums = VECTORS * COLUMNS * 3 * bits
    close(lines_of(report, Component.MULTIPLIER), {"a weight by a bit": (steps, row_pj(8))})
    close(
        lines_of(report, Component.ADDER),
        {
            # Sums of 16 weights of 8 bits take 12.
            "additions": (steps, 12 * 0.1 / 32),
            "parts put together below columns": (sums, 0.1 + 32 * 0.003),
        },
    )
    leaking = lines_of(report, Component.LEAKAGE)["PEs at work"]
    busy_us = steps / 256 / machine.clock * 1e6
    assert leaking[0] == pytest.approx(busy_us)
    assert leaking[1] == pytest.approx(256 * (0.18 * 8 + 0.665 * 4.5 - 0.3))


def test_a_bit_serial_pe_is_a_row_of_a_multiplier_a_narrow_adder_and_registers(values):
    machine = machine_of("bit_serial")
    # A bit that moves, weight and shadow, a sum of 12 bits.
    expected = 2614 * 8 / 256 + 278 * 12 / 32 + (1 + 2 * 8 + 12) * 5.98
    assert pe_um2(machine, values).value == pytest.approx(expected)
    stays = machine_of("bit_serial", "array.dataflow=os")
    # A bit and a weight that move, the weight's copy that shifts, two accumulators.
    expected = 2614 * 8 / 256 + 278 + (1 + 8 + 15 + 2 * 32) * 5.98
    assert pe_um2(stays, values).value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("dataflow", "hops", "clocked"),
    [
        # 5 tokens of 4 cycles through 2 x 3 PEs; two preloads of 9 shifts and 6 copies.
        ("ws", 6 * (20 * 1 + 20 * 9) + 2 * 9 * 8, 2 * 6 * 8),
        ("is", 6 * (5 * 8 + 20 * 9) + 2 * 9 * 4, 2 * 6 * 4),
        # One tile: 6 biases, results through 9 registers; accumulator and shifting weight.
        ("os", 6 * (20 * 1 + 5 * 8) + 15 * 32, 20 * 6 * (32 + 11)),
    ],
)
def test_registers_of_bit_serial_pes(dataflow, hops, clocked):
    array = Array(rows=2, columns=3, dataflow=dataflow, activation_bits=4, pe_kind="bit_serial")
    passes, tiles = (0, 1) if dataflow == "os" else (2, 0)
    use = register_use(array, 32, 20, passes, tiles, (8, 4))
    assert (use.hops_bits, use.clocked_bits - use.hops_bits) == (hops, clocked)


def test_lanes_of_composable_pes_travel_and_the_registers_of_the_fixed_pe_are_clocked():
    array = Array(rows=2, columns=3, dataflow="ws", pe_kind="composable")
    fixed = Array(rows=2, columns=3, dataflow="ws")
    use = register_use(array, 32, 5, 2, 0, (4, 2))
    # 8 pairs: activations of 2 bits move, weights of 4 are shifted in.
    assert use.hops_bits == 5 * 6 * (16 + 32) + 2 * 9 * 32
    assert use.clocked_bits == register_use(fixed, 32, 5, 2, 0).clocked_bits
    assert register_bits(array, 32) == register_bits(fixed, 32)


@pytest.mark.parametrize(
    ("bits", "lanes", "causes"),
    [
        (2, 4, ("XNOR of each lane", "population count")),
        (4, 2, ("sign of each lane", "sums of lanes")),
        (8, 1, ("sign of each lane", None)),
    ],
)
def test_a_ternary_pe_has_a_row_a_lane_and_a_tree(horowitz, bits, lanes, causes):
    machine = machine_of("ternary", weight_bits=2, activation_bits=bits)
    report = report_of(machine, horowitz)
    steps = VECTORS * COLUMNS * DEPTH // lanes
    products, counts = causes
    close(lines_of(report, Component.MULTIPLIER), {products: (steps, lanes * row_pj(bits))})
    # Lanes are one bit wider when negated, and each stage of the tree adds one.
    tree = {1: 0, 2: bits + 1, 4: 2 * (bits + 1) + bits + 2}[lanes]
    expected = {"additions": (steps, 0.1)}
    expected |= {counts: (steps, tree * 0.1 / 32)} if counts else {}
    close(lines_of(report, Component.ADDER), expected)


def test_a_ternary_pe_is_rows_a_tree_an_adder_and_registers(values):
    machine = machine_of("ternary", weight_bits=2)
    # Four lanes of 2 bits at most: adders of 3, 3 and 4 bits; weights of 2 bits each, and shadows.
    expected = 2614 * 8 / 256 + 278 * (32 + 10) / 32 + (8 + 2 * 8 + 32) * 5.98
    assert pe_um2(machine, values).value == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["composable", "bit_serial", "ternary"])
def test_what_switches_is_known_of_fixed_pes(kind):
    machine = machine_of(kind)
    check_mode(machine, EnergyMode.PER_OPERATION)
    check_mode(machine_of("fixed"), EnergyMode.SWITCHING)
    with pytest.raises(ConfigError) as caught:
        check_mode(machine, EnergyMode.SWITCHING)
    assert str(caught.value) == (
        "--energy switching: what changes is counted in fixed PEs, not in those of "
        f"array.pe_kind={kind}; use --energy per_operation"
    )


@pytest.mark.parametrize("pe_bits", [4, 8, 16])
def test_ratios_of_8_bits_are_said_to_be_stretched(horowitz, pe_bits):
    warnings = report_of(machine_of("composable", pe_bits=pe_bits), horowitz).warnings
    stretched = (
        f"composable PEs of {pe_bits} bits cost the same multiples of fixed ones as those of 8 "
        "bits, which the table horowitz_45nm states"
    )
    assert (stretched in warnings) == (pe_bits != 8)
