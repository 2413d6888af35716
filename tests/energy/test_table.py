import hashlib
import re
from importlib import resources

import pytest

from accelsim.energy import check_table, load_table, table_for, table_names
from accelsim.energy.table import Evidence
from accelsim.errors import ConfigError
from accelsim.hardware import load_hardware, preset_names

SHIPPED = resources.files("accelsim.energy") / "tables" / "horowitz_45nm.yaml"


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Write the shipped table as my.yaml with some of its text replaced."""
    monkeypatch.chdir(tmp_path)

    def write(*replacements):
        text = SHIPPED.read_text()
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "my.yaml").write_text(text)
        return "my.yaml"

    return write


def refusal(name):
    with pytest.raises(ConfigError) as caught:
        load_table(name)
    return str(caught.value).splitlines()


def test_tables_that_ship():
    assert table_names() == ("horowitz_45nm",)


@pytest.mark.parametrize(
    ("entry", "pj", "width_bits"),
    [
        ("multiply_narrow", 0.2, 8),
        ("multiply_wide", 3.1, 32),
        ("add", 0.1, 32),
        ("float32_multiply", 3.7, 32),
    ],
)
def test_published_numbers_are_those_of_the_paper(values, entry, pj, width_bits):
    found = getattr(values, entry)
    assert (found.pj, found.width_bits) == (pj, width_bits)
    assert found.tag is Evidence.PUBLISHED
    assert found.source.startswith("Horowitz, ISSCC 2014, Fig. 1.1.9")


def test_the_hash_is_that_of_the_text(horowitz):
    assert horowitz.sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_names_a_table_that_speaks_of_it(name, horowitz):
    assert table_for(load_hardware(name)) == horowitz


def test_an_edited_copy_has_another_hash(edited, horowitz):
    table = load_table(edited(("pj: 0.003", "pj: 0.009")))
    assert table.values.register_bit.pj == 0.009
    assert table.sha256 != horowitz.sha256


def test_all_problems_of_a_table_come_at_once(edited):
    name = edited(
        ("node: 45nm\n", "node: 45\n"),
        ("{pj: 0.2,", "{pj: -0.2,"),
        ("tag: published", "tag: public"),
        ("{pj: 0.1, per", "{pj: 0.1, prr"),
        ("exponent: 0.473", "exponent: 4.73"),
        ("register:", "registers:"),
    )
    assert refusal(name) == [
        "my.yaml:4: node: must be a feature size with its unit, got 45, allowed units nm (for "
        "example '45nm')",
        "my.yaml:9: multiply_narrow.tag: must be one of 'published', 'derived', 'measured', "
        "'assumption', got 'public' (did you mean 'published'?)",
        "my.yaml:9: multiply_narrow.pj: must be 0 to 1000000, got -0.2",
        "my.yaml:15: add.prr: unknown field (did you mean 'per'?)",
        "my.yaml:20: registers: unknown field (did you mean 'register'?)",
        "my.yaml:27: sram_read.exponent: must be 0 to 1, got 4.73",
    ]


def test_entries_of_another_node_are_refused(edited):
    name = edited(("node: 45nm\n", "node: 28nm\n"), ("voltage: 0.9V\n", "voltage: 0.8V\n"))
    problems = refusal(name)
    assert problems[:2] == [
        "my.yaml:9: multiply_narrow.node: must be the table's, 28nm, got 45nm",
        "my.yaml:9: multiply_narrow.voltage: must be the table's, 0.8V, got 0.9V",
    ]
    assert len(problems) == 2 * 8


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "{pj: 3.1,",
            "{pj: 0.5,",
            "my.yaml:12: multiply_wide.pj: must be 0.8 to 3.2 (between linear and quadratic "
            "growth from multiply_narrow), got 0.5",
        ),
        (
            "width_bits: 8,",
            "width_bits: 32,",
            "my.yaml:12: multiply_wide.width_bits: must be more than that of multiply_narrow, 32, "
            "got 32",
        ),
    ],
)
def test_multipliers_that_make_no_law_are_refused(edited, old, new, message):
    assert refusal(edited((old, new))) == [message]


def test_an_unknown_table_lists_the_known_ones():
    assert refusal("horowitz_28nm") == [
        "energy table: must be one of horowitz_45nm or the path of a .yaml file, got "
        "'horowitz_28nm' (did you mean 'horowitz_45nm'?)"
    ]


def test_a_table_of_other_silicon_is_refused(horowitz):
    machine = load_hardware(
        "edge_16x16", ["technology.node=28nm", "technology.voltage=0.8V", "dram.type=lpddr"]
    )
    message = (
        "hardware edge_16x16: technology.node: must be that of the table horowitz_45nm, 45nm, got "
        "28nm\n"
        "hardware edge_16x16: technology.voltage: must be that of the table horowitz_45nm, 0.9V, "
        "got 0.8V\n"
        "hardware edge_16x16: dram.type: must be one of 'ddr3', 'ddr4', 'lpddr4', 'lpddr5', "
        "'hbm2' (table horowitz_45nm), got 'lpddr' (did you mean 'lpddr5'?)"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        check_table(horowitz, machine)
