import re

import pytest

from accelsim.arithmetic import Accumulator, Overflow, RescaleMode
from accelsim.errors import ConfigError
from accelsim.quantize import QuantizationSpec, RangeMethod


def test_defaults_are_those_of_the_design():
    spec = QuantizationSpec(8, 4)
    assert (spec.weight_bits, spec.activation_bits) == (8, 4)
    assert spec.per_channel
    assert spec.restricted_weights
    assert spec.signed_activations
    assert not spec.symmetric_activations
    assert spec.range_method is RangeMethod.MIN_MAX
    assert spec.rescale_mode is RescaleMode.SINGLE_ROUND
    assert spec.accumulator == Accumulator(32, Overflow.WRAP)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weight_bits": 0}, "weight_bits: must be 2 to 16, got 0"),
        ({"weight_bits": 17}, "weight_bits: must be 2 to 16, got 17"),
        ({"activation_bits": 1}, "activation_bits: must be 2 to 16, got 1"),
        ({"activation_bits": 17}, "activation_bits: must be 2 to 16, got 17"),
        ({"percentile": 0.0}, "percentile: must be above 0 and at most 100 percent, got 0"),
        (
            {"percentile": 100.5},
            "percentile: must be above 0 and at most 100 percent, got 100.5",
        ),
        (
            {"percentile": float("nan")},
            "percentile: must be above 0 and at most 100 percent, got nan",
        ),
        (
            {"range_method": "entropy"},
            "range_method: must be one of min_max, moving_average, percentile, mse, kl, octav, "
            "cross_entropy, dynamic, got 'entropy'",
        ),
        (
            {"weight_range_method": "moving_average"},
            "weight_range_method: must be one of min_max, percentile, mse, kl, octav, "
            "got 'moving_average'",
        ),
        (
            {"rescale_mode": "float16"},
            "rescale_mode: must be one of double_round, single_round, float32, truncate, "
            "got 'float16'",
        ),
        ({"mantissa_bits": 24}, "mantissa_bits: must be 16 or 32, got 24"),
    ],
)
def test_values_out_of_range_are_refused(fields, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        QuantizationSpec(**{"weight_bits": 8, "activation_bits": 8} | fields)


@pytest.mark.parametrize("bits", [2, 16])
def test_the_ends_of_the_widths_are_allowed(bits):
    assert QuantizationSpec(bits, bits, percentile=100.0).weight_bits == bits


def test_names_of_methods_and_modes_become_members():
    spec = QuantizationSpec(8, 8, range_method="percentile", rescale_mode="float32")
    assert spec.range_method is RangeMethod.PERCENTILE
    assert spec.rescale_mode is RescaleMode.FLOAT32
