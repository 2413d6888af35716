import re

import numpy as np
import pytest

from accelsim.arithmetic import Accumulator, IntegerFormat, Rounding
from accelsim.errors import DataError
from accelsim.network import IntegerNetwork, QuantizedTensor
from accelsim.quantize import (
    QuantizationSpec,
    Range,
    dequantize_output,
    observed_tensors,
    quantize_input,
    quantize_network,
)
from accelsim.quantize.host import softmax


@pytest.fixture
def integer(network):
    ranges = {name: Range(-1.0, 1.55) for name in observed_tensors(network)}
    return quantize_network(network, ranges, QuantizationSpec(8, 8))


def test_inputs_become_integers_and_saturate(integer):
    images = np.zeros((2, 2, 6, 6), dtype=np.float32)
    images[1, 0, 0] = [-9.0, -1.0, 0.1, 1.55, 9.0, 0.004]
    integers = quantize_input(integer, images)
    assert integers.dtype == np.int32
    assert (integers[0] == -28).all()
    assert integers[1, 0, 0].tolist() == [-128, -128, -18, 127, 127, -28]


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [(Rounding.HALF_EVEN, [-2, -2, 0, 0, 2, 2]), (Rounding.HALF_AWAY, [-3, -2, -1, 1, 2, 3])],
)
def test_ties_of_inputs_are_rounded_as_the_network_says(rounding, expected):
    tensor = QuantizedTensor((6,), IntegerFormat(8), 0.5, 0)
    integer = IntegerNetwork(
        "ties", "x", "x", (), {"x": tensor}, Accumulator(), input_rounding=rounding
    )
    images = np.array([[-1.25, -0.75, -0.25, 0.25, 0.75, 1.25]], dtype=np.float32)
    assert quantize_input(integer, images).tolist() == [expected]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            np.zeros((2, 1, 8, 8), dtype=np.float32),
            "images: shape of one image must be (2, 6, 6) for network 'residual', got (1, 8, 8)",
        ),
        (
            np.full((1, 2, 6, 6), np.inf, dtype=np.float32),
            "images: values are NaN or infinite",
        ),
    ],
)
def test_images_that_do_not_fit_are_refused(integer, images, message):
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        quantize_input(integer, images)


def test_softmax_is_applied_after_dequantization(integer):
    outputs = np.array([[-28, -28, -28, -28, 72]], dtype=np.int32)
    weights = np.exp([0.0, 0.0, 0.0, 0.0, 1.0])
    result = dequantize_output(integer, outputs)
    assert result.dtype == np.float32
    assert result[0] == pytest.approx(weights / weights.sum(), rel=1e-5)


def test_without_host_layers_the_output_is_dequantized_only(make_network):
    network = make_network(softmax=False)
    ranges = {name: Range(-1.0, 1.55) for name in observed_tensors(network)}
    integer = quantize_network(network, ranges, QuantizationSpec(8, 8))
    outputs = np.array([[-128, -28, 0, 72, 127]], dtype=np.int32)
    assert dequantize_output(integer, outputs)[0] == pytest.approx([-1, 0, 0.28, 1, 1.55], rel=1e-5)


def test_softmax_of_large_values_does_not_overflow():
    values = np.array([[1e4, 0.0], [-1e4, -1e4]], dtype=np.float32)
    assert softmax(values).tolist() == [[1.0, 0.0], [0.5, 0.5]]
