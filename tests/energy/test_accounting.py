from dataclasses import replace

import pytest

from accelsim.compiler import compile_shapes
from accelsim.compiler.program import VectorInstruction
from accelsim.compiler.shapes import LayerShape, MatrixShape, NetworkShape, TensorShape
from accelsim.energy import Component, account, load_table, table_for
from accelsim.energy.area import leakage_uw, pe_pitch_mm
from accelsim.errors import ConfigError, InternalError
from accelsim.hardware import load_hardware
from accelsim.network.geometry import Window
from accelsim.simulator import simulate_timing
from accelsim.simulator.run import ArrayCounters, Cause, LayerRun, Timing, Traffic

DATAFLOWS = ("ws", "os", "is")


def timing_of(*layers):
    return Timing(sum(layer.cycles_total for layer in layers), tuple(layers), {})


def empty(layer):
    """The same layer with nothing counted and no time passed."""
    return replace(
        layer,
        cycles_total=0,
        cycles={},
        array=ArrayCounters(),
        traffic=Traffic(),
        rescale_operations=0,
        vector_operations=0,
    )


@pytest.fixture(scope="module")
def machine():
    """Banks of the SRAM law's reference, so that a 64-bit word costs 19.6 pJ everywhere."""
    word = "bandwidth=8B/cycle", "banks=1", "size=32KiB"
    pads = ("activations", "weights", "accumulators")
    fields = [f"scratchpads.{pad}.{field}" for pad in pads for field in word]
    return load_hardware("edge_16x16", [*fields, "clock=1GHz"])


def matrix_layer(program, **counted):
    first = program.instructions[0]
    layer = LayerRun(
        name=first.layer,
        operator="convolution",
        gemm=first.plan.gemm,
        weight_bits=8,
        input_bits=8,
        output_bits=8,
        start_cycle=0,
        cycles_total=0,
        cycles={},
        array=ArrayCounters(),
        traffic=Traffic(),
        rescale_operations=0,
        vector_operations=0,
    )
    return replace(layer, **counted)


def report_of(program, machine, table, **counted):
    """The account of the first layer when only ``counted`` happened."""
    only = replace(program, instructions=program.instructions[:1])
    return account(timing_of(matrix_layer(program, **counted)), only, machine, table)


def components(program, machine, horowitz, **counted):
    """Its energy; what crosses wires, addresses and time that passes have tests of their own."""
    report = report_of(program, machine, horowitz, **counted)
    aside = (Component.WIRES, Component.CONTROL, Component.CLOCK_TREE, Component.DRAM_BACKGROUND)
    return {name: pj for name, pj in report.components_pj.items() if pj and name not in aside}


def causes(program, machine, table, component, **counted):
    """A component's energy by cause."""
    (layer,) = report_of(program, machine, table, **counted).layers
    return {line.cause: line.pj for line in layer.lines if line.component is component}


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        (
            {"array": ArrayCounters(macs=10)},
            {Component.MULTIPLIER: 10 * 0.2, Component.ADDER: 10 * 0.1},
        ),
        (
            {"cycles": {Cause.STREAM: 5, Cause.DRAIN: 3}},
            {Component.REGISTERS: 5 * 256 * (8 + 32) * 0.003},
        ),
        (
            {"array": ArrayCounters(passes=2)},
            {Component.REGISTERS: 2 * (16 * 136 + 256) * 8 * 0.003},
        ),
        ({"rescale_operations": 4}, {Component.RESCALE: 4 * (3.1 + 0.2 + 0.1)}),
        ({"traffic": Traffic(activation_reads=9)}, {Component.ACTIVATION_SRAM: 2 * 19.6}),
        ({"traffic": Traffic(activation_writes=8)}, {Component.ACTIVATION_SRAM: 0.76 * 19.6}),
        ({"traffic": Traffic(weight_reads=16)}, {Component.WEIGHT_SRAM: 2 * 19.6}),
        ({"traffic": Traffic(bias_reads=3)}, {Component.WEIGHT_SRAM: 2 * 19.6}),
        ({"traffic": Traffic(weight_writes=72)}, {Component.WEIGHT_SRAM: 9 * 0.76 * 19.6}),
        # Where biases are used, every 36 weights bring their column's: 576 + 64 bits, 10 words.
        (
            {"traffic": Traffic(weight_writes=72, bias_reads=1)},
            {Component.WEIGHT_SRAM: 10 * 0.76 * 19.6 + 19.6},
        ),
        ({"traffic": Traffic(accumulator_reads=3)}, {Component.ACCUMULATOR_SRAM: 2 * 19.6}),
        (
            {"traffic": Traffic(accumulator_writes=4)},
            {Component.ACCUMULATOR_SRAM: 2 * 0.76 * 19.6},
        ),
        (
            {"traffic": Traffic(dram_read_bytes=64, dram_write_bytes=32)},
            {Component.DRAM: 96 * 8 * 8},
        ),
    ],
)
def test_each_count_has_its_price(two_layers, machine, horowitz, counted, expected):
    found = components(two_layers(machine), machine, horowitz, **counted)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("dataflow", ["ws", "is"])
