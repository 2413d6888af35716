"""quantize and dequantize against onnxruntime's QuantizeLinear and DequantizeLinear."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from accelsim.arithmetic import IntegerFormat, dequantize, quantize

FORMATS = {
    TensorProto.INT8: (IntegerFormat(8), np.int8),
    TensorProto.UINT8: (IntegerFormat(8, signed=False), np.uint8),
}


def run(operator, element_type, result_type, *inputs):
    names = ["x", "scale", "zero_point"]
    types = [element_type, TensorProto.FLOAT]
    types.append(result_type if operator == "QuantizeLinear" else element_type)
    graph = helper.make_graph(
        [helper.make_node(operator, names, ["y"])],
        operator,
        [
            helper.make_tensor_value_info(name, type_, [None] if name == "x" else [])
            for name, type_ in zip(names, types, strict=True)
        ],
        [helper.make_tensor_value_info("y", result_type, [None])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, dict(zip(names, map(np.asarray, inputs), strict=True)))[0]


@pytest.mark.parametrize("element_type", list(FORMATS))
@pytest.mark.parametrize("scale", [1.0, 0.1, 0.0078431377, 3.7e-5, 123.4])
def test_quantize_is_quantize_linear(element_type, scale):
    format, dtype = FORMATS[element_type]
    random = np.random.default_rng(int(scale * 1e6) % 1000)
    for zero_point in (format.low, 3, format.high):
        ties = (np.arange(-300, 300) + 0.5) * scale
        spread = random.normal(0, 60 * scale, 20_000)
        x = np.concatenate([ties, spread, [-np.inf, np.inf, 0.0]]).astype(np.float32)
        expected = run(
            "QuantizeLinear",
            TensorProto.FLOAT,
            element_type,
            x,
            np.float32(scale),
            dtype(zero_point),
        )
        assert np.array_equal(quantize(x, scale, zero_point, format), expected)


@pytest.mark.parametrize("element_type", list(FORMATS))
@pytest.mark.parametrize("scale", [1.0, 0.1, 3.7e-5])
def test_dequantize_is_dequantize_linear(element_type, scale):
    format, dtype = FORMATS[element_type]
    q = np.arange(format.low, format.high + 1).astype(dtype)
    for zero_point in (format.low, 3, format.high):
        expected = run(
            "DequantizeLinear",
            element_type,
            TensorProto.FLOAT,
            q,
            np.float32(scale),
            dtype(zero_point),
        )
        got = dequantize(q, scale, zero_point)
        assert got.dtype == expected.dtype
        assert np.array_equal(got, expected)
