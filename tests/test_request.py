import pytest

from accelsim.errors import ConfigError
from accelsim.quantize import LayerBits
from accelsim.request import DEFAULT_POINTS, RunRequest


def test_the_defaults_are_the_digits_at_five_widths():
    request = RunRequest()
    assert request.points is None
    assert request.float_points == DEFAULT_POINTS == ((8, 8), (6, 6), (4, 4), (3, 3), (2, 2))
    assert (request.network, request.hardware, request.engine) == (
        "digits_cnn",
        "edge_16x16",
        "cycle",
    )
    assert request.limit == 64
    assert request.command == "accelsim run digits_cnn --hardware edge_16x16"


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"points": ()}, "points: at least one pair of bit-widths is needed"),
        ({"points": ((1, 8),)}, "weight bits: must be 2 to 16, got 1"),
        ({"points": ((8, 17),)}, "activation bits: must be 2 to 16, got 17"),
        ({"points": ((8, 4), (8, 4))}, "points: w8a4 is given twice"),
        ({"engine": "exact"}, "engine: must be one of register, cycle, tile, got 'exact'"),
        (
            {"overrides": ("array.weight_bits=4",)},
            "--set array.weight_bits=4: PEs are built for the widths that are run; give these "
            "by --bits, or --weights and --activations",
        ),
        ({"energy": "exact"}, "energy: must be one of per_operation, switching, got 'exact'"),
        (
            {"energy": "switching", "engine": "tile"},
            "--energy switching: the tile engine keeps no registers; use --engine cycle",
        ),
        (
            {"energy": "switching", "network": "resnet18"},
            "--energy switching: resnet18 has no values that could switch",
        ),
        ({"limit": 0}, "limit: must be at least 1 image, got 0"),
        ({"batch": 2**20 + 1}, "batch: must be at most 1048576 images, got 1048577"),
        ({"seed": 2**64}, f"seed: must be 0 to {2**64 - 1}, got {2**64}"),
        ({"batch": 0}, "batch: must be at least 1 image, got 0"),
        ({"seed": -3}, "seed: must be 0 to 18446744073709551615, got -3"),
        (
            {"range_method": "mean"},
            "range_method: must be one of min_max, moving_average, percentile, mse, kl, octav, "
            "cross_entropy, dynamic, got 'mean'",
        ),
        ({"group_size": 0}, "group_size: must be 1 to 1048576, got 0"),
        ({"group_size": 8, "scale_bits": 1}, "scale_bits: must be 2 to 16, got 1"),
        (
            {"group_size": 8, "per_channel": False},
            "group_size: groups have scales within their output channel's; leave out one scale for "
            "the whole layer",
        ),
        (
            {"group_size": 8, "network": "resnet18"},
            "--group-size: resnet18 has no values to be quantized",
        ),
        (
            {"range_method": "mse", "network": "resnet18"},
            "--range: resnet18 has no values to be quantized",
        ),
        (
            {"range_method": "dynamic", "weight_rounding": "adaround", "network": "resnet18"},
            "--rounding: resnet18 has no values to be quantized",
        ),
        (
            {"per_channel": False, "network": "resnet18"},
            "--per-tensor: resnet18 has no values to be quantized",
        ),
        (
            {"group_size": 8, "engine": "register"},
            "--group-size: the register engine has no scales of groups; use --engine cycle",
        ),
        (
            {"group_size": 8, "energy": "switching"},
            "--group-size: --energy switching does not count scales of groups; leave it out",
        ),
        (
            {"points": ((8, 8), (4, 4)), "layer_bits": (LayerBits("a", 4),)},
            "--layer-bits: needs one width of all other layers, got 2",
        ),
        (
            {"layer_bits": (LayerBits("a", 4), LayerBits("a", 8))},
            "layer bits of 'a': given twice",
        ),
        (
            {"network": "resnet18", "layer_bits": (LayerBits("a", 4),)},
            "--layer-bits: resnet18 has no values to be quantized",
        ),
        (
            {"percentile": 0.0},
            "percentile: must be above 0 and at most 100 percent, got 0",
        ),
        (
            {"percentile": float("nan")},
            "percentile: must be above 0 and at most 100 percent, got nan",
        ),
    ],
)
def test_a_request_out_of_range(choice, message):
    with pytest.raises(ConfigError) as error:
        RunRequest(**choice)
    assert str(error.value) == message


def test_the_command_line_says_how_activations_are_quantized():
    request = RunRequest(
        points=((4, 4),), symmetric_activations=True, range_method="percentile", percentile=99.5
    )
    assert request.command == (
        "accelsim run digits_cnn --hardware edge_16x16 --bits 4 --symmetric --range percentile "
        "--percentile 99.5"
    )


def test_weights_with_zero_points_need_row_sums():
    request = RunRequest(points=((4, 4),), asymmetric_weights=True)
    assert RunRequest("resnet18", range_method="dynamic").range_method == "dynamic"
    assert request.command.endswith(" --bits 4 --asymmetric-weights")
    with pytest.raises(ConfigError) as error:
        RunRequest("resnet18", asymmetric_weights=True)
    assert str(error.value) == "--asymmetric-weights: resnet18 has no values to be quantized"


def test_without_a_width_the_other_layers_have_eight_bits():
    request = RunRequest(layer_bits=(LayerBits("conv1", 4),))
    assert request.float_points == ((8, 8),)
    assert request.command.endswith(" edge_16x16 --layer-bits conv1=w4")


def test_groups_of_weights_are_two_options():
    request = RunRequest(points=((4, 8),), group_size=16)
    assert request.command.endswith(" --bits w4a8 --group-size 16")
    assert request.built_scale_bits == 8
    request = RunRequest(points=((4, 8),), group_size=16, scale_bits=5)
    assert request.command.endswith(" --bits w4a8 --group-size 16 --scale-bits 5")
    assert RunRequest(scale_bits=5).command == RunRequest().command
    assert RunRequest(scale_bits=5).built_scale_bits is None


def test_what_is_run_when_no_widths_are_asked_for():
    assert RunRequest("resnet18").float_points == ((8, 8),)
    assert RunRequest("resnet18", points=((4, 4), (2, 2))).float_points == ((4, 4), (2, 2))
