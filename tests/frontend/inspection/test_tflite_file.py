import numpy as np
import pytest

from accelsim.errors import WorkloadError
from accelsim.frontend import load_tflite
from accelsim.frontend.inspection import Place, TensorQuantization, inspect_network


@pytest.fixture
def save(tmp_path):
    """Write a `TfliteFile` and return its path as text."""

    def write(file, source, target):
        path = tmp_path / "net.tflite"
        path.write_bytes(file.content([source], [target]))
        return str(path)

    return write


def convolutions(file, type="INT8", last="RESHAPE"):
    """Two convolutions, a pool and an operator at the end; returns input and output."""
    quantized = {"scale": 0.5, "zero_point": -3} if type == "INT8" else {}
    weights = {"INT8": {"scale": [0.25] * 4, "axis": 0}}.get(type, {})
    x = file.tensor((1, 6, 6, 3), type, **quantized)
    w = file.tensor((4, 3, 3, 3), type, data=np.ones((4, 3, 3, 3)), **weights)
    y = file.tensor((1, 4, 4, 4), type, **quantized)
    geometry = {"Padding": 1, "StrideH": 1, "StrideW": 1}
    file.operator(
        *("CONV_2D", [x, w, -1], [y], "Conv2DOptions"),
        **geometry,
        DilationHFactor=1,
        DilationWFactor=1,
    )
    weights = {"INT8": {"scale": [0.25] * 4, "axis": 3}}.get(type, {})
    d = file.tensor((1, 2, 2, 4), type, data=np.ones((1, 2, 2, 4)), **weights)
    bias = {"INT8": {"scale": [0.125] * 4}}.get(type, {})
    b = file.tensor((4,), "INT32" if type == "INT8" else type, data=np.ones(4), **bias)
    z = file.tensor((1, 3, 3, 4), type, **quantized)
    file.operator(
        *("DEPTHWISE_CONV_2D", [y, d, b], [z], "DepthwiseConv2DOptions"),
        **geometry,
        DepthMultiplier=1,
        DilationHFactor=1,
        DilationWFactor=1,
    )
    p = file.tensor((1, 1, 1, 4), type, **quantized)
    file.operator(
        *("AVERAGE_POOL_2D", [z], [p], "Pool2DOptions"), **geometry, FilterHeight=3, FilterWidth=3
    )
    f = file.tensor((1, 4), type, **quantized)
    if last == "RESHAPE":
        file.operator("RESHAPE", [p], [f], "ReshapeOptions")
    else:
        file.operator(last, [p], [f])
    return x, f


def test_a_network_that_runs(tflite_file, save):
    file = tflite_file()
    path = save(file, *convolutions(file))
    found, report = inspect_network(path), load_tflite(path).report
    assert (found.runs, found.channels_last) == (True, True)
    assert (found.macs, found.parameters) == (report.macs_per_image, 4 * 27 + 4 * 4 + 4)
    assert [(line.name, line.place, line.output) for line in found.operators] == [
        ("conv_2d_0", Place.ARRAY, (1, 4, 4, 4)),
        ("depthwise_conv_2d_1", Place.ARRAY, (1, 3, 3, 4)),
        ("average_pool_2d_2", Place.VECTOR_UNIT, (1, 1, 1, 4)),
        ("reshape_3", Place.FREE, (1, 4)),
    ]
    assert found.operators[0].weights == TensorQuantization("int8", 4, None, None, False)
    assert found.inputs[0].quantization == TensorQuantization("int8", 1, 0.5, -3, True)
    assert found.quantization == (
        "weights: int8 per channel, zero point 0 (2)",
        "activations: int8 per tensor, zero points (5)",
    )


def test_a_float_network_would_run_there(tflite_file, save):
    file = tflite_file()
    found = inspect_network(save(file, *convolutions(file, "FLOAT32")))
    assert not found.runs
    assert [line.place for line in found.operators] == [
        *(Place.ARRAY, Place.ARRAY, Place.VECTOR_UNIT, Place.FREE)
    ]
    assert found.macs == 4 * 27 * 16 + 4 * 4 * 9
    assert found.problems[0].startswith("is not quantized to 8 bits throughout: ")
    assert found.advice[0].startswith("convert with converter.optimizations")
    assert found.quantization == ()


def test_an_operator_that_nobody_runs(tflite_file, save):
    file = tflite_file()
    found = inspect_network(save(file, *convolutions(file, last="TANH")))
    last = found.operators[-1]
    assert (last.place, last.remark) == (Place.UNSUPPORTED, "not supported")
    assert found.problems == ("operator 3 (TANH): not supported",)
    assert found.advice == (
        "TANH: activation functions: train or fine-tune with Relu or Relu6 in their place",
    )


def test_reals_at_the_ends_are_the_hosts(tflite_file, save):
    file = tflite_file()
    x, y = (file.tensor((1, 4), "FLOAT32") for _ in range(2))
    q, r = (file.tensor((1, 4), scale=0.5) for _ in range(2))
    file.operator("QUANTIZE", [x], [q])
    file.operator("RELU", [q], [r])
    file.operator("DEQUANTIZE", [r], [y])
    found = inspect_network(save(file, x, y))
    assert [line.place for line in found.operators] == [
        *(Place.HOST, Place.VECTOR_UNIT, Place.HOST)
    ]


def test_files_that_are_not_tflite(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(b"not a model")
    with pytest.raises(WorkloadError) as caught:
        inspect_network(str(path))
    assert str(caught.value).startswith(f"{path}: is not a TensorFlow Lite file")


def test_broken_files_never_escape_as_another_error(tflite_file, save, tmp_path):
    file = tflite_file()
    path = save(file, *convolutions(file))
    whole, generator = (tmp_path / "net.tflite").read_bytes(), np.random.default_rng(3)
    outcomes = set()
    for _ in range(500):
        content = bytearray(whole)
        for _ in range(generator.integers(1, 4)):
            content[generator.integers(0, len(content))] = generator.integers(0, 256)
        (tmp_path / "net.tflite").write_bytes(content)
        try:
            outcomes.add(inspect_network(path).runs)
        except WorkloadError:
            outcomes.add(None)
    assert outcomes == {True, False, None}
