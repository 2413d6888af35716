from dataclasses import replace

import numpy as np
import pytest

from accelsim import pipeline
from accelsim.errors import AccelsimError, ConfigError
from accelsim.hardware import load_hardware
from accelsim.pipeline import RunRequest, run
from accelsim.quantize import LayerBits


@pytest.fixture(scope="module")
def data(few_digits):
    """The path of an .npz with the first forty test images of the bundled digits."""
    return str(few_digits(40))


@pytest.fixture(scope="module")
def story(data):
    return run(RunRequest(points=((8, 8), (4, 8), (2, 2)), data=data, engine="tile", limit=5))


def test_one_run_gives_accuracy_cycles_and_energy_at_each_width(story):
    assert [point.label for point in story.points] == ["w8a8", "w4a8", "w2a2"]
    wide, _, narrow = story.points
    assert wide.accuracy_float_pct >= 97.5
    assert abs(wide.accuracy_integer_pct - wide.accuracy_float_pct) <= 2.5
    assert narrow.accuracy_integer_pct < wide.accuracy_integer_pct
    for point in story.points:
        assert point.golden_mismatches == 0
        assert (point.images_golden, point.images_simulated) == (40, 5)


def test_energy_falls_with_width_but_less_than_quadratically(story):
    energies = [point.energy_uj_per_image for point in story.points]
    assert energies == sorted(energies, reverse=True)
    assert energies[0] / energies[-1] < (8 / 2) ** 2


def test_layers_add_up_to_the_point(story):
    for point in story.points:
        assert sum(layer.cycles_total for layer in point.layers) == point.cycles_total
        for layer in point.layers:
            assert sum(layer.cycles.values()) == layer.cycles_total
        spent_uj = sum(sum(layer.energy_pj.values()) for layer in point.layers) * 1e-6
        assert spent_uj == pytest.approx(point.energy_uj_per_image)
        assert sum(point.energy_split_uj.values()) == pytest.approx(point.energy_uj_per_image)


def test_derived_figures_follow_from_cycles_and_energy(story):
    machine = load_hardware("edge_16x16")
    point = story.points[0]
    macs = sum(layer.macs for layer in point.layers)
    assert point.latency_us_per_image == pytest.approx(point.cycles_total / machine.clock * 1e6)
    assert point.utilization_pct == pytest.approx(100 * macs / (256 * point.cycles_total))
    assert point.tops_per_w == pytest.approx(2 * macs / (point.energy_uj_per_image * 1e6))
    assert point.average_power_mw == pytest.approx(
        point.energy_uj_per_image / point.latency_us_per_image * 1e3
    )


@pytest.mark.parametrize("engine", ["register", "cycle", "tile"])
def test_layers_of_different_widths_run_on_the_widest_pe(data, engine):
    layers = (LayerBits("conv1", 8, 6), LayerBits("logits", 7), LayerBits("image", None, 3))
    request = RunRequest(points=((4, 5),), data=data, engine=engine, limit=2, layer_bits=layers)
    result = run(request)
    (point,) = result.points
    assert point.golden_mismatches == 0
    assert (point.label, point.widths) == ("w8a6", ("4-8", "3-6"))
    products = {layer.name: layer for layer in point.layers if layer.weight_bits}
    assert {
        name: (layer.weight_bits, layer.input_bits, layer.output_bits)
        for name, layer in products.items()
    } == {"conv1": (8, 3, 6), "conv2": (4, 6, 5), "conv3": (4, 5, 5), "logits": (7, 5, 5)}
    said = "bits: conv1=w8a6, logits=w7, image=a3, all others w4a5"
    assert f"{said}; PEs take the widest operands" in result.warnings
    assert result.configuration["layer_bits"] == [str(entry) for entry in layers]
    assert request.command.endswith(
        "--layer-bits conv1=w8a6 --layer-bits logits=w7 --layer-bits image=a3"
    )


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
def test_weights_in_groups_are_golden_and_cost_more(data, dataflow):
    flow = (f"array.dataflow={dataflow}",)
    plain = RunRequest(points=((4, 8),), overrides=flow, data=data, engine="tile", limit=2)
    before = run(plain).points[0]
    request = replace(plain, group_size=12, scale_bits=6, engine="cycle")
    result = run(request)
    (point,) = result.points
    assert point.golden_mismatches == 0
    assert result.configuration["weight_scales"] == "per_group of 12, 6-bit scales"
    where = "in each PE" if dataflow == "os" else "below each column"
    said = (
        "groups of 12 weights (the last of a depth has what is left) have scales of 6 bits; "
        "multipliers for these are built"
    )
    assert f"{said} {where}" in result.warnings
    assert request.command.endswith("--group-size 12 --scale-bits 6")
    assert point.cycles_total > before.cycles_total
    assert point.energy_uj_per_image > before.energy_uj_per_image
    assert point.area_mm2 > before.area_mm2
    again = run(replace(request, engine="tile")).points[0]
    assert again.cycles_total == point.cycles_total


