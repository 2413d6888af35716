import numpy as np
import pytest

from accelsim.frontend import load_onnx
from accelsim.pipeline import RunRequest, run

QUICK = ("--epochs", "2")


@pytest.fixture
def needs_torch():
    pytest.importorskip("torch", reason="needs PyTorch (extra torch)")


def test_a_trained_network_runs_with_the_integers_that_it_learned(needs_torch, accelsim, tmp_path):
    path = tmp_path / "ternary.onnx"
    result = accelsim("train", "digits_mlp", "--epochs", 4, "-o", path)
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{path}: ")
    model = load_onnx(path)
    for weights in model.given.weights.values():
        assert set(np.unique(weights.integers)) == {-1, 0, 1}
        assert (weights.format.bits, weights.format.restricted) == (2, True)
    ran = run(RunRequest(str(path), data="workloads/digits.npz", limit=4))
    (point,) = ran.points
    assert ran.is_given
    assert point.golden_mismatches == 0
    assert point.accuracy_integer_pct > 90.0


def test_the_seed_decides(needs_torch, accelsim, tmp_path):
    files = [tmp_path / name for name in ("a.onnx", "b.onnx", "c.onnx")]
    for path, seed in zip(files, (0, 0, 1), strict=True):
        arguments = (*QUICK, "--seed", seed, "--bits", "4", "-o", path)
        assert accelsim("train", "digits_mlp", *arguments).exit_code == 0
    first, again, other = [_weights(path) for path in files]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def _weights(path):
    return [weights.integers for weights in load_onnx(path).given.weights.values()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnet18",), "resnet18: has shapes but no weights to be trained"),
        (("digits_mlp", "--bits", "4,2"), "--bits: must be one width, got 4,2"),
        (("digits_mlp", "--epochs", "0"), "epochs: must be at least 1, got 0"),
        (
            ("digits_mlp", "--train-data", "none.npz"),
            "none.npz: is not a file; training takes an .npz file",
        ),
        (("nonsense.onnx",), "nonsense.onnx: no such file"),
    ],
)
def test_what_cannot_be_trained(accelsim, tmp_path, arguments, message):
    path = tmp_path / "out.onnx"
    result = accelsim("train", *arguments, "-o", path)
    assert (result.exit_code, result.stderr) == (2, f"{message}\n")
    assert not path.exists()


def test_data_without_training_images(accelsim, tmp_path):
    path = tmp_path / "test_only.npz"
    np.savez(path, test_images=np.zeros((2, 1, 8, 8)), test_labels=np.zeros(2, np.int64))
    result = accelsim("train", "digits_mlp", "--train-data", path, "-o", tmp_path / "out.onnx")
    assert (result.exit_code, result.stderr) == (
        2,
        f"{path}: must hold train_images and train_labels, or x_train and y_train, or images and "
        "labels; has test_images, test_labels\n",
    )


def test_a_network_that_is_quantized_already(accelsim, tmp_path):
    path = tmp_path / "q.onnx"
    assert accelsim("export", "digits_mlp", "-o", path).exit_code == 0
    result = accelsim("train", path, "--train-data", "d.npz", "-o", tmp_path / "out.onnx")
    message = f"{path}: is quantized already; train the float network\n"
    assert (result.exit_code, result.stderr) == (2, message)


def test_without_pytorch(monkeypatch, accelsim, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    path = tmp_path / "out.onnx"
    result = accelsim("train", "digits_mlp", "-o", path)
    message = "training: needs PyTorch: pip install 'accelsim[torch]'\n"
    assert (result.exit_code, result.stderr) == (2, message)
    assert not path.exists()
