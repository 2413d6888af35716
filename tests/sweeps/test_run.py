import math
import sqlite3
import threading
from concurrent.futures import BrokenExecutor
from contextlib import closing

import pytest

from accelsim.errors import AccelsimError, ConfigError
from accelsim.pipeline import RunRequest
from accelsim.pipeline import run as run_pipeline
from accelsim.sweeps import claims
from accelsim.sweeps import run as sweeps_run
from accelsim.sweeps.inputs import read_inputs
from accelsim.sweeps.load_space import load_space
from accelsim.sweeps.read_store import find_space, read_rows, table
from accelsim.sweeps.store import Store
from accelsim.sweeps.sweep import run_sweep
from accelsim.sweeps.workers import ThisProcess


def rows_of(folder, store="store.sqlite", space=None):
    with Store(folder / store) as opened:
        return list(read_rows(opened, find_space(opened, space)))


def test_every_allowed_point_is_stored_with_its_figures(tiny, sweep_here, folder):
    progress, _ = sweep_here(tiny())
    assert (progress.done, progress.failed, progress.impossible) == (16, 0, 0)
    rows = rows_of(folder)
    assert [row.choice for row in rows] == list(tiny().grid())
    for row in rows:
        assert sum(row.cycles_by_cause.values()) == row.numbers["cycles_total"]
        parts = sum(row.energy_by_component_uj.values())
        assert parts == pytest.approx(row.numbers["energy_uj"], rel=1e-12)
    assert progress.best["latency"] == min(row.numbers["latency_us"] for row in rows)
    assert progress.best["energy"] == min(row.numbers["energy_uj"] for row in rows)


def test_a_point_is_what_a_run_of_its_machine_gives(tiny, sweep_here, folder):
    sweep_here(tiny())
    row = rows_of(folder)[5]
    settings = tiny().settings(row.choice)
    result = run_pipeline(
        RunRequest(
            network=str(folder / "gemm.csv"),
            hardware="edge_4x4",
            overrides=tuple(f"{name}={value}" for name, value in settings.items()),
            points=((8, 8),),
        )
    ).points[0]
    assert row.numbers["cycles_total"] == result.cycles_total
    assert row.numbers["latency_us"] == pytest.approx(result.latency_us_per_image, rel=1e-12)
    assert row.numbers["energy_uj"] == pytest.approx(result.energy_uj_per_image, rel=1e-12)
    assert row.numbers["power_mw"] == pytest.approx(result.average_power_mw, rel=1e-12)
    assert row.numbers["tops_per_w"] == pytest.approx(result.tops_per_w, rel=1e-12)
    assert row.numbers["utilization_pct"] == pytest.approx(result.utilization_pct, rel=1e-12)


DIGITS = """\
    schema: accelsim.space/1
    name: digits
    network: digits_mlp
    axes:
      bits: [8, w4a8, 2]
      array.rows: [8, 16]
    objectives: [accuracy, energy]
    """


def test_accuracy_is_that_of_a_run_and_is_measured_once_for_all_machines(
    space_file, sweep_here, folder
):
    judged = []

    def before(task, *arguments):
        if task.__name__ == "prepare":
            judged.append(arguments[3])

    space = load_space(space_file(DIGITS))
    progress, _ = sweep_here(space, before=before)
    assert progress.done == 6
    assert judged == [True, True, True]
    accuracies = {
        (space.settings(row.choice)["bits"], row.numbers["accuracy_pct"]) for row in rows_of(folder)
    }
    assert len(accuracies) == 3
    result = run_pipeline(
        RunRequest(network="digits_mlp", points=((8, 8), (4, 8), (2, 2)), limit=1)
    )
    assert dict(accuracies) == {point.label: point.accuracy_integer_pct for point in result.points}
    more = load_space(space_file(DIGITS, ("[8, 16]", "[8, 16, 32]")))
    progress, _ = sweep_here(more, before=before)
    assert (progress.done, progress.found) == (9, 6)
    assert judged == [True, True, True, False, False, False]


def test_the_same_command_again_computes_nothing(tiny, sweep_here):
    sweep_here(tiny())
    progress, workers = sweep_here(tiny())
    assert (progress.done, progress.found, workers.tasks) == (16, 16, 0)