def test_row_sums_pay_for_what_makes_them(two_layers, horowitz, dataflow):
    changes = [f"array.dataflow={dataflow}", "array.row_sums=true"]
    machine = load_hardware("edge_16x16", changes)
    program = two_layers(machine)
    counted = {
        "array": ArrayCounters(row_additions=10),
        "cycles": {Cause.STREAM: 5},
        "rescale_operations": 4,
        "row_sums": True,
    }

    def of(component):
        return causes(program, machine, horowitz, component, **counted)

    assert of(Component.ADDER)["row sums"] == pytest.approx(10 * 0.1)
    # An 8 x 32 bit multiplication, a 32-bit addition and a register of which half toggles.
    eight, full = 0.2, 3.1
    quadratic = (full / 32 - eight / 8) / 24
    product = quadratic * 8 * 32 + (eight / 8 - 8 * quadratic) * 20
    stage = product + 0.1 + 32 * 0.003
    assert of(Component.RESCALE)["row sums subtracted"] == pytest.approx(4 * stage)
    registers = of(Component.REGISTERS)
    if dataflow == "is":
        assert of(Component.MULTIPLIER)["row sums, by ones"] == pytest.approx(10 * 0.2)
        assert "row sums, clocked bits" not in registers
    else:
        assert "row sums, by ones" not in of(Component.MULTIPLIER)
        assert registers["row sums, clocked bits"] + registers[
            "row sums, changed bits"
        ] == pytest.approx(5 * 16 * (8 + 32) * 0.003)
        assert of(Component.WIRES)["row sums"] > 0
    counted["row_sums"] = False
    for component in (Component.ADDER, Component.RESCALE, Component.REGISTERS, Component.WIRES):
        assert not any("row sums" in cause for cause in of(component))


def test_time_leaks(two_layers, machine, horowitz):
    """16.54 uW a PE, 1.4 mW for 64 KiB; 1 us, in which a PE in ten works."""
    counted = {"cycles_total": 1000, "cycles": {Cause.IDLE: 1000}}
    found = causes(
        two_layers(machine),
        machine,
        horowitz,
        Component.LEAKAGE,
        array=ArrayCounters(macs=25600),
        **counted,
    )
    assert found["PEs at work"] == pytest.approx(0.1 * 256 * 16.54)
    assert found["idle PEs"] == pytest.approx(0.9 * 256 * 16.54)
    assert found["scratchpads"] == pytest.approx(1.5 * 1400)
    logic = leakage_uw(machine, horowitz.values)["rescale and vector units"].value
    assert found["rescale and vector units"] == pytest.approx(logic)


def test_wires_between_pes_are_as_long_as_a_pe(two_layers, machine, horowitz):
    found = causes(
        two_layers(machine), machine, horowitz, Component.WIRES, cycles={Cause.STREAM: 5}
    )
    pitch_mm = pe_pitch_mm(machine, horowitz.values)
    assert pitch_mm == pytest.approx(0.03558, rel=1e-3)  # the root of 1266 um2
    assert found["from PE to PE"] == pytest.approx(5 * 256 * 40 * 0.121 * pitch_mm)


