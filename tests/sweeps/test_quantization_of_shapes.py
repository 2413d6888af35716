"""Networks of shapes in a space that says how networks become integers."""

import re
from dataclasses import replace

import pytest

from accelsim.errors import ConfigError
from accelsim.sweeps.inputs import read_inputs
from accelsim.sweeps.load_space import load_space
from accelsim.sweeps.plan import expected_points
from accelsim.sweeps.space import Strategy
from accelsim.sweeps.strategies import strategy_for

SPACE = """schema: accelsim.space/1
name: shapes
{network}
axes:
  bits: [8, 4]
{axes}
objectives: [energy, cycles]
"""
ALONE = "network: resnet18"
AXIS = "leave this axis out"


@pytest.mark.parametrize(
    ("network", "axes", "message"),
    [
        (
            ALONE,
            "  quantization.range_method: [min_max, dynamic]",
            f"axes.quantization.range_method: resnet18 has no values to be quantized; {AXIS}",
        ),
        (
            ALONE,
            "  quantization.weight_rounding: [nearest, adaround]",
            f"axes.quantization.weight_rounding: resnet18 has no values to be quantized; {AXIS}",
        ),
        (
            f"{ALONE}\nquantization: {{weight_rounding: adaround}}",
            "",
            "quantization: resnet18 has no values to be quantized; leave it out",
        ),
        (
            "quantization: {group_size: 16}",
            "  network: [digits_mlp, resnet18]",
            "quantization: resnet18 has no values to be quantized; leave it out",
        ),
        (
            "",
            "  network: [digits_mlp, resnet18]\n  quantization.asymmetric_weights: [false, true]",
            f"axes.quantization.asymmetric_weights: resnet18 has no values to be quantized; {AXIS}",
        ),
    ],
)
def test_what_would_change_nothing_or_be_left_out_of_the_costs_is_refused(
    tmp_path, network, axes, message
):
    path = tmp_path / "space.yaml"
    path.write_text(SPACE.format(network=network, axes=axes), "utf-8")
    with pytest.raises(ConfigError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_inputs(load_space(path))


def test_beside_a_network_with_values_other_choices_stay(tmp_path):
    path = tmp_path / "space.yaml"
    axes = "  network: [digits_mlp, resnet18]\n  quantization.weight_rounding: [nearest, adaround]"
    path.write_text(SPACE.format(network="", axes=axes), "utf-8")
    space = read_inputs(load_space(path)).space
    assert space.networks == ("digits_mlp", "resnet18")
    assert space.shapes_beside_values == ("resnet18",)


def test_no_design_of_shapes_is_run_twice(tmp_path):
    path = tmp_path / "space.yaml"
    axes = (
        "  network: [digits_mlp, mlperf_tiny_autoencoder]\n"
        "  quantization.weight_rounding: [nearest, stochastic, adaround]\n"
        "  quantization.equalize: [false, true]"
    )
    path.write_text(SPACE.format(network="", axes=axes), "utf-8")
    space = load_space(path)
    designs = [space.settings(choice) for choice in space.grid()]
    assert space.size == 2 * 2 * 3 * 2
    assert expected_points(space) == len(designs) == 2 * 6 + 2
    shapes = [one for one in designs if one["network"] == "mlperf_tiny_autoencoder"]
    assert [one["bits"] for one in shapes] == ["w8a8", "w4a4"]
    for one in shapes:
        assert one["quantization.weight_rounding"] == "nearest"
        assert one["quantization.equalize"] is False
    for method in ("random", "latin_hypercube"):
        sampled = replace(space, strategy=Strategy(method, 14))
        assert set(strategy_for(sampled).ask(14)) == set(space.grid())
