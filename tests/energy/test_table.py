import hashlib
import re
from importlib import resources

import pytest

from accelsim.energy import check_table, load_table, table_for, table_names
from accelsim.energy.dram_table import load_dram_table
from accelsim.energy.entries import Evidence
from accelsim.energy.scaling import between_nodes
from accelsim.errors import ConfigError
from accelsim.hardware import load_hardware, preset_names

TABLES = ("horowitz_45nm", "cmos_28nm", "cmos_16nm", "cmos_7nm")
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
    assert sorted(table_names()) == sorted(TABLES)


@pytest.mark.parametrize(
    ("entry", "pj", "width_bits"),
    [
        ("multiply_narrow", 0.2, 8),
        ("multiply_wide", 3.1, 32),
        ("add", 0.1, 32),
        ("float32_multiply", 3.7, 32),
        ("float32_add", 0.9, 32),
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
def test_every_preset_names_a_table_that_speaks_of_it(name):
    machine = load_hardware(name)
    assert table_for(machine) == load_table(machine.technology.table)


def test_an_edited_copy_has_another_hash(edited, horowitz):
    table = load_table(edited(("pj: 0.0015", "pj: 0.009")))
    assert table.values.register_clock.pj == 0.009
    assert table.sha256 != horowitz.sha256


def line_of(text):
    """The line on which a text stands in the shipped table."""
    lines = SHIPPED.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_all_problems_of_a_table_come_at_once(edited):
    name = edited(
        ("node: 45nm\n", "node: 45\n"),
        ("{pj: 0.2,", "{pj: -0.2,"),
        ("tag: published", "tag: public"),
        ("{pj: 0.1, width_bits: 32, per", "{pj: 0.1, width_bits: 32, prr"),
        ("exponent: 0.473", "exponent: 4.73"),
        ("register_clock:", "register_click:"),
    )
    multiplier, sram = line_of("multiply_narrow:") + 1, line_of("exponent: 0.473")
    assert refusal(name) == [
        "my.yaml:4: node: must be a feature size with its unit, got 45, allowed units nm (for "
        "example '45nm')",
        f"my.yaml:{multiplier}: multiply_narrow.tag: must be one of 'published', 'derived', "
        "'measured', 'unverified', 'assumption', got 'public' (did you mean 'published'?)",
        f"my.yaml:{multiplier}: multiply_narrow.pj: must be 0 to 1000000, got -0.2",
        f"my.yaml:{line_of('add:') + 1}: add.prr: unknown field (did you mean 'per'?)",
        f"my.yaml:{line_of('register_clock:')}: register_click: unknown field (did you mean "
        "'register_clock'?)",
        f"my.yaml:{sram}: sram_read.exponent: must be 0 to 1, got 4.73",
    ]


def test_an_entry_that_is_given_twice_is_refused(edited):
    text = SHIPPED.read_text()
    start = text.index("add:")
    entry = text[start : text.index("float32_multiply:")]
    second = line_of("float32_multiply:")
    assert refusal(edited((entry, entry + entry))) == [
        f"my.yaml:{second}: add: is given twice, first in line {line_of('add:')}"
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'source: "Horowitz, ISSCC 2014, Fig. 1.1.9: 8-bit integer multiplication"',
            'source: ""',
            "multiply_narrow.source: must not be empty, got ''",
        ),
        (
            ',\n   source: "Horowitz, ISSCC 2014, Fig. 1.1.9: 8-bit integer multiplication"',
            "",
            "multiply_narrow.source: is missing",
        ),
        (
            'low: 0.52, high: 3.8, source: "low',
            'low: 1.52, high: 3.8, source: "low',
            "multiply_narrow.range.low: must be 0 to 1, got 1.52",
        ),
    ],
)
def test_an_entry_without_its_source_is_refused(edited, old, new, message):
    (found,) = refusal(edited((old, new)))
    assert re.fullmatch(rf"my\.yaml:\d+: {re.escape(message)}", found)


def test_a_table_that_does_not_say_what_inputs_of_multipliers_cost_is_refused(edited):
    """Nothing stands in for it."""
    text = SHIPPED.read_text()
    start = text.index("multiply_inputs:")
    entry = text[start : text.index("add:", start)]
    assert refusal(edited((entry, ""))) == ["my.yaml:1: multiply_inputs: is missing"]