def test_wires_to_the_scratchpads_are_half_an_edge_of_the_machine(two_layers, machine, horowitz):
    program, traffic = two_layers(machine), Traffic(weight_reads=16)
    found = causes(program, machine, horowitz, Component.WIRES, traffic=traffic)
    size_mm2 = report_of(program, machine, horowitz).area.total_mm2
    expected = 128 * 0.121 * size_mm2**0.5 / 2
    assert found["to and from scratchpads"] == pytest.approx(expected)


def test_control_counts_addresses_and_what_the_dma_buffers(two_layers, machine, horowitz):
    traffic = Traffic(weight_reads=16, dram_read_bytes=65)
    found = causes(two_layers(machine), machine, horowitz, Component.CONTROL, traffic=traffic)
    address = 2 * (0.1 + 32 * 0.003)
    assert found == pytest.approx(
        {"addresses": 2 * address, "DMA buffers": 65 * 16 * 0.003, "DMA addresses": 2 * address}
    )


def test_the_clock_tree_is_an_h_over_the_array_in_every_cycle(two_layers, machine, horowitz):
    found = causes(two_layers(machine), machine, horowitz, Component.CLOCK_TREE, cycles_total=10)
    edge_mm = 16 * pe_pitch_mm(machine, horowitz.values)
    assert found["tree to the PEs"] == pytest.approx(10 * 1.5 * edge_mm * 15 * 4 * 0.121)


def test_without_clock_gating_every_register_is_clocked_in_every_cycle(two_layers, horowitz):
    machine = load_hardware("edge_16x16", ["array.clock_gating=none"])
    found = causes(
        two_layers(machine),
        machine,
        horowitz,
        Component.REGISTERS,
        cycles_total=10,
        cycles={Cause.STREAM: 5, Cause.DRAIN: 5},
    )
    assert found["clocked bits"] == pytest.approx(10 * 256 * (8 + 2 * 8 + 32) * 0.0015)
    assert found["changed bits"] == pytest.approx(5 * 256 * 40 / 2 * 0.003)


def test_the_background_of_the_dram_is_refresh_and_power_down(two_layers, machine, horowitz):
    """128 bytes at 12.8 GB/s are 10 ns of 1 us."""
    found = causes(
        two_layers(machine),
        machine,
        horowitz,
        Component.DRAM_BACKGROUND,
        cycles_total=1000,
        traffic=Traffic(dram_read_bytes=128),
    )
    assert found == pytest.approx({"refresh": 16.5e3, "power down": 3.1e3 * 0.99})


def test_row_misses_are_in_the_bounds_only(two_layers, machine, horowitz):
    report = report_of(two_layers(machine), machine, horowitz, traffic=Traffic(dram_read_bytes=128))
    (misses,) = (line for line in report.layers[0].lines if line.cause.startswith("row misses"))
    assert (misses.count, misses.pj, misses.low_pj) == (2, 0, 0)
    assert misses.high_pj == 2 * 2880


@pytest.mark.parametrize(("dram_write_bytes", "reads"), [(0, 3), (48, 9)])
def test_inputs_and_outputs_are_charged_at_their_own_widths(
    two_layers, machine, horowitz, dram_write_bytes, reads
):
    """40 inputs of 4 bits are read, 32 fetched ones and 48 outputs of 8 bits are written."""
    outputs = 48 if dram_write_bytes else 0  # on their way to DRAM
    traffic = Traffic(
        activation_reads=40 + outputs,
        activation_writes=32 + 48,
        dram_write_bytes=dram_write_bytes,
    )
    found = components(
        two_layers(machine),
        machine,
        horowitz,
        traffic=traffic,
        input_bits=4,
        output_bits=8,
        rescale_operations=48,
    )
    # In words of 64 bits: ceil(40 * 4 / 64), or with 48 * 8 bits more; (32 * 4 + 48 * 8) / 64.
    assert found[Component.ACTIVATION_SRAM] == pytest.approx((reads + 0.76 * 8) * 19.6)


def test_output_stationary_tiles_drain(two_layers, horowitz):
    machine = load_hardware("edge_16x16", ["array.dataflow=os"])
    program = two_layers(machine)
    # 64 pixels in tiles of 16, 6 channels in one.
    found = components(program, machine, horowitz, array=ArrayCounters(passes=4))
    assert found == pytest.approx({Component.REGISTERS: 4 * (256 + 16 * 136) * 32 * 0.003})


