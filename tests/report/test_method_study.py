import csv
import io
from dataclasses import replace

import pytest

from accelsim.report.method_study import (
    MethodResult,
    MethodStudy,
    accuracy_figure,
    accuracy_table,
    study_csv,
)


@pytest.fixture
def study():
    results = (
        MethodResult("min_max", 8, 8, (98.0, 97.0)),
        MethodResult("min_max", 4, 8, (50.0, 60.0)),
        MethodResult("best", 8, 8, (98.0, 96.0)),
        MethodResult("best", 4, 8, (90.0, 90.0)),
    )
    formats = (("fp8_e4m3", 98.125),)
    return MethodStudy("net", "digits", 450, 64, 98.5, results, formats, "accelsim quantize")


def test_the_table_has_means_and_deviations(study):
    text = accuracy_table(study, 80)
    lines = [line.split() for line in text.splitlines()]
    assert text.startswith(" net, accuracy in percent over 450 images of digits; float 98.50\n")
    assert ["method", "int8", "w4", "a8"] in lines
    assert ["min_max", "97.5", "±0.7", "55.0", "±7.1"] in lines
    assert ["best", "97.0", "±1.4", "90.0", "±0.0"] in lines
    assert text.endswith(" fp8_e4m3: 98.12 (weights and activations; sums in float)\n")


def test_every_repeat_is_a_line_of_the_csv(study):
    rows = list(csv.DictReader(io.StringIO(study_csv(study))))
    assert len(rows) == 8
    assert rows[2] == {
        "network": "net",
        "method": "min_max",
        "weight_bits": "4",
        "activation_bits": "8",
        "repeat": "0",
        "accuracy_pct": "50.0000",
    }


def test_the_figure_has_a_line_for_each_method_with_its_deviation(study):
    (axes,) = accuracy_figure(study).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["min_max", "best"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["int8", "w4 a8"]
    bars = axes.containers[0]
    assert bars.has_yerr
    assert bars.lines[0].get_ydata().tolist() == [97.5, 55.0]


def test_five_widths_with_deviations_fit_80_columns(study):
    names = ("moving_average", "correct_biases")
    results = tuple(
        MethodResult(name, bits, bits, (100.0, 98.0)) for name in names for bits in (8, 6, 4, 3, 2)
    )
    text = accuracy_table(replace(study, results=results), 80)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 80
