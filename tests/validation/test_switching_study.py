"""Gate-level truth of the switching model: every scenario is predicted by all the others."""

import shutil

import numpy as np
import pytest

from accelsim.energy import load_table, table_names
from accelsim.energy.switching_lines import partial_product, product_input
from accelsim.hardware import Array
from validation.gates import Netlist, adder, multiplier, synthesize
from validation.scenarios import made_up, of_layers
from validation.switching_study import (
    ADDER_BITS,
    ADDER_MODELS,
    CONSTANT,
    MULTIPLIER_MODELS,
    NON_ZERO,
    PARTIAL_PRODUCTS,
    SHARE_HELD_OUT,
    WITH_INPUTS,
    Measured,
    best_shares,
    from_random,
    measure,
    study,
    units,
)

pytestmark = pytest.mark.rtl


@pytest.fixture(scope="module", autouse=True)
def _yosys():
    if shutil.which("yosys") is None:
        pytest.skip("yosys is not installed")


@pytest.fixture(scope="module")
def scenarios():
    return [*made_up(), *of_layers()]


@pytest.fixture(scope="module")
def gates():
    return units()


@pytest.fixture(scope="module")
def multiplied(scenarios, gates):
    return [measure(one, gates[0], MULTIPLIER_MODELS, 8, adds=False) for one in scenarios]


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_the_gates_multiply(bits):
    limit = 1 << (bits - 1)
    values = np.arange(-limit, limit)
    a, b = (grid.ravel() for grid in np.meshgrid(values, values))
    outputs, _ = multiplier(bits).run(a=a, b=b)
    np.testing.assert_array_equal(outputs["p"], a * b)


def test_the_gates_add():
    generator = np.random.default_rng(0)
    a, b = generator.integers(-(1 << 30), 1 << 30, (2, 500))
    outputs, _ = adder(32).run(a=a, b=b)
    np.testing.assert_array_equal(outputs["s"], a + b)


def test_load_is_a_wire_and_the_inputs_behind_it():
    """y = (a & b) ^ c: a drives an AND, the AND an XOR, which weighs two."""
    netlist = synthesize(
        "small",
        "module small(input a, input b, input c, output y); assign y = (a & b) ^ c; endmodule",
    )
    (a,), (c,) = netlist.inputs["a"], netlist.inputs["c"]
    loads = netlist.loads()
    assert (loads[a], loads[c]) == (2, 3)
    on, off = np.array([0, -1, 0]), np.array([-1, -1, -1])
    _, changed = netlist.run(a=on, b=off, c=off)
    # a (2), the AND (3) and y (1) change, twice.
    assert changed.tolist() == [6, 6]


def test_gates_in_a_loop_are_refused():
    source = "module loop(input a, output y); wire w; assign w = ~(a & y); assign y = ~w; endmodule"
    with pytest.raises(ValueError, match=r"^the gates make a loop$"):
        synthesize("loop", source)


def test_there_are_enough_scenarios_of_layers_too(scenarios):
    assert len(scenarios) >= 20 + 4
    assert sum("digits_cnn" in one.name for one in scenarios) >= 4


def test_partial_products_and_their_inputs_predict_multipliers_within_10_percent(multiplied):
    held_out = study(multiplied)
    assert held_out.mean_pct(WITH_INPUTS) < 10
    assert held_out.mean_pct(CONSTANT) > 4 * held_out.mean_pct(WITH_INPUTS)
    assert held_out.mean_pct(NON_ZERO) > 4 * held_out.mean_pct(WITH_INPUTS)
    assert held_out.mean_pct(PARTIAL_PRODUCTS) > 1.5 * held_out.mean_pct(WITH_INPUTS)
    assert held_out.largest_pct(WITH_INPUTS) < 20


def test_where_the_share_of_inputs_is_held_out_too_it_is_as_good(multiplied):
    """The tables' share was chosen with these scenarios; here each sees that of the others."""
    held_out = study(multiplied)
    assert held_out.mean_pct(SHARE_HELD_OUT) < 11
    assert held_out.largest_pct(SHARE_HELD_OUT) < 20


def test_at_4_bits_whose_own_share_would_be_another_it_is_within_15_percent():
    """The tables' share is that of 8 bits; at 4 bits a share of 0.8 would be better."""
    product, _ = units(4)
    scenarios = [*made_up(4), *of_layers(4)]
    found = [measure(one, product, MULTIPLIER_MODELS, 4, adds=False) for one in scenarios]
    held_out = study(found)
    assert best_shares(found) == (0.8, 0.8)
    assert held_out.mean_pct(WITH_INPUTS) < 15
    assert held_out.mean_pct(SHARE_HELD_OUT) < 0.9 * held_out.mean_pct(WITH_INPUTS)
    assert held_out.mean_pct(PARTIAL_PRODUCTS) > 20
    assert held_out.mean_pct(CONSTANT) > 5 * held_out.mean_pct(WITH_INPUTS)


def test_the_share_of_the_tables_is_the_best_of_those_that_were_tried(multiplied):
    from_table, held_out = best_shares(multiplied)
    assert from_table == held_out
    for name in table_names():
        assert load_table(name).values.multiply_inputs.share == from_table


def test_from_the_one_number_of_a_table_it_is_as_good(multiplied):
    """The coefficient of random operands is what the tables give; all else is held out."""

    def mean_pct(model):
        return 100 * np.mean(np.abs(from_random(multiplied, model)))

    assert mean_pct(WITH_INPUTS) < 15
    assert mean_pct(CONSTANT) > 5 * mean_pct(WITH_INPUTS)
    assert mean_pct(NON_ZERO) > 4 * mean_pct(WITH_INPUTS)


def test_the_account_prices_changes_as_the_study_weighs_them(multiplied):
    table = load_table("horowitz_45nm").values
    array = Array(rows=1, columns=1, dataflow="os")
    one, other = partial_product(table, array).value, product_input(table, array).value
    assert one / other == pytest.approx(8 / 3)
    for measured in multiplied:
        (products,) = measured.counts[PARTIAL_PRODUCTS]
        (operands,) = measured.counts["Hamming distances of the operands"]
        weighed = (products * one + 8 * operands * other) * 3 / other
        assert measured.counts[WITH_INPUTS] == pytest.approx((weighed,))


def test_changed_bits_predict_adders_within_10_percent(scenarios, gates):
    added = [measure(one, gates[1], ADDER_MODELS, 8, adds=True) for one in scenarios]
    held_out = study(added)
    assert held_out.mean_pct(ADDER_BITS) < 10
    assert held_out.mean_pct(CONSTANT) > 4 * held_out.mean_pct(ADDER_BITS)


def test_a_scenario_never_sees_its_own_coefficient():
    """Three that agree and one that does not: the odd one is predicted by the others."""
    measured = [Measured(name, 10.0, {"model": (5.0,)}) for name in "abc"]
    measured.append(Measured("odd", 10.0, {"model": (10.0,)}))
    errors = study(measured).errors["model"]
    assert errors[3] == pytest.approx(1.0)
    assert all(error < 0 for error in errors[:3])


def test_wrong_gates_are_found(scenarios):
    subtracts = synthesize(
        "wrong",
        "module wrong(input signed [7:0] a, input signed [7:0] b, output signed [15:0] p); "
        "assign p = a - b; endmodule",
    )
    assert isinstance(subtracts, Netlist)
    with pytest.raises(AssertionError, match=r"the gates calculate something else$"):
        measure(scenarios[0], subtracts, MULTIPLIER_MODELS, 8, adds=False)