@pytest.mark.parametrize(
    ("kind", "mode", "rescales"),
    [
        ("max_pool", "single_round", 0),
        ("clamp", "single_round", 0),
        ("average_pool", "single_round", 1),
        ("quotient_pool", "single_round", 1),
        ("requantize", "single_round", 1),
        ("lookup", "single_round", 0),
        ("pad", "single_round", 0),
        ("add", "single_round", 3),
        ("add", "float32", 2),
    ],
)
def test_vector_layers_pay_for_the_rescales_inside_them(two_layers, horowitz, kind, mode, rescales):
    machine = load_hardware("edge_16x16", [f"rescale.mode={mode}"])
    program = two_layers(machine, pool=True)
    pool = program.instructions[1]
    assert isinstance(pool, VectorInstruction)
    pool = replace(pool, shape=replace(pool.shape, kind=kind))
    layer = matrix_layer(program, name="pool", operator=kind, gemm=None, vector_operations=384)
    one_rescale = 3.7 + 0.1 if mode == "float32" else 3.1 + 0.2 + 0.1
    report = account(timing_of(layer), replace(program, instructions=(pool,)), machine, horowitz)
    expected = 384 * (0.1 + 32 * 0.003) + rescales * 384 * one_rescale
    assert report.components_pj[Component.VECTOR] == pytest.approx(expected)
    assert report.total_pj == pytest.approx(expected)
    assert report.low_pj < expected < report.high_pj


def test_a_multiplication_pays_for_a_multiplier_and_a_rescale(two_layers, horowitz):
    machine = load_hardware("edge_16x16")
    program = two_layers(machine, pool=True)
    pool = program.instructions[1]
    assert isinstance(pool, VectorInstruction)
    scale = replace(pool, shape=replace(pool.shape, kind="multiply", input_bits=(8, 8)))
    layer = matrix_layer(program, name="pool", operator="multiply", gemm=None, vector_operations=9)
    report = account(timing_of(layer), replace(program, instructions=(scale,)), machine, horowitz)
    expected = 9 * (0.1 + 32 * 0.003 + 0.2) + 384 * (3.1 + 0.2 + 0.1)
    assert report.components_pj[Component.VECTOR] == pytest.approx(expected)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_a_simulated_batch_sums_by_layer_and_by_component(two_layers, horowitz, dataflow):
    machine = load_hardware("edge_16x16", [f"array.dataflow={dataflow}"])
    program = two_layers(machine, batch=3, pool=True)
    timing = simulate_timing(program, machine)
    report = account(timing, program, machine, horowitz)
    assert [layer.name for layer in report.layers] == ["convolution", "pool", "dense"]
    assert all(set(layer.components_pj) == set(Component) for layer in report.layers)
    assert list(report.components_pj) == list(Component)
    assert min(report.components_pj.values()) > 0
    assert report.total_pj == pytest.approx(sum(layer.total_pj for layer in report.layers))
    assert report.image_pj == pytest.approx(report.total_pj / 3)
    macs = 3 * (64 * 6 * 36 + 384 * 10)
    assert report.components_pj[Component.MULTIPLIER] == pytest.approx(0.2 * macs)
    leakage = sum(power.value for power in leakage_uw(machine, horowitz.values).values())
    leakage_pj = leakage * timing.cycles_total * 1e-3
    assert report.components_pj[Component.LEAKAGE] == pytest.approx(leakage_pj)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("clock_gating", ["token", "none"])
