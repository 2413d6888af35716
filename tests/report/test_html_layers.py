import re
from dataclasses import replace

from accelsim.report.html_layers import layer_section


def heads(section):
    return [
        (name, unit)
        for name, unit in re.findall(r'<th[^>]*>([^<]*)<span class="unit">(.*?)</span>', section)
    ]


def with_layers(point, **traffic):
    first = point.layers[0]
    changed = replace(first, traffic=replace(first.traffic, **traffic))
    return replace(point, layers=(changed, *point.layers[1:]))


def test_ramps_are_one_column_and_other_causes_their_own(result):
    point = result.points[0]
    section = layer_section(point, opened=True)
    names = [name for name, _ in heads(section)]
    assert names[:5] == ["layer", "operator", "m × n × k", "MACs", "cycles"]
    assert not {"preload", "fill", "drain"} & set(names)
    first = point.layers[0]
    ramps = sum(first.cycles[cause] for cause in ("preload", "fill", "drain"))
    row = re.search(rf'<tr><td class="text">{first.name}</td>.*?</tr>', section, flags=re.S)[0]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
    assert cells[names.index("ramps")] == f"{ramps:,}"
    assert cells[names.index("m × n × k")] == f"{first.m:,} × {first.n:,} × {first.k:,}"


def test_bytes_of_a_column_have_one_unit(result):
    point = result.points[0]
    small = layer_section(with_layers(point, dram_read_bytes=9_999), opened=True)
    assert ("DRAM read", "bytes") in heads(small)
    assert "<td>9,999</td>" in small
    middle = layer_section(with_layers(point, dram_read_bytes=10_240), opened=True)
    assert ("DRAM read", "KiB") in heads(middle)
    assert "<td>10.00</td>" in middle
    large = layer_section(with_layers(point, dram_read_bytes=3 * 2**20), opened=True)
    assert ("DRAM read", "MiB") in heads(large)
    assert "<td>3.00</td>" in large


def test_only_the_first_widths_are_unfolded(result):
    point = result.points[0]
    assert layer_section(point, opened=True).startswith("<details open><summary>8 bits, one image<")
    batch = layer_section(replace(point, batch=4), opened=False)
    assert batch.startswith("<details><summary>8 bits, one batch of 4 images</summary>")


def test_large_energies_are_in_microjoules(result):
    point = result.points[0]
    first = replace(point.layers[0], energy_pj={"multiplier": 3e7})
    section = layer_section(replace(point, layers=(first,)), opened=True)
    assert heads(section)[-1] == ("energy", "µJ")
    assert "<td>30.00</td></tr>" in section
    assert heads(layer_section(point, opened=True))[-1] == ("energy", "nJ")
