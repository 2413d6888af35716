import json
import re

import pytest

from accelsim.energy import Area, Component, EnergyMode, EnergyReport, LayerEnergy, Line
from accelsim.energy.amount import Amount
from accelsim.errors import ConfigError, DataError
from accelsim.report.energy_account import account_document, explain, read_account
from accelsim.report.folder import write_run_folder

ADD = Amount(0.1, 0.1, 0.21, ("add",))
BIT = Amount(8.0, 4.0, 12.0, ("dram.lpddr4",))


@pytest.fixture(scope="module")
def account(result):
    """Two layers of the first point; the second moves bits at the same price."""
    from dataclasses import replace

    layers = (
        LayerEnergy("conv1", (Line(Component.ADDER, "additions", 50, "MAC", ADD),)),
        LayerEnergy(
            "dense",
            (
                Line(Component.ADDER, "additions", 10, "MAC", ADD),
                Line(Component.DRAM, "transfers", 3, "bit", BIT),
                Line(Component.VECTOR, "rescales", 0, "result", ADD),
            ),
        ),
    )
    sources = {"add": "published: Horowitz, ISSCC 2014", "dram.lpddr4": "published: Accelergy"}
    area = Area({"pe_array": 1.0}, 1.0, 1.0)
    mode = EnergyMode.PER_OPERATION
    energy = EnergyReport(1, mode, layers, area, "t", "ab" * 32, 45, 0.9, (), (), sources)
    return replace(result, points=result.points[:1], energies=(energy,))


def test_the_document_holds_every_line_that_counted(account):
    (point,) = account_document(account)["points"]
    assert (point["point"], point["batch"], point["mode"]) == ("w8a8", 1, "per_operation")
    assert [layer["name"] for layer in point["layers"]] == ["conv1", "dense"]
    assert point["layers"][1]["lines"][1] == {
        "component": "dram",
        "cause": "transfers",
        "count": 3,
        "unit": "bit",
        "price_pj": 8.0,
        "bits": 0,
        "pj": 24.0,
        "low_pj": 12.0,
        "high_pj": 36.0,
        "entries": ["dram.lpddr4"],
    }
    assert len(point["layers"][1]["lines"]) == 2


def test_a_layer_is_explained_line_by_line_with_its_sources(account):
    lines = explain(account_document(account), "dense", "w8a8", 100).splitlines()
    assert lines[0] == "dense at w8a8, one image, per operation: 25 pJ (13 to 38.1)"
    assert lines[4].split() == ["DRAM,", "transfers", "3", "bit", "8", "24", "96.0", "1"]
    assert lines[5].split() == ["adder,", "additions", "10", "MAC", "0.1", "1", "4.0", "2"]
    assert lines[7:] == [
        " 45nm, 0.9V, table t (sha256 abababababab)",
        "  1  dram.lpddr4: published: Accelergy",
        "  2  add: published: Horowitz, ISSCC 2014",
    ]


def test_sources_are_wrapped_beside_their_numbers(account):
    lines = explain(account_document(account), "dense", "w8a8", 32).splitlines()
    assert lines[-4:] == [
        "  1  dram.lpddr4: published:",
        "     Accelergy",
        "  2  add: published: Horowitz,",
        "     ISSCC 2014",
    ]


def test_80_columns_cut_no_word_off(account):
    document = account_document(account)
    (point,) = document["points"]
    (line, *_) = point["layers"][0]["lines"]
    line |= {"component": "multiplier", "cause": "multiplications", "count": 7.12699e9}
    line |= {"price_pj": 0.004306, "bits": 512, "pj": 5.801e8, "low_pj": 1, "high_pj": 1e10}
    line["entries"] = list(point["sources"])
    lines = explain(document, point["layers"][0]["name"], None, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("\u2026" in text for text in lines)
    assert "multiplications" in "".join(text.split()[0] for text in lines if text)


def test_without_a_layer_equal_lines_are_added(account):
    lines = explain(account_document(account), None, None, 100).splitlines()
    assert lines[0].startswith("all layers at w8a8, one image, per operation: 30 pJ")
    assert ["adder,", "additions", "60", "MAC", "0.1", "6", "20.0", "2"] in [
        line.split() for line in lines
    ]


@pytest.mark.parametrize(
    ("layer", "point", "message"),
    [
        ("dence", None, "layer: must be one of conv1, dense, got 'dence' (did you mean 'dense'?)"),
        (None, "w4a4", "point: must be one of w8a8, got 'w4a4'"),
    ],
)
def test_what_is_not_there_is_refused(account, layer, point, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        explain(account_document(account), layer, point, 80)


def test_a_run_folder_keeps_it(account, tmp_path):
    write_run_folder(account, tmp_path / "run")
    assert read_account(tmp_path / "run") == json.loads(json.dumps(account_document(account)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "energy.json: no such file (not a run folder?)"),
        ("{", "energy.json: not JSON: Expecting property name"),
        ("[]", "energy.json: schema: must be 'accelsim.account/1'"),
        ('{"schema": "accelsim.run/1"}', "energy.json: schema: must be 'accelsim.account/1'"),
    ],
)
def test_a_folder_without_an_account_is_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "energy.json").write_text(text)
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path))}/{re.escape(message)}"):
        read_account(tmp_path)


def test_a_document_that_is_not_ours_is_refused():
    with pytest.raises(DataError, match=r"^energy\.json: not written by accelsim: KeyError"):
        explain({"schema": "accelsim.account/1"}, None, None, 80)


def test_an_access_is_priced_by_the_bit_too():
    """A 128-bit port at 39.2 pJ: 0.306 pJ a bit; documents without widths are read as before."""
    line = {
        "component": "weight_sram",
        "cause": "reads",
        "count": 2,
        "unit": "access",
        "price_pj": 39.2,
        "bits": 128,
        "pj": 78.4,
        "low_pj": 78.4,
        "high_pj": 78.4,
        "entries": ["sram_read"],
    }
    point = {
        "point": "w8a8",
        "batch": 1,
        "mode": "per_operation",
        "technology": "45nm",
        "sources": {"sram_read": "published: somewhere"},
        "layers": [{"name": "conv", "lines": [line]}],
    }

    def row(document):
        text = explain(document, None, None, 100)
        (found,) = (one.split() for one in text.splitlines() if "reads" in one)
        return " ".join(found)

    assert row({"points": [point]}) == "weight SRAM, reads 2 access 39.2 0.306 78.4 100.0 1"
    del line["bits"]
    assert row({"points": [point]}) == "weight SRAM, reads 2 access 39.2 78.4 100.0 1"
