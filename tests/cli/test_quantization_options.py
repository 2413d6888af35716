import numpy as np
import pytest

from accelsim.cli.quantization_options import RANGE_METHODS, WEIGHT_RANGE_METHODS, WEIGHT_ROUNDINGS
from accelsim.quantize import WEIGHT_METHODS, RangeMethod, WeightRounding


def test_the_choices_are_the_methods_there_are():
    assert tuple(RangeMethod) == RANGE_METHODS
    assert WEIGHT_METHODS == WEIGHT_RANGE_METHODS
    assert tuple(WeightRounding) == WEIGHT_ROUNDINGS


@pytest.mark.parametrize(
    "words",
    [
        ("quantize", "digits_mlp", "--bits", "8", "--method", "min_max"),
        ("sensitivity", "digits_mlp", "--limit", "5"),
        ("mixed", "digits_mlp", "--budget", "100"),
    ],
)
def test_ranges_that_come_from_the_test_images_are_said_to(accelsim, digits, tmp_path, words):
    with np.load(digits) as stored:
        np.savez(
            tmp_path / "apart.npz",
            test_images=stored["test_images"],
            test_labels=stored["test_labels"],
        )
    note = "Note: calibrated on test_images: apart has no images apart for it"
    done = accelsim(*words, "--data", tmp_path / "apart.npz")
    assert done.exit_code == 0, done.output
    assert note in " ".join(done.stdout.split())
    assert "Note" not in accelsim(*words, "--data", digits).stdout
