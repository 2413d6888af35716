import os

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from accelsim.errors import WorkloadError
from accelsim.frontend import load_onnx, workload_path
from accelsim.frontend.read_model import MAXIMUM_FILE_BYTES

WEIGHTS = np.arange(12, dtype=np.float32).reshape(4, 3)
NOT_ONNX = "is not a readable ONNX file: truncated, corrupt or not ONNX"


def refused(path):
    with pytest.raises(WorkloadError) as caught:
        load_onnx(path)
    return str(caught.value)


def test_missing_file_and_folder(tmp_path):
    assert refused(tmp_path / "no.onnx") == f"{tmp_path}/no.onnx: no such file"
    assert refused(tmp_path) == f"{tmp_path}: is not a file; give the .onnx file itself"


@pytest.mark.parametrize("content", [b"", b"\x00" * 100])
def test_empty_or_zeros(tmp_path, content):
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    message = refused(path)
    assert message in (
        f"{path}: is not a readable ONNX file: it holds no nodes",
        f"{path}: {NOT_ONNX}",
    )


def test_text(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_text("array:\n  rows: 16\n")
    assert refused(path) == f"{path}: {NOT_ONNX}"


def test_every_truncation_of_a_real_file_is_one_clear_line(tmp_path):
    content = workload_path("digits_mlp").model.read_bytes()
    path = tmp_path / "net.onnx"
    for size in [*range(1, 1500, 83), *range(1500, len(content), 2503), len(content) - 1]:
        path.write_bytes(content[:size])
        message = refused(path)
        assert message.startswith(f"{path}: ")
        assert "\n" not in message


def test_flipped_bytes_never_escape_as_another_error(tmp_path):
    content = bytearray(workload_path("digits_mlp").model.read_bytes())
    random = np.random.default_rng(5)
    path = tmp_path / "net.onnx"
    outcomes = set()
    for place in random.integers(0, len(content), 150):
        broken = content.copy()
        broken[place] ^= 1 << int(random.integers(8))
        path.write_bytes(broken)
        try:
            load_onnx(path)
            outcomes.add("loaded")
        except WorkloadError:
            outcomes.add("refused")
    assert outcomes == {"loaded", "refused"}


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "net.onnx"
    path.touch()
    os.truncate(path, MAXIMUM_FILE_BYTES + 1)
    assert refused(path) == (
        f"{path}: model of 2147483648 bytes; at most 2147483647 bytes are supported"
    )


@pytest.fixture
def external(tmp_path, model_of):
    """Write a model whose weights lie in a file beside it, and change what it says of them."""

    def write(size_bytes=48, **entries):
        (tmp_path / "weights.bin").write_bytes(WEIGHTS.tobytes()[:size_bytes])
        model = model_of([("Gemm", ["x", "w"], "y", {"transB": 1})], {"w": WEIGHTS}, (3,))
        (tensor,) = model.graph.initializer
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in ({"location": "weights.bin"} | entries).items():
            tensor.external_data.add(key=key, value=str(value))
        path = tmp_path / "net.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return write


@pytest.mark.parametrize("entries", [{}, {"offset": 0, "length": 48}])
def test_external_weights_are_read_and_hashed(external, entries):
    path = external(**entries)
    model = load_onnx(path)
    np.testing.assert_array_equal(model.network.layers[0].operator.weights, WEIGHTS)
    assert WEIGHTS.tobytes() in model.model_bytes
    (path.parent / "weights.bin").write_bytes((WEIGHTS + 1).tobytes())
    assert load_onnx(path).sha256 != model.sha256


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "a/../../weights.bin"])
def test_external_weights_outside_the_folder(external, location):
    path = external(location=location)
    assert refused(path) == (
        f"{path}: weights 'w' in external file {location!r}: "
        "outside the model's own folder, refused"
    )


def test_external_weights_of_a_node_outside_the_folder(tmp_path, model_of):
    nodes = [("Constant", [], "w", {"value": numpy_helper.from_array(WEIGHTS, "inner")})]
    model = model_of([*nodes, ("Gemm", ["x", "w"], "y", {"transB": 1})], {}, (3,))
    tensor = model.graph.node[0].attribute[0].t
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../weights.bin")
    (tmp_path / "weights.bin").write_bytes(WEIGHTS.tobytes())
    path = tmp_path / "inside" / "net.onnx"
    path.parent.mkdir()
    path.write_bytes(model.SerializeToString())
    assert refused(path) == (
        f"{path}: weights 'inner' in external file '../weights.bin': "
        "outside the model's own folder, refused"
    )
    tensor.external_data[0].value = "weights.bin"
    (path.parent / "weights.bin").write_bytes(WEIGHTS.tobytes())
    path.write_bytes(model.SerializeToString())
    operator = load_onnx(path).network.layers[0].operator
    np.testing.assert_array_equal(operator.weights, WEIGHTS)


def test_external_weights_through_a_link(external, tmp_path):
    (tmp_path / "link.bin").symlink_to("/etc/passwd")
    path = external(location="link.bin")
    assert refused(path) == (
        f"{path}: weights 'w' in external file 'link.bin': outside the model's own folder, refused"
    )


@pytest.mark.parametrize("location", ["a\0b", "a" * 5000], ids=["nul", "long"])
def test_external_weights_in_what_is_no_name(external, location):
    path = external(location=location)
    named = repr(location) if len(location) < 10 else f"'{'a' * 56}..."
    assert refused(path) == (f"{path}: weights 'w' in external file {named}: is not a file's name")


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ({"offset": "abc"}, "offset 'abc'"),
        ({"offset": 0, "length": -5}, "offset '0', length '-5'"),
        ({"length": ""}, "length ''"),
    ],
)
def test_external_weights_at_places_that_are_no_numbers(external, entries, found):
    path = external(**entries)
    assert refused(path) == (
        f"{path}: weights 'w' in an external file: offset and length must be whole numbers "
        f"from 0, got {found}"
    )


def test_entries_of_external_weights_that_onnx_does_not_know_mean_nothing(external):
    operator = load_onnx(external(answer=42)).network.layers[0].operator
    np.testing.assert_array_equal(operator.weights, WEIGHTS)


def test_external_weights_that_onnx_refuses_to_load(external, monkeypatch):
    def load(model, folder):
        raise onnx.checker.ValidationError("w: has several hard links\nand more")

    monkeypatch.setattr("accelsim.frontend.read_model.load_external_data_for_model", load)
    path = external()
    assert refused(path) == (
        f"{path}: external weights cannot be loaded: w: has several hard links"
    )


def test_external_weights_missing_or_short(external):
    path = external(location="no.bin")
    assert refused(path) == (
        f"{path}: weights 'w' in external file 'no.bin': no such file beside the model"
    )
    path = external(offset=8, length=48)
    assert refused(path) == (
        f"{path}: weights 'w' in external file 'weights.bin': bytes 8 to 56 of a file of 48 bytes"
    )
    path = external(size_bytes=40)
    assert refused(path).startswith(f"{path}: ")
