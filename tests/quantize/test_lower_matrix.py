import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import Accumulator, IntegerFormat, RescaleMode
from accelsim.errors import ConfigError, WorkloadError
from accelsim.network.given import QuantizedWeights
from accelsim.network.graph import Dense
from accelsim.network.integer import QuantizedTensor
from accelsim.quantize import MachineArithmetic, QuantizationSpec
from accelsim.quantize.lower_matrix import lower_matrix
from accelsim.quantize.weights import quantize_weights


def tensor(features, scale=0.02, zero_point=0, bits=8):
    return QuantizedTensor((features,), IntegerFormat(bits), scale, zero_point)


def dense(seed=0, outputs=3, inputs=20):
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(outputs, inputs)).astype(np.float32)
    return Dense(weights, generator.normal(size=outputs).astype(np.float32))


def lowered(operator, source, target, spec, clamp):
    """A dense layer whose weights are quantized here."""
    form = IntegerFormat(spec.weight_bits, restricted=True)
    weights = quantize_weights(
        operator.weights, operator.bias, source.scale, form, spec.per_channel
    )
    return lower_matrix("fc", operator, weights, source, target, spec, clamp)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 99),
    zero_point=st.integers(-128, 127),
    weight_bits=st.integers(2, 16),
    per_channel=st.booleans(),
)
def test_the_folded_bias_is_the_real_bias_less_the_zero_point(
    seed, zero_point, weight_bits, per_channel
):
    operator = dense(seed)
    source = tensor(20, zero_point=zero_point)
    spec = QuantizationSpec(weight_bits, 8, per_channel=per_channel)
    result = lowered(operator, source, tensor(3), spec, (-128, 127))
    integers = np.random.default_rng(seed).integers(-128, 128, 20)
    weights = result.weights[:, :, 0, 0].astype(np.int64)
    steps = result.bias + weights @ integers - weights @ (integers - zero_point)
    errors = steps * result.weight_scales * source.scale - operator.bias
    assert (np.abs(errors) <= 0.501 * result.weight_scales * source.scale).all()


def test_multipliers_bring_the_sum_to_the_output_scale():
    spec = QuantizationSpec(8, 8)
    result = lowered(dense(), tensor(20), tensor(3, 0.5), spec, (-1, 1))
    assert result.rescale.multipliers == pytest.approx(result.weight_scales * 0.02 / 0.5)
    assert result.rescale.mode is RescaleMode.SINGLE_ROUND
    assert (result.clamp_low, result.clamp_high) == (-1, 1)
    assert result.weights.shape == (3, 20, 1, 1)
    assert result.weight_format == IntegerFormat(8, restricted=True)


def test_float32_multipliers_are_formed_in_float32():
    spec = QuantizationSpec(8, 8, rescale_mode=RescaleMode.FLOAT32)
    result = lowered(dense(), tensor(20, 0.1), tensor(3, 0.3), spec, (-1, 1))
    scales = result.weight_scales.astype(np.float32)
    expected = np.float32(0.1) * scales / np.float32(0.3)
    assert (result.rescale.multipliers == expected.astype(np.float64)).all()


@pytest.mark.parametrize(
    ("bits", "accumulator_bits", "message"),
    [
        (
            8,
            16,
            "layer 'fc': bias 4876800 of output channel 1 (its zero point folded in) does not "
            "fit the 16-bit accumulator [-32768, 32767], as for 1 of 2 channels; use a wider "
            "accumulator, symmetric activations or fewer bits",
        ),
        (
            16,
            32,
            "layer 'fc': bias 322112716800 of output channel 1 (its zero point folded in) does "
            "not fit the 32-bit accumulator [-2147483648, 2147483647], as for 1 of 2 channels; "
            "use symmetric activations or fewer bits",
        ),
    ],
)
def test_a_bias_that_does_not_fit_is_refused(bits, accumulator_bits, message):
    weights = np.ones((2, 300), dtype=np.float32)
    weights[0] = 0.0
    weights[0, 0] = 1.0
    operator = Dense(weights, np.zeros(2, dtype=np.float32))
    spec = QuantizationSpec(bits, bits, accumulator=Accumulator(accumulator_bits))
    source = tensor(300, zero_point=-(1 << (bits - 1)), bits=bits)
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        lowered(operator, source, tensor(2), spec, (0, 1))


