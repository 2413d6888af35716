import re

import numpy as np
import pytest

from accelsim.errors import ConfigError
from accelsim.frontend.workloads import workload_path
from accelsim.quantization_study import METHODS, StudyRequest, study_methods
from accelsim.request import RunRequest


def test_a_study_counts_what_a_run_counts():
    from accelsim.pipeline import run

    options = {"network": "digits_mlp", "points": ((4, 4), (3, 8))}
    study = study_methods(StudyRequest(RunRequest(**options), ("min_max", "mse")))
    ran = run(RunRequest(**options, limit=1, range_method="mse", weight_range_method="mse"))
    accuracies = [r.accuracy_pct for r in study.results if r.method == "mse"]
    assert accuracies == [point.accuracy_integer_pct for point in ran.points]
    assert study.float_pct == ran.points[0].accuracy_float_pct
    assert study.methods == ("min_max", "mse")
    assert study.widths == ("int4", "w3 a8")


def test_repeats_calibrate_on_halves_and_can_be_repeated():
    request = StudyRequest(
        RunRequest(network="digits_mlp", points=((3, 3),)), ("percentile", "stochastic"), repeats=3
    )
    study, again = study_methods(request), study_methods(request)
    assert study == again
    for result in study.results:
        assert len(result.accuracies_pct) == 3
        assert result.deviation_pct is not None
        assert result.deviation_pct > 0.0
    whole = study_methods(StudyRequest(request.run, ("percentile",)))
    assert study.calibration_images == whole.calibration_images // 2
    assert whole.results[0].deviation_pct is None


def test_number_formats_stand_beside():
    run = RunRequest(network="digits_mlp", points=((8, 8),))
    study = study_methods(StudyRequest(run, ("min_max",), ("fp16", "fp4_e2m1")))
    assert [name for name, _ in study.formats] == ["fp16", "fp4_e2m1"]
    assert study.formats[0][1] == pytest.approx(study.float_pct, abs=0.3)
    assert study.formats[1][1] < study.formats[0][1]


def test_the_command_repeats_the_study():
    run = RunRequest(network="a.onnx", data="d.npz", points=((4, 8),), per_channel=False, seed=3)
    request = StudyRequest(run, ("mse", "best"), ("fixed<8,4>",), repeats=2)
    assert request.command == (
        "accelsim quantize a.onnx --hardware edge_16x16 --bits w4a8 --data d.npz --per-tensor "
        "--method mse --method best --format 'fixed<8,4>' --repeats 2 --seed 3"
    )
    moved = StudyRequest(RunRequest(points=((8, 8),), asymmetric_weights=True))
    assert moved.command.endswith(" --bits 8 --asymmetric-weights")
    assert StudyRequest(RunRequest(points=((8, 8),))).command == (
        "accelsim quantize digits_cnn --hardware edge_16x16 --bits 8"
    )


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            {"methods": ("entropy",)},
            f"--method: must be one of {', '.join(METHODS)}, got 'entropy'",
        ),
        ({"methods": ()}, "--method: at least one is needed"),
        ({"methods": ("mse", "mse")}, "--method: a method is given twice"),
        ({"repeats": 0}, "--repeats: must be 1 to 1000, got 0"),
    ],
)
def test_requests_that_cannot_be(choices, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        StudyRequest(RunRequest(), **choices)


def test_one_calibration_image_has_no_halves(tmp_path):
    with np.load(workload_path("digits_mlp").data) as digits:
        arrays = dict(digits)
    arrays["calibration_images"] = arrays["calibration_images"][:1]
    np.savez(tmp_path / "one.npz", **arrays)
    run = RunRequest("digits_mlp", points=((4, 4),), data=str(tmp_path / "one.npz"))
    message = r"^--repeats: halves need at least 2 calibration images, got 1$"
    with pytest.raises(ConfigError, match=message):
        study_methods(StudyRequest(run, ("min_max",), repeats=2))


def test_a_network_of_shapes_has_nothing_to_quantize():
    with pytest.raises(ConfigError, match=r"^resnet18: has shapes but no weights to be quantized$"):
        study_methods(StudyRequest(RunRequest(network="resnet18")))