def test_a_layer_costs_the_same_alone_and_among_others(
    two_layers, horowitz, dataflow, clock_gating
):
    """Prices are made once for a machine: no layer leaves a trace in those of the next."""
    machine = load_hardware(
        "edge_16x16", [f"array.dataflow={dataflow}", f"array.clock_gating={clock_gating}"]
    )
    program = two_layers(machine, batch=3, pool=True)
    timing = simulate_timing(program, machine)
    together = account(timing, program, machine, horowitz)
    sources = {}
    for layer, instruction, found in zip(
        timing.layers, program.instructions, together.layers, strict=True
    ):
        one = replace(program, instructions=(instruction,))
        alone = account(timing_of(layer), one, machine, horowitz)
        assert alone == replace(together, layers=(found,), sources=alone.sources)
        sources |= alone.sources
    assert together.sources == sources


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_energy_falls_with_every_width_but_less_than_quadratically(two_layers, horowitz, dataflow):
    hardware = load_hardware("edge_16x16", [f"array.dataflow={dataflow}"])

    def total_pj(weight_bits, activation_bits):
        machine = hardware.with_operand_bits(weight_bits, activation_bits)
        program = two_layers(machine)
        return account(simulate_timing(program, machine), program, machine, horowitz).total_pj

    for narrow, wide in ((2, 4), (4, 8), (8, 16)):
        assert total_pj(narrow, wide) < total_pj(wide, wide)
        assert total_pj(wide, narrow) < total_pj(wide, wide)
        assert total_pj(wide, wide) < 4 * total_pj(narrow, narrow)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_nothing_done_costs_nothing(two_layers, horowitz, dataflow):
    machine = load_hardware("edge_16x16", [f"array.dataflow={dataflow}"])
    program = two_layers(machine, pool=True)
    timing = simulate_timing(program, machine)
    idle = Timing(0, tuple(empty(layer) for layer in timing.layers), {})
    assert account(idle, program, machine, horowitz).total_pj == 0


def test_narrow_operands_on_wide_pes_pay_for_the_wide_multiplier(two_layers, edge, horowitz):
    program = two_layers(edge.with_operand_bits(4, 4))
    timing = simulate_timing(program, edge)
    built_wide = account(timing, program, edge, horowitz)
    built_narrow = account(timing, program, edge.with_operand_bits(4, 4), horowitz)
    macs = 64 * 6 * 36 + 384 * 10
    assert built_wide.components_pj[Component.MULTIPLIER] == pytest.approx(0.2 * macs)
    assert built_narrow.total_pj < built_wide.total_pj
    for same in (Component.WEIGHT_SRAM, Component.ACTIVATION_SRAM, Component.DRAM):
        assert built_narrow.components_pj[same] == built_wide.components_pj[same]


def test_a_report_states_its_technology_and_what_it_leaves_out(two_layers, edge, horowitz):
    program = two_layers(edge)
    report = account(simulate_timing(program, edge), program, edge, table_for(edge))
    assert report.technology == (f"45nm, 0.9V, table horowitz_45nm (sha256 {horowitz.sha256[:12]})")
    assert report.warnings == ()
    assert any("clock tree" in line for line in report.not_modelled)
    used = {name for layer in report.layers for line in layer.lines for name in line.price.entries}
    assert set(report.sources) == used
    assert report.sources["sram_write"] == "measured: CACTI 7 at 45 nm, 64 KiB, 64-bit words"
    assert report.sources["wire"].endswith(
        "(x0.83 to x1: Dally, AHA retreat, 2023, slide 45: 100 fJ a bit and mm, no node stated)"
    )


def test_stretched_numbers_are_said(two_layers, horowitz):
    machine = load_hardware(
        "edge_16x16", ["scratchpads.weights.banks=16", "scratchpads.weights.bandwidth=16B/cycle"]
    ).with_operand_bits(4, 8)
    program = two_layers(machine)
    report = account(simulate_timing(program, machine), program, machine, horowitz)
    assert report.warnings == (
        "multiplier energy below 8 bits is extrapolated from the 8- and 32-bit points of the "
        "table horowitz_45nm",
        "scratchpads.weights: banks of 4KiB are outside the 8KiB to 1MiB of the table "
        "horowitz_45nm: their energy is extrapolated",
    )


def test_a_table_of_another_node_is_refused(two_layers, edge, horowitz):
    program = two_layers(edge)
    timing = simulate_timing(program, edge)
    other = load_hardware("edge_16x16", ["technology.node=28nm"])
    message = (
        "^hardware edge_16x16: technology.node: must be that of the table horowitz_45nm, 45nm, "
        r"got 28nm \(technology.table of that node: cmos_28nm\)$"
    )
    with pytest.raises(ConfigError, match=message):
        account(timing, program, other, horowitz)


def test_a_run_of_another_program_is_our_mistake(two_layers, edge, horowitz):
    timing = simulate_timing(two_layers(edge), edge)
    message = "^energy: the run's layers are not those of the program$"
    with pytest.raises(InternalError, match=message):
        account(timing, two_layers(edge, pool=True), edge, horowitz)


