import pytest

from accelsim.errors import ConfigError
from accelsim.sweeps.analyse import chosen_objectives, find_front, sensitivity
from accelsim.sweeps.front_table import front_document, front_table
from accelsim.sweeps.judge import networks_apart
from accelsim.sweeps.read_store import Row


def row(choice, latency, energy, status="done"):
    numbers = {"latency_us": latency, "energy_uj": energy} if status == "done" else {}
    return Row(choice, f"{choice[0]}{choice[1]}{choice[2]}" + "0" * 29, status, "", numbers, {}, {})


@pytest.fixture
def rows():
    """Latency falls with rows, energy rises with columns; one point failed."""
    return [
        row((0, 0, 0), 10.0, 1.0),
        row((0, 1, 0), 10.0, 2.0),
        row((1, 0, 0), 5.0, 3.0),
        row((1, 1, 0), 5.0, 4.0),
        row((2, 0, 0), 1.0, 9.0),
        row((2, 1, 0), 0.0, 0.0, status="failed"),
    ]


def test_the_front_has_what_nothing_beats(tiny, rows):
    space = tiny()
    found = find_front(space, space.objectives, rows)
    assert found.members == (4, 2, 0)
    assert found.knees == (2,)
    assert (found.judged, found.over_budget) == (5, 0)
    assert found.values[5] is None
    assert found.hypervolume == pytest.approx(5 * 6 / 72)


def test_what_is_over_budget_is_left_out(tiny, rows):
    space = tiny(("constraints:", "constraints:\n  - energy_uj <= 8"))
    found = find_front(space, space.objectives, rows)
    assert found.members == (2, 0)
    assert (found.judged, found.over_budget) == (4, 1)


def test_what_is_to_be_maximized_is_turned_round(tiny, rows):
    space = tiny(
        ("[latency, energy]", "[{name: slow, maximize: latency_us}, energy]"),
    )
    found = find_front(space, space.objectives, rows)
    assert found.members == (0,)
    assert found.values[0] == (10.0, 1.0)


def test_objectives_by_name(tiny):
    space = tiny(("[latency, energy]", "[{name: pes, minimize: array.rows * array.columns}]"))
    chosen = chosen_objectives(space, "edp, pes")
    assert [objective.name for objective in chosen] == ["edp", "pes"]
    with pytest.raises(ConfigError, match=r"got 'eddp' \(did you mean 'edp'\?\)$"):
        chosen_objectives(space, "eddp")
    with pytest.raises(ConfigError, match=r"^--objectives: edp is given twice$"):
        chosen_objectives(space, "edp,edp")


def test_sensitivity_is_the_share_of_variance_between_the_values_of_an_axis(tiny):
    space = tiny()
    rows = [row((i, j, 0), float(i), float(3 * i + 4 * j)) for i in range(3) for j in range(3)]
    shares = sensitivity(space, find_front(space, space.objectives, rows))
    assert shares["latency"]["array.rows"] == pytest.approx(1.0)
    assert shares["latency"]["array.columns"] == pytest.approx(0.0)
    assert shares["energy"]["array.rows"] == pytest.approx(9 / 25)
    assert shares["energy"]["array.columns"] == pytest.approx(16 / 25)
    assert shares["energy"]["array.dataflow"] == 0.0


def test_a_front_as_text_and_as_a_document(tiny, rows):
    space = tiny()
    found = find_front(space, space.objectives, rows)
    lines = front_table(space, found).splitlines()
    assert lines[0] == "tiny: 3 of 5 points are not beaten in latency (less), energy (less)"
    assert lines[2].split() == [
        *("array.rows", "array.columns", "array.dataflow", "latency", "energy", "point")
    ]
    assert lines[5].split() == ["4", "2", "ws", "5", "3", "10000000", "*"]
    document = front_document(space, found)
    assert document["schema"] == "accelsim.front/1"
    assert document["knee"] == rows[2].key
    assert document["front"][0] == {
        "key": rows[4].key,
        "settings": {"array.rows": 8, "array.columns": 2, "array.dataflow": "ws"},
        "objectives": {"latency": 1.0, "energy": 9.0},
    }


def test_no_points_yet(tiny):
    space = tiny()
    found = find_front(space, space.objectives, [])
    assert front_table(space, found) == (
        "tiny: no point has latency (less), energy (less) within the budgets yet\n"
    )


@pytest.fixture
def two_networks(tiny, folder):
    """A space of two networks, and points in which the first is better at everything."""
    (folder / "large.csv").write_text("Layer, M, N, K,\nfirst, 64, 64, 64,\n")
    changes = (
        ("network: gemm.csv\n", ""),
        ("array.dataflow: [ws, os]", "network: [gemm.csv, large.csv]"),
    )
    rows = [
        row((0, 0, 0), 10.0, 1.0),
        row((0, 0, 1), 100.0, 20.0),
        row((1, 0, 0), 5.0, 3.0),
        row((1, 0, 1), 90.0, 10.0),
        row((2, 0, 1), 0.0, 0.0, status="failed"),
    ]
    return tiny(*changes), rows


def test_networks_that_are_different_work_have_a_front_each(two_networks):
    space, rows = two_networks
    found = find_front(space, space.objectives, rows)
    assert found.members == (2, 0, 3)
    assert found.knees == (2, 3)
    assert found.hypervolume is None
    assert found.judged == 4
    assert found.values == [(10.0, 1.0), (100.0, 20.0), (5.0, 3.0), (90.0, 10.0), None]
    text = front_table(space, found)
    assert text.count("points are not beaten in latency (less), energy (less)\n") == 2
    assert "tiny, gemm.csv: 2 of 2 points" in text
    assert "tiny, large.csv: 1 of 2 points" in text
    document = front_document(space, found)
    assert (document["schema"], list(document["fronts"])) == (
        "accelsim.fronts/1",
        ["gemm.csv", "large.csv"],
    )
    large = document["fronts"]["large.csv"]
    assert (large["knee"], len(large["front"])) == (rows[3].key, 1)


def test_a_network_of_several_without_points_says_so(two_networks):
    space, rows = two_networks
    text = front_table(space, find_front(space, space.objectives, rows[::2][:2]))
    assert text.endswith(
        "\ntiny, large.csv: no point has latency (less), energy (less) within the budgets yet\n"
    )


def test_networks_are_rivals_where_one_is_to_be_accurate(tiny):
    space = tiny(
        ("network: gemm.csv\n", ""),
        ("array.dataflow: [ws, os]", "network: [digits_mlp, digits_cnn]"),
        ("[latency, energy]", "[latency, accuracy]"),
    )
    assert networks_apart(space, space.objectives) == ()
    assert networks_apart(space, space.objectives[:1]) == ("digits_mlp", "digits_cnn")


def test_what_moves_networks_of_different_sizes_is_not_their_size(two_networks):
    space, _ = two_networks
    rows = [
        row((i, j, n), size * (1.0 + i), size * (1.0 + j))
        for n, size in enumerate((1.0, 1000.0))
        for i in range(3)
        for j in range(3)
    ]
    shares = sensitivity(space, find_front(space, space.objectives, rows))
    assert shares["latency"] == pytest.approx({"array.rows": 1.0, "array.columns": 0.0})
    assert shares["energy"] == pytest.approx({"array.rows": 0.0, "array.columns": 1.0})
