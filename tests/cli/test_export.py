import numpy as np
import onnx
import pytest

from accelsim.pipeline import RunRequest, run


def test_an_exported_network_runs_with_the_integers_that_it_has(accelsim, tmp_path):
    path = tmp_path / "small.onnx"
    result = accelsim("export", "digits_cnn", "--weights", "4", "-o", str(path))
    assert (result.exit_code, result.output) == (0, f"{path}: 7 layers of integers\n")
    data = "workloads/digits.npz"
    straight = run(RunRequest("digits_cnn", points=((4, 8),), limit=4, overrides=UNIT))
    again = run(RunRequest(str(path), data=data, limit=4))
    (first,), (second,) = straight.points, again.points
    assert second.label == first.label
    assert second.accuracy_integer_pct == first.accuracy_integer_pct
    assert second.golden_mismatches == 0
    assert second.cycles_per_image == first.cycles_per_image
    assert again.is_given


UNIT = ("rescale.mode=float32",)


def test_a_quantized_file_is_written_with_the_same_integers(accelsim, tmp_path):
    first, second = tmp_path / "digits_mlp.onnx", tmp_path / "again" / "digits_mlp.onnx"
    second.parent.mkdir()
    assert accelsim("export", "digits_mlp", "-o", str(first)).exit_code == 0
    assert accelsim("export", str(first), "-o", str(second)).exit_code == 0
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet18"], "resnet18: has shapes but no weights to be quantized"),
        (["--weights", "1"], "weight bits: must be 2 to 16, got 1"),
        (["--weights", "0"], "weight bits: must be 2 to 16, got 0"),
        (["nonsense.onnx"], "nonsense.onnx: no such file"),
        (
            ["digits_mlp", "--range", "dynamic"],
            "--range dynamic: ranges found at run time cannot be written as stored scales; use a "
            "calibrated range",
        ),
    ],
)
def test_what_cannot_be_exported(accelsim, tmp_path, arguments, message):
    path = tmp_path / "out.onnx"
    result = accelsim("export", *arguments, "-o", str(path))
    assert (result.exit_code, result.stderr) == (2, f"{message}\n")
    assert not path.exists()


def test_a_folder_is_not_overwritten(accelsim, tmp_path):
    result = accelsim("export", "digits_mlp", "-o", str(tmp_path))
    assert result.exit_code == 2
    assert result.stderr == f"--output {tmp_path}: is a folder; give the name of a file\n"


def test_random_images_calibrate_too(accelsim, tmp_path):
    path = tmp_path / "net.onnx"
    arguments = ["--random-data", "--activations", "16", "--per-tensor"]
    assert accelsim("export", "digits_mlp", *arguments, "-o", str(path)).exit_code == 0
    model = onnx.load(path)
    kinds = {i.data_type for i in model.graph.initializer if i.name.endswith("zero_point")}
    assert kinds == {onnx.TensorProto.INT8, onnx.TensorProto.INT16}
    scales = [i for i in model.graph.initializer if i.name.endswith(":weights:scale")]
    assert [onnx.numpy_helper.to_array(scale).shape for scale in scales] == [()] * 3
    assert all(np.isfinite(onnx.numpy_helper.to_array(scale)) for scale in scales)


def test_calibration_images_are_scaled_as_asked(accelsim, tmp_path):
    def input_scale(*arguments):
        path = tmp_path / "net.onnx"
        assert accelsim("export", "digits_mlp", *arguments, "-o", str(path)).exit_code == 0
        scales = {i.name: i for i in onnx.load(path).graph.initializer if "scale" in i.name}
        return float(onnx.numpy_helper.to_array(scales["image:scale"]))

    assert input_scale("--input-scale", "4") == pytest.approx(4 * input_scale())
