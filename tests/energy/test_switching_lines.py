from dataclasses import replace

import numpy as np
import pytest

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.energy import Component, EnergyMode, account
from accelsim.energy.operations import adder, multiplier
from accelsim.energy.switching_lines import adder_bit, partial_product, product_input
from accelsim.errors import InternalError
from accelsim.hardware import Array, load_hardware
from accelsim.simulator import simulate_timing
from accelsim.simulator.array.activity import measure_activity
from accelsim.simulator.array.product import MatrixProduct, whole_plan
from accelsim.simulator.run import Activity, Run, Switching

INT32 = Accumulator(32, Overflow.WRAP)


def square(bits, **fields):
    return Array(rows=4, columns=4, weight_bits=bits, activation_bits=bits, **fields)


@pytest.mark.parametrize(("bits", "fj"), [(8, 4.17), (16, 4.08), (4, 4.34)])
def test_random_changes_of_partial_products_and_of_their_inputs_cost_half_each(values, bits, fj):
    array = square(bits, dataflow="ws")
    price, driven = partial_product(values, array), product_input(values, array)
    assert price.value * 1e3 == pytest.approx(fj, abs=0.01)
    half = multiplier(values, bits, bits).value / 2
    assert price.value * 0.375 * bits**2 == pytest.approx(half)
    assert driven.value * bits**2 == pytest.approx(half)
    assert price.low < price.value < price.high
    assert driven.low < driven.value < driven.high


@pytest.mark.parametrize("share", [0, 0.25, 0.8, 1])
def test_the_share_of_inputs_is_the_tables(values, share):
    """Whatever it is, a random multiplication costs what it does."""
    entry = values.multiply_inputs.model_copy(update={"share": share})
    table = values.model_copy(update={"multiply_inputs": entry})
    array, whole = square(8, dataflow="ws"), multiplier(values, 8, 8)
    products = partial_product(table, array) * (0.375 * 64)
    inputs = product_input(table, array) * 64
    assert inputs.value == pytest.approx(share * whole.value)
    for bound in ("low", "value", "high"):
        together = getattr(products + inputs, bound)
        assert together == pytest.approx(getattr(whole, bound))


def test_reports_say_where_the_share_of_inputs_comes_from(two_layers, edge, horowitz):
    program = two_layers(edge)
    run = run_of(program, edge)
    source = account(run, program, edge, horowitz, EnergyMode.SWITCHING).sources["multiply_inputs"]
    assert source == f"assumption: {horowitz.values.multiply_inputs.source}"
    assert "multiply_inputs" not in account(run, program, edge, horowitz).sources


def test_a_bit_at_an_adder_costs_a_bit_of_its_width(values):
    """16 of 32 bits change at each of two inputs."""
    assert adder_bit(values).value * 32 == pytest.approx(adder(values, 32).value)


@pytest.mark.parametrize("bits", [4, 8])
def test_on_random_operands_both_modes_agree_on_multipliers(values, bits):
    generator = np.random.default_rng(5)
    limit = 1 << (bits - 1)
    product = MatrixProduct.from_arrays(
        generator.integers(-limit, limit, (4, 3000)), generator.integers(-limit, limit, (3000, 4))
    )
    array = square(bits, dataflow="os")
    found = measure_activity(product, whole_plan(product.gemm, array), array, INT32)
    switching = partial_product(values, array).value * found.partial_products.sum()
    switching += product_input(values, array).value * found.product_inputs.sum()
    per_operation = multiplier(values, bits, bits).value * product.gemm.macs
    assert switching == pytest.approx(per_operation, rel=0.02)


def ones(rows, columns, *counts):
    return Activity(*(np.full((rows, columns), count, np.int64) for count in counts))


def run_of(program, machine, images=2):
    timing = simulate_timing(program, machine)
    names = [layer.name for layer in timing.layers if layer.gemm]
    return Run(
        images=images,
        batch=program.batch,
        outputs=np.empty(0, np.int32),
        timing=timing,
        switching=dict.fromkeys(names, Switching(10, 20, 40)),
        activity=dict.fromkeys(names, ones(16, 16, 3, 5, 7, 1, 9)),
    )


def lines_of(report, component):
    lines = [line for line in report.layers[0].lines if line.component is component]
    return {line.cause: line for line in lines}


