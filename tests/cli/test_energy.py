import json
import sys
from pathlib import Path

import pytest

from accelsim.energy import load_table, table_names


def test_every_table_is_listed_with_its_node(accelsim):
    done = accelsim("energy", "list")
    assert done.exit_code == 0
    for name in table_names():
        assert name in done.stdout
    assert "28nm" in done.stdout


@pytest.mark.parametrize("name", table_names())
def test_every_entry_of_a_table_is_shown_with_its_source(accelsim, name):
    done = accelsim("energy", "show", name)
    assert done.exit_code == 0
    table = load_table(name)
    for entry_name, entry in table.entries().items():
        assert f"\n{entry_name}: " in f"\n{done.stdout}"
        assert f"    {entry.tag}: {entry.source}\n" in done.stdout


def test_a_table_of_ones_own_is_checked(accelsim, tmp_path):
    from importlib import resources

    text = (resources.files("accelsim.energy") / "tables" / "cmos_7nm.yaml").read_text()
    mine = tmp_path / "mine.yaml"
    mine.write_text(text)
    done = accelsim("energy", "check", mine)
    assert (done.exit_code, done.stdout) == (0, f"{mine}: ok: cmos_7nm, 7nm\n")
    mine.write_text(text.replace("node: 7nm\n", "node: 7\n", 1))
    done = accelsim("energy", "check", mine)
    assert done.exit_code == 2
    assert f"{mine}:4: node: must be a feature size with its unit, got 7" in done.stderr


def test_numbers_are_shown_with_their_units(accelsim):
    shown = accelsim("energy", "show", "cmos_28nm").stdout.splitlines()
    assert "add: node 28nm, voltage 0.9V, pj 0.032, width_bits 16 per addition" in shown
    assert (
        "sram_area: node 28nm, voltage 0.9V, um2 90360, reference_size 64KiB per SRAM of "
        "reference_size"
    ) in shown
    assert (
        "dram.ddr4.timing: bandwidth 25.6GB/s, row_hit_latency 16.25ns, row_miss_latency 30ns, "
        "row_conflict_latency 43.75ns, burst 64B, banks 16 per x64 channel"
    ) in shown
    assert "dram.ddr4: pj 19.4, width_bits 1 per bit" in shown


def test_dram_tables_are_listed_shown_and_checked(accelsim, tmp_path):
    from importlib import resources

    listed = accelsim("energy", "list").stdout.split("DRAM table", 1)[1].split()
    assert {"devices", "ddr3,", "ddr4,", "lpddr4,", "lpddr5,", "hbm2,", "hbm2e"} <= set(listed)
    shown = accelsim("energy", "show", "devices").stdout
    assert shown.startswith("dram.ddr3: pj 20, width_bits 1 per bit\n")
    text = (resources.files("accelsim.energy") / "dram_tables" / "devices.yaml").read_text()
    mine = tmp_path / "mine.yaml"
    mine.write_text(text)
    done = accelsim("energy", "check", mine)
    types = "ddr3, ddr4, lpddr4, lpddr5, hbm2, hbm2e"
    assert (done.exit_code, done.stdout) == (0, f"{mine}: ok: devices, {types}\n")
    assert accelsim("energy", "show", mine).stdout == shown
    mine.write_text(text.replace("pj: 19.4", "pj: -19.4"))
    done = accelsim("energy", "check", mine)
    assert done.exit_code == 2
    assert done.stderr == f"{mine}:21: types.ddr4.pj: must be 0 to 1000000, got -19.4\n"


