import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import IntegerFormat
from accelsim.quantize.observers import WEIGHT_METHODS
from accelsim.quantize.weights import quantize_weights

bits = st.integers(2, 16)


def weights_of(seed, channels=4):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(channels, 2, 3, 3)).astype(np.float32)


def quantized(weights, form, per_channel=True, bias=None, input_scale=0.02):
    bias = np.zeros(len(weights), dtype=np.float32) if bias is None else bias
    return quantize_weights(weights, bias, input_scale, form, per_channel)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(seed=st.integers(0, 99), bits=bits, restricted=st.booleans(), per_channel=st.booleans())
def test_every_weight_is_within_half_a_step(seed, bits, restricted, per_channel):
    weights = weights_of(seed)
    form = IntegerFormat(bits, restricted=restricted)
    result = quantized(weights, form, per_channel)
    assert result.integers.dtype == np.int32
    assert result.integers.shape == weights.shape
    assert result.scales.shape == ((4,) if per_channel else (1,))
    assert form.low <= result.integers.min()
    assert result.integers.max() <= form.high
    scales = result.scales.reshape(-1, 1, 1, 1)
    errors = np.abs(result.integers * scales - weights)
    # A full range ends half a step beyond its largest code.
    assert (errors <= 0.5001 * scales).all()


@given(bits=bits)
def test_the_largest_weight_takes_the_largest_code_of_a_restricted_range(bits):
    form = IntegerFormat(bits, restricted=True)
    weights = np.array([[-3.0, 1.0], [0.5, 0.25]], dtype=np.float32)
    assert quantized(weights, form).integers[:, 0].tolist() == [form.low, form.high]
    assert quantized(weights, form, per_channel=False).integers[0, 0] == form.low


def test_scales_are_float32_numbers():
    scales = quantized(weights_of(3), IntegerFormat(8, restricted=True)).scales
    assert scales.dtype == np.float64
    assert (scales == scales.astype(np.float32)).all()


def test_a_dead_channel_takes_the_scale_of_the_whole_layer():
    weights = weights_of(0)
    weights[2] = 0.0
    form = IntegerFormat(8, restricted=True)
    result = quantized(weights, form)
    assert (result.integers[2] == 0).all()
    assert result.scales[2] == quantized(weights, form, per_channel=False).scales[0]


@pytest.mark.parametrize("per_channel", [True, False])
def test_a_dead_layer_takes_the_scale_of_one(per_channel):
    weights = np.zeros((2, 3), dtype=np.float32)
    result = quantized(weights, IntegerFormat(8, restricted=True), per_channel)
    assert (result.integers == 0).all()
    assert result.scales == pytest.approx(1 / 127)


@pytest.mark.parametrize("tiny", [1e-12, 1e-30, 1e-44])
def test_a_tiny_channel_leaves_its_bias_room_in_int32(tiny):
    weights = np.array([[1.0], [tiny]], dtype=np.float32)
    bias = np.array([0.5, -0.5], dtype=np.float32)
    result = quantized(weights, IntegerFormat(8, restricted=True), bias=bias)
    assert result.scales[0] == pytest.approx(1 / 127)
    assert abs(bias[1]) / (result.scales[1] * 0.02) == pytest.approx(2**30, rel=1e-6)


def asymmetric(weights, form, per_channel=True, bias=None, **choices):
    bias = np.zeros(len(weights), dtype=np.float32) if bias is None else bias
    return quantize_weights(weights, bias, 0.02, form, per_channel, symmetric=False, **choices)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 99),
    bits=bits,
    per_channel=st.booleans(),
    shift=st.floats(-2, 2),
    method=st.sampled_from(WEIGHT_METHODS),
)
def test_both_ends_of_an_asymmetric_range_are_used(seed, bits, per_channel, shift, method):
    weights = weights_of(seed) + np.float32(shift)
    form = IntegerFormat(bits)
    result = asymmetric(weights, form, per_channel, method=method, percent=90.0)
    assert result.integers.dtype == np.int32
    assert result.zero_points.dtype == np.int64
    assert result.zero_points.shape == result.scales.shape == ((4,) if per_channel else (1,))
    for integers in (result.integers, result.zero_points):
        assert form.low <= integers.min()
        assert integers.max() <= form.high
    scales = result.scales.reshape(-1, 1, 1, 1)
    low, high = (
        (end - result.zero_points.reshape(scales.shape)) * scales for end in (form.low, form.high)
    )
    # Within the clip range, half a step; and what was an integer before is it again.
    inside = (weights >= low) & (weights <= high)
    errors = np.abs(result.centred * scales - weights)
    assert (errors <= 0.5001 * scales + 1e-6)[inside].all()
    if method == "min_max":
        assert (errors <= 1.0001 * scales).all()
    real = (result.centred * scales).astype(np.float32)
    again = np.rint(real / scales) + result.zero_points.reshape(scales.shape)
    assert np.array_equal(again, result.integers)


def test_a_range_beside_zero_reaches_to_it():
    weights = np.array([[1.0, 2.55], [-2.55, -1.0]], dtype=np.float32)
    result = asymmetric(weights, IntegerFormat(8))
    assert result.zero_points.tolist() == [-128, 127]
    assert result.scales == pytest.approx([0.01, 0.01])
    assert result.integers.tolist() == [[-28, 127], [-128, 27]]


def test_steps_of_one_sided_weights_are_half_as_long_as_symmetric_ones():
    weights = np.abs(weights_of(5))
    fine = asymmetric(weights, IntegerFormat(4))
    coarse = quantized(weights, IntegerFormat(4, restricted=True))
    assert fine.scales == pytest.approx(coarse.scales * 7 / 15)


@pytest.mark.parametrize("per_channel", [True, False])
def test_dead_channels_and_layers_have_zero_points_too(per_channel):
    weights = weights_of(0)
    weights[2] = 0.0
    result = asymmetric(weights, IntegerFormat(8), per_channel)
    assert (result.centred[2] == 0).all()
    if per_channel:
        assert result.scales[2] == asymmetric(weights, IntegerFormat(8), False).scales[0]
    dead = asymmetric(np.zeros((2, 3), np.float32), IntegerFormat(8), per_channel)
    assert (dead.centred == 0).all()
    assert dead.scales == pytest.approx(1 / 255)


def test_a_bias_too_large_for_tiny_weights_makes_their_steps_longer():
    weights = np.full((1, 2), 1e-12, dtype=np.float32)
    bias = np.ones(1, dtype=np.float32)
    result = asymmetric(weights, IntegerFormat(8), bias=bias)
    assert np.abs(bias / (result.scales * 0.02)).max() <= 1.0001 * 2**30
    assert result.zero_points.tolist() == [-128]