def test_a_larger_space_computes_only_what_is_new(tiny, sweep_here, folder):
    sweep_here(tiny())
    larger = tiny(("array.rows: [2, 4, 8]", "array.rows: [2, 3, 4, 8]"), ("tiny", "larger"))
    progress, _ = sweep_here(larger)
    assert (progress.done, progress.found) == (22, 16)
    assert len(rows_of(folder, space="tiny")) == 16
    assert len(rows_of(folder, space="larger")) == 22


def test_an_interrupted_sweep_goes_on(tiny, sweep_here, folder):
    def interrupt(task, *arguments, left=[2]):  # noqa: B006
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep_here(tiny(), before=interrupt)
    stored = len(rows_of(folder))
    assert 0 < stored < 16
    progress, _ = sweep_here(tiny())
    assert (progress.done, progress.found) == (16, stored)
    sweep_here(tiny(), store="undisturbed.sqlite")
    assert rows_of(folder) == rows_of(folder, "undisturbed.sqlite")


def test_designs_that_cannot_be_are_stored_with_their_reason(tiny, sweep_here, folder):
    space = tiny(
        ("constraints:\n  - array.rows * array.columns <= 32\n", ""),
        ("array.rows: [2, 4, 8]", "array.rows: [2, 1024]"),
        ("array.columns: [2, 4, 8]", "array.columns: [2, 1024]"),
    )
    progress, _ = sweep_here(space)
    rows = rows_of(folder)
    impossible = [row for row in rows if row.status == "impossible"]
    assert (len(rows), len(impossible)) == (8, progress.impossible)
    assert 0 < len(impossible) < 8
    assert all("must hold" in row.reason for row in impossible)
    assert all(not row.numbers for row in impossible)


def test_a_table_that_is_not_of_the_technology_is_a_reason(tiny, sweep_here, folder):
    progress, _ = sweep_here(tiny(("axes:", "axes:\n  technology.voltage: [0.5V]")))
    assert progress.impossible == 16
    assert rows_of(folder)[0].reason.startswith(
        "hardware edge_4x4: technology.voltage: must be 0.6V to 1.1V, got 0.5V"
    )


def poisoned(job):
    return any(machine.array.rows == 4 for _, _, machine in job.points)


def test_a_point_that_ends_its_worker_costs_one_retry_and_is_stored_as_failed(
    tiny, sweep_here, folder
):
    def die(task, job):
        if poisoned(job):
            raise BrokenExecutor

    progress, workers = sweep_here(tiny(), before=die)
    rows = rows_of(folder)
    failed = [row for row in rows if row.status == "failed"]
    assert (progress.done, progress.failed) == (10, 6)
    assert workers.restarts >= 6
    space = tiny()
    assert {space.settings(row.choice)["array.rows"] for row in failed} == {4}
    assert {row.reason for row in failed} == {"its worker died twice (killed, or out of memory)"}
    progress, _ = sweep_here(tiny())
    assert (progress.failed, progress.found) == (6, 16)
    progress, _ = sweep_here(tiny(), retry_failed=True)
    assert (progress.done, progress.found) == (16, 10)


def test_a_worker_that_dies_once_costs_nothing(tiny, sweep_here, folder):
    deaths = []

    def die_once(task, job):
        if poisoned(job) and not deaths:
            deaths.append(job)
            raise BrokenExecutor

    progress, _ = sweep_here(tiny(), before=die_once)
    assert (progress.done, len(deaths)) == (16, 1)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "out of memory"),
        (RuntimeError("broken"), "RuntimeError: broken"),
    ],
)
def test_an_exception_costs_one_retry_and_is_stored(
    tiny, sweep_here, folder, monkeypatch, error, reason
):
    tried = []

    def evaluate(shape, hardware, table):
        tried.append(hardware)
        raise error

    monkeypatch.setattr("accelsim.sweeps.evaluate.evaluate", evaluate)
    progress, _ = sweep_here(tiny())
    assert (progress.failed, len(tried)) == (16, 32)
    assert {row.reason for row in rows_of(folder)} == {reason}


def test_a_worker_lost_for_another_reason_is_named(tiny, sweep_here, folder):
    def lose(task, job):
        raise ConnectionError("no route to host")

    progress, _ = sweep_here(tiny(), before=lose)
    assert progress.failed == 16
    assert rows_of(folder)[0].reason == (
        "its worker was lost twice (ConnectionError: no route to host)"
    )


