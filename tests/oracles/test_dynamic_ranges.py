"""Ranges found at run time against onnxruntime: DynamicQuantizeLinear and integer products."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from accelsim.arithmetic import (
    Accumulator,
    IntegerFormat,
    RunTimeCodes,
    find_codes,
    run_time_integers,
)
from accelsim.golden import execute
from accelsim.golden.run_time import clamp_reals, matrix_reals
from accelsim.network.geometry import Window
from accelsim.network.integer import IntegerLayer, IntegerNetwork, QuantizedTensor
from accelsim.network.run_time import RunTimeMatrix, RunTimeRange

UINT8 = IntegerFormat(8, signed=False)
FLOAT, BYTE = TensorProto.FLOAT, TensorProto.UINT8


def session(nodes, inputs, outputs, constants=()):
    graph = helper.make_graph(
        nodes,
        "witness",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs],
        [numpy_helper.from_array(values, name) for name, values in constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


@pytest.fixture(scope="module")
def dynamic_quantize():
    node = helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero_point"])
    outputs = [("q", BYTE), ("scale", FLOAT), ("zero_point", BYTE)]
    return session([node], [("x", FLOAT, [None])], outputs)


def cases():
    random = np.random.default_rng(0)
    yield np.zeros(5)
    yield np.array([3.0])
    yield np.array([-3.0])
    for spread in (1e-6, 0.1, 3.0, 1e8):
        for _ in range(50):
            values = random.normal(random.normal(), spread, random.integers(1, 400))
            yield values
            yield np.maximum(values, 0.0)


def test_scales_and_zero_points_are_those_of_dynamic_quantize_linear(dynamic_quantize):
    ties = total = 0
    for values in cases():
        words = values.astype(np.float32)
        q, scale, zero_point = dynamic_quantize.run(None, {"x": words})
        codes = find_codes(words[np.newaxis], UINT8)
        assert codes.scales[0] == scale
        assert codes.zero_points[0] == zero_point
        integers = run_time_integers(words[np.newaxis], codes, UINT8)[0]
        # The reciprocal's rounding shows next to ties only, by one step.
        different = integers != q
        assert np.abs(integers - q).max() <= 1
        fractions = np.abs(words.astype(np.float64) / float(scale)) % 1.0
        assert (np.abs(fractions[different] - 0.5) < 1e-4).all()
        ties += int(different.sum())
        total += different.size
    assert ties < 0.001 * total


def test_signed_integers_are_the_unsigned_ones_shifted(dynamic_quantize):
    for values in cases():
        words = values.astype(np.float32)[np.newaxis]
        unsigned, signed = find_codes(words, UINT8), find_codes(words, IntegerFormat(8))
        assert signed.scales == unsigned.scales
        assert signed.zero_points == unsigned.zero_points - 128


def matrix(random, out, channels, window, low):
    return RunTimeMatrix(
        weights=random.integers(-127, 128, (out, channels, *window.kernel)).astype(np.int32),
        weight_format=IntegerFormat(8, restricted=True),
        weight_scales=random.uniform(0.001, 0.02, out).astype(np.float32),
        real_bias=random.normal(size=out).astype(np.float32),
        window=window,
        groups=1,
        range=RunTimeRange(low, 2.0**126, False, "step"),
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1)])
def test_real_results_are_those_of_conv_integer(seed, pads):
    random = np.random.default_rng(seed)
    operator = matrix(random, 6, 3, Window((3, 3), (2, 1), pads), 0.0)
    inputs = random.integers(0, 256, (1, 3, 9, 8))
    scale, zero_point = np.float32(random.uniform(0.01, 0.1)), int(random.integers(0, 256))
    nodes = [
        helper.make_node("ConvInteger", ["q", "w", "z"], ["sums"], strides=[2, 1], pads=pads),
        helper.make_node("Cast", ["sums"], ["real_sums"], to=FLOAT),
        helper.make_node("Mul", ["s", "ws"], ["factors"]),
        helper.make_node("Mul", ["real_sums", "factors"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["shifted"]),
        helper.make_node("Relu", ["shifted"], ["y"]),
    ]
    constants = [
        ("w", operator.weights.astype(np.int8)),
        ("ws", operator.weight_scales.reshape(1, -1, 1, 1)),
        ("bias", operator.real_bias.reshape(1, -1, 1, 1)),
    ]
    given = [("q", BYTE, [1, 3, 9, 8]), ("s", FLOAT, []), ("z", BYTE, [])]
    (expected,) = session(nodes, given, [("y", FLOAT)], constants).run(
        None,
        {
            "q": inputs.astype(np.uint8),
            "s": np.asarray(scale),
            "z": np.asarray(zero_point, np.uint8),
        },
    )
    codes = RunTimeCodes.same(float(scale), zero_point, 1)
    reals, _ = matrix_reals(operator, inputs, codes, Accumulator())
    assert np.array_equal(clamp_reals(reals, operator.range)[0], expected)


def test_a_network_of_dense_layers_is_onnxruntimes():
    random = np.random.default_rng(7)
    window = Window((1, 1))
    first, second = matrix(random, 24, 16, window, 0.0), matrix(random, 10, 24, window, -(2.0**126))
    tensors = {
        "x": QuantizedTensor((16,), UINT8, 0.03, 120),
        "hidden": QuantizedTensor((24,), UINT8, 0.0, 0, at_run_time=True),
        "y": QuantizedTensor((10,), UINT8, 0.0, 0, at_run_time=True),
    }
    layers = (
        IntegerLayer("a", first, ("x",), "hidden"),
        IntegerLayer("b", second, ("hidden",), "y"),
    )
    integer = IntegerNetwork("dense", "x", "y", layers, tensors, Accumulator())

    def product(name, inputs, result):
        q, scale, zero_point = inputs
        return [
            helper.make_node("MatMulInteger", [q, f"w{name}", zero_point], [f"sums{name}"]),
            helper.make_node("Cast", [f"sums{name}"], [f"reals{name}"], to=FLOAT),
            helper.make_node("Mul", [scale, f"ws{name}"], [f"factors{name}"]),
            helper.make_node("Mul", [f"reals{name}", f"factors{name}"], [f"scaled{name}"]),
            helper.make_node("Add", [f"scaled{name}", f"bias{name}"], [result]),
        ]

    nodes = [
        *product("a", ("x", "s", "z"), "shifted"),
        helper.make_node("Relu", ["shifted"], ["ra"]),
        helper.make_node("DynamicQuantizeLinear", ["ra"], ["qa", "sa", "za"]),
        *product("b", ("qa", "sa", "za"), "rb"),
        helper.make_node("DynamicQuantizeLinear", ["rb"], ["qb", "sb", "zb"]),
    ]
    constants = [("s", np.float32(0.03)), ("z", np.uint8(120))]
    for name, operator in (("a", first), ("b", second)):
        constants += [
            (f"w{name}", operator.weights[:, :, 0, 0].T.astype(np.int8).copy()),
            (f"ws{name}", operator.weight_scales),
            (f"bias{name}", operator.real_bias),
        ]
    witness = session(
        nodes, [("x", BYTE, [1, 16])], [("qb", BYTE), ("sb", FLOAT), ("zb", BYTE)], constants
    )
    same = 0
    for _ in range(50):
        inputs = random.integers(0, 256, (1, 16))
        q, scale, zero_point = witness.run(None, {"x": inputs.astype(np.uint8)})
        run = execute(integer, inputs.astype(np.int32))
        is_same = np.array_equal(run.outputs, q)
        if is_same:
            assert run.codes["y"].scales[0] == scale
            assert run.codes["y"].zero_points[0] == zero_point
        same += is_same
    # A tie in one image may round the other way.
    assert same >= 49