def given(operator, **fields):
    return QuantizedWeights(
        np.rint(operator.weights).astype(np.int32), IntegerFormat(8), np.array([0.5]), **fields
    )


def test_a_bias_that_is_not_finite_is_refused():
    operator = dense()
    operator.bias[0] = np.nan
    message = "layer 'fc': bias is NaN or infinite"
    with pytest.raises(WorkloadError, match=f"^{message}$"):
        lower_matrix(
            "fc", operator, given(operator), tensor(20), tensor(3), MachineArithmetic(), (0, 1)
        )


@pytest.mark.parametrize(("bias_scale", "factor"), [(0.01, 1), (0.01 * (1 + 1e-7), 1), (0.02, 2)])
def test_a_given_bias_is_taken_as_it_is_if_its_scale_is_that_of_the_sum(bias_scale, factor):
    operator = dense()
    steps = np.array([1 << 20, -7, 0])
    weights = given(operator, bias=steps, bias_scales=np.array([bias_scale]))
    source = tensor(20, zero_point=3)
    result = lower_matrix("fc", operator, weights, source, tensor(3), MachineArithmetic(), (0, 1))
    expected = steps * factor - 3 * weights.integers.sum(axis=1)
    assert np.array_equal(result.bias, expected)
    assert result.weight_format == IntegerFormat(8)
    assert np.array_equal(result.weights[:, :, 0, 0], weights.integers)


def moved(zero_points, integers, bits=8):
    """Weights as stored, with a zero point for each of three channels."""
    return QuantizedWeights(
        np.array(integers, np.int32),
        IntegerFormat(bits),
        np.array([0.5]),
        zero_points=np.array(zero_points),
    )


def test_row_sums_keep_zero_points_that_would_cost_a_bit():
    operator = dense()
    depth = operator.weights.shape[1]
    integers = np.resize([-128, 5, 127], (3, depth))
    weights, source = moved([3, -128, 0], integers), tensor(20, zero_point=7)
    kept = lower_matrix(
        "fc", operator, weights, source, tensor(3), MachineArithmetic(row_sums=True), (0, 1)
    )
    assert np.array_equal(kept.weights[:, :, 0, 0], integers)
    assert kept.weight_zero_points.tolist() == [3, -128, 0]
    assert kept.weight_format == IntegerFormat(8)
    wide = lower_matrix("fc", operator, weights, source, tensor(3), MachineArithmetic(), (0, 1))
    assert wide.weight_zero_points is None
    assert wide.weight_format == IntegerFormat(9)
    assert np.array_equal(wide.weights[:, :, 0, 0], weights.centred)
    assert np.array_equal(kept.bias, wide.bias)


@pytest.mark.parametrize("row_sums", [True, False])
def test_zero_points_that_cost_nothing_are_subtracted_beforehand(row_sums):
    operator = dense()
    integers = np.resize([-20, 5, 100], (3, operator.weights.shape[1]))
    result = lower_matrix(
        "fc",
        operator,
        moved([3, -20, 0], integers),
        tensor(20),
        tensor(3),
        MachineArithmetic(row_sums=row_sums),
        (0, 1),
    )
    assert result.weight_zero_points is None
    assert result.weight_format == IntegerFormat(8)
    assert np.array_equal(result.weights[:, :, 0, 0], integers - [[3], [-20], [0]])


def test_sixteen_bits_and_a_zero_point_need_row_sums():
    operator = dense()
    integers = np.full((3, operator.weights.shape[1]), 2**15 - 1)
    weights = moved([-1, -1, -1], integers, 16)
    message = (
        "layer 'fc': its weights less their zero points need 17 bits, at most 16 are supported; "
        "array.row_sums=true keeps them at 16"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        lower_matrix("fc", operator, weights, tensor(20), tensor(3), MachineArithmetic(), (0, 1))
    kept = lower_matrix(
        "fc", operator, weights, tensor(20), tensor(3), MachineArithmetic(row_sums=True), (0, 1)
    )
    assert kept.weight_zero_points.tolist() == [-1, -1, -1]