def test_each_change_has_its_price_and_counts_are_of_one_batch(two_layers, edge, horowitz):
    """Two images were simulated, a batch is one: half of what was counted."""
    program = two_layers(edge)
    report = account(run_of(program, edge), program, edge, horowitz, EnergyMode.SWITCHING)
    assert report.mode is EnergyMode.SWITCHING
    products = lines_of(report, Component.MULTIPLIER)["partial products that change"]
    assert products.count == 256 * 3 / 2
    assert products.pj == pytest.approx(384 * 0.1 / 24)
    inputs = lines_of(report, Component.MULTIPLIER)["inputs of partial products that change"]
    assert inputs.count == 256 * 9 / 2
    assert inputs.pj == pytest.approx(1152 * 0.1 / 64)
    adders = lines_of(report, Component.ADDER)
    assert adders["bits of products that change"].count == 256 * 5 / 2
    assert adders["bits of sums that change"].pj == pytest.approx(256 * 3.5 * 0.003125)
    registers = lines_of(report, Component.REGISTERS)
    assert registers["changed bits"].pj == pytest.approx(35 * 0.003)
    wires = lines_of(report, Component.WIRES)["from PE to PE, changed bits"]
    assert wires.count == 35
    assert wires.price.value == pytest.approx(2 * 0.121 * 0.03558, rel=1e-3)


def test_what_is_not_the_array_costs_the_same_in_both_modes(two_layers, edge, horowitz):
    program = two_layers(edge, pool=True)
    run = run_of(program, edge)
    mean = account(run, program, edge, horowitz)
    switching = account(run, program, edge, horowitz, EnergyMode.SWITCHING)
    array = (Component.MULTIPLIER, Component.ADDER, Component.REGISTERS, Component.WIRES)
    for component in Component:
        same = mean.components_pj[component] == switching.components_pj[component]
        assert same != (component in array)
    assert (
        lines_of(mean, Component.REGISTERS)["clocked bits"]
        == (lines_of(switching, Component.REGISTERS)["clocked bits"])
    )
    assert "data-dependent switching" in mean.not_modelled[-1]
    assert any("glitches" in line for line in switching.not_modelled)


def test_sums_that_stay_cross_no_wire(two_layers, horowitz):
    machine = load_hardware("edge_16x16", ["array.dataflow=os"])
    program = two_layers(machine)
    report = account(run_of(program, machine), program, machine, horowitz, EnergyMode.SWITCHING)
    wires = lines_of(report, Component.WIRES)
    assert wires["from PE to PE, changed bits"].count == 15
    # 64 pixels and 6 channels on 16 x 16 PEs: four tiles of 256 biases and 16 * 136 results.
    assert wires["biases and results"].count == 4 * (256 + 16 * 136) * 32


def test_a_zero_flag_travels_with_gated_operands(two_layers, horowitz):
    def clocked(gating):
        machine = load_hardware("edge_16x16", [f"array.zero_gating={gating}"])
        program = two_layers(machine)
        report = account(simulate_timing(program, machine), program, machine, horowitz)
        return lines_of(report, Component.REGISTERS)["clocked bits"].count, report.warnings

    without, silent = clocked("false")
    gated, said = clocked("true")
    assert gated > without
    assert silent == ()
    assert said == (
        "zero gating: without values no product is seen to be gated: nothing that it saves is "
        "counted",
    )


def test_a_run_per_operation_says_where_gating_is_seen(two_layers, horowitz):
    machine = load_hardware("edge_16x16", ["array.zero_gating=true"])
    program = two_layers(machine)
    assert account(run_of(program, machine), program, machine, horowitz).warnings == (
        "zero gating: per operation no product is seen to be gated; --energy switching shows it",
    )


def test_without_counts_there_is_no_switching(two_layers, edge, horowitz):
    program = two_layers(edge)
    run = replace(run_of(program, edge), activity={})
    message = "^energy: layer 'convolution': no switching was counted$"
    with pytest.raises(InternalError, match=message):
        account(run, program, edge, horowitz, EnergyMode.SWITCHING)
    with pytest.raises(InternalError, match=message):
        account(run.timing, program, edge, horowitz, EnergyMode.SWITCHING)
