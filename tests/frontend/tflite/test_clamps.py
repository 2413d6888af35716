import pytest

from accelsim.arithmetic import IntegerFormat
from accelsim.frontend.tflite.clamps import activation_clamp
from accelsim.network import QuantizedTensor


@pytest.mark.parametrize(
    ("activation", "scale", "zero_point", "expected"),
    [
        ("NONE", 0.1, 5, (-128, 127)),
        ("RELU", 0.1, 5, (5, 127)),
        ("RELU", 0.1, -128, (-128, 127)),
        ("RELU6", 0.1, -100, (-100, -40)),
        ("RELU6", 0.1, 100, (100, 127)),
        ("RELU_N1_TO_1", 0.1, 0, (-10, 10)),
        ("RELU_N1_TO_1", 0.4, 0, (-3, 3)),  # 2.5 in float32: halves go away from zero
        ("RELU6", 4.0, 0, (0, 2)),  # 1.5
        ("RELU6", 1e-45, -3, (-3, 127)),  # 6 / scale is beyond float32
        ("RELU_N1_TO_1", 1e-45, 0, (-128, 127)),
    ],
)
def test_the_ends_of_an_activation_in_integers(activation, scale, zero_point, expected):
    tensor = QuantizedTensor((1,), IntegerFormat(8), scale, zero_point)
    assert activation_clamp(activation, tensor) == expected
