from dataclasses import replace

import pytest

from accelsim.report.document import provenance_document, read_documents, summary_document
from accelsim.report.heat_map import pe_energy
from accelsim.report.html import report_html
from accelsim.report.plots import figures
from accelsim.report.results import SwitchingResult
from accelsim.report.switching_table import switching_columns
from accelsim.report.table import render_table

PARTS = ("multiplier", "adder", "registers", "wires", "clock_tree")


@pytest.fixture(scope="module")
def switched(result):
    """Five points; at each the array costs half of what the mean says."""
    switching = SwitchingResult(
        partial_products_per_mac=6.0,
        random_partial_products=24.0,
        product_inputs_per_mac=16.0,
        random_product_inputs=64.0,
        product_bits_per_mac=4.0,
        sum_bits_per_mac=12.0,
        random_adder_bits=32.0,
        zero_products_pct=12.5,
        changed_register_bits_pct=20.0,
        switching_uj=dict.fromkeys(PARTS, 0.05),
        per_operation_uj=dict.fromkeys(PARTS, 0.1),
        pe_energy_pj=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
    )
    points = tuple(replace(point, switching=switching) for point in result.points)
    return replace(result, points=points, energy_mode="switching")


def test_both_modes_stand_side_by_side_with_the_reason(switched):
    columns = {(heading, unit): cells for heading, unit, cells in switching_columns(switched)}
    assert columns["multiplier", "per operation, µJ"] == ["0.1000"] * 5
    assert columns["multiplier", "switching, µJ"] == ["0.0500"] * 5
    assert columns["partial products", "changed, %"] == ["25"] * 5
    assert columns["their inputs", "changed, %"] == ["25"] * 5
    assert columns["adder inputs", "changed, %"] == ["50"] * 5
    assert columns["registers", "changed, %"] == ["40"] * 5
    assert columns["zero products", "% of all"] == ["12"] * 5


def test_without_switching_there_is_nothing_to_compare(result, switched):
    assert switching_columns(result) == []
    mixed = replace(result, points=(switched.points[0], *result.points[1:]))
    assert switching_columns(mixed) == []
    assert "pe_energy" not in figures(result)


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_has_a_row_for_each_component(switched, width):
    text = render_table(switched, width)
    rows = [line.split() for line in text.splitlines()]
    assert ["multiplier,", "switching", *["0.0500"] * 5] in rows
    assert ["zero", "products,", "%", "of", "all", *["12"] * 5] in rows
    assert "mean of random operands" in " ".join(text.split())


def test_every_pe_is_a_square_of_the_heat_map(switched):
    panels = [axes for axes in pe_energy(switched).axes if axes.images]
    assert [axes.get_title(loc="left") for axes in panels] == [
        "Multipliers and adders, 8 bits",
        "Multipliers and adders, 2 bits",
    ]
    assert panels[0].images[0].get_array().shape == (2, 3)
    assert panels[0].images[0].get_clim() == (0.0, 6.0)
    alone = replace(switched, points=switched.points[:1])
    assert len([axes for axes in pe_energy(alone).axes if axes.images]) == 1


def test_a_stored_run_reads_back(switched):
    stored = summary_document(switched), provenance_document(switched)
    assert read_documents(*stored) == switched


def test_the_page_shows_both_accounts_and_the_map(switched):
    page = report_html(switched, {"pe_energy": "<svg></svg>"})
    assert "per operation, µJ" in page
    assert "Energy of the multiplier and the adder of every PE" in page
