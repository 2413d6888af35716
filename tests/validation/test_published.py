"""The models beside published silicon and synthesis: the rows of docs/validation.md."""

from pathlib import Path

import pytest

from accelsim.energy import load_table
from accelsim.energy.area import area
from accelsim.energy.operations import adder, multiplier, pe, register
from accelsim.hardware import load_hardware
from validation.bitfusion import (
    COMPOSABLE,
    KELLER_TOPS_PER_W,
    SYNTHESIZED,
    composable_product_pj,
    modelled,
    modelled_composable,
)
from validation.eyeriss import LAYERS, filter_read_pj, pe_pj
from validation.tpu import APPLICATIONS, dense, fetch_cycles, roof_tops, square_matrix_us

PAGE = Path(__file__).parents[2] / "docs" / "validation.md"


@pytest.fixture(scope="module")
def table():
    return load_table("horowitz_45nm").values


@pytest.fixture(scope="module")
def tpu():
    return load_hardware("tpu_v1")


@pytest.mark.parametrize("array", SYNTHESIZED, ids=lambda array: f"{array.bits}b")
def test_laws_of_a_pe_are_within_5_percent_of_synthesis(table, array):
    energy_pj, area_um2, leakage_uw = modelled(table, array.bits)
    assert energy_pj == pytest.approx(array.pe_pj, rel=0.05)
    assert area_um2 == pytest.approx(array.pe_um2, rel=0.05)
    assert leakage_uw == pytest.approx(array.pe_uw, rel=0.05)


def test_8_bits_against_4_are_2_47_and_not_4(table):
    synthesized = SYNTHESIZED[2].pe_pj / SYNTHESIZED[1].pe_pj
    assert synthesized == pytest.approx(2.47, abs=0.005)
    assert pe(table, 8, 8).value / pe(table, 4, 4).value == pytest.approx(2.47, rel=0.01)


def test_silicon_says_nearly_the_same(table):
    silicon = KELLER_TOPS_PER_W[4] / KELLER_TOPS_PER_W[8]
    assert silicon == pytest.approx(2.33, abs=0.005)
    assert pe(table, 8, 8).value / pe(table, 4, 4).value == pytest.approx(silicon, rel=0.07)


def test_the_composable_pe_of_the_tables_is_that_of_synthesis(table):
    fixed, entry = SYNTHESIZED[2], table.composable_pe
    assert entry.energy_ratio == pytest.approx(COMPOSABLE.pe_pj / fixed.pe_pj, rel=0.005)
    assert entry.area_ratio == pytest.approx(COMPOSABLE.pe_um2 / fixed.pe_um2, rel=0.005)
    assert entry.leakage_ratio == pytest.approx(COMPOSABLE.pe_uw / fixed.pe_uw, rel=0.005)


def test_the_composable_pe_is_within_5_percent_of_synthesis(table):
    energy_pj, area_um2, leakage_uw = modelled_composable(table)
    assert energy_pj == pytest.approx(COMPOSABLE.pe_pj, rel=0.05)
    assert area_um2 == pytest.approx(COMPOSABLE.pe_um2, rel=0.05)
    assert leakage_uw == pytest.approx(COMPOSABLE.pe_uw, rel=0.05)


@pytest.mark.parametrize(("index", "bits", "of_fixed"), [(2, 8, 2.26), (1, 4, 1.39), (0, 2, 0.71)])
def test_bricks_pay_where_widths_are_narrow(table, index, bits, of_fixed):
    fixed = SYNTHESIZED[index]
    assert fixed.bits == bits
    synthesized = composable_product_pj(COMPOSABLE.pe_pj, bits)
    assert synthesized / fixed.pe_pj == pytest.approx(of_fixed, abs=0.005)
    model = composable_product_pj(modelled_composable(table)[0], bits)
    assert model / pe(table, bits, bits).value == pytest.approx(of_fixed, rel=0.02)


def test_a_weight_tile_of_the_tpu_takes_1349_cycles(tpu):
    """Published: a ridge of 1350 MACs a byte."""
    assert fetch_cycles(tpu) == pytest.approx(1349, abs=0.5)


@pytest.mark.parametrize(
    ("array", "closed_form_us", "published_us"), [(256, 17.3, 18), (512, 30.8, 32)]
)
def test_a_bigger_array_is_slower_for_lstm1(array, closed_form_us, published_us):
    found_us = square_matrix_us(600, array)
    assert found_us == pytest.approx(closed_form_us, rel=0.01)
    assert found_us == pytest.approx(published_us, rel=0.05)


@pytest.mark.parametrize("one", APPLICATIONS, ids=lambda one: one.name)
def test_no_application_is_above_the_roof(tpu, one):
    roof = roof_tops(tpu, one.macs_per_weight_byte)
    assert one.published_tops < roof
    shares = {"MLP0": 0.90, "MLP1": 0.85, "LSTM0": 0.85, "LSTM1": 0.43, "CNN0": 0.94, "CNN1": 0.15}
    assert one.published_tops / roof == pytest.approx(shares[one.name], abs=0.01)


