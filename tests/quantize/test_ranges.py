import re

import numpy as np
import pytest

from accelsim.errors import DataError
from accelsim.quantize import (
    QuantizationSpec,
    Range,
    RangeMethod,
    observe_ranges,
    observed_tensors,
)


def test_only_tensors_that_are_formed_and_own_their_scale_are_observed(network):
    # a and d go into fused clamps, f and h keep their input's scale, y is made on the host.
    assert observed_tensors(network) == ("x", "b", "c", "e", "g", "i")


def test_min_max_is_the_smallest_and_the_largest_value(network, images, float_run):
    activations = float_run(network, images)
    ranges = observe_ranges(network, activations, QuantizationSpec(8, 8))
    assert tuple(ranges) == observed_tensors(network)
    for name, observed in ranges.items():
        values = activations[name]
        assert (observed.low, observed.high) == (values.min(), values.max())


def test_percentile_leaves_equal_tails(network):
    activations = {name: np.arange(1001.0) - 500 for name in observed_tensors(network)}
    spec = QuantizationSpec(8, 8, range_method=RangeMethod.PERCENTILE, percentile=98.0)
    ranges = observe_ranges(network, activations, spec)
    assert ranges["x"] == Range(-490.0, 490.0)


def test_the_hundredth_percentile_is_min_max(network, images, float_run):
    activations = float_run(network, images)
    spec = QuantizationSpec(8, 8, range_method=RangeMethod.PERCENTILE, percentile=100.0)
    expected = observe_ranges(network, activations, QuantizationSpec(8, 8))
    assert observe_ranges(network, activations, spec) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, "calibration: no activations of tensor 'c'"),
        (np.zeros((0, 8, 6, 6)), "calibration: tensor 'c' has no values: at least one image"),
        (
            np.array([0.0, np.nan, 1.0, np.inf]),
            "calibration: tensor 'c' has 2 values that are NaN or infinite of 4",
        ),
    ],
)
def test_activations_that_give_no_range_are_refused(network, images, float_run, values, message):
    activations = float_run(network, images)
    del activations["c"]
    if values is not None:
        activations["c"] = values
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        observe_ranges(network, activations, QuantizationSpec(8, 8))


@pytest.mark.parametrize("constant", [0.0, 0.5])
def test_images_that_are_all_the_same_value_are_refused(network, images, float_run, constant):
    activations = float_run(network, np.full_like(images, constant))
    message = (
        f"calibration: all {images.size:,} values of the images are {constant:g}: they say nothing "
        "of a range"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        observe_ranges(network, activations, QuantizationSpec(8, 8))


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(1.0, 0.0, "[1, 0]"), (float("nan"), 0.0, "[nan, 0]"), (0.0, float("inf"), "[0, inf]")],
)
def test_a_range_is_finite_and_ordered(low, high, text):
    message = f"range: must be finite with low <= high, got {text}"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        Range(low, high)
