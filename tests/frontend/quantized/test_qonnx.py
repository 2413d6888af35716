import numpy as np
import pytest

from accelsim.arithmetic import IntegerFormat
from accelsim.errors import WorkloadError
from accelsim.network import QuantizedTensor
from accelsim.quantize import MachineArithmetic, quantize_as_given

PARTS = {
    "s": np.float32(0.5),
    "z": np.float32(0),
    "z3": np.float32(3),
    "four": np.float32(4),
    "three": np.float32(3),
    "w": np.array([[0.3, -0.75, 9.0], [0.25, -9.0, 0.1]], np.float32),
    "ws": np.array([[0.1], [0.5]], np.float32),
}
KINDS = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
INPUT = ("Quant", ["x", "s", "z", "four"], "xq", KINDS)
WEIGHTS = ("Quant", ["w", "ws", "z", "three"], "wq", KINDS | {"narrow": 1})
GEMM = ("Gemm", ["xq", "wq"], "y", {"transB": 1})
OUTPUT = ("Quant", ["y", "s", "z3", "four"], "yq", KINDS | {"signed": 0})


def test_bits_signs_and_ranges_are_those_of_the_nodes(load):
    model = load([INPUT, WEIGHTS, GEMM, OUTPUT], PARTS, (3,))
    assert model.given.tensors == {
        "x": QuantizedTensor((3,), IntegerFormat(4), 0.5, 0),
        "y": QuantizedTensor((2,), IntegerFormat(4, signed=False), 0.5, 3),
    }
    weights = model.given.weights["y"]
    # 0.25 / 0.5 is a tie and goes to the even 0; 9 is clipped to the narrow range.
    assert weights.integers.tolist() == [[3, -3, 3], [0, -3, 0]]
    assert weights.format == IntegerFormat(3, restricted=True)
    assert model.report.quantization.operators == ("Quant",)
    integer = quantize_as_given(model.network, model.given, MachineArithmetic())
    assert integer.layers[0].operator.clamp_high == 15


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("ROUND", [0, 2, 2, -2]),
        ("HALF_UP", [1, 2, 3, -2]),
        ("FLOOR", [0, 1, 2, -3]),
        ("ROUND_TO_ZERO", [0, 1, 2, -2]),
        ("CEIL", [1, 2, 3, -2]),
    ],
)
def test_weights_are_rounded_as_the_node_says(load, mode, expected):
    values = {"w": np.array([[0.25, 0.75, 1.25, -1.25]], np.float32)}
    weights = ("Quant", ["w", "s", "z", "four"], "wq", KINDS | {"rounding_mode": mode})
    output = ("Quant", ["y", "s", "z3", "four"], "yq", KINDS)
    model = load([INPUT, weights, GEMM, output], PARTS | values, (4,))
    assert model.given.weights["y"].integers.tolist() == [expected]


def test_a_clamp_before_the_quantizer_is_fused(load):
    nodes = [INPUT, WEIGHTS, (*GEMM[:2], "a", GEMM[3]), ("Relu", ["a"], "y"), OUTPUT]
    model = load(nodes, PARTS, (3,))
    integer = quantize_as_given(model.network, model.given, MachineArithmetic())
    (layer,) = integer.layers
    assert (layer.output, layer.operator.clamp_low) == ("y", 3)


REFUSED = [
    ({"s": np.float32(-1)}, {}, "node 'xq' (Quant): scale 's' must be positive and finite, got -1"),
    (
        {"four": np.float32(17)},
        {},
        "node 'xq' (Quant): must make integers of 2 to 16 bits, makes int17",
    ),
    (
        {"four": np.float32(1)},
        {},
        "node 'xq' (Quant): bit-width must be a whole number from 2 to 16, got 1",
    ),
    (
        {"four": np.float32(2.5)},
        {},
        "node 'xq' (Quant): bit-width must be a whole number from 2 to 16, got 2.5",
    ),
    (
        {"z": np.float32(8)},
        {},
        "node 'xq' (Quant): zero point must be a whole number from -8 to 7, got 8",
    ),
    ({"z": np.float32(np.nan)}, {}, "node 'xq' (Quant): zero point must be finite, got nan"),
    (
        {"s": np.ones(3, np.float32)},
        {},
        "node 'xq' (Quant): 3 scales for a tensor that is computed; one is supported",
    ),
    (
        {"ws": np.ones((2, 3), np.float32)},
        {},
        "node 'wq' (Quant): scales [2, 3] do not fit one axis of [2, 3]",
    ),
    (
        {},
        {"rounding_mode": "FLOOR"},
        "node 'xq' (Quant): rounding_mode of a computed tensor must be ROUND",
    ),
    (
        {},
        {"rounding_mode": "DICE"},
        "node 'xq' (Quant): rounding_mode must be one of ROUND, "
        "HALF_EVEN, HALF_UP, CEIL, FLOOR, DOWN, ROUND_TO_ZERO, got DICE",
    ),
    (
        {},
        {"signed": 0, "narrow": 1},
        "node 'xq' (Quant): narrow is supported for signed integers only",
    ),
]


@pytest.mark.parametrize(("changes", "attributes", "message"), REFUSED, ids=range(len(REFUSED)))
def test_quantizers_that_cannot_be(load, tmp_path, changes, attributes, message):
    nodes = [(*INPUT[:3], KINDS | attributes), WEIGHTS, GEMM, OUTPUT]
    with pytest.raises(WorkloadError) as caught:
        load(nodes, PARTS | changes, (3,))
    assert str(caught.value) == f"{tmp_path / 'net.onnx'}: {message}"
