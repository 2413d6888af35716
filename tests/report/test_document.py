import json
from dataclasses import replace

import pytest

from accelsim.errors import DataError
from accelsim.report.document import (
    provenance_document,
    read_documents,
    run_document,
    summary_document,
    to_json,
)


def stored(document):
    return json.loads(to_json(document))


def test_a_run_survives_being_written_and_read(result):
    again = read_documents(stored(summary_document(result)), stored(provenance_document(result)))
    assert again == result


def test_the_field_names_of_the_run_schema(result):
    document = stored(run_document(result))
    assert document["schema"] == "accelsim.run/1"
    assert {"network", "hardware", "engine", "points", "provenance"} <= set(document)
    point = document["points"][0]
    assert {
        "weight_bits",
        "activation_bits",
        "accuracy_float_pct",
        "accuracy_integer_pct",
        "images_simulated",
        "golden_mismatches",
        "cycles_per_image",
        "latency_us_per_image",
        "utilization_pct",
        "energy_uj_per_image",
        "energy_split_uj",
        "layers",
    } <= set(point)
    layer = point["layers"][0]
    assert {"name", "op", "m", "n", "k", "macs", "cycles_total", "cycles"} <= set(layer)


def test_causes_sum_to_the_layer_and_layers_to_the_point(result):
    for point in stored(run_document(result))["points"]:
        for layer in point["layers"]:
            assert sum(layer["cycles"].values()) == layer["cycles_total"]
        assert sum(layer["cycles_total"] for layer in point["layers"]) == point["cycles_total"]


def test_numbers_are_numbers(result):
    point = stored(run_document(result))["points"][0]
    texts = [name for name, value in point.items() if isinstance(value, str)]
    assert texts == []
    assert all(isinstance(value, float) for value in point["energy_split_uj"].values())


def test_not_a_number_is_never_written(result):
    broken = replace(result.points[0], tops_per_w=float("nan"))
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        to_json(summary_document(replace(result, points=(broken,))))


@pytest.mark.parametrize(
    ("summary", "message"),
    [
        ({"schema": "other/1"}, "summary.json: schema: must be 'accelsim.run/1', got 'other/1'"),
        ([], "summary.json: schema: must be 'accelsim.run/1', got 'list'"),
        ({"schema": "accelsim.run/1"}, "summary.json, run.json: field 'network' is missing"),
    ],
)
def test_a_document_of_something_else(result, summary, message):
    with pytest.raises(DataError) as error:
        read_documents(summary, stored(provenance_document(result)))
    assert str(error.value) == message


def test_an_unknown_field_of_a_point(result):
    summary = stored(summary_document(result))
    summary["points"][0]["colour"] = "green"
    with pytest.raises(DataError) as error:
        read_documents(summary, stored(provenance_document(result)))
    assert str(error.value) == (
        "summary.json, run.json: not written by accelsim: "
        "PointResult.__init__() got an unexpected keyword argument 'colour'"
    )


def test_where_operators_run_survives_being_written_and_read(given):
    again = read_documents(stored(summary_document(given)), stored(provenance_document(given)))
    assert again == given
