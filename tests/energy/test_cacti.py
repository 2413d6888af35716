import os
import stat
import sys
import time
from pathlib import Path

import pytest

from accelsim.energy import load_table
from accelsim.energy.cacti import Cacti, CactiQuery
from accelsim.energy.cacti_table import cacti_table, read_law_pj
from accelsim.errors import ConfigError
from accelsim.hardware.schema import SramCells

STAND_IN = Path(__file__).with_name("cacti_stand_in.py")
QUERY = CactiQuery(65536, 64, 45, SramCells.LOP, 300)
VERSION = "7.0.3DD Prerelease of Aug, 2012"


@pytest.fixture
def program(tmp_path):
    """Return the stand-in as a program in a folder of its own; its mood can be set there."""
    path = tmp_path / "bin" / "cacti"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\n{STAND_IN.read_text()}")
    path.chmod(0o755)
    return path


def refusal(program, query=QUERY, timeout_seconds=20.0):
    with pytest.raises(ConfigError) as caught:
        Cacti(program, timeout_seconds).ask(query)
    return str(caught.value)


def test_an_answer_is_read_with_its_units(program):
    answer = Cacti(program).ask(QUERY)
    assert (answer.query, answer.version) == (QUERY, VERSION)
    assert answer.read_pj == pytest.approx(5 * 2**0.5, rel=1e-5)
    assert answer.write_pj == pytest.approx(0.75 * 5 * 2**0.5, rel=1e-5)
    # 1 mW of leakage and 0.5 mW of gate leakage; 0.5 mm x 0.5 mm.
    assert answer.leakage_uw == pytest.approx(1500)
    assert answer.area_um2 == pytest.approx(250_000)


def test_what_is_asked_is_what_is_written(program):
    text = CactiQuery(8192, 128, 28, SramCells.LSTP, 350).configuration()
    for line in (
        "-size (bytes) 8192",
        "-block size (bytes) 16",
        "-output/input bus width 128",
        "-technology (u) 0.028",
        '-Data array peripheral type - "itrs-lstp"',
        "-operating temperature (K) 350",
        '-cache type "ram"',
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("mood", "problem"),
    [
        ("silent", "does not say that it is CACTI; its last line: nothing"),
        ("floods", "prints more than 1MiB"),
        (
            "crashes",
            "ended with exit code 1; its last line: "
            "'ERROR: no valid data array organizations found'",
        ),
        ("other size", "answered for a size of 32768"),
        (
            "no energy",
            "does not say the read energy; its last line: "
            "'Data array: Total dynamic read energy/access  (nJ): 1'",
        ),
        ("negative", "read energy: must be above 0, got '-0.1'"),
        ("not a number", "read energy: must be above 0, got '-nan'"),
        ("negative leakage", "leakage: must be at least 0, got '-1'"),
    ],
)
def test_what_is_no_answer_is_refused(program, mood, problem):
    (program.parent / "mood").write_text(mood)
    assert refusal(program) == f"{program}: asked for 64KiB at 45nm, lop cells: {problem}"


def test_a_program_that_hangs_is_ended(program):
    (program.parent / "mood").write_text("hangs")
    start = time.monotonic()
    assert refusal(program, timeout_seconds=1) == (
        f"{program}: asked for 64KiB at 45nm, lop cells: no answer within 1 s"
    )
    assert time.monotonic() - start < 10


def test_what_a_program_has_started_is_ended_too(tmp_path):
    path, note = tmp_path / "cacti", tmp_path / "child"
    path.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {note}\nexec sleep 600\n")
    path.chmod(0o755)
    refusal(path, timeout_seconds=1)
    child = int(note.read_text())
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        # A process that has ended may wait for whoever adopted it.
        state = Path(f"/proc/{child}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the child goes on")


def test_a_program_that_is_none(tmp_path):
    missing = tmp_path / "cacti"
    assert refusal(missing) == f"{missing}: cannot be run: No such file or directory"
    assert refusal(tmp_path) == f"{tmp_path}: must be CACTI's program, is not a file"
    missing.write_text("not a program")
    missing.chmod(stat.S_IRUSR)
    assert refusal(missing) == f"{missing}: must be CACTI's program, may not be run"
    missing.chmod(0o755)
    assert refusal(missing) == f"{missing}: cannot be run: Exec format error"


def test_a_table_of_its_answers(program, tmp_path):
    base = load_table("horowitz_45nm").values
    sizes = [8192, 32768, 131072]
    made = cacti_table(Cacti(program), base, sizes, SramCells.LOP)
    law = made.values.sram_read
    assert [answer.query.size_bytes for answer in made.answers] == sizes
    assert [answer.query.cells for answer in made.others] == ["hp", "lstp"]
    assert law.exponent == pytest.approx(0.5, abs=1e-4)
    for answer in made.answers:
        assert read_law_pj(law, answer.query.size_bytes) == pytest.approx(answer.read_pj, rel=1e-4)
    assert made.values.sram_write.ratio == pytest.approx(0.75, rel=1e-4)
    leakage = made.values.sram_leakage
    assert (leakage.reference_size, leakage.uw(SramCells.LOP)) == (32768, pytest.approx(750))
    assert leakage.uw(SramCells.HP) == pytest.approx(750 * 30)
    assert made.values.sram_area.um2 == pytest.approx(125_000)
    path = tmp_path / "mine.yaml"
    path.write_text(made.yaml())
    loaded = load_table(str(path))
    assert loaded.values == made.values
    assert VERSION in loaded.values.sram_read.source
    text = path.read_text()
    assert Cacti(program).sha256 in text
    assert "#   -size (bytes) 8192\n" in text
    # All else is the table's.
    kept = set(base.entries()) - {"sram_read", "sram_write", "sram_leakage", "sram_area"}
    assert {name: made.values.entries()[name] for name in kept} == {
        name: base.entries()[name] for name in kept
    }


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([8192], "--size: must be at least two sizes, to see how energy grows"),
        ([8192, 8192], "--size: must be at least two sizes, to see how energy grows"),
        ([63, 8192], "--size: must be at least 64B, got 63B"),
    ],
)
def test_sizes_that_make_no_law(program, sizes, message):
    base = load_table("horowitz_45nm").values
    with pytest.raises(ConfigError) as caught:
        cacti_table(Cacti(program), base, sizes, SramCells.LOP)
    assert str(caught.value) == message
