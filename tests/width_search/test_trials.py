import sys

import pytest

from accelsim.errors import ConfigError
from accelsim.quantize import LayerBits
from accelsim.width_search import SearchRequest, search_widths
from accelsim.width_search.networks import Networks
from accelsim.width_search.trials import Uniform


def searched(run, **options):
    pytest.importorskip("optuna", reason="needs Optuna (extra search)")
    return search_widths(SearchRequest(run, search="optuna", **options))


@pytest.mark.parametrize(
    "bound", [{"budget": 0.35}, {"keep_accuracy_pct": 93.0}], ids=["budget", "accuracy"]
)
def test_the_end_is_never_worse_than_greedys_and_the_same_again(request_run, bound):
    greedy = search_widths(SearchRequest(request_run, **bound))
    found = searched(request_run, trials=20, **bound)
    assert found.search == "optuna"
    assert found.steps[: len(greedy.steps)] == greedy.steps
    # Four widths everywhere, then as many trials as were asked for.
    assert len(found.steps) == len(greedy.steps) + 4 + 20
    if "budget" in bound:
        assert found.final.energy_uj_per_image <= bound["budget"]
        assert found.final.accuracy_pct >= greedy.final.accuracy_pct
    else:
        assert found.final.accuracy_pct >= bound["keep_accuracy_pct"]
        assert found.final.energy_uj_per_image <= greedy.final.energy_uj_per_image
    last = [step for step in found.steps if step.kept][-1]
    assert found.final.accuracy_pct == last.accuracy_pct
    assert found.final.energy_uj_per_image == pytest.approx(last.energy_uj_per_image)
    assert searched(request_run, trials=20, **bound) == found


def test_nothing_is_measured_twice(request_run):
    found = searched(request_run, trials=15, budget=0.35)
    trials = found.steps[-15:]
    assert all(step.change for step in trials)
    assert found.measured >= len(found.steps) - 4


def test_trials_go_on_where_greedy_has_nothing_to_start_from(request_run):
    networks = Networks(request_run)
    start = networks.rightness(()).accuracy_pct
    with pytest.raises(ConfigError, match=r"^--keep-accuracy \d+: no network found is so accurate"):
        search_widths(SearchRequest(request_run, keep_accuracy_pct=start + 1.0))
    found = searched(request_run, trials=30, keep_accuracy_pct=start + 1.0)
    assert found.final.accuracy_pct >= start + 1.0


def test_what_no_trial_meets_is_refused_with_the_nearest(request_run):
    with pytest.raises(
        ConfigError,
        match=r"^--keep-accuracy 100: no network found is so accurate; the nearest, image=a\d"
        r".* and 8 bits elsewhere, has \d\d\.\d\d percent$",
    ):
        searched(request_run, trials=3, keep_accuracy_pct=100.0)


def test_each_width_everywhere_but_nothing_wider_than_at_the_start(request_run):
    layers = (LayerBits("dense1", 3, 8),)
    uniform = Uniform(Networks(request_run), layers)
    found = []
    while (widths := uniform.ask()) is not None:
        found.append(" ".join(map(str, widths)))
    assert found == [
        f"image=a{bits} dense1=w{min(bits, 3)}a{bits} dense2=w{bits}a{bits} logits=w{bits}a{bits}"
        for bits in (6, 4, 3, 2)
    ]


def test_without_optuna_one_line_names_the_extra(request_run, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    message = r"^--search optuna: needs Optuna: pip install 'accelsim\[search\]'$"
    with pytest.raises(ConfigError, match=message):
        search_widths(SearchRequest(request_run, search="optuna", budget=1.0))


def test_no_trial_moves_what_is_pinned(request_run):
    pins = (LayerBits("logits", 6, 8),)
    found = searched(request_run, trials=10, budget=0.35, pinned=pins)
    assert len(found.steps) > 10
    for step in found.steps[1:]:
        assert "logits=" not in step.change
    assert "logits=w6" in found.layer_bits