def test_weights_in_groups_go_with_ranges_found_at_run_time(data):
    machine = ("rescale.mode=float32",)
    request = RunRequest(points=((4, 8),), overrides=machine, data=data, limit=2, group_size=16)
    (point,) = run(replace(request, range_method="dynamic")).points
    assert point.golden_mismatches == 0
    assert sum(layer.traffic.scale_reads for layer in point.layers) > 0


def test_a_narrower_layer_moves_fewer_bytes_in_the_same_array(story, data):
    narrow = (LayerBits("conv2", 4), LayerBits("conv3", 4))
    mixed = run(
        RunRequest(points=((8, 8),), data=data, engine="tile", limit=5, layer_bits=narrow)
    ).points[0]
    wide = story.points[0]
    assert (mixed.label, mixed.area_mm2) == (wide.label, wide.area_mm2)
    for layer, before in zip(mixed.layers, wide.layers, strict=True):
        saved = before.traffic.dram_read_bytes - layer.traffic.dram_read_bytes
        halved = before.name in ("conv2", "conv3")
        assert saved == (before.k * before.n // 2 if halved else 0)
        assert layer.traffic.weight_reads == before.traffic.weight_reads
    assert mixed.energy_split_uj["dram"] < wide.energy_split_uj["dram"]
    assert mixed.energy_split_uj["weight_sram"] < wide.energy_split_uj["weight_sram"]
    assert mixed.energy_split_uj["multiplier"] == wide.energy_split_uj["multiplier"]


def test_a_batch_shares_its_weights(story, data):
    batched = run(RunRequest(points=((8, 8),), data=data, engine="tile", limit=5, batch=4))
    (point,), alone = batched.points, story.points[0]
    assert point.cycles_per_image == point.cycles_total / 4
    assert point.cycles_per_image < alone.cycles_per_image
    assert point.energy_uj_per_image < alone.energy_uj_per_image
    assert point.accuracy_integer_pct == alone.accuracy_integer_pct


def test_engines_tell_the_same_story(story, data):
    by_cycle = run(RunRequest(points=((8, 8), (4, 8), (2, 2)), data=data, limit=5))
    assert by_cycle.points == story.points


def test_without_golden_the_simulated_images_give_the_accuracy(data):
    unchecked = run(RunRequest(points=((8, 8),), data=data, engine="tile", limit=40, check=False))
    checked = run(RunRequest(points=((8, 8),), data=data, engine="tile", limit=40))
    assert unchecked.points[0].golden_mismatches is None
    assert unchecked.points[0].accuracy_integer_pct == checked.points[0].accuracy_integer_pct


def test_accumulator_overflows_become_the_first_warning(data, monkeypatch):
    simulate = pipeline.simulate

    def overflowing(*arguments, **options):
        return replace(simulate(*arguments, **options), overflow_events={"hidden": 1234})

    monkeypatch.setattr(pipeline, "simulate", overflowing)
    request = RunRequest("digits_mlp", points=((8, 8), (2, 2)), data=data, engine="tile", limit=1)
    result = run(request)
    assert result.warnings[:2] == (
        "w8a8: 1,234 accumulator overflows in the simulated images",
        "w2a2: 1,234 accumulator overflows in the simulated images",
    )
    assert result.warnings[2:] == (
        "multiplier energy below 8 bits is extrapolated from the 8- and 32-bit points of the "
        "table horowitz_45nm",
    )


def test_the_accuracy_is_of_all_images_however_few_are_simulated(data):
    def accuracy_pct(limit, check=True):
        widths = ((2, 2),)
        request = RunRequest(
            "digits_mlp", points=widths, data=data, engine="tile", limit=limit, check=check
        )
        return run(request).points[0].accuracy_integer_pct

    assert accuracy_pct(1) == accuracy_pct(40, check=False)
    assert accuracy_pct(1) not in (0.0, 100.0)


def test_calibration_on_the_test_images_is_said(data, tmp_path):
    path = tmp_path / "bare.npz"
    with np.load(data) as stored:
        np.savez(path, images=stored["test_images"], labels=stored["test_labels"])
    request = RunRequest("digits_mlp", points=((8, 8),), data=str(path), engine="tile", limit=1)
    result = run(request)
    assert result.warnings == ("calibrated on images: bare has no images apart for it",)
    assert result.configuration["calibrated_on"] == "images"


def test_progress_is_told_before_each_point(data):
    told = []
    request = RunRequest("digits_mlp", points=((8, 8), (4, 8)), data=data, engine="tile", limit=1)
    run(request, lambda what, done, total: told.append((what, done, total)))
    simulated = ("simulated, images", 0, 1)
    assert told == [("float network", 0, 2), ("8", 0, 2), simulated, ("w4a8", 1, 2), simulated]


def test_provenance_says_what_was_run(story, data):
    assert story.provenance.command == (
        f"accelsim run digits_cnn --hardware edge_16x16 --bits 8,w4a8,2 --data {data} "
        "--engine tile --limit 5"
    )
    assert set(story.provenance.hashes) == {"network", "data", "energy table", "DRAM table"}
    assert story.configuration["points"] == ["w8a8", "w4a8", "w2a2"]
    assert "layers on the host" in story.not_modelled
    assert story.array == "16 x 16 PEs, weight stationary, 1GHz"


def test_what_was_changed_in_the_hardware_is_said(data):
    changes = ("array.rows=8", "array.dataflow=os")
    request = RunRequest(
        "digits_mlp", points=((8, 8),), data=data, engine="tile", limit=1, overrides=changes
    )
    result = run(request)
    assert result.points[0].golden_mismatches == 0
    assert result.array == (
        "8 x 16 PEs, output stationary, 1GHz, with array.rows=8, array.dataflow=os"
    )
    assert result.configuration["hardware_changes"] == list(changes)


def test_how_activations_are_quantized_is_the_requests_choice(data):
    def outcome(**choice):
        return run(
            RunRequest("digits_mlp", points=((8, 4),), data=data, engine="tile", limit=1, **choice)
        )

    fitted = outcome()
    symmetric = outcome(symmetric_activations=True)
    cut = outcome(range_method="percentile", percentile=90.0)
    assert fitted.configuration["activation_codes"] == "asymmetric"
    assert symmetric.configuration["activation_codes"] == "symmetric"
    assert cut.configuration["activation_ranges"] == "central 90 percent of calibration values"
    clips = [result.points[0].clip_events for result in (fitted, symmetric, cut)]
    assert len(set(clips)) == 3
    assert clips[0] < clips[2]
    for result in (symmetric, cut):
        assert result.points[0].golden_mismatches == 0


def test_weights_with_zero_points_run_on_an_array_with_row_sums(data):
    request = RunRequest(
        "digits_mlp", points=((4, 4),), data=data, engine="tile", limit=1, asymmetric_weights=True
    )
    moved, plain = run(request), run(replace(request, asymmetric_weights=False))
    assert moved.points[0].golden_mismatches == 0
    assert moved.array.startswith("16 x 16 PEs and row sums, ")
    assert moved.configuration["weight_codes"] == "asymmetric"
    assert plain.configuration["weight_codes"] == "symmetric"
    (energy,) = moved.energies
    own_pj = sum(
        line.pj for layer in energy.layers for line in layer.lines if "row sums" in line.cause
    )
    assert moved.warnings[0] == (
        f"w4a4: row sums, for weights with zero points, cost {own_pj * 1e-6:.4f} of "
        f"{energy.image_pj * 1e-6:.3f} µJ/image and {energy.area.mm2['row_sums']:.3f} of "
        f"{energy.area.total_mm2:.3f} mm2"
    )
    assert not any("row sums" in warning for warning in plain.warnings)
    assert moved.points[0].cycles_per_image > plain.points[0].cycles_per_image
    causes = {line.cause for layer in moved.energies[0].layers for line in layer.lines}
    assert {"row sums", "row sums subtracted", "row sums, clocked bits"} <= causes
    assert moved.energies[0].area.mm2["row_sums"] > 0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "false",
            "--asymmetric-weights: zero points of weights need array.row_sums, which --set leaves "
            "out",
        ),
        ("maybe", "--set array.row_sums=maybe: must be true or false, got 'maybe'"),
    ],
)
def test_row_sums_are_not_set_twice(value, message):
    request = RunRequest(asymmetric_weights=True, overrides=(f"array.row_sums={value}",))
    with pytest.raises(ConfigError) as error:
        run(request)
    assert str(error.value) == message


