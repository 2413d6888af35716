import os
import sqlite3
import subprocess
import sys

import pytest

from accelsim.errors import ConfigError, InternalError
from accelsim.sweeps.evaluate import Figures
from accelsim.sweeps.networks import Accuracy
from accelsim.sweeps.store import Store
from accelsim.sweeps.stored_point import StoredPoint


def figures(energy_uj=2.0):
    return Figures(
        cycles_total=10,
        cycles_per_image=10.0,
        latency_us=0.01,
        energy_uj=energy_uj,
        edp_uj_us=0.02,
        power_mw=5.0,
        area_mm2=0.5,
        utilization_pct=50.0,
        tops_per_w=1.0,
        macs=100,
        dram_bytes=64,
        cycles_by_cause={"stream": 10},
        energy_by_component_uj={"dram": energy_uj},
    )


def done(key, choice, **more):
    return StoredPoint(key, choice, "done", "", figures(**more))


@pytest.fixture
def entered(tmp_path, tiny):
    """Open a store on the tiny space; another call is another sweep on the same file."""
    opened = []

    def enter(space=None, inputs=None):
        store = Store(tmp_path / "store.sqlite", create=True)
        opened.append(store)
        store.enter(space or tiny(), inputs or {"network gemm.csv": "1234"})
        return store

    yield enter
    for store in opened:
        store.close()


def test_points_come_back(entered):
    store = entered()
    store.put(
        [
            done("a", (0, 0, 0)),
            StoredPoint("b", (0, 0, 1), "done", "", figures(3.0), Accuracy(98.0, 97.5)),
            StoredPoint("c", (0, 1, 0), "impossible", "does not fit"),
        ]
    )
    members = store.members()
    assert set(members) == {(0, 0, 0), (0, 0, 1), (0, 1, 0)}
    assert members[0, 0, 0].metrics["energy_uj"] == 2.0
    assert "accuracy_pct" not in members[0, 0, 0].metrics
    assert members[0, 0, 1].metrics["accuracy_pct"] == 97.5
    failed = members[0, 1, 0]
    assert (failed.status, failed.reason, failed.metrics) == ("impossible", "does not fit", {})
    assert set(store.results(["a", "x", "c"])) == {"a", "c"}


def test_what_is_stored_is_never_replaced(entered):
    store = entered()
    store.put([done("a", (0, 0, 0))])
    store.put([done("a", (0, 0, 0), energy_uj=9.0)])
    assert store.members()[0, 0, 0].metrics["energy_uj"] == 2.0


def test_a_point_is_claimed_once(entered):
    first, second = entered(), entered()
    assert first.claim(["a", "b"]) == {"a", "b"}
    assert second.claim(["b", "c"]) == {"c"}
    first.put([done("a", (0, 0, 0))])
    assert second.claim(["a", "b"]) == set()
    first.close()
    assert second.claim(["a", "b"]) == {"b"}


def test_two_spaces_share_a_point(entered, tiny):
    first = entered()
    first.put([done("a", (0, 0, 0))])
    second = entered(tiny(("name: tiny", "name: other")))
    assert second.members() == {}
    second.add_members([("a", (2, 0, 0)), ("nowhere", (1, 0, 0))])
    assert set(second.members()) == {(2, 0, 0)}


def test_other_inputs_are_another_space(entered):
    entered().put([done("a", (0, 0, 0))])
    assert entered(inputs={"network gemm.csv": "5678"}).members() == {}
    assert set(entered().members()) == {(0, 0, 0)}


def test_claims_of_a_process_that_is_gone_are_void(entered, tmp_path, space_file):
    script = (
        "import os, sys\n"
        "from accelsim.sweeps.load_space import load_space\n"
        "from accelsim.sweeps.store import Store\n"
        "store = Store(sys.argv[1], create=True)\n"
        "store.enter(load_space(sys.argv[2]), {'network gemm.csv': '1234'})\n"
        "assert store.claim(['a']) == {'a'}\n"
        "os.kill(os.getpid(), 9)\n"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path / "store.sqlite"), str(space_file())]
    assert subprocess.run(arguments, check=False).returncode == -9
    store = entered()
    assert store.claim(["a"]) == {"a"}


