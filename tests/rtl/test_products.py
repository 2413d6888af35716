import numpy as np
import pytest

from accelsim.arithmetic import Accumulator, IntegerFormat
from accelsim.errors import ConfigError, UnsupportedOperatorError
from accelsim.frontend.export import quantized_model
from accelsim.hardware import load_hardware
from accelsim.network import (
    IntegerLayer,
    IntegerNetwork,
    QuantizedTensor,
    RunTimeMatrix,
    RunTimeRange,
    Window,
)
from accelsim.rtl.products import layer_product


@pytest.fixture
def dynamic():
    operator = RunTimeMatrix(
        weights=np.ones((3, 2, 1, 1), np.int32),
        weight_format=IntegerFormat(8),
        weight_scales=np.ones(1, np.float32),
        real_bias=np.zeros(3, np.float32),
        window=Window((1, 1)),
        groups=1,
        range=RunTimeRange(0.0, 1.0, False, "dense:quantize"),
    )
    tensors = {
        "x": QuantizedTensor((2,), IntegerFormat(8), 0.5, 0),
        "y": QuantizedTensor((3,), IntegerFormat(8), 0.0, 0, at_run_time=True),
    }
    layers = (IntegerLayer("dense", operator, ("x",), "y"),)
    return IntegerNetwork("net", "x", "y", layers, tensors, Accumulator())


def test_a_layer_that_finds_its_range_is_refused(dynamic):
    machine = load_hardware("edge_4x4")
    with pytest.raises(ConfigError) as caught:
        layer_product(dynamic, "dense", np.zeros((1, 2), np.int32), machine, 4)
    assert str(caught.value) == (
        "--layer: 'dense' finds its range at run time, which the RTL's rescale lane does not; "
        "quantize the network with a calibrated range"
    )


def test_it_is_not_written_as_onnx_either(dynamic):
    with pytest.raises(UnsupportedOperatorError) as caught:
        quantized_model(dynamic)
    assert str(caught.value) == (
        "layer 'dense': finds its range at run time, which no quantizer with a stored scale does; "
        "quantize the network with a calibrated range"
    )
