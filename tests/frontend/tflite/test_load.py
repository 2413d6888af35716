import hashlib
import re
from itertools import pairwise

import numpy as np
import pytest

from accelsim.arithmetic import IntegerFormat, RescaleMode, Rounding
from accelsim.errors import WorkloadError
from accelsim.frontend import Fold
from accelsim.frontend.tflite import load_tflite, read_tflite
from accelsim.golden import execute
from accelsim.network import (
    IntegerAveragePool,
    IntegerMatrix,
    IntegerPad,
    IntegerRequantize,
    IntegerReshape,
)


@pytest.fixture
def load(tmp_path):
    def loaded(content, name="net.tflite"):
        path = tmp_path / name
        path.write_bytes(content)
        return load_tflite(path)

    return loaded


def test_a_classifier_becomes_a_network_that_the_host_feeds(load, image_classifier):
    model = load(image_classifier)
    integer = model.integer
    assert (integer.name, integer.input, integer.output) == ("net", "image", "shares")
    assert integer.input_rounding is Rounding.HALF_AWAY
    assert (integer.accumulator.bits, model.channels_last) == (32, True)
    assert model.sha256 == hashlib.sha256(image_classifier).hexdigest()
    assert [layer.name for layer in integer.layers] == [
        "conv_2d_1",
        "depthwise_conv_2d_2",
        "add_3",
        "average_pool_2d_4",
        "reshape_5",
        "fully_connected_6",
        "softmax_7",
    ]
    report = model.report
    assert report.nodes == 9
    assert report.folded == ()
    assert report.on_array == ("conv_2d_1", "depthwise_conv_2d_2", "fully_connected_6")
    assert report.on_vector_unit == ("add_3", "average_pool_2d_4")
    assert report.free == ("reshape_5",)
    assert report.on_host == ("quantize_0", "dequantize_8", "softmax_7")
    assert report.macs_per_image == 4 * 18 * 9 + 4 * 9 * 9 + 12
    assert report.parameters == (72 + 4) + (36 + 4) + (12 + 3)
    assert report.quantization.per_channel == ("conv_2d_1", "depthwise_conv_2d_2")
    assert set(report.quantization.weights.values()) == {IntegerFormat(8)}
    assert model.file_shapes["image"] == (1, 6, 5, 2)
    assert integer.tensors["image"].shape == (2, 6, 5)
    assert set(model.file_shapes) == set(integer.tensors)


def test_the_integers_of_a_convolution_are_the_file_s(load, image_classifier):
    layer = load(image_classifier).integer.layers[0]
    assert isinstance(layer.operator, IntegerMatrix)
    weights = np.random.default_rng(0).integers(-90, 90, (4, 3, 3, 2))
    assert layer.operator.weights.tolist() == weights.transpose(0, 3, 1, 2).tolist()
    assert layer.operator.window.pads == (0, 1, 1, 1)
    assert (layer.operator.clamp_low, layer.operator.clamp_high) == (-128, 127)
    assert layer.operator.rescale.mode is RescaleMode.DOUBLE_ROUND
    scales = np.float32([0.01, 0.02, 0.03, 0.04]).astype(np.float64)
    assert layer.operator.rescale.multipliers.tolist() == (0.5 * scales / 0.25).tolist()


def test_operators_whose_results_nobody_reads_are_left_out(load, signal_chain):
    model = load(signal_chain)
    assert model.report.folded == (Fold("relu6_2", "RELU6"),)
    assert "unread" not in model.integer.tensors
    kinds = [type(layer.operator) for layer in model.integer.layers[:3]]
    assert kinds == [IntegerPad, IntegerRequantize, IntegerAveragePool]
    assert model.integer.layers[0].operator == IntegerPad((0, 1, 2), (0, 0, 1), 4)


def test_a_mean_that_drops_its_axes_is_followed_by_a_reshape(load, signal_chain):
    model = load(signal_chain)
    mean, shape = model.integer.layers[2:4]
    assert (mean.name, mean.output) == ("mean_3", "mean/result")
    assert (shape.name, shape.output) == ("mean_3_shape", "mean")
    assert isinstance(shape.operator, IntegerReshape)
    assert model.integer.tensors["mean/result"].shape == (2, 1, 1)
    assert "mean/result" not in model.file_shapes


def test_a_dense_layer_flattens_an_image_channels_last(load, tflite_file):
    file = tflite_file()
    x = file.tensor((1, 2, 2, 3), scale=1.0, name="x")
    weights = file.tensor((1, 12), "INT8", 1.0, data=[range(12)])
    y = file.tensor((1, 1), scale=16.0, name="y")
    file.operator("FULLY_CONNECTED", [x, weights], [y], "FullyConnectedOptions")
    integer = load(file.content([x], [y])).integer
    assert [layer.name for layer in integer.layers] == [
        "fully_connected_0_rows",
        "fully_connected_0",
    ]
    image = np.zeros((1, 3, 2, 2), dtype=np.int32)
    image[0, 2, 0, 1] = 32  # pixel (0, 1), channel 2: element 5 of the file's order
    assert execute(integer, image).outputs.tolist() == [[10]]


