import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from accelsim.errors import WorkloadError
from accelsim.frontend import load_onnx, workload_path
from accelsim.frontend.inspection import Place, TensorQuantization, inspect_network

WEIGHTS = np.ones((4, 3, 3, 3), np.float32)
CONV = ("Conv", ["x", "w"], "conv", {"pads": [1, 1, 1, 1]})


def lines_of(found):
    return {line.name: line for line in found.operators}


def test_a_shipped_network():
    path = workload_path("digits_cnn").model
    found, report = inspect_network("digits_cnn"), load_onnx(path).report
    assert found == inspect_network(str(path))
    assert (found.runs, found.problems, found.advice) == (True, (), ())
    assert (found.macs, found.parameters) == (report.macs_per_image, report.parameters)
    assert found.kind == "ONNX, opset 17, written by accelsim/workloads/train_digits.py"
    assert found.file_bytes == path.stat().st_size
    assert [(end.name, end.type, end.shape) for end in (*found.inputs, *found.outputs)] == [
        ("image", "float", ("batch", 1, 8, 8)),
        ("logits", "float", ("batch", 10)),
    ]
    lines = lines_of(found)
    assert (lines["norm1"].place, lines["norm1"].remark) == (Place.FOLDED, "into conv1")
    assert lines["conv2"].output == ("batch", 32, 4, 4)
    assert (lines["conv2"].macs, lines["conv2"].parameters) == (16 * 32 * 9 * 16, 16 * 32 * 9 + 32)
    assert [line.place for line in found.operators if line.operator == "Relu"] == [Place.CLAMP] * 3
    assert found.quantization == ()


def test_counts_do_not_depend_on_whether_it_runs(save):
    constants = {"w": WEIGHTS, "b": np.ones(4, np.float32), "v": np.ones((4, 10), np.float32)}
    nodes = [
        ("Conv", ["x", "w", "b"], "conv", {"strides": [2, 2]}),
        ("GlobalAveragePool", ["conv"], "pool"),
        ("Flatten", ["pool"], "flat"),
        ("MatMul", ["flat", "v"], "matrix"),
    ]
    runs = inspect_network(str(save(nodes, constants, (3, 9, 9))))
    refused = inspect_network(str(save([*nodes, ("Erf", ["matrix"], "erf")], constants, (3, 9, 9))))
    assert (runs.runs, refused.runs) == (True, False)
    assert (runs.macs, runs.parameters) == (4 * 27 * 16 + 40, 108 + 4 + 40 + 10)
    # The import gives a product without a bias one of zeros.
    assert (refused.macs, refused.parameters) == (runs.macs, runs.parameters - 10)
    places = [line.place for line in refused.operators]
    assert places == [*(Place.ARRAY, Place.VECTOR_UNIT, Place.FREE, Place.ARRAY, Place.UNSUPPORTED)]
    assert places[:4] == [line.place for line in runs.operators]
    assert [line.output for line in refused.operators] == [
        ("batch", 4, 4, 4),
        ("batch", 4, 1, 1),
        ("batch", 4),
        ("batch", 10),
        ("batch", 10),
    ]


def test_all_that_is_unsupported_and_what_to_do(save):
    nodes = [
        CONV,
        ("HardSwish", ["conv"], "swish"),
        ("Erf", ["swish"], "erf"),
        ("Sin", ["erf"], "sin"),
    ]
    found = inspect_network(str(save(nodes, {"w": WEIGHTS}, (3, 8, 8))))
    assert found.problems == (
        "operator HardSwish is not supported: node 'swish'",
        "operator Erf is not supported: node 'erf'",
        "operator Sin is not supported: node 'sin'",
    )
    assert found.advice == (
        "HardSwish, Erf: activation functions: train or fine-tune with Relu or Relu6 in their "
        "place",
        "Sin: leave them out of the network: cut it before or after them "
        "(onnx.utils.extract_model) and do their work outside, or replace them and export again",
    )


def test_a_supported_operator_used_in_another_way(save):
    nodes = [CONV, ("MaxPool", ["conv"], "pool", {"kernel_shape": [2]})]
    found = inspect_network(str(save(nodes, {"w": WEIGHTS}, (3, 8, 8))))
    lines = lines_of(found)
    assert not found.runs
    assert all("node 'pool' (MaxPool)" in line for line in found.problems[:1])
    assert (lines["conv"].place, lines["pool"].place) == (Place.ARRAY, Place.UNSUPPORTED)


