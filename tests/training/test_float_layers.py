import numpy as np
import pytest

from accelsim.network import Clamp, Convolution, Dense, Softmax
from accelsim.quantize.float_forward import float_forward

torch = pytest.importorskip("torch", reason="needs PyTorch (extra torch)")

from accelsim.training.float_layers import clamped, matrix_layer, moving_layer  # noqa: E402


def test_every_layer_is_what_numpy_computes(network, samples):
    expected = float_forward(network, samples[0])
    for layer in network.layers[:-1]:
        sources = [torch.tensor(expected[name]) for name in layer.inputs]
        operator = layer.operator
        if isinstance(operator, Convolution | Dense):
            parameters = (
                torch.tensor(values.astype(float)) for values in (operator.weights, operator.bias)
            )
            made = matrix_layer(operator, *sources, *parameters)
        else:
            made = moving_layer(operator, *sources)
        np.testing.assert_allclose(made.numpy(), expected[layer.output], atol=1e-12)
    assert network.shapes == {name: values.shape[1:] for name, values in expected.items()}


def test_a_clamp_without_bounds_changes_nothing():
    values = torch.tensor([-1e30, 0.0, 3.0])
    assert clamped(values, Clamp()) is values
    assert clamped(values, Clamp(0.0)).tolist() == [0.0, 0.0, 3.0]


def test_a_softmax_is_the_hosts():
    with pytest.raises(TypeError, match=r"^Softmax\(\) is not trained through$"):
        moving_layer(Softmax(), torch.zeros(1, 2))