def test_what_only_computes_a_shape_is_folded(load, tflite_file):
    file = tflite_file()
    x = file.tensor((1, 2, 3), scale=1.0, name="x")
    stated = file.tensor((3,), "INT32", name="stated")
    ends = [file.tensor((1,), "INT32", data=[end]) for end in (0, 1, 1)]
    batch = file.tensor((), "INT32", name="batch")
    rest = file.tensor((), "INT32", data=6)
    wanted = file.tensor((2,), "INT32", name="wanted")
    y = file.tensor((1, 6), scale=1.0, name="y")
    file.operator("SHAPE", [x], [stated], "ShapeOptions", OutType=2)
    file.operator("STRIDED_SLICE", [stated, *ends], [batch], "StridedSliceOptions")
    file.operator("PACK", [batch, rest], [wanted], "PackOptions", ValuesCount=2)
    file.operator("RESHAPE", [x, wanted], [y], "ReshapeOptions")
    model = load(file.content([x], [y]))
    assert [layer.name for layer in model.integer.layers] == ["reshape_3"]
    assert set(model.integer.tensors) == {"x", "y"}
    assert [fold.name for fold in model.report.folded] == ["shape_0", "strided_slice_1", "pack_2"]


def test_several_rows_go_through_a_dense_layer_one_by_one(load, tflite_file):
    file = tflite_file()
    x = file.tensor((2, 3, 4), scale=1.0, name="x")
    weights = file.tensor((5, 4), "INT8", 1.0, data=np.ones((5, 4)))
    y = file.tensor((2, 3, 5), scale=1.0, name="y")
    file.operator("FULLY_CONNECTED", [x, weights], [y], "FullyConnectedOptions", KeepNumDims=True)
    integer = load(file.content([x], [y])).integer
    assert [layer.name for layer in integer.layers] == ["fully_connected_0"]
    assert integer.tensors["x"].shape == (4, 2, 3)
    assert integer.tensors["y"].shape == (5, 2, 3)


def test_buffers_behind_the_flatbuffer_are_found(tmp_path, tflite_file):
    file = tflite_file()
    x = file.tensor((1, 3), scale=0.5, name="x")
    weights = file.tensor((2, 3), "INT8", 0.25, data=[[1, -2, 3], [4, 5, -6]])
    bias = file.tensor((2,), "INT32", 0.125, data=[70_000, -70_000])
    y = file.tensor((1, 2), scale=1.0, name="y")
    file.operator("FULLY_CONNECTED", [x, weights, bias], [y], "FullyConnectedOptions")
    inside, outside = (file.content([x], [y], outside=where) for where in (False, True))
    assert inside != outside
    operators = []
    for content in (inside, outside):
        (tmp_path / "m.tflite").write_bytes(content)
        operators.append(load_tflite(tmp_path / "m.tflite").integer.layers[0].operator)
    assert (
        operators[0].weights.tolist()
        == operators[1].weights.tolist()
        == [
            [[[1]], [[-2]], [[3]]],
            [[[4]], [[5]], [[-6]]],
        ]
    )
    assert operators[0].bias.tolist() == operators[1].bias.tolist() == [70_000, -70_000]


def test_names_that_are_empty_or_taken_are_made_unique(tmp_path, tflite_file):
    file = tflite_file()
    tensors = [
        file.tensor((1, 3), scale=0.5, zero_point=k, name=name)
        for k, name in enumerate(["", "same", "same", "same#2"])
    ]
    for before, after in pairwise(tensors):
        file.operator("QUANTIZE", [before], [after], "QuantizeOptions")
    (tmp_path / "m.tflite").write_bytes(file.content([0], [3]))
    names = [tensor.name for tensor in read_tflite(tmp_path / "m.tflite").tensors]
    assert names == ["#0", "same", "same#2", "same#2#3"]
    assert len(load_tflite(tmp_path / "m.tflite").integer.tensors) == 4


def test_a_bias_beyond_32_bits_wraps_as_the_sum_would(load, tflite_file):
    file = tflite_file()
    x = file.tensor((1, 1), scale=1.0, zero_point=-128, name="x")
    weights = file.tensor((1, 1), "INT8", 2.0**-24, data=[[127]])
    bias = file.tensor((1,), "INT32", 2.0**-24, data=[2**31 - 1])
    y = file.tensor((1, 1), scale=1.0, name="y")
    file.operator("FULLY_CONNECTED", [x, weights, bias], [y], "FullyConnectedOptions")
    integer = load(file.content([x], [y])).integer
    # bias + 128 * 127 leaves 32 bits and, with x = -128 back in it, comes back.
    assert integer.layers[0].operator.bias.tolist() == [2**31 - 1 + 128 * 127 - 2**32]
    assert execute(integer, np.array([[-128]], dtype=np.int32)).outputs.tolist() == [[127]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "is not a file; give the .tflite file itself"),
        (
            lambda path: path.write_bytes(b"GIF89a and more"),
            "is not a TensorFlow Lite file: it does not bear the mark TFL3",
        ),
        (
            lambda path: path.write_bytes(b""),
            "is not a TensorFlow Lite file: it does not bear the mark TFL3",
        ),
        (
            lambda path: path.write_bytes(b"\xff\xff\xff\x7fTFL3"),
            "is corrupt or truncated: an offset points outside the file",
        ),
    ],
)
def test_what_is_not_a_model_is_refused(tmp_path, make, message):
    path = tmp_path / "m.tflite"
    make(path)
    for read in (load_tflite, read_tflite):
        with pytest.raises(WorkloadError, match=f"^{re.escape(f'{path}: {message}')}$"):
            read(path)
