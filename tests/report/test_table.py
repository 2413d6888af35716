from dataclasses import replace

import pytest

from accelsim.report.table import render_table


@pytest.mark.parametrize("width", [80, 100, 149, 150, 200])
def test_nothing_is_cut_at_any_width(result, width):
    text = render_table(result, width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    for heading in ("float %", "integer %", "TOPS/W", "array", "SRAM", "DRAM", "leakage"):
        assert heading in text


def test_narrow_terminals_get_the_split_as_a_second_table(result):
    assert "where the energy goes" in render_table(result, 80)
    assert "where the energy goes" not in render_table(result, 200)


def test_a_row_for_each_point_with_its_numbers(result):
    rows = [line.split() for line in render_table(result, 200).splitlines()]
    assert ["8/8", "98.61", "98.61", "1,803", "1.803", "98.9", "1.659", "0.551"] in [
        row[:8] for row in rows
    ]
    assert [row[0] for row in rows if row and "/" in row[0]][-5:] == [
        "8/8",
        "6/6",
        "4/4",
        "3/3",
        "2/2",
    ]


def test_the_split_adds_up_to_the_energy(result):
    for row in (line.split() for line in render_table(result, 200).splitlines()):
        if row and row[0] in ("8/8", "2/2"):
            assert abs(sum(map(float, row[8:])) - float(row[6])) < 1e-3


def test_the_lines_below_say_what_was_compared(result):
    tail = render_table(result, 200).splitlines()[-5:]
    assert tail == [
        " Integers: 64 images simulated at each width, all outputs equal golden; "
        "accuracy over 360 images by golden",
        " Machine: edge_16x16: 16 x 16 PEs, weight stationary, 1GHz; PEs built for each width; "
        "cycle engine",
        " Energy: 45 nm, 0.9 V, table horowitz_45nm; not modelled: 3 items "
        "(named by --output, --json)",
        " At 8 bits: 0.995 to 3.318 µJ/image by the ranges of the sources; 3.63 pJ/MAC; "
        "920.0 mW, peak layer 900.0; 0.28 mm2, 1.83 peak TOPS/mm2",
        " Note: w2a2: 12 accumulator overflows",
    ]


def test_large_numbers_are_printed_in_full(single_point):
    point = replace(
        single_point.points[0],
        energy_low_uj_per_image=12_345.6,
        energy_high_uj_per_image=98_765.4,
        average_power_mw=40_123.0,
        peak_power_mw=75_000.0,
    )
    (line,) = (
        line
        for line in render_table(replace(single_point, points=(point,)), 200).splitlines()
        if "by the ranges" in line
    )
    assert " 12,346 to 98,765 µJ/image by the ranges" in line
    assert " 40,123 mW, peak layer 75,000;" in line


def test_of_many_warnings_the_first_is_shown_and_the_rest_counted(single_point):
    text = render_table(replace(single_point, warnings=("one", "two", "three")), 200)
    assert text.splitlines()[-1] == " Note: one (2 more: --output, --json)"


def test_a_mismatch_is_said_out_loud(single_point):
    wrong = replace(single_point.points[0], golden_mismatches=7)
    assert "7 outputs DIFFER" in render_table(replace(single_point, points=(wrong,)), 200)


def test_without_golden_the_accuracy_is_that_of_the_simulated_images(single_point):
    unchecked = replace(single_point.points[0], golden_mismatches=None, images_golden=0)
    text = render_table(replace(single_point, points=(unchecked,)), 200)
    assert "not compared with golden (accuracy is that of these images)" in text


def test_integers_of_a_file_have_no_float_accuracy_and_places_to_run(given):
    text = render_table(given, 100)
    assert "accuracy\n" not in text
    assert "float %" not in text
    assert "98.61" in text
    assert "Integers: 1 image simulated, all outputs equal golden; accuracy over 360" in text
    assert "Images: int8 as the input's integers" in text
    assert "Operators: 2 on the array, 1 on the vector unit, 1 on the host (softmax_5)," in text
    assert "PEs built for the file's widths" in text


def test_pes_that_are_not_built_for_each_width_are_named(result):
    text = render_table(replace(result, pe_bits=8), 200)
    assert "1GHz; 8-bit PEs at every width; cycle engine" in text