def test_a_table_at_another_voltage_is_our_mistake(two_layers, edge, horowitz):
    program = two_layers(edge)
    other = load_hardware("edge_16x16", ["technology.voltage=0.8V"])
    with pytest.raises(InternalError, match=r"^energy: the table is at 0\.9 V: use table_for$"):
        account(simulate_timing(program, edge), program, other, horowitz)


def test_more_macs_than_pes_are_our_mistake(two_layers, machine, horowitz):
    counted = {"cycles_total": 1, "array": ArrayCounters(macs=512)}
    message = r"^energy: layer 'convolution': PEs work for 2\.000 of its cycles$"
    with pytest.raises(InternalError, match=message):
        report_of(two_layers(machine), machine, horowitz, **counted)


@pytest.mark.parametrize("name", ["cmos_28nm", "cmos_16nm", "cmos_7nm"])
def test_a_smaller_node_costs_less_everywhere_but_in_the_dram(two_layers, edge, horowitz, name):
    table = load_table(name)
    node, voltage = f"{table.values.node}nm", f"{table.values.voltage}V"
    small = load_hardware(
        "edge_16x16",
        [f"technology.table={name}", f"technology.node={node}", f"technology.voltage={voltage}"],
    )
    program = two_layers(edge, pool=True)
    timing = simulate_timing(program, edge)
    before = account(timing, program, edge, horowitz)
    after = account(timing, program, small, table)
    for component in Component:
        if component in (Component.DRAM, Component.DRAM_BACKGROUND):
            assert after.components_pj[component] == before.components_pj[component]
        else:
            assert after.components_pj[component] < before.components_pj[component]
    assert after.area.total_mm2 < before.area.total_mm2


def in_groups(hardware, size):
    """A dense layer of 40 inputs and 10 outputs, with or without groups of weights."""
    work = MatrixShape((40, 1, 1), 10, Window((1, 1)), 1, 3, 8, 8, 8, 32)
    if size:
        work = replace(work, vector_depth=size, scale_bits=6)
    tensors = {"x": TensorShape((40,), 8), "y": TensorShape((10,), 8)}
    layers = (LayerShape("dense", work, ("x",), "y"),)
    names = {name: name for name in tensors}
    program = compile_shapes(NetworkShape("one", 3, "x", "y", layers, tensors, names), hardware)
    timing = simulate_timing(program, hardware)
    report = account(timing, program, hardware, table_for(hardware))
    return timing.layers[0], {(line.component, line.cause): line for line in report.layers[0].lines}


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_scales_of_groups_are_counted_and_priced(dataflow):
    hardware = load_hardware("edge_16x16", [f"array.dataflow={dataflow}", "array.scale_bits=8"])
    layer, lines = in_groups(hardware, 16)
    plain, before = in_groups(hardware, 0)
    # 40 inputs are vectors of 16, 16 and 8; each has a scale for each of 10 outputs and 3 images.
    assert layer.array.scalings == 3 * 3 * 10
    assert layer.array.scale_feeds == layer.traffic.scale_reads == 3 * 10
    assert layer.traffic.scale_writes == 3 * 10
    # 180 bits of 6-bit scales are beside 400 bytes of weights; tiles are rounded up one by one.
    bits = [each.traffic.dram_read_bytes for each in (plain, layer)]
    assert bits[1] >= bits[0]
    cause = "scaled sums of groups"
    # Through 0.2 pJ at 8 and 3.1 pJ at 32 bits, at 32 x 8 bits; an addition of 32 bits is 0.1 pJ.
    product = 0.002994791667 * 32 * 8 + 0.001041666667 * (32 + 8) / 2
    assert lines[Component.MULTIPLIER, cause].pj == pytest.approx(90 * product)
    assert lines[Component.ADDER, cause].pj == pytest.approx(90 * 0.1)
    assert lines[Component.REGISTERS, cause].pj == pytest.approx(90 * (32 + 8) * 0.003)
    assert (Component.MULTIPLIER, cause) not in before
    reads = lines[Component.WEIGHT_SRAM, "reads"].count
    assert reads > before[Component.WEIGHT_SRAM, "reads"].count
