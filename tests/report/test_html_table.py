import re

import pytest

from accelsim.report.html_table import area_table, html_table, power_table


def cells(table):
    """Rows of text, the head's first."""
    rows = re.findall(r"<tr>(.*?)</tr>", table, flags=re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL) for row in rows]


def test_columns_have_units_and_zeros_are_pale():
    table = html_table([("name", "", ["a", "b"]), ("energy", "pJ", ["0", "1.5"])], text_columns=1)
    assert cells(table) == [
        ['name<span class="unit"></span>', 'energy<span class="unit">pJ</span>'],
        ["a", "0"],
        ["b", "1.5"],
    ]
    assert '<td class="zero">0</td>' in table
    assert '<td class="text">a</td>' in table


def test_names_of_users_are_text():
    assert "&lt;b&gt;" in html_table([("name", "", ["<b>"])])


def test_power_says_bounds_shares_and_products(result):
    head, first, *_ = cells(power_table(result))
    column = {re.sub(r"<.*", "", name): cell for name, cell in zip(head, first, strict=True)}
    point = result.points[0]
    assert float(column["low"]) < float(column["energy"]) < float(column["high"])
    assert float(column["per MAC"]) == pytest.approx(point.pj_per_mac, rel=1e-3)
    dram_uj = point.energy_split_uj["dram"] + point.energy_split_uj["dram_background"]
    assert float(column["DRAM"]) == pytest.approx(point.dram_pj_per_bit, rel=1e-3)
    shares = [cell for name, cell in zip(head, first, strict=True) if "% of energy" in name]
    assert float(shares[0]) == pytest.approx(100 * dram_uj / point.energy_uj_per_image, abs=0.05)
    assert sum(map(float, shares)) < 100.2


def test_area_is_by_part(result):
    head, *rows = cells(area_table(result))
    assert [re.sub(r"<.*", "", name) for name in head] == [
        "bits",
        "pe array",
        "weight SRAM",
        "all",
        "peak",
    ]
    assert len(rows) == len(result.points)
    assert float(rows[0][3]) == pytest.approx(result.points[0].area_mm2)
