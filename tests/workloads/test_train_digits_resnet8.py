import importlib.util
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")

WORKLOADS = Path(__file__).parents[2] / "workloads"


@pytest.fixture(scope="module")
def recipe():
    """The recipe as a module; it finds its neighbours as when it is run as a script."""
    sys.path.insert(0, str(WORKLOADS))
    path = WORKLOADS / "train_digits_resnet8.py"
    spec = importlib.util.spec_from_file_location("train_digits_resnet8", path)
    module = importlib.util.module_from_spec(spec)
    threads = torch.get_num_threads()
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        torch.set_num_threads(threads)
        sys.path.remove(str(WORKLOADS))
        for name in ("numpy_layers", "train_digits"):
            sys.modules.pop(name, None)


def test_the_images_are_made_from_the_digits(recipe):
    made = recipe.enlarged_digits()
    with np.load(WORKLOADS / "digits_32x32.npz", allow_pickle=False) as stored:
        assert set(stored) == set(made)
        for name, values in made.items():
            assert stored[name].dtype == values.dtype
            np.testing.assert_array_equal(stored[name], values)


def test_an_image_that_rises_evenly_still_does(recipe):
    """Between the outermost centres a straight line stays one; beyond them it is flat."""
    image = np.broadcast_to(np.arange(8, dtype=np.float32) / 7, (1, 1, 8, 8))
    line = np.clip((np.arange(32) + 0.5) / 4 - 0.5, 0, 7) / 7
    expected = 17 * np.rint(15 * line)
    np.testing.assert_array_equal(recipe.enlarged(image)[0, 0], np.tile(expected, (32, 1)))


def test_a_step_of_training_lowers_the_loss_and_the_file_computes_the_same(recipe, tmp_path):
    import onnxruntime

    images = recipe.enlarged_digits()["train_images"][: 2 * recipe.BATCH]
    labels = np.arange(2 * recipe.BATCH, dtype=np.uint8) % 10
    data = {"train_images": images, "train_labels": labels}
    networks = recipe.train(data, epochs=1), recipe.train(data, epochs=3)
    pixels = torch.from_numpy(images).float() / 255
    with torch.no_grad():
        losses = [
            float(
                torch.nn.functional.cross_entropy(
                    n.train()(pixels), torch.from_numpy(labels).long()
                )
            )
            for n in networks
        ]
        scores = networks[1].eval()(pixels).numpy()
    assert losses[1] < losses[0]
    path = tmp_path / "network.onnx"
    onnx.save(recipe.to_onnx(networks[1]), path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"image": pixels.numpy()})[0], scores, atol=1e-4)
