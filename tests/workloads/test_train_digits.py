import importlib.util
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

WORKLOADS = Path(__file__).parents[2] / "workloads"
FIRST_EPOCH = "60ad4007834f5e8289bd69725bb23b23eea6882906551a10f5af5c8066e5e27b"


@pytest.fixture(scope="module")
def recipe():
    """The recipe as a module; it finds its layers as when it is run as a script."""
    sys.path.insert(0, str(WORKLOADS))
    spec = importlib.util.spec_from_file_location("train_digits", WORKLOADS / "train_digits.py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(WORKLOADS))
        sys.modules.pop("numpy_layers", None)


def test_the_data_are_those_of_scikit_learn(recipe):
    pytest.importorskip("sklearn")
    assert recipe.is_equal("digits")


def test_training_the_mlp_again_gives_the_same_bits(recipe):
    assert recipe.is_equal("digits_mlp")


def test_the_first_epoch_of_the_cnn_gives_the_same_bits(recipe):
    """All twenty epochs take half a minute: ``train_digits.py --check`` does them."""
    build, _, seed = recipe.RECIPES["digits_cnn"]
    with np.load(WORKLOADS / "digits.npz", allow_pickle=False) as data:
        network = recipe.train(build, dict(data), epochs=1, seed=seed)
    parameters = [p for leaf in network.leaves() for p in leaf.parameters.values()]
    digest = sha256(b"".join(p.astype("<f4").tobytes() for p in parameters)).hexdigest()
    assert digest == FIRST_EPOCH


def test_a_file_that_differs_is_noticed(recipe, monkeypatch, capsys):
    monkeypatch.setattr(recipe, "trained", lambda name: b"something else")
    monkeypatch.setattr("sys.argv", ["train_digits.py", "--check", "--only", "digits_mlp"])
    assert recipe.main() == 1
    assert capsys.readouterr().out == "digits_mlp: DIFFERS\n"


@pytest.mark.parametrize("name", ["digits_cnn", "digits_mlp"])
def test_gradients_are_those_of_finite_differences(recipe, monkeypatch, name):
    layers = sys.modules["numpy_layers"]
    monkeypatch.setattr(layers, "on_grid", lambda values: values)
    random = np.random.RandomState(0)
    network = recipe.RECIPES[name][0](random)
    images, labels = random.rand(6, 1, 8, 8), random.randint(0, 10, 6)

    def loss():
        logits = network.forward(images)
        targets = np.full(logits.shape, 0.005)
        targets[np.arange(6), labels] += 0.95
        return -(targets * (logits - np.log(np.exp(logits).sum(1, keepdims=True)))).sum() / 6

    network.backward(recipe.loss_gradient(network.forward(images), labels))
    expected = {(n, k): n.gradients[k].copy() for n in network.leaves() for k in n.parameters}
    for (layer, key), gradient in expected.items():
        values = layer.parameters[key]
        for place in random.choice(values.size, 2):
            at = np.unravel_index(place, values.shape)
            original = values[at]
            sides = []
            for step in (1e-5, -1e-5):
                values[at] = original + step
                sides.append(loss())
            values[at] = original
            assert (sides[0] - sides[1]) / 2e-5 == pytest.approx(gradient[at], abs=2e-6)
