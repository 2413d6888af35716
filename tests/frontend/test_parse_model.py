import numpy as np
import pytest
from onnx import TensorProto, helper

from accelsim.errors import UnsupportedOperatorError, WorkloadError
from accelsim.frontend import load_onnx
from accelsim.frontend.parse_model import parse_model

SUPPORTED = (
    "Add, AveragePool, BatchNormalization, Cast, Clip, Concat, Constant, Conv, DequantizeLinear, "
    "Div, Dropout, Flatten, Gather, Gemm, GlobalAveragePool, Identity, MatMul, Max, MaxPool, Min, "
    "Mul, Pad, QGemm, QLinearAdd, QLinearAveragePool, QLinearConv, QLinearGlobalAveragePool, "
    "QLinearMatMul, QLinearSoftmax, Quant, QuantizeLinear, ReduceMean, ReduceProd, Relu, Reshape, "
    "Shape, Slice, Softmax, Squeeze, Sub, Sum, Transpose, Unsqueeze"
)

FIX = (
    "all but the first must be fixed numbers: "
    "use python -m onnxruntime.tools.make_dynamic_shape_fixed"
)


def refused(model, kind=WorkloadError):
    with pytest.raises(WorkloadError) as caught:
        parse_model(model)
    assert type(caught.value) is kind
    return str(caught.value)


def test_all_unsupported_nodes_at_once_with_the_file(save):
    nodes = [
        ("Sigmoid", ["x"], "a"),
        ("Tanh", ["a"], "b"),
        ("Relu", ["b"], "c"),
        ("Sigmoid", ["c"], "d"),
    ]
    path = save(nodes, {}, (3,))
    with pytest.raises(UnsupportedOperatorError) as caught:
        load_onnx(path)
    assert str(caught.value) == (
        f"{path}: operator Sigmoid is not supported: nodes 'a', 'd'\n"
        f"{path}: operator Tanh is not supported: node 'b'\n"
        f"{path}: supported operators: {SUPPORTED}"
    )


def test_an_operator_of_another_domain_is_named_with_it(model_of):
    model = model_of([("Relu", ["x"], "y")], {}, (3,))
    model.graph.node[0].domain = "com.microsoft"
    model.graph.node[0].name = ""
    assert refused(model, UnsupportedOperatorError) == (
        "operator com.microsoft.Relu is not supported: node 'Relu_0'\n"
        f"supported operators: {SUPPORTED}"
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(model_of, value):
    weights = np.zeros((6, 4), np.float32)
    weights[1:3, 2] = value
    model = model_of([("MatMul", ["x", "w"], "y")], {"w": weights}, (6,))
    assert refused(model) == ("node 'y' (MatMul): 2 of the 24 values of 'w' are NaN or infinite")


def test_bounds_of_clip_may_be_infinite(model_of):
    constants = {"low": np.float32(0), "high": np.float32(np.inf)}
    assert parse_model(model_of([("Clip", ["x", "low", "high"], "y")], constants, (3,))).nodes


def test_two_inputs_or_outputs(model_of):
    model = model_of([("Add", ["x", "x2"], "y")], {}, (3,))
    model.graph.input.append(helper.make_tensor_value_info("x2", TensorProto.FLOAT, [1, 3]))
    assert refused(model) == "must have one input, has 2: 'x', 'x2'"
    model = model_of([("Relu", ["x"], "a"), ("Relu", ["a"], "b")], {}, (3,))
    model.graph.output.append(helper.make_tensor_value_info("a", TensorProto.FLOAT, None))
    assert refused(model) == "must have one output, has 2: 'b', 'a'"


def test_an_initializer_among_the_inputs_is_no_input(model_of):
    model = model_of([("MatMul", ["x", "w"], "y")], {"w": np.ones((3, 2), np.float32)}, (3,))
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [3, 2]))
    assert parse_model(model).input == "x"


def test_input_of_another_type(model_of):
    model = model_of([("Relu", ["x"], "y")], {}, (3,))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    assert refused(model) == "input 'x': must be float (32 bits), is float16"


@pytest.mark.parametrize("batch", ["batch", None, 0])
def test_any_open_batch(model_of, batch):
    graph = parse_model(model_of([("Relu", ["x"], "y")], {}, (3, 4), batch=batch))
    assert (graph.batch, graph.input_shape) == (None, (3, 4))


def test_fixed_batch(model_of):
    assert parse_model(model_of([("Relu", ["x"], "y")], {}, (3,), batch=4)).batch == 4


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (
            (3, "height", "width"),
            "[batch, 3, height, width]; " + FIX,
        ),
        (
            (3, None),
            "[batch, 3, ?]; " + FIX,
        ),
        (
            (-1,),
            "[batch, -1]; " + FIX,
        ),
        ((), "[batch]; the first dimension must be the batch, with others after it"),
    ],
)
def test_input_shape(model_of, shape, reason):
    model = model_of([("Relu", ["x"], "y")], {}, shape)
    assert refused(model) == f"input 'x' has shape {reason}"


def test_names_are_made_unique(model_of):
    model = model_of([("Relu", ["x"], "a"), ("Relu", ["a"], "b"), ("Relu", ["b"], "c")], {}, (3,))
    for node, name in zip(model.graph.node, ["same", "", "same"], strict=True):
        node.name = name
    assert [node.name for node in parse_model(model).nodes] == ["same", "Relu_1", "same#2"]


def test_a_second_output_that_is_used(model_of):
    model = model_of([("MaxPool", ["x"], "y", {"kernel_shape": [2, 2]})], {}, (1, 4, 4))
    model.graph.node[0].output.append("places")
    assert parse_model(model).nodes
    model.graph.node.append(helper.make_node("Identity", ["places"], ["z"]))
    assert refused(model, UnsupportedOperatorError) == (
        "node 'y' (MaxPool): only its first output can be used"
    )


def test_old_opset(model_of):
    assert refused(model_of([("Relu", ["x"], "y")], {}, (3,), opset=6)) == (
        "opset 6: at least 7 is supported; convert the model with onnx.version_converter"
    )


def test_invalid_onnx(model_of):
    message = refused(model_of([("Relu", ["nowhere"], "y")], {}, (3,)))
    assert message.startswith("is not valid ONNX: ")
    assert "\n" not in message


def test_a_constant_with_less_data_than_its_shape_says(model_of):
    model = model_of([("MatMul", ["x", "w"], "y")], {"w": np.ones((3, 2), np.float32)}, (3,))
    model.graph.initializer[0].dims[0] = 2**40
    message = refused(model)
    assert "\n" not in message
