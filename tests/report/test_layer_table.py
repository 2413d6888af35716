"""The table of layers, at the widths of real terminals."""

from __future__ import annotations

from dataclasses import replace

from accelsim.report.layer_table import render_layers


def rows(text: str) -> list[list[str]]:
    lines = text.splitlines()
    rule = next(index for index, line in enumerate(lines) if "──" in line)
    return [line.split() for line in lines[rule + 1 :] if line.strip()]


def test_a_narrow_terminal_has_sums(result):
    text = render_layers(result, 80)
    found = rows(text)
    layers = result.points[0].layers
    assert [row[0] for row in found[: len(layers)]] == [layer.name for layer in layers]
    conv1 = layers[0]
    ramps = sum(conv1.cycles[cause] for cause in ("preload", "fill", "drain"))
    assert found[0][1:5] == [
        *(f"{conv1.macs:,}", f"{conv1.cycles_total:,}", f"{ramps:,}"),
        f"{conv1.cycles['stall_weights']:,}",
    ]
    assert text.splitlines()[0] == "layers at 8 bits, one image"
    assert "ramps: cycles of preload, fill and drain" in text


def test_a_wide_one_has_every_cause(result):
    text = render_layers(result, 200)
    for heading in ("preload", "fill", "drain", "weights", "operator", "groups"):
        assert heading in text
    assert "ramps" not in text
    assert max(map(len, text.splitlines())) <= 200


def test_of_many_layers_the_longest_are_shown(result):
    point = result.points[0]
    many = [
        replace(point.layers[0], name=f"layer{index}", m=index, cycles_total=1000 + index)
        for index in range(70)
    ]
    text = render_layers(replace(result, points=(replace(point, layers=tuple(many)),)), 80)
    names = [row[0] for row in rows(text)][:-1]
    assert names[:64] == [f"layer{index}" for index in range(6, 70)]
    title = (
        "layers at 8 bits, one image (70 layers; 6 shorter ones left out; each: --output, --json)"
    )
    assert " ".join(text.split()).startswith(title)


def test_of_many_layers_those_that_are_alike_are_one_row(result):
    point = result.points[0]
    first, second = point.layers[:2]
    many = [
        *(replace(first, name=f"block{index}_a_long_name") for index in range(40)),
        *(replace(second, name=f"x{index}") for index in range(40)),
    ]
    text = render_layers(replace(result, points=(replace(point, layers=tuple(many)),)), 80)
    assert [" ".join(row[:2]) for row in rows(text)][:2] == ["block0_a_long_na… ×40", "x0 ×40"]
    assert rows(text)[1][3] == f"{second.cycles_total:,}"
    title = (
        "layers at 8 bits, one image (80 layers; ×: alike, numbers of one; each: --output, --json)"
    )
    assert " ".join(text.split()).startswith(title)