def test_a_network_whose_preparation_fails_has_no_points(space_file, sweep_here, folder):
    def refuse(task, *arguments):
        if task.__name__ == "prepare" and arguments[1].weight_bits == 4:
            raise AccelsimError("bias does not fit")
        if task.__name__ == "prepare" and arguments[1].weight_bits == 2:
            raise BrokenExecutor

    progress, _ = sweep_here(load_space(space_file(DIGITS)), before=refuse)
    assert (progress.done, progress.impossible, progress.failed) == (2, 2, 2)
    reasons = {row.reason for row in rows_of(folder)}
    assert reasons == {
        "",
        "bias does not fit",
        "its worker died twice (killed, or out of memory)",
    }


def test_a_worker_of_another_version_ends_the_sweep(tiny, sweep_here, monkeypatch):
    monkeypatch.setattr("accelsim.sweeps.evaluate.result_version", lambda: "other")
    with pytest.raises(AccelsimError, match="has another version of accelsim"):
        sweep_here(tiny())


def test_two_sweeps_on_one_store_compute_every_point_once(tiny, sweep_here, folder):
    computed, lock = [], threading.Lock()

    def remember(task, job):
        with lock:
            computed.extend(str(machine) for _, _, machine in job.points)

    space = tiny()
    sweepers = [
        threading.Thread(target=sweep_here, args=(space,), kwargs={"before": remember})
        for _ in range(3)
    ]
    for sweeper in sweepers:
        sweeper.start()
    for sweeper in sweepers:
        sweeper.join()
    assert len(computed) == len(set(computed)) == 16
    assert [row.status for row in rows_of(folder)] == ["done"] * 16


