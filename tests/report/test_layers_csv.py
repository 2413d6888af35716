import csv
import io

import pytest

from accelsim.report.layers_csv import layers_csv
from accelsim.report.results import CAUSES


def rows_of(result):
    return list(csv.DictReader(io.StringIO(layers_csv(result))))


def test_one_row_for_each_layer_and_point(result):
    rows = rows_of(result)
    assert [(row["point"], row["layer"]) for row in rows] == [
        (point.label, layer.name) for point in result.points for layer in point.layers
    ]


def test_causes_sum_to_cycles_total(result):
    for row in rows_of(result):
        assert sum(int(row[f"cycles_{cause}"]) for cause in CAUSES) == int(row["cycles_total"])


def test_components_sum_to_the_layers_energy(result):
    for row in rows_of(result):
        parts = sum(float(row[f"energy_{name}_pj"]) for name in result.components)
        assert abs(parts - float(row["energy_total_pj"])) < 1e-6 * parts


def test_headers_carry_units(result):
    header = layers_csv(result).splitlines()[0].split(",")
    assert header[:10] == [
        "point",
        "batch_images",
        "layer",
        "op",
        "m_rows",
        "n_columns",
        "k_depth",
        "groups",
        "macs",
        "weight_bits",
    ]
    units = (
        "_bits",
        "_pct",
        "_elements",
        "_bytes",
        "_misses",
        "_pj",
        "_mw",
        "_events",
        "_images",
        "_db",
    )
    counted = [name for name in header[9:] if not name.startswith("cycles_")]
    # A squared error has the unit of the tensor, squared.
    assert [name for name in counted if not name.endswith(units)] == ["mse"]


def test_integers_stay_integers_and_no_trailing_comma(result):
    lines = layers_csv(result).splitlines()
    assert not any(line.endswith(",") for line in lines)
    assert rows_of(result)[1]["macs"] == "294912"


def test_power_and_price_of_a_layer(result):
    """At 1 GHz a cycle is a ns, and a pJ a ns a mW."""
    for row in rows_of(result):
        energy_pj = float(row["energy_total_pj"])
        assert float(row["power_mean_mw"]) == pytest.approx(energy_pj / int(row["cycles_total"]))
        if int(row["macs"]):
            assert float(row["energy_per_mac_pj"]) == pytest.approx(energy_pj / int(row["macs"]))
        else:
            assert row["energy_per_mac_pj"] == ""
