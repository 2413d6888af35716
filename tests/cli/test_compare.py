import json

import pytest

SPACE = """\
schema: accelsim.space/1
name: tiny
network: gemm.csv
hardware: edge_4x4
axes:
  array.rows: [2, 4, 1024]
  array.columns: [2, 1024]
"""


@pytest.fixture
def keys(accelsim, tmp_path, monkeypatch):
    """The keys of a small sweep's points, in the order of the grid; its store is tiny.sqlite."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gemm.csv").write_text("Layer, M, N, K,\nfirst, 16, 8, 12,\n")
    (tmp_path / "space.yaml").write_text(SPACE)
    assert accelsim("sweep", "space.yaml", "--workers", 1, "--quiet").exit_code == 0
    lines = accelsim("sweep", "export", "tiny.sqlite").output.splitlines()
    return [line.rpartition(",")[2] for line in lines[1:]]


def test_the_parts_of_a_difference_add_up(accelsim, keys):
    a, b = (f"tiny.sqlite:{key[:12]}" for key in (keys[0], keys[2]))
    document = json.loads(accelsim("compare", a, b, "--json").output)
    assert document["schema"] == "accelsim.difference/1"
    first, second = document["sides"]
    for name in ("cycles_per_image", "energy_uj_per_image"):
        whole = second[name] - first[name]
        parts = document[name]
        assert sum(part["difference"] for part in parts) == pytest.approx(whole)
        assert sum(part["share_of_difference"] for part in parts) == pytest.approx(1.0)
        sizes = [abs(part["difference"]) for part in parts]
        assert sizes == sorted(sizes, reverse=True)
    text = accelsim("compare", a, b).output
    assert text.startswith(f"A: {a}, w8a8\nB: {b}, w8a8\n\n")
    assert "Cycles by cause, per image\n" in text
    assert "Energy by component, µJ per image\n" in text


def test_a_point_of_a_store_and_a_run_of_it_do_not_differ(accelsim, keys):
    run = accelsim(
        *("run", "gemm.csv", "--hardware", "edge_4x4", "--set", "array.rows=2"),
        *("--set", "array.columns=2", "--bits", "8,4", "--output", "runs/a"),
    )
    assert run.exit_code == 0
    text = accelsim("compare", "runs/a", f"tiny.sqlite:{keys[0]}").output
    assert "cycles/image" in text
    assert text.count("  no difference\n") >= 1
    document = json.loads(accelsim("compare", "runs/a", f"tiny.sqlite:{keys[0]}", "--json").output)
    assert document["cycles_per_image"] == []
    energies = [side["energy_uj_per_image"] for side in document["sides"]]
    assert energies[0] == pytest.approx(energies[1], rel=1e-9)
    narrow = json.loads(accelsim("compare", "runs/a", "runs/a", "--bits", "w4a4", "--json").output)
    assert [side["label"] for side in narrow["sides"]] == ["w4a4", "w4a4"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("nowhere", "nowhere"),
         "nowhere: must be a run folder, or STORE:POINT (see `accelsim pareto`)\n"),
        (("x.sqlite:ab", "x.sqlite:ab"), "x.sqlite: no such store\n"),
        (("tiny.sqlite:zz", "tiny.sqlite:zz"),
         "tiny.sqlite:zz: no point of this key in tiny.sqlite\n"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(accelsim, keys, words, line):
    result = accelsim("compare", *words)
    assert (result.exit_code, result.output) == (2, line)


def test_a_point_without_results_says_why(accelsim, keys):
    result = accelsim("compare", f"tiny.sqlite:{keys[0]}", f"tiny.sqlite:{keys[5]}")
    assert result.exit_code == 2
    assert "has no results: hardware edge_4x4: scratchpads" in result.output