def test_points_claimed_by_another_sweep_are_waited_for(tiny, folder, monkeypatch):
    monkeypatch.setattr(sweeps_run, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(claims, "_POLL_SECONDS", 0.0)
    space = tiny()
    inputs = read_inputs(space)
    keys = [inputs.key(space.design(choice)) for choice in list(space.grid())[:3]]
    looks = []

    def show(moment):
        looks.append(moment.done)
        if looks.count(13) == 5:
            # All but the other's points are there, and each look around has left those alone.
            with closing(sqlite3.connect(folder / "store.sqlite")) as database, database:
                assert database.execute("SELECT count(*) FROM claims").fetchone() == (3,)
                database.execute("UPDATE owners SET seen = 0, host = 'gone' WHERE id = 1")

    with Store(folder / "store.sqlite", create=True) as other:
        other.enter(space, inputs.hashes)
        assert other.claim(keys) == set(keys)
        progress = run_sweep(
            space, folder / "store.sqlite", ThisProcess(), show, timeout_seconds=math.inf
        )
    assert progress.done == 16
    assert looks.count(13) >= 5


def test_a_sweep_passes_by_what_another_has_claimed(tiny, folder, monkeypatch):
    monkeypatch.setattr(sweeps_run, "_ASK_SECONDS", math.inf)
    space = tiny()
    inputs = read_inputs(space)
    choices = list(space.grid())
    keys = [inputs.key(space.design(choice)) for choice in choices]
    moments = []
    with Store(folder / "store.sqlite", create=True) as other:
        other.enter(space, inputs.hashes)
        assert len(other.claim(keys[:12])) == 12

        def show(moment):
            moments.append(moment.done)
            if moment.done == len(choices) - 12:
                other.close()

        run_sweep(space, folder / "store.sqlite", ThisProcess(), show, timeout_seconds=math.inf)
    # The first look around has found free points behind those of the other sweep.
    assert moments[0] > 0
    assert moments[-1] == len(choices)


def test_budgets_mark_points_and_do_not_count_as_best(tiny, sweep_here, folder):
    sweep_here(tiny())
    energies = sorted(row.numbers["energy_uj"] for row in rows_of(folder))
    budget = tiny(
        ("constraints:", f"constraints:\n  - energy_uj >= {energies[3]}"), ("tiny", "frugal")
    )
    progress, _ = sweep_here(budget)
    assert (progress.done, progress.found) == (16, 16)
    assert progress.best["energy"] == energies[3]


def test_a_budget_that_no_network_can_keep_is_refused(tiny, sweep_here):
    space = tiny(("constraints:", "constraints:\n  - accuracy_pct >= 90"))
    with pytest.raises(ConfigError, match=r"^constraint on accuracy_pct: the network has none$"):
        sweep_here(space)


def test_rows_for_tables_are_flat_and_alike(tiny, sweep_here, folder):
    sweep_here(tiny())
    with Store(folder / "store.sqlite") as store:
        stored = find_space(store, "tiny")
        rows = list(table(stored, read_rows(store, stored)))
    assert len(rows) == 16
    assert {tuple(row) for row in rows} == {tuple(rows[0])}
    first = rows[0]
    assert (first["array.rows"], first["array.dataflow"], first["status"]) == (2, "ws", "done")
    assert first["accuracy_pct"] is None
    assert first["cycles_stream"] > 0
    assert first["energy_dram_uj"] > 0


def test_every_choice_of_quantization_gives_the_accuracy_of_a_run(space_file, sweep_here, folder):
    text = """\
        schema: accelsim.space/1
        name: methods
        network: digits_mlp
        quantization: {range_method: mse, weight_range_method: octav, correct_biases: true}
        axes:
          bits: [3]
          quantization.equalize: [false, true]
          quantization.smooth: [none, 0.5]
          quantization.weight_rounding: [nearest, stochastic]
          quantization.seed: [4]
        """
    space = load_space(space_file(text))
    sweep_here(space)
    rows = rows_of(folder)
    assert len(rows) == 8
    assert len({row.numbers["accuracy_pct"] for row in rows}) > 2
    assert len({row.numbers["energy_uj"] for row in rows}) == 1
    for row in (rows[0], rows[-1]):
        choices = vars(space.design(row.choice).quantization)
        request = RunRequest(network="digits_mlp", points=((3, 3),), limit=1, **choices)
        assert row.numbers["accuracy_pct"] == run_pipeline(request).points[0].accuracy_integer_pct


def test_groups_of_weights_cost_what_they_cost_in_a_run(space_file, sweep_here, folder):
    text = """\
        schema: accelsim.space/1
        name: groups
        network: digits_mlp
        axes:
          bits: [w4a8]
          quantization.group_size: [none, 16]
          array.dataflow: [ws, os]
        """
    space = load_space(space_file(text))
    sweep_here(space)
    rows = rows_of(folder)
    assert len(rows) == 4
    for row in rows:
        design = space.design(row.choice)
        request = RunRequest(
            network="digits_mlp",
            overrides=(f"array.dataflow={design.settings['array.dataflow']}",),
            points=((4, 8),),
            limit=1,
            **vars(design.quantization),
        )
        point = run_pipeline(request).points[0]
        assert row.numbers["accuracy_pct"] == point.accuracy_integer_pct
        assert row.numbers["cycles_total"] == point.cycles_total
        assert row.numbers["energy_uj"] == pytest.approx(point.energy_uj_per_image)
        assert row.numbers["area_mm2"] == pytest.approx(point.area_mm2)


def test_dynamic_ranges_are_an_axis_where_the_rescale_unit_is_float32(
    space_file, sweep_here, folder
):
    text = """\
        schema: accelsim.space/1
        name: ranges
        network: digits_mlp
        axes:
          bits: [4]
          rescale.mode: [float32, single_round]
          quantization.range_method: [min_max, dynamic]
        """
    sweep_here(load_space(space_file(text)))
    static, dynamic, _, impossible = rows_of(folder)
    assert dynamic.numbers["cycles_per_image"] > static.numbers["cycles_per_image"]
    assert dynamic.numbers["accuracy_pct"] != static.numbers["accuracy_pct"]
    assert (impossible.status, impossible.reason) == (
        "impossible",
        "range_method: dynamic needs a rescale unit that computes in float32, got mode "
        "single_round; set rescale.mode=float32",
    )


def test_two_names_of_one_design_are_two_choices_of_one_point(tiny, sweep_here, folder):
    (folder / "again.csv").write_text((folder / "gemm.csv").read_text())
    networks = "array.dataflow: [ws, os]\n  network: [gemm.csv, again.csv]"
    progress, _ = sweep_here(tiny(("array.dataflow: [ws, os]", networks)))
    assert (progress.done, progress.found) == (32, 16)
    rows = rows_of(folder)
    assert len(rows) == 32
    assert len({row.key for row in rows}) == 16
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        assert (first.key, first.numbers) == (second.key, second.numbers)
