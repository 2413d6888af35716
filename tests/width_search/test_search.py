import re
from dataclasses import replace

import pytest

from accelsim.errors import ConfigError
from accelsim.pipeline import run
from accelsim.quantize import LayerBits
from accelsim.request import RunRequest
from accelsim.width_search import SearchRequest, search_widths


@pytest.fixture(scope="module")
def least_energy(request_run):
    return search_widths(SearchRequest(request_run, keep_accuracy_pct=93.0))


def test_energy_falls_with_every_step_and_accuracy_is_kept(least_energy):
    kept = [step for step in least_energy.steps if step.kept]
    energies = [step.energy_uj_per_image for step in kept]
    assert len(kept) > 3
    assert energies == sorted(energies, reverse=True)
    assert min(step.accuracy_pct for step in kept) >= 93.0
    for step in least_energy.steps:
        assert step.kept == (step.accuracy_pct >= 93.0)
    assert least_energy.measured > len(least_energy.steps)
    assert least_energy.costed >= len(least_energy.steps)


def test_the_end_is_run_on_the_machine_and_can_be_run_again(least_energy, request_run):
    final, last = least_energy.final, [step for step in least_energy.steps if step.kept][-1]
    assert final.accuracy_pct == last.accuracy_pct
    assert final.cycles_per_image == last.cycles_per_image
    assert final.energy_uj_per_image == pytest.approx(last.energy_uj_per_image)
    layers = tuple(LayerBits.parse(text) for text in least_energy.layer_bits)
    again = RunRequest(
        "digits_mlp", data=request_run.data, limit=3, points=((8, 8),), layer_bits=layers
    )
    assert again.command == least_energy.command
    assert run(again).points[0].energy_uj_per_image == final.energy_uj_per_image


def test_all_operands_of_a_kind_get_narrower_together(least_energy):
    assert any(
        step.change == "image=a6 dense1=a6 dense2=a6 logits=a6" for step in least_energy.steps
    )


def test_a_budget_of_cycles_is_met_with_no_more_than_it_takes(request_run):
    plain = run(RunRequest("digits_mlp", data=request_run.data, limit=1, points=((8, 8), (4, 4))))
    wide, narrow = (point.cycles_per_image for point in plain.points)
    result = search_widths(SearchRequest(request_run, "cycles", budget=(wide + narrow) / 2))
    costs = [step.cycles_per_image for step in result.steps]
    assert costs[0] == wide
    assert costs[-1] <= (wide + narrow) / 2 < costs[-2]
    assert result.final.cycles_per_image == costs[-1]


def test_what_nothing_meets_is_refused_with_the_nearest(request_run):
    with pytest.raises(
        ConfigError,
        match=r"^--budget 1: no network found needs so little; the nearest needs \d+ cycles an "
        r"image, at \d+\.\d\d percent accuracy$",
    ):
        search_widths(SearchRequest(request_run, "cycles", budget=1.0))
    with pytest.raises(
        ConfigError,
        match=r"^--keep-accuracy 100: no network found is so accurate; the nearest, 8 bits, has "
        r"\d\d\.\d\d percent$",
    ):
        search_widths(SearchRequest(request_run, keep_accuracy_pct=100.0))


@pytest.mark.parametrize(
    ("choices", "options", "message"),
    [
        ({}, {}, "give either --keep-accuracy or --budget"),
        ({}, {"budget": 1.0, "keep_accuracy_pct": 9.0}, "give either --keep-accuracy or --budget"),
        ({"random_data": True}, {"budget": 1.0}, "--random-data: a search needs labels"),
        ({}, {"budget": 0.0}, "--budget: must be above 0, got 0"),
        ({}, {"budget": float("nan")}, "--budget: must be above 0, got nan"),
        (
            {},
            {"keep_accuracy_pct": 101.0},
            "--keep-accuracy: must be 0 to 100 percent, got 101",
        ),
        (
            {},
            {"keep_accuracy_pct": 0.98},
            "--keep-accuracy: is in percent, got 0.98 (did you mean 98?)",
        ),
        ({}, {"budget": 1.0, "cost": "area"}, "cost: must be one of energy, cycles, got 'area'"),
        (
            {},
            {"budget": 1.0, "search": "tpe"},
            "search: must be one of greedy, optuna, got 'tpe'",
        ),
        ({}, {"budget": 1.0, "trials": 9}, "--trials: are Optuna's; give --search optuna"),
        (
            {},
            {"budget": 1.0, "search": "optuna", "trials": 0},
            "--trials: must be 1 to 1000000, got 0",
        ),
        ({"points": ((8, 8), (4, 4))}, {"budget": 1.0}, "--bits: give one width, got 2"),
        (
            {"network": "resnet18"},
            {"budget": 1.0},
            "resnet18: has shapes but no weights to be quantized",
        ),
    ],
)
def test_what_cannot_be_searched_for_is_refused(choices, options, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        SearchRequest(RunRequest(**choices), **options)


def test_pinned_operands_keep_their_widths(request_run):
    pins = (LayerBits("dense2", 8, None), LayerBits("image", None, 6))
    result = search_widths(SearchRequest(request_run, budget=0.3, pinned=pins))
    assert result.goal == "most accuracy within 0.3 uJ an image, dense2=w8 image=a6 pinned"
    assert "image=a6" in result.layer_bits
    for step in result.steps[1:]:
        assert "image=" not in step.change
        assert not re.search(r"dense2=w", step.change)
    ends = {entry.layer: entry for entry in map(LayerBits.parse, result.layer_bits)}
    assert ends["dense2"].weight_bits is None
    assert ends["dense1"].weight_bits < 8
    assert "--layer-bits image=a6" in result.command


def test_a_pin_is_checked_against_the_start_and_the_network(request_run):
    start = replace(request_run, layer_bits=(LayerBits("dense1", 4, 8),))
    SearchRequest(start, budget=1.0, pinned=(LayerBits("dense1", 4, None),))
    with pytest.raises(
        ConfigError, match=r"^--pin dense1=w8: --layer-bits starts from dense1=w4a8$"
    ):
        SearchRequest(start, budget=1.0, pinned=(LayerBits("dense1", 8),))
    with pytest.raises(ConfigError, match=r"^--pin: x is given twice$"):
        SearchRequest(request_run, budget=1.0, pinned=(LayerBits("x", 8), LayerBits("x", 4)))
    with pytest.raises(
        ConfigError,
        match=r"^layer bits of 'dense': digits_mlp has no such layer with integers of its own; "
        r"it has image, dense1, dense2, logits$",
    ):
        search_widths(SearchRequest(request_run, budget=1.0, pinned=(LayerBits("dense", 8),)))
