import numpy as np
import pytest

from accelsim.arithmetic import IntegerFormat
from accelsim.errors import DataError
from accelsim.frontend import random_data
from accelsim.network import IntegerClamp, IntegerLayer, IntegerNetwork, QuantizedTensor
from accelsim.quantize import MachineArithmetic


def test_the_seed_decides(network_of):
    network = network_of((3, 4, 5))
    first, again, other = (random_data(network, 2, seed) for seed in (1, 1, 2))
    assert first.images.shape == (2, 3, 4, 5)
    assert (first.images == again.images).all()
    assert (first.sha256 == again.sha256, first.sha256 == other.sha256) == (True, False)
    assert (np.unique(first.labels).tolist(), first.preparation) == ([0], "random, standard normal")


def test_more_images_than_can_be_loaded(network_of):
    with pytest.raises(DataError) as caught:
        random_data(network_of((3, 64, 64)), 2**20, 0)
    assert str(caught.value) == (
        f"random images: an array of {2**20 * 3 * 64 * 64 * 8} bytes; at most {2**31} are loaded "
        "(give fewer images)"
    )


def test_integers_that_stand_for_more_than_float32_holds():
    tensor = QuantizedTensor((2,), IntegerFormat(8), 3e38, -128)
    layer = IntegerLayer("clamp", IntegerClamp(0, 100), ("x",), "y")
    network = IntegerNetwork(
        "net", "x", "y", (layer,), {"x": tensor, "y": tensor}, MachineArithmetic().accumulator
    )
    with pytest.raises(DataError) as caught:
        random_data(network, 1, 0)
    assert str(caught.value) == (
        "random images: input 'x' has scale 3e+38, so its integers stand for numbers up to "
        "7.65e+40, beyond float32"
    )