def test_sizes_that_are_not_fixed(save):
    found = inspect_network(str(save([CONV], {"w": WEIGHTS}, (3, "height", "width"))))
    assert found.problems == (
        "input 'x' has shape [batch, 3, height, width]; all but the first must be fixed numbers: "
        "use python -m onnxruntime.tools.make_dynamic_shape_fixed",
    )
    assert found.inputs[0].shape == ("batch", 3, "height", "width")
    assert (found.macs, found.operators[0].macs, found.parameters) == (None, None, 108)


def quantized_convolution(zero_point, weight_scales):
    """QuantizeLinear, DequantizeLinear, and a Conv of dequantized weights."""
    return (
        [
            ("QuantizeLinear", ["x", "s", "z"], "q"),
            ("DequantizeLinear", ["q", "s", "z"], "d"),
            ("DequantizeLinear", ["w", "ws", "wz"], "wd", {"axis": 0}),
            ("Conv", ["d", "wd"], "conv"),
            ("QuantizeLinear", ["conv", "s", "z"], "cq"),
            ("DequantizeLinear", ["cq", "s", "z"], "y"),
        ],
        {
            "s": np.float32(0.25),
            "z": np.uint8(zero_point),
            "w": np.ones((4, 3, 3, 3), np.int8),
            "ws": np.full(weight_scales, 0.5, np.float32),
            "wz": np.zeros(weight_scales, np.int8),
        },
    )


@pytest.mark.parametrize(
    ("weight_scales", "weights"),
    [
        ((), "int8 per tensor, zero point 0 (1)"),
        ((4,), "int8 per channel, zero point 0 (1)"),
    ],
)
def test_quantization_that_the_file_has(save, weight_scales, weights):
    nodes, constants = quantized_convolution(3, weight_scales)
    found = inspect_network(str(save(nodes, constants, (3, 8, 8))))
    assert found.quantization == (
        f"weights: {weights}",
        "activations: uint8 per tensor, zero points (2)",
    )
    line = lines_of(found)["conv"]
    assert line.result == TensorQuantization("uint8", 1, 0.25, 3, has_zero_points=True)
    assert str(line.result) == "uint8 0.25 z 3"
    assert line.weights.format == "int8"
    assert line.weights.scales == (weight_scales or (1,))[0]
    assert line.parameters == 108 + 4 * found.runs


def test_widths_below_those_of_the_container(save):
    nodes, constants = quantized_convolution(3, ())
    clip = ("Clip", ["cq", "low", "high"], "cc")
    nodes[-1:] = [clip, ("DequantizeLinear", ["cc", "s", "z"], "y")]
    constants |= {"low": np.uint8(0), "high": np.uint8(15)}
    found = inspect_network(str(save(nodes, constants, (3, 8, 8), opset=17)))
    assert found.problems == ()
    assert lines_of(found)["conv"].result.format == "uint4"


def test_weights_that_are_no_constant_of_the_file(save):
    nodes = [("MatMul", ["x", "x"], "product"), ("Sin", ["product"], "y")]
    found = inspect_network(str(save(nodes, {}, (8, 8))))
    assert (found.macs, found.parameters) == (8**3, 0)


def test_names_that_appear_twice(tmp_path):
    protos = [helper.make_node("Sin", [a], [b], name="same") for a, b in ("xy", "yz")]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xz"]
    graph = helper.make_graph(protos, "g", ends[:1], ends[1:])
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph), path)
    assert [line.name for line in inspect_network(str(path)).operators] == ["same", "same#2"]


def test_files_that_are_not_onnx(tmp_path):
    path = tmp_path / "net.onnx"
    for content in (b"", b"not a model"):
        path.write_bytes(content)
        with pytest.raises(WorkloadError) as caught:
            inspect_network(str(path))
        assert str(caught.value).startswith(f"{path}: is not a readable ONNX file: ")
    with pytest.raises(WorkloadError) as caught:
        inspect_network(str(tmp_path / "none.onnx"))
    assert str(caught.value) == f"{tmp_path / 'none.onnx'}: no such file"


def test_broken_files_never_escape_as_another_error(tmp_path):
    nodes = workload_path("digits_mlp").model.read_bytes()
    path, generator = tmp_path / "net.onnx", np.random.default_rng(5)
    outcomes = set()
    for _ in range(250):
        content = bytearray(nodes)
        # Most of the file are weights: its structure is at its ends.
        end = generator.integers(0, 2)
        for _ in range(3):
            place = generator.integers(0, 400)
            content[-1 - place if end else place] = generator.integers(0, 256)
        path.write_bytes(content)
        try:
            outcomes.add(inspect_network(str(path)).runs)
        except WorkloadError:
            outcomes.add(None)
    assert outcomes == {True, False, None}