@pytest.mark.parametrize("share", ["-0.1", "1.1"])
def test_a_share_is_one_of_a_whole(edited, share):
    line = line_of("multiply_inputs:") + 1
    assert refusal(edited(("share: 0.5", f"share: {share}"))) == [
        f"my.yaml:{line}: multiply_inputs.share: must be 0 to 1, got {share}"
    ]


def test_a_voltage_out_of_range_is_refused(edited):
    name = edited(*[("voltage: 0.9V", "voltage: 1.2V")] * SHIPPED.read_text().count("0.9V,"))
    assert "my.yaml:5: voltage: must be 0.6V to 1.1V, got 1.2V" in refusal(name)


def test_entries_of_another_node_are_refused(edited):
    name = edited(("node: 45nm\n", "node: 28nm\n"), ("voltage: 0.9V\n", "voltage: 0.8V\n"))
    problems = refusal(name)
    line = line_of("multiply_narrow:") + 1
    assert problems[:2] == [
        f"my.yaml:{line}: multiply_narrow.node: must be the table's, 28nm, got 45nm",
        f"my.yaml:{line}: multiply_narrow.voltage: must be the table's, 0.8V, got 0.9V",
    ]
    assert len(problems) == 2 * 20


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "{pj: 3.1,",
            "{pj: 0.5,",
            "multiply_wide.pj: must be 0.8 to 3.2 (between linear and quadratic growth from "
            "multiply_narrow), got 0.5",
        ),
        (
            "width_bits: 8,",
            "width_bits: 32,",
            "multiply_wide.width_bits: must be more than that of multiply_narrow, 32, got 32",
        ),
    ],
)
def test_multipliers_that_make_no_law_are_refused(edited, old, new, message):
    line = line_of("multiply_wide:") + 1
    assert refusal(edited((old, new))) == [f"my.yaml:{line}: {message}"]


def test_an_unknown_table_lists_the_known_ones():
    assert refusal("horowitz_28nm") == [
        "energy table: must be one of cmos_16nm, cmos_28nm, cmos_7nm, horowitz_45nm or the path "
        "of a .yaml file, got 'horowitz_28nm' (did you mean 'horowitz_45nm'?)"
    ]


@pytest.mark.parametrize("name", TABLES)
def test_every_entry_says_where_it_comes_from(name):
    """A year and a name, or the tool that gave it: a bare number has no place in a table."""
    table = load_table(name)
    for entry_name, entry in table.entries().items():
        assert len(entry.source) >= 15, entry_name
        known = re.search(
            r"(19|20)\d\d|DDR\d-\d{4}|HBM2|CACTI|DRAMsim3|bitfusion|BitFusion|Yosys|"
            r"Accelergy|as multiply|times the|16 nm number|no primary source|commonly stated|"
            r"bit changes",
            entry.source,
        )
        assert known, f"{name}: {entry_name}: {entry.source}"
        if entry.tag in (Evidence.PUBLISHED, Evidence.MEASURED):
            assert re.search(r"\d{4}|CACTI|DRAMsim3|Accelergy", entry.source), entry_name


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_an_entry_for_every_cost(name):
    table = load_table(name)
    assert len(table.values.entries()) == 22
    kinds = ("ddr3", "ddr4", "lpddr4", "lpddr5", "hbm2", "hbm2e")
    assert tuple(table.dram.values.types) == kinds
    assert len(table.dram.values.entries()) == 18


