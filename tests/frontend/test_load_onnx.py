import hashlib

import numpy as np
import pytest

from accelsim.errors import WorkloadError
from accelsim.frontend import Fold, load_onnx, workload_path
from accelsim.network import Add, Clamp, Convolution, Dense, MaxPool, Reshape, Window


def test_the_digits_network():
    workload = workload_path("digits_cnn")
    model = load_onnx(workload.model)
    network = model.network
    assert (network.name, network.input, network.output) == ("digits_cnn", "image", "logits")
    found = [
        (layer.name, type(layer.operator), layer.inputs, layer.output) for layer in network.layers
    ]
    assert found == [
        ("conv1", Convolution, ("image",), "norm1"),
        ("relu1", Clamp, ("norm1",), "relu1"),
        ("conv2", Convolution, ("relu1",), "norm2"),
        ("relu2", Clamp, ("norm2",), "relu2"),
        ("conv3", Convolution, ("relu2",), "norm3"),
        ("add3", Add, ("norm3", "relu2"), "add3"),
        ("relu3", Clamp, ("add3",), "relu3"),
        ("pool", MaxPool, ("relu3",), "pool"),
        ("flatten", Reshape, ("pool",), "flatten"),
        ("logits", Dense, ("flatten",), "logits"),
    ]
    assert network.layers[2].operator.window == Window((3, 3), (2, 2), (1, 1, 1, 1))
    assert network.shapes["norm2"] == (32, 4, 4)
    assert model.batch is None
    assert model.sha256 == hashlib.sha256(workload.model.read_bytes()).hexdigest()


def test_the_report_of_the_digits_network():
    report = load_onnx(workload_path("digits_cnn").model).report
    assert report.nodes == 13
    assert report.folded == tuple(
        Fold(f"norm{i}", "BatchNormalization", f"conv{i}") for i in (1, 2, 3)
    )
    assert report.on_array == ("conv1", "conv2", "conv3", "logits")
    assert report.on_vector_unit == ("add3", "pool")
    assert report.clamps == ("relu1", "relu2", "relu3")
    assert report.free == ("flatten",)
    assert report.on_host == ()


@pytest.mark.parametrize(
    ("batch", "first", "expected"), [("n", -1, None), ("n", 0, None), ("n", 2, 2), (3, -1, 3)]
)
def test_the_batch_that_a_file_insists_on(save, batch, first, expected):
    nodes = [("Reshape", ["x", "s"], "y")]
    path = save(nodes, {"s": np.array([first, 6])}, (2, 3), batch=batch)
    assert load_onnx(path).batch == expected


def test_a_bias_after_a_batch_norm_is_folded_too(save):
    ones = np.ones(2, np.float32)
    constants = {"w": np.ones((2, 1, 1, 1), np.float32), "one": ones, "c": ones.reshape(2, 1, 1)}
    nodes = [
        ("Conv", ["x", "w"], "conv"),
        ("BatchNormalization", ["conv", "one", "one", "one", "one"], "norm"),
        ("Add", ["c", "norm"], "sum"),
        ("Dropout", ["sum"], "y"),
    ]
    model = load_onnx(save(nodes, constants, (1, 2, 2)))
    (layer,) = model.network.layers
    assert (layer.name, layer.output, model.network.output) == ("conv", "sum", "sum")
    assert [fold.name for fold in model.report.folded] == ["y", "norm", "sum"]


def test_accepts_a_path_as_text(save):
    assert load_onnx(str(save([("Relu", ["x"], "y")], {}, (3,)))).network.name == "net"


@pytest.mark.parametrize("name", [b"Gemm", b"dense1", b"logits", b"digits_mlp"])
@pytest.mark.parametrize("count", [1, -1])
def test_names_that_are_not_text(tmp_path, name, count):
    content = workload_path("digits_mlp").model.read_bytes()
    path = tmp_path / "net.onnx"
    path.write_bytes(content.replace(name, b"\xe1" + name[1:], count))
    with pytest.raises(WorkloadError) as caught:
        load_onnx(path)
    assert str(caught.value) == f"{path}: is corrupt: it holds names that are not UTF-8"