def test_claims_of_a_silent_process_elsewhere_are_void(entered):
    first, second = entered(), entered()
    first.claim(["a"])
    with sqlite3.connect(first.path) as database:
        database.execute("UPDATE owners SET host = 'elsewhere'")
    second.end_void_claims()
    assert second.claim(["a"]) == set()
    with sqlite3.connect(first.path) as database:
        database.execute("UPDATE owners SET seen = seen - 1000")
    second.heartbeat()
    second.end_void_claims()
    assert second.claim(["a"]) == {"a"}


def test_nothing_is_stored_of_a_batch_that_fails(entered):
    store = entered()
    broken = StoredPoint("b", (0, 0, 1), "unheard of", "")
    with pytest.raises(InternalError, match=r": a row that no store may hold: CHECK constraint"):
        store.put([done("a", (0, 0, 0)), broken])
    store.put([done("c", (0, 1, 0))])
    assert set(store.members()) == {(0, 1, 0)}


def test_failures_are_forgotten_when_asked(entered):
    store = entered()
    store.put([done("a", (0, 0, 0)), StoredPoint("b", (0, 0, 1), "failed", "its worker died")])
    assert store.forget_failures() == 1
    assert set(store.members()) == {(0, 0, 0)}


def test_accuracies_come_back(entered):
    store = entered()
    assert store.accuracy("x") is None
    store.put_accuracy("x", Accuracy(98.5, 97.25))
    store.put_accuracy("x", Accuracy(1.0, 1.0))
    assert store.accuracy("x") == Accuracy(98.5, 97.25)


def refusal(path, **options):
    with pytest.raises(ConfigError) as caught:
        Store(path, **options)
    return str(caught.value).removeprefix(str(path))


def test_a_store_that_is_not_there_is_not_made_by_a_reader(tmp_path):
    assert refusal(tmp_path / "x.sqlite") == ": no such store"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0", bytes(4096)])
def test_another_file_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    assert refusal(path, create=True) == ": is not a store of accelsim (give a new name)"
    assert refusal(path) == ": is not a store of accelsim (accelsim sweep writes one)"
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "x.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE points (key TEXT)")
    content = path.read_bytes()
    assert refusal(path, create=True) == ": is a database of another program (give a new name)"
    assert path.read_bytes() == content


@pytest.mark.parametrize(("version", "age"), [(1, "an older"), (3, "a newer")])
def test_a_store_of_another_version_says_why_not(tmp_path, version, age):
    path = tmp_path / "x.sqlite"
    Store(path, create=True).close()
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {version}")
    assert refusal(path) == (
        f": was written by {age} accelsim (store version {version}, this one reads 2); sweep "
        "into a new file"
    )


@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_store_is_refused_and_left_alone(entered, tmp_path, cut):
    store = entered()
    store.put([done(f"key {index}", (0, index, 0)) for index in range(400)])
    store.close()
    path = tmp_path / "store.sqlite"
    content = path.read_bytes()
    assert len(content) > 40_000
    broken = content[:20_000] if cut else content[:8192] + b"\xff" * 24_000 + content[32_192:]
    path.write_bytes(broken)
    found = refusal(path, create=True)
    assert found.startswith(": is damaged (")
    assert found.endswith("); it is left as it is: restore it, or give another name")
    assert path.read_bytes() == broken


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    assert refusal(tmp_path / "nowhere" / "x.sqlite", create=True) == (
        ": cannot be made: No such file or directory"
    )


def test_a_new_store_is_readable_by_those_whom_the_user_lets(tmp_path):
    before = os.umask(0o022)
    try:
        Store(tmp_path / "x.sqlite", create=True).close()
    finally:
        os.umask(before)
    assert (tmp_path / "x.sqlite").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["x.sqlite"]
