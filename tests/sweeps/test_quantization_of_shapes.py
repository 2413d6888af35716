"""Networks of shapes in a space that says how networks become integers."""

import re

import pytest

from accelsim.errors import ConfigError
from accelsim.sweeps.inputs import read_inputs
from accelsim.sweeps.load_space import load_space

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
    assert set(read_inputs(load_space(path)).sources) == {"digits_mlp", "resnet18"}