@pytest.mark.parametrize(
    ("name", "entry", "first", "second"),
    [
        ("cmos_28nm", "multiply_narrow", (45, 0.2), (7, 0.07)),
        ("cmos_16nm", "multiply_narrow", (45, 0.2), (7, 0.07)),
        ("cmos_28nm", "multiply_wide", (45, 3.1), (7, 1.085)),
        ("cmos_16nm", "multiply_wide", (45, 3.1), (7, 1.085)),
        ("cmos_28nm", "float32_multiply", (45, 3.7), (7, 1.31)),
        ("cmos_16nm", "float32_multiply", (45, 3.7), (7, 1.31)),
        ("cmos_28nm", "float32_add", (45, 0.9), (7, 0.38)),
        ("cmos_16nm", "float32_add", (45, 0.9), (7, 0.38)),
        ("cmos_16nm", "add", (28, 0.064), (7, 0.03)),
        ("cmos_28nm", "wire", (40, 0.121), (16, 0.03)),
    ],
)
def test_derived_numbers_lie_between_published_ones(name, entry, first, second):
    values = load_table(name).values
    expected = between_nodes(values.node, first, second)
    found = getattr(values, entry)
    assert found.tag is Evidence.DERIVED
    assert found.pj == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", ["cmos_28nm", "cmos_16nm", "cmos_7nm"])
def test_where_sources_disagree_the_report_says_which_was_used(name):
    (note,) = load_table(name).notes
    assert note.startswith(f"table {name}: sources disagree on scaling from 45 nm to ")
    assert "used here" in note
    assert "Stillmaker" in note


def test_voltage_scales_energy_by_its_square_and_leakage_by_itself(horowitz):
    machine = load_hardware("edge_16x16", ["technology.voltage=0.6V"])
    table = table_for(machine)
    values, ratio = horowitz.values, 0.6 / 0.9
    assert table.values.multiply_narrow.pj == pytest.approx(0.2 * ratio**2)
    assert table.values.sram_read.pj == pytest.approx(19.6 * ratio**2)
    assert table.values.sram_leakage.lop_uw == pytest.approx(1400 * ratio)
    assert table.values.pe_leakage.constant_uw == pytest.approx(-0.3 * ratio)
    assert table.values.pe_area == values.pe_area.model_copy(update={"voltage": 0.6})
    assert table.values.sram_write == values.sram_write
    assert table.dram == horowitz.dram
    assert table.notes == (
        "energies of the table horowitz_45nm are scaled from 0.9V to 0.6V by V^2, times 0.444; "
        "leakage by V",
    )


def test_a_table_of_other_silicon_is_refused(horowitz):
    machine = load_hardware(
        "edge_16x16", ["technology.node=28nm", "technology.voltage=0.5V", "dram.type=lpddr"]
    )
    message = (
        "hardware edge_16x16: technology.node: must be that of the table horowitz_45nm, 45nm, got "
        "28nm (technology.table of that node: cmos_28nm)\n"
        "hardware edge_16x16: technology.voltage: must be 0.6V to 1.1V, got 0.5V\n"
        "hardware edge_16x16: dram.type: must be one of 'ddr3', 'ddr4', 'lpddr4', 'lpddr5', "
        "'hbm2', 'hbm2e' (DRAM table devices), got 'lpddr' (did you mean 'lpddr5'?)"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        check_table(horowitz, machine)


def test_a_node_without_a_table_lists_those_that_have_one(horowitz):
    machine = load_hardware("edge_16x16", ["technology.node=22nm"])
    message = (
        "hardware edge_16x16: technology.node: must be that of the table horowitz_45nm, 45nm, got "
        "22nm (there are tables of 7nm, 16nm, 28nm, 45nm)"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        check_table(horowitz, machine)


def test_a_dram_table_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped = resources.files("accelsim.energy") / "dram_tables" / "devices.yaml"
    text = shipped.read_text().replace("  ddr3:", "  mine:").replace("{pj: 20,", "{pj: 21,")
    (tmp_path / "dram.yaml").write_text(text)
    machine = load_hardware("edge_16x16", ["dram.type=mine", "technology.dram_table=dram.yaml"])
    assert table_for(machine).dram.values.types["mine"].pj == 21


def test_a_dram_table_is_checked_like_any_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped = resources.files("accelsim.energy") / "dram_tables" / "devices.yaml"
    (tmp_path / "dram.yaml").write_text(
        shipped.read_text().replace("refresh_mw: 94", "refresh: 94")
    )
    with pytest.raises(ConfigError) as caught:
        load_dram_table("dram.yaml")
    assert str(caught.value) == (
        "dram.yaml:15: types.ddr3.background.refresh: unknown field (did you mean 'refresh_mw'?)"
    )
