import json

import pytest

from accelsim.cli.failures import USER_ERROR


def test_a_network(accelsim):
    done = accelsim("inspect", "digits_cnn")
    assert done.exit_code == 0
    assert "conv1" in done.stdout
    assert "norm1" not in done.stdout
    assert "norm1" in accelsim("inspect", "digits_cnn", "--all").stdout


def test_json(accelsim, digits):
    assert json.loads(accelsim("inspect", "resnet18", "--json").stdout)["runs"] is True
    document = json.loads(accelsim("inspect", digits, "--json").stdout)
    assert document["schema"] == "accelsim.data/1"


def test_data(accelsim, digits):
    done = accelsim("inspect", digits)
    assert done.exit_code == 0
    assert "12 x 1 x 8 x 8" in done.stdout


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net.onnx", None, "no such file"),
        ("net.onnx", b"\0" * 99, "is not a readable ONNX file: truncated, corrupt or not ONNX"),
        ("data.npz", b"PK", "is not a readable .npz file: File is not a zip file"),
        ("t10k-images-idx3-ubyte", b"", "is of no known kind; must be an .npz file"),
        ("net.yaml", b"", "must be a mapping of fields"),
    ],
)
def test_files_that_cannot_be_read(accelsim, tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = accelsim("inspect", path)
    assert done.exit_code == USER_ERROR
    assert done.stderr.startswith(f"{path}")
    assert message in done.stderr
    assert done.stdout == ""


def test_a_name_that_nobody_has(accelsim):
    done = accelsim("inspect", "resnet19")
    assert done.exit_code == USER_ERROR
    assert done.stderr.startswith(
        "resnet19: no bundled network of this name (did you mean 'resnet18'?)"
    )