def test_mlp0_runs_as_fast_as_published_within_the_error_of_googles_own_model(tpu):
    point = dense("mlp0", (2048,) * 6, 200, ())
    macs = sum(layer.macs for layer in point.layers)
    tops = 2e-12 * macs / (point.cycles_total / tpu.clock)
    assert tops == pytest.approx(12.3, rel=0.068)


def test_mlp0_streams_200_of_256_cycles_of_each_weight_shift():
    """Published: 12.7 % active and 15.9 % shifting, 0.80."""
    point = dense("mlp0", (2048,) * 6, 200, ())
    streamed = sum(layer.cycles["stream"] for layer in point.layers)
    shifted = 256 * sum(layer.macs for layer in point.layers) / (200 * 256 * 256)
    assert streamed / shifted == pytest.approx(12.7 / 15.9, rel=0.03)


def test_a_mac_of_the_tpu_is_of_the_right_order(tpu):
    """CNN0: 40 W busy less 28 W idle, at 43 tera-MACs a second, is 0.28 pJ."""
    table = load_table(tpu.technology.table).values
    price = multiplier(table, 8, 8) + adder(table, 32) + register(table, 8 + 32)
    published_pj = (40 - 28) / (86.0 / 2)
    assert published_pj == pytest.approx(0.28, abs=0.005)
    assert price.value == pytest.approx(published_pj, rel=0.1)
    assert price.low < published_pj < price.high


def test_the_area_of_the_tpu_is_within_its_bounds(tpu):
    """A quarter and almost a third of a die of at most 331 mm2."""
    found = area(tpu, load_table(tpu.technology.table).values)
    assert found.mm2["pe_array"] < 0.24 * 331 < 2.7 * found.mm2["pe_array"]
    assert found.mm2["activation_sram"] < 0.29 * 331 < 2.8 * found.mm2["activation_sram"]


def test_zero_gating_makes_alexnet_cheaper_from_layer_to_layer():
    """As Eyeriss' energy a MAC falls from conv1 to conv5; conv4 and conv5 have equal zeros."""
    gated = [pe_pj(layer.zeros, gated=True) for layer in LAYERS]
    plain = [pe_pj(layer.zeros, gated=False) for layer in LAYERS]
    published = [layer.published_pj for layer in LAYERS]
    assert gated[0] > gated[1] > gated[2] > gated[3]
    assert published == sorted(published, reverse=True)
    assert gated[4] == pytest.approx(gated[3], rel=0.05)
    savings = [1 - with_gate / without for with_gate, without in zip(gated, plain, strict=True)]
    assert savings[0] == pytest.approx(0, abs=0.01)
    assert all(0.2 < saving < 0.45 for saving in savings[1:])


def test_gating_saves_what_eyeriss_says_once_the_weights_read_counts():
    """45 % of a PE's power: where most inputs are zeros, with the read that the chip gates, too."""
    savings = {}
    for layer in LAYERS:
        gated, plain = (
            pe_pj(layer.zeros, gated=gate) + filter_read_pj(layer.zeros, gated=gate)
            for gate in (True, False)
        )
        savings[layer.name] = 1 - gated / plain
    assert savings["conv1"] == pytest.approx(0, abs=0.01)
    assert savings["conv2"] == pytest.approx(0.25, abs=0.02)
    for name in ("conv3", "conv4", "conv5"):
        assert savings[name] == pytest.approx(0.45, abs=0.04)


def test_the_page_states_what_the_models_say(table, tpu):
    page = PAGE.read_text(encoding="utf-8")
    for array in SYNTHESIZED:
        energy_pj, _, leakage_uw = modelled(table, array.bits)
        assert f"| {array.bits} | {energy_pj:.4f} | {array.pe_pj:.4f} |" in page
        assert f" {leakage_uw:.2f} | {array.pe_uw:.2f} |" in page
    for one in APPLICATIONS:
        roof = roof_tops(tpu, one.macs_per_weight_byte)
        row = f"| {one.name} | {one.macs_per_weight_byte} | {roof:.1f} | {one.published_tops} |"
        assert row in page
    for size in (256, 512):
        assert f"| {square_matrix_us(600, size):.1f} us |" in page
    for layer in LAYERS:
        gated, plain = (pe_pj(layer.zeros, gated=gate) for gate in (True, False))
        cells = [f"{gated:.3f}", f"{plain:.3f}", f"{100 * abs(1 - gated / plain):.0f} %"]
        gated += filter_read_pj(layer.zeros, gated=True)
        plain += filter_read_pj(layer.zeros, gated=False)
        cells += [f"{gated:.3f}", f"{plain:.3f}", f"{100 * abs(1 - gated / plain):.0f} %"]
        row = f"| {layer.zeros:g} | {layer.published_pj} | {' | '.join(cells)} |"
        assert f"| {layer.name} {row}" in page
    parts = area(tpu, load_table(tpu.technology.table).values).mm2
    assert f"| matrix unit | {parts['pe_array']:.1f} mm2 |" in page
    assert f"| unified buffer | {parts['activation_sram']:.1f} mm2 |" in page