def test_a_table_is_called_what_it_was_called(accelsim, tmp_path, monkeypatch):
    """Not by the whole path; and a file beats a shipped table of its name."""
    from importlib import resources

    text = (resources.files("accelsim.energy") / "tables" / "cmos_7nm.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("node: 7nm\n", "node: 7\n", 1))
    (tmp_path / "cmos_28nm").write_text(text)
    monkeypatch.chdir(tmp_path)
    refused = accelsim("energy", "check", "mine.yaml")
    assert refused.stderr.startswith("mine.yaml:4: node: must be a feature size with its unit")
    assert accelsim("energy", "check", "cmos_28nm").stdout == "cmos_28nm: ok: cmos_7nm, 7nm\n"


def test_a_file_that_is_not_there(accelsim):
    done = accelsim("energy", "check", "absent.yaml")
    assert done.exit_code == 2
    assert "absent.yaml: no such file" in done.stderr


def test_a_run_is_explained(quick, accelsim, tmp_path):
    folder = tmp_path / "run"
    assert quick("--bits", "8", "--output", folder).exit_code == 0
    done = accelsim("energy", "explain", folder)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("all layers at w8a8, one image, per operation: ")
    assert "Horowitz, ISSCC 2014" in done.stdout
    assert "multiply_inputs" not in done.stdout
    refused = accelsim("energy", "explain", folder, "absent")
    assert refused.exit_code == 2
    assert "layer: must be one of " in refused.stderr


def test_a_run_by_switching_says_what_was_assumed_of_multipliers(quick, accelsim, tmp_path):
    folder = tmp_path / "run"
    assert quick("--bits", "8", "--energy", "switching", "--output", folder).exit_code == 0
    done = accelsim("energy", "explain", folder)
    assert done.exit_code == 0, done.output
    explained = " ".join(done.stdout.split())
    assert "multiply_inputs: assumption: goes with bits of operands, the rest with" in explained


def test_energy_by_switching_beside_the_mean_of_operations(quick):
    done = quick("--bits", "8,4", "--energy", "switching", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["energy_mode"] == "switching"
    assert document["provenance"]["command"].endswith("--energy switching")
    mean = json.loads(quick("--bits", "8,4", "--json").stdout)
    for point, other in zip(document["points"], mean["points"], strict=True):
        switching = point["switching"]
        assert other["switching"] is None
        for name, energy_uj in switching["per_operation_uj"].items():
            assert energy_uj == pytest.approx(other["energy_split_uj"][name])
            assert switching["switching_uj"][name] == pytest.approx(point["energy_split_uj"][name])
        assert point["energy_split_uj"]["dram"] == other["energy_split_uj"]["dram"]
        assert 0 < switching["partial_products_per_mac"] < switching["random_partial_products"]
        energy_pj = sum(map(sum, switching["pe_energy_pj"]))
        parts_uj = switching["switching_uj"]["multiplier"] + switching["switching_uj"]["adder"]
        assert energy_pj * 1e-6 == pytest.approx(parts_uj)
        assert point["cycles_total"] == other["cycles_total"]


def test_zero_gating_saves_energy_where_zeros_are_zeros(quick):
    def multiplier_uj(*words):
        done = quick("--bits", "8", "--energy", "switching", "--symmetric", "--json", *words)
        point = json.loads(done.stdout)["points"][0]
        return point["energy_split_uj"]["multiplier"], point["accuracy_integer_pct"]

    plain, accuracy = multiplier_uj()
    gated, same = multiplier_uj("--set", "array.zero_gating=true")
    assert gated < 0.95 * plain
    assert same == accuracy


def test_8_bit_pes_run_4_bits_with_the_same_integers_at_the_price_of_8(quick):
    def point(*words):
        done = quick("--bits", "8,4", "--json", "--energy", "switching", *words)
        document = json.loads(done.stdout)
        return document["pe_bits"], document["points"]

    none, built = point()
    eight, fixed = point("--set", "array.pe_bits=8")
    assert (none, eight) == (None, 8)
    assert fixed[0]["energy_split_uj"] == built[0]["energy_split_uj"]
    for name in ("cycles_total", "accuracy_integer_pct", "golden_mismatches", "overflow_events"):
        assert fixed[1][name] == built[1][name]
    mean = [point["switching"]["per_operation_uj"] for point in (*fixed, built[1])]
    for name in ("multiplier", "registers"):
        assert mean[1][name] == pytest.approx(mean[0][name])
        assert mean[2][name] < mean[1][name]
    assert fixed[1]["energy_split_uj"]["dram"] == built[1]["energy_split_uj"]["dram"]
    assert fixed[1]["area_mm2"] == fixed[0]["area_mm2"] > built[1]["area_mm2"]
    assert fixed[1]["switching"]["random_partial_products"] == 24.0


@pytest.fixture
def cacti(tmp_path):
    """Return CACTI's stand-in as a program."""
    source = Path(__file__).parents[1] / "energy" / "cacti_stand_in.py"
    path = tmp_path / "cacti"
    path.write_text(f"#!{sys.executable}\n{source.read_text()}")
    path.chmod(0o755)
    return path


def test_a_table_with_the_sram_of_cacti_prices_a_run(accelsim, cacti, tmp_path):
    table = tmp_path / "mine.yaml"
    sizes = ["--size", "8KiB", "--size", "32KiB"]
    done = accelsim("energy", "cacti", cacti, *sizes, "--output", table)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "CACTI (version 7.0.3DD Prerelease of Aug, 2012), sha256 " in done.stdout
    assert accelsim("energy", "check", table).stdout == (
        f"{table}: ok: horowitz_45nm_cacti, 45nm\n"
    )
    run = ("run", "mlperf_tiny_autoencoder", "--json")
    mine = json.loads(accelsim(*run, "--set", f"technology.table={table}").stdout)
    shipped = json.loads(accelsim(*run).stdout)
    (with_cacti,), (without,) = mine["points"], shipped["points"]
    # Banks of 32 KiB and of 8 KiB; 5 pJ at 32 KiB where the table has 19.6.
    ours, theirs = (
        sum(x["energy_pj"]["weight_sram"] for x in p["layers"]) for p in (with_cacti, without)
    )
    assert 0.2 < ours / theirs < 0.3
    assert [x["cycles_total"] for x in with_cacti["layers"]] == [
        x["cycles_total"] for x in without["layers"]
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--timeout", "0"], "--timeout: must be above 0 and at most 3600, got 0"),
        (["--kelvin", "305"], "--kelvin: must be 300 to 400, a multiple of 10, got 305"),
        (
            ["--size", "8KiB", "--size", "9"],
            "--size: must be a number of bytes with its unit, got '9', allowed units B, kB, MB, "
            "GB, TB, KiB, MiB, GiB, TiB (for example '64KiB')",
        ),
        (
            ["--size", "512B", "--size", "8KiB"],
            "CACTI: asked for 512B at 45nm, lop cells: ended with exit code 1; its last line: "
            "'ERROR: no valid data array organizations found'",
        ),
    ],
)
def test_a_question_that_cacti_cannot_answer_writes_nothing(
    accelsim, cacti, tmp_path, words, message
):
    table = tmp_path / "mine.yaml"
    done = accelsim("energy", "cacti", cacti, *words, "--output", table)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == message.replace("CACTI", str(cacti), 1) + "\n"
    assert not table.exists()
