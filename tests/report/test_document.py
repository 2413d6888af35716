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
        ({"schema": "accelsim.run/1"}, "summary.json: network: is missing"),
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
    assert str(error.value) == "summary.json: points[0].colour: unknown field"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["network"], 3, "network: must be text, got 3"),
        (["network"], "a\x1b[2J", "network: must be text without control characters, got {!r}"),
        (["network"], "\ud800", "network: must be text without control characters, got {!r}"),
        (["points"], {}, "points: must be a list, got {!r}"),
        (["points"], [], "points: must have at least one"),
        (["points", 0], None, "points[0]: must be a group of fields, got None"),
        (["points", 0, "batch"], 0, "points[0].batch: must be at least 1, got 0"),
        (["points", 0, "batch"], 1.5, "points[0].batch: must be a whole number, got 1.5"),
        (["points", 0, "batch"], True, "points[0].batch: must be a whole number, got True"),
        (
            ["points", 0, "cycles_total"],
            "many",
            "points[0].cycles_total: must be a whole number, got 'many'",
        ),
        (
            ["points", 0, "cycles_total"],
            10**40,
            "points[0].cycles_total: must be a whole number from 0 to 1e+30, got {!r}",
        ),
        (
            ["points", 0, "tops_per_w"],
            float("nan"),
            "points[0].tops_per_w: must be a number from 0 to 1e+30, got nan",
        ),
        (
            ["points", 0, "energy_split_uj", "dram"],
            -1,
            "points[0].energy_split_uj.dram: must be a number from 0 to 1e+30, got -1",
        ),
        (
            ["points", 0, "energy_split_uj"],
            {},
            "points[0].energy_split_uj.multiplier: is missing",
        ),
        (
            ["points", 0, "energy_split_uj", "magic"],
            1,
            "points[0].energy_split_uj.magic: unknown name",
        ),
        (
            ["points", 0, "layers", 1, "cycles"],
            {"stream": 1},
            "points[0].layers[1].cycles.preload: is missing",
        ),
        (
            ["points", 0, "layers", 0, "traffic"],
            [],
            "points[0].layers[0].traffic: must be a group of fields, got []",
        ),
        (
            ["points", 0, "layers", 0, "traffic", "weight_reads"],
            None,
            "points[0].layers[0].traffic.weight_reads: must be a whole number, got None",
        ),
        (["is_given"], 1, "is_given: must be true or false, got 1"),
        (["pionts"], 1, "pionts: unknown field (did you mean 'points'?)"),
    ],
)
def test_an_edited_summary(result, path, value, message):
    summary = stored(summary_document(result))
    place = summary
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(DataError) as error:
        read_documents(summary, stored(provenance_document(result)))
    assert str(error.value) == f"summary.json: {message.format(value)}"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", "0", "seed: must be a whole number, got '0'"),
        ("hashes", {"network": 1}, "hashes.network: must be text, got 1"),
        ("warnings", [1], "warnings[0]: must be text, got 1"),
        (
            "configuration",
            {"a": [float("inf")]},
            "configuration.a[0]: must be a finite number, got inf",
        ),
        ("versoins", {}, "versoins: unknown field (did you mean 'versions'?)"),
    ],
)
def test_an_edited_provenance(result, name, value, message):
    origin = stored(provenance_document(result))
    origin[name] = value
    with pytest.raises(DataError) as error:
        read_documents(stored(summary_document(result)), origin)
    assert str(error.value) == f"run.json: {message}"


def test_where_operators_run_survives_being_written_and_read(given):
    again = read_documents(stored(summary_document(given)), stored(provenance_document(given)))
    assert again == given
