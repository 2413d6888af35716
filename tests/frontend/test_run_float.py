import numpy as np
import onnx
import pytest

from accelsim.errors import DataError, InternalError, WorkloadError
from accelsim.frontend import load_data, load_onnx, run_float, workload_path


@pytest.mark.parametrize("name", ["digits_cnn", "digits_mlp"])
def test_every_tensor_of_a_bundled_network(evaluate, name):
    workload = workload_path(name)
    model = load_onnx(workload.model)
    images = load_data(workload.data).images[:70]
    found = run_float(model, images, list(model.network.shapes))
    assert set(found) == set(model.network.shapes)
    for tensor, expected in evaluate(model.network, images).items():
        assert found[tensor].dtype == np.float32
        np.testing.assert_allclose(found[tensor], expected, rtol=1e-4, atol=1e-4)


def test_only_what_is_asked(save):
    model = load_onnx(save([("Relu", ["x"], "a"), ("Relu", ["a"], "b")], {}, (3,)))
    images = np.ones((1, 3), np.float32)
    assert set(run_float(model, images, ["a"])) == {"a"}
    assert run_float(model, images, []) == {}
    np.testing.assert_array_equal(run_float(model, images, ["x"])["x"], images)


@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_a_fixed_batch_takes_any_number_of_images(save, count):
    model = load_onnx(
        save([("Reshape", ["x", "s"], "y")], {"s": np.array([4, 6])}, (2, 3), batch=4)
    )
    images = np.arange(count * 6, dtype=np.float32).reshape(count, 2, 3)
    np.testing.assert_array_equal(run_float(model, images, ["y"])["y"], images.reshape(count, 6))


def test_tensors_that_only_the_network_has(save, evaluate):
    """A batch norm on a vector: the import puts reshapes around it."""
    norm = {name: np.array([0.5, 2.0, 3.0], np.float32) for name in "abcd"}
    nodes = [("BatchNormalization", ["x", *norm], "y"), ("Relu", ["y"], "z")]
    model = load_onnx(save(nodes, norm, (3,)))
    images = np.random.default_rng(6).standard_normal((5, 3), np.float32)
    found = run_float(model, images, list(model.network.shapes))
    for tensor, expected in evaluate(model.network, images).items():
        np.testing.assert_allclose(found[tensor], expected, rtol=1e-5, atol=1e-5)


def test_a_model_newer_than_onnxruntime_reads(tmp_path, model_of):
    model = model_of([("Relu", ["x"], "y")], {}, (3,))
    model.ir_version = onnx.IR_VERSION
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    images = -np.ones((2, 3), np.float32)
    assert not run_float(load_onnx(path), images, ["y"])["y"].any()


@pytest.mark.parametrize("shape", [(2, 4), (2,), (0, 3), (2, 3, 1)])
def test_images_of_another_shape(save, shape):
    model = load_onnx(save([("Relu", ["x"], "y")], {}, (3,)))
    with pytest.raises(DataError) as caught:
        run_float(model, np.zeros(shape, np.float32), ["y"])
    assert str(caught.value) == f"images: must be [count, 3], got {list(shape)}"


def test_an_unknown_tensor_is_our_mistake(save):
    model = load_onnx(save([("Relu", ["x"], "y")], {}, (3,)))
    with pytest.raises(InternalError) as caught:
        run_float(model, np.zeros((1, 3), np.float32), ["z"])
    assert str(caught.value) == "tensor 'z' is not a tensor of 'net'"


def test_what_onnxruntime_refuses_is_one_line(save):
    # accelsim takes a new opset for the operators it knows; onnxruntime does not.
    path = save([("Relu", ["x"], "y")], {}, (3,), opset=onnx.defs.onnx_opset_version())
    content = onnx.load(path)
    content.opset_import[0].version = 10_000
    model = load_onnx(path)
    broken = type(model)(model.network, content.SerializeToString(), "", model.report)
    with pytest.raises(WorkloadError) as caught:
        run_float(broken, np.zeros((1, 3), np.float32), ["y"])
    assert str(caught.value).startswith("net: onnxruntime cannot run it: ")
    assert "\n" not in str(caught.value)