def test_the_machine_is_built_for_the_width():
    machine = load_hardware("edge_16x16")
    narrow = machine.with_operand_bits(4, 6)
    assert (narrow.array.weight_bits, narrow.array.activation_bits) == (4, 6)
    assert narrow.with_operand_bits(8, 8) == machine


def test_a_width_whose_tile_does_not_fit_is_refused_before_anything_runs(monkeypatch):
    def never(*arguments):
        raise AssertionError("ran")

    monkeypatch.setattr("accelsim.start.run_float", never)
    tight = ("scratchpads.weights.size=400B",)
    with pytest.raises(ConfigError) as error:
        run(RunRequest(overrides=tight, points=((8, 8), (16, 8))))
    assert str(error.value) == (
        "hardware edge_16x16: scratchpads.weights.size: must hold a tile of 16 x 16 weights of "
        "16 bits and its biases: at least 576B, got 400B"
    )


def test_everything_the_user_gave_is_read_before_anything_runs(monkeypatch):
    def never(*arguments):
        raise AssertionError("ran")

    monkeypatch.setattr("accelsim.start.run_float", never)
    for wrong in (
        RunRequest(hardware="edge_17"),
        RunRequest(network="resnet"),
        RunRequest(data="nowhere.npz"),
        RunRequest(overrides=("technology.node=7nm",)),
    ):
        with pytest.raises(AccelsimError):
            run(wrong)
