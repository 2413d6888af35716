from dataclasses import replace

import matplotlib as mpl

from accelsim.report.plots import accuracy_and_energy, cycles_by_layer, energy_by_component, figures
from accelsim.report.results import CAUSES
from accelsim.report.style import CAUSE_COLORS, COMPONENT_COLORS, to_png, to_svg


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_figures_of_a_run(result):
    assert list(figures(result)) == [
        "accuracy_and_energy",
        "energy_by_component",
        "cycles_by_layer",
    ]


def test_svg_is_the_same_every_time_and_holds_no_date(result, drawings):
    name = "energy_by_component"
    assert to_svg(energy_by_component(result), name) == drawings[name]
    assert "dc:date" not in drawings[name]


def test_ids_carry_the_figures_name_so_that_figures_can_share_a_page(drawings):
    for name, svg in drawings.items():
        ids = [part.split('"')[0] for part in svg.split(' id="')[1:]]
        assert ids
        assert all(identity.startswith(f"{name}-") for identity in ids)
        used = [part.split(")")[0] for part in svg.split("url(#")[1:]]
        used += [part.split('"')[0] for part in svg.split('xlink:href="#')[1:]]
        assert set(used) <= set(ids)


def test_png_is_a_png_of_160_dpi(result):
    png = to_png(accuracy_and_energy(result))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width_pixels = int.from_bytes(png[16:20], "big")
    assert width_pixels == 7 * 160


def test_axes_say_their_units(result):
    accuracy, energy = accuracy_and_energy(result).axes
    assert accuracy.get_ylabel() == "test accuracy (%)"
    assert energy.get_ylabel() == "energy per image (µJ)"
    assert energy.get_xlabel() == "bits of weights and activations"


def test_points_are_labelled_with_their_values(result):
    assert texts(accuracy_and_energy(result)) == [
        "float 98.6 %",
        "98.6",
        "98.3",
        "97.2",
        "90.3",
        "23.6",
        "1.659",
        "1.304",
        "0.960",
        "0.793",
        "0.628",
    ]


def test_bars_are_as_long_as_the_cycles_of_their_layers(result):
    (axes,) = cycles_by_layer(result).axes
    ends = {}
    for container in axes.containers:
        for row, patch in enumerate(container.patches):
            ends[row] = max(ends.get(row, 0), patch.get_x() + patch.get_width())
    assert list(ends.values()) == [layer.cycles_total for layer in result.points[0].layers]


def test_one_panel_when_width_changes_no_cycle_else_two(result):
    assert len(cycles_by_layer(result).axes) == 1
    last = result.points[-1]
    slower = replace(last.layers[0], cycles={**last.layers[0].cycles, "drain": 99})
    changed = replace(last, layers=(slower, *last.layers[1:]))
    figure = cycles_by_layer(replace(result, points=(*result.points[:-1], changed)))
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Cycles by cause, 8 bits",
        "Cycles by cause, 2 bits",
    ]


def test_long_networks_show_their_longest_layers_and_say_so(single_point):
    (point,) = single_point.points
    many = tuple(
        replace(point.layers[1], name=f"a_rather_long_path/to/layer_{index}/Conv", m=index)
        for index in range(40)
    )
    figure = cycles_by_layer(replace(single_point, points=(replace(point, layers=many),)))
    (axes,) = figure.axes
    assert len(axes.get_yticklabels()) == 24
    assert axes.get_title(loc="left") == ("Cycles by cause, 8 bits (16 shorter layers not drawn)")
    assert axes.get_yticklabels()[0].get_text() == "…r_long_path/to/layer_0/Conv"


def test_layers_that_are_alike_are_one_bar(single_point):
    (point,) = single_point.points
    many = tuple(replace(point.layers[1], name=f"layer{index}") for index in range(40))
    (axes,) = cycles_by_layer(replace(single_point, points=(replace(point, layers=many),))).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["layer0 ×40"]
    assert axes.get_title(loc="left") == "Cycles by cause, 8 bits"


def test_every_cause_and_component_has_its_own_colour(result):
    assert set(CAUSE_COLORS) == set(CAUSES)
    assert set(COMPONENT_COLORS) == set(result.components)
    assert len(set(CAUSE_COLORS.values())) == len(CAUSE_COLORS)
    assert len(set(COMPONENT_COLORS.values())) == len(COMPONENT_COLORS)


def test_the_callers_own_matplotlib_settings_change_nothing_and_stay(result, drawings):
    name = "energy_by_component"
    with mpl.rc_context({"font.size": 20.0, "axes.grid": False}):
        assert to_svg(energy_by_component(result), name) == drawings[name]
        assert mpl.rcParams["font.size"] == 20.0


def test_integers_of_a_file_have_no_figure_of_accuracy_against_width(given):
    assert "accuracy_and_energy" not in figures(given)
