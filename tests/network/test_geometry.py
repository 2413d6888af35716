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
