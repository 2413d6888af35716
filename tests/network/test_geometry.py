from dataclasses import replace

import pytest

from accelsim.network import Window


@pytest.mark.parametrize(
    ("window", "size", "expected"),
    [
        (Window((1, 1)), (1, 1), (1, 1)),
        (Window((3, 3)), (8, 5), (6, 3)),
        (Window((3, 3), strides=(2, 2), pads=(1, 1, 1, 1)), (8, 7), (4, 4)),
        (Window((3, 2), strides=(3, 1), pads=(0, 1, 2, 0)), (8, 4), (3, 4)),
        (Window((3, 3), dilations=(2, 3)), (8, 8), (4, 2)),
        (Window((3, 3)), (2, 3), (0, 1)),
    ],
)
def test_output_size(window, size, expected):
    assert window.output_size(*size) == expected


@pytest.mark.parametrize(
    ("window", "size", "upper", "lower"),
    [
        (Window((1, 1)), (5, 5), (0, 0, 0, 0), (0, 0, 0, 0)),
        (Window((3, 3)), (5, 5), (1, 1, 1, 1), (1, 1, 1, 1)),
        (Window((2, 4)), (5, 5), (0, 1, 1, 2), (1, 2, 0, 1)),  # an odd total
        (Window((3, 3), strides=(2, 2)), (8, 9), (0, 1, 1, 1), (1, 1, 0, 1)),
        (Window((3, 3), dilations=(2, 3)), (9, 9), (2, 3, 2, 3), (2, 3, 2, 3)),
        (Window((1, 2), strides=(3, 3)), (7, 4), (0, 0, 0, 1), (0, 1, 0, 0)),
        (Window((1, 1), strides=(4, 4)), (7, 3), (0, 0, 0, 0), (0, 0, 0, 0)),
    ],
)
def test_same_pads_give_an_output_for_every_stride_of_input(window, size, upper, lower):
    assert window.same_pads(*size) == upper
    assert window.same_pads(*size, lower=True) == lower
    for pads in (upper, lower):
        expected = tuple(-(-n // stride) for n, stride in zip(size, window.strides, strict=True))
        assert replace(window, pads=pads).output_size(*size) == expected
