import numpy as np
import pytest

from accelsim.arithmetic import IntegerFormat, RescaleMode, make_rescale
from accelsim.errors import InternalError
from accelsim.network.geometry import Window
from accelsim.network.integer import IntegerMatrix
from accelsim.network.vectors import WeightVectors, vector_bounds


def test_the_last_vector_is_what_is_left():
    assert vector_bounds(7, 3) == [(0, 3), (3, 6), (6, 7)]
    assert vector_bounds(6, 3) == [(0, 3), (3, 6)]
    assert vector_bounds(2, 5) == [(0, 2)]
    assert vector_bounds(2, 1) == [(0, 1), (1, 2)]


def test_every_weight_has_the_scale_of_its_depth():
    # Depth: kernel row, kernel column, channel; two output channels of 3 x 2 x 1.
    scales = np.array([[1, 10], [2, 20], [3, 30], [4, 40]], np.int32)
    found = WeightVectors(2, 6, scales[:3]).of_weights((2, 3, 2, 1))
    # Row 0: channels 0, 1, 2; row 1: channels 0, 1, 2: vectors are (0, 1), (2, 0), (1, 2).
    assert found[0, :, :, 0].tolist() == [[1, 2], [1, 3], [2, 3]]
    assert (found[1] == 10 * found[0]).all()
    dense = WeightVectors(2, 6, scales).of_weights((2, 7))
    assert dense.tolist() == [[1, 1, 2, 2, 3, 3, 4], [10, 10, 20, 20, 30, 30, 40]]


def test_scales_that_do_not_fit_are_our_mistake():
    with pytest.raises(InternalError, match=r"^scales of vectors do not fit 2 bits$"):
        WeightVectors(4, 2, np.array([[4]], np.int32))
    with pytest.raises(InternalError, match=r"^scales of vectors do not fit 2 bits$"):
        WeightVectors(4, 2, np.array([[-1]], np.int32))
    with pytest.raises(InternalError, match=r"^impossible vectors of 0, 2-bit scales$"):
        WeightVectors(0, 2, np.array([[1]], np.int32))
    with pytest.raises(InternalError, match=r"^impossible vectors of 1, 17-bit scales$"):
        WeightVectors(1, 17, np.array([[1]], np.int32))
    with pytest.raises(InternalError, match=r"^1 vectors do not cover a depth of 3$"):
        WeightVectors(2, 2, np.array([[1]], np.int32)).of_weights((1, 3))


def test_zero_points_and_vectors_do_not_go_together():
    with pytest.raises(InternalError, match=r"^weights have zero points or vectors, not both$"):
        IntegerMatrix(
            weights=np.ones((1, 1, 1, 1), np.int32),
            weight_format=IntegerFormat(4),
            weight_scales=np.ones(1),
            bias=np.zeros(1, np.int64),
            window=Window((1, 1)),
            groups=1,
            rescale=make_rescale(1.0, RescaleMode.SINGLE_ROUND),
            clamp_low=0,
            clamp_high=1,
            weight_zero_points=np.ones(1, np.int64),
            vectors=WeightVectors(1, 2, np.array([[1]], np.int32)),
        )
