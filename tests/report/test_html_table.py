import re
from dataclasses import replace

import pytest

from accelsim.report.html_table import (
    area_table,
    energy_table,
    html_table,
    power_table,
    turned_table,
)


def cells(table):
    """Rows of text, the head's first."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", table, flags=re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL) for row in rows]


def rows_of(table):
    """The rows of a turned table below its head by their names, units left out."""
    return {re.sub(r" ?<.*", "", name): numbers for name, *numbers in cells(table)[1:]}


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


def test_a_turned_table_has_points_side_by_side():
    columns = [("bits", "w/a", ["8/8", "4/4"]), ("power", "mW", ["2", "0"]), ("b", "", ["1", "3"])]
    assert turned_table(columns, {"power": "sum"}) == (
        '<div class="scroll"><table class="turned"><thead><tr><th class="text">bits, w/a</th>'
        "<th>8/8</th><th>4/4</th></tr></thead>\n<tbody>\n"
        '<tr class="sum"><th class="text">power <span>mW</span></th><td>2</td>'
        '<td class="zero">0</td></tr>\n'
        '<tr><th class="text">b</th><td>1</td><td>3</td></tr>\n</tbody></table></div>'
    )


def test_a_unit_of_all_rows_stands_in_the_corner():
    columns = [("bits", "w/a", ["8/8"]), ("read", "pJ", ["2"]), ("<i>", "pJ", ["1"])]
    assert cells(turned_table(columns)) == [["pJ", "8/8"], ["read", "2"], ["&lt;i&gt;", "1"]]


def test_energy_is_all_then_groups_then_their_parts(result):
    table = energy_table(result)
    found = rows_of(table)
    assert list(found) == [
        *("all", "array", "multiplier", "adder", "registers", "wires", "clock tree"),
        *("SRAM", "activation SRAM", "weight SRAM", "accumulator SRAM", "rescale"),
        *("vector and control", "vector unit", "control"),
        *("DRAM", "DRAM transfers", "DRAM background", "leakage"),
    ]
    assert cells(table)[0] == ["µJ/image", *("/".join(point.widths) for point in result.points)]
    groups = re.findall(r'<tr class="sum"><th class="text">(.*?)</th>', table)
    for place, point in enumerate(result.points):
        numbers = {name: float(row[place]) for name, row in found.items()}
        assert numbers["all"] == pytest.approx(point.energy_uj_per_image, abs=1e-4)
        assert numbers["DRAM"] == pytest.approx(
            numbers["DRAM transfers"] + numbers["DRAM background"], abs=2e-4
        )
        assert sum(numbers[name] for name in groups[1:]) == pytest.approx(numbers["all"], abs=1e-3)


def test_energy_of_one_point_has_shares(result):
    table = energy_table(replace(result, points=result.points[:1]))
    assert cells(table)[0][-1] == "%"
    found = rows_of(table)
    assert found["all"][-1] == "100.0"
    share = 100 * float(found["array"][0]) / float(found["all"][0])
    assert float(found["array"][-1]) == pytest.approx(share, abs=0.1)


def test_power_says_bounds_shares_and_products(result):
    column = {name: numbers[0] for name, numbers in rows_of(power_table(result)).items()}
    point = result.points[0]
    assert float(column["low"]) < float(column["energy"]) < float(column["high"])
    assert float(column["per MAC"]) == pytest.approx(point.pj_per_mac, rel=1e-3)
    dram_uj = point.energy_split_uj["dram"] + point.energy_split_uj["dram_background"]
    assert float(column["DRAM"]) == pytest.approx(point.dram_pj_per_bit, rel=1e-3)
    shares = [cell for name, cell in column.items() if name.endswith(", share")]
    assert float(shares[0]) == pytest.approx(100 * dram_uj / point.energy_uj_per_image, abs=0.05)
    assert sum(map(float, shares)) < 100.2


def test_area_is_by_part(result):
    found = rows_of(area_table(result))
    assert list(found) == ["all", "PE array", "weight SRAM", "peak"]
    assert all(len(numbers) == len(result.points) for numbers in found.values())
    assert float(found["all"][0]) == pytest.approx(result.points[0].area_mm2)
