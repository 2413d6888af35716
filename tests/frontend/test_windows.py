import pytest

from accelsim.errors import UnsupportedOperatorError
from accelsim.frontend.graph import Node
from accelsim.frontend.windows import conv_window, pool_window
from accelsim.network import Window


def node(operator="MaxPool", **attributes):
    return Node(operator, "n", ("x",), "y", attributes)


@pytest.mark.parametrize(
    ("attributes", "size", "expected"),
    [
        ({}, 8, Window((3, 3))),
        ({"pads": [0, 1, 2, 3], "strides": [2, 1]}, 8, Window((3, 3), (2, 1), (0, 1, 2, 3))),
        ({"auto_pad": "VALID"}, 8, Window((3, 3))),
        ({"auto_pad": "SAME_UPPER"}, 8, Window((3, 3), pads=(1, 1, 1, 1))),
        ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, 8, Window((3, 3), (2, 2), (0, 0, 1, 1))),
        ({"auto_pad": "SAME_LOWER", "strides": [2, 2]}, 8, Window((3, 3), (2, 2), (1, 1, 0, 0))),
        ({"auto_pad": "SAME_UPPER", "strides": [4, 4]}, 8, Window((3, 3), (4, 4))),
        (
            {"auto_pad": "SAME_LOWER", "dilations": [2, 2]},
            8,
            Window((3, 3), pads=(2, 2, 2, 2), dilations=(2, 2)),
        ),
    ],
)
def test_convolution(attributes, size, expected):
    assert conv_window(node("Conv", **attributes), (3, 3), (1, size, size)) == expected


@pytest.mark.parametrize(
    ("size", "pads", "expected"),
    [
        # 7 = 3 + 2 + 2 fits exactly; 8 leaves one over, so the fourth window reaches one past.
        (7, [0, 0, 0, 0], (0, 0, 0, 0)),
        (8, [0, 0, 0, 0], (0, 0, 1, 1)),
        # The window that would start at 8, in the padding at the end, is left out.
        (8, [0, 0, 1, 1], (0, 0, 1, 1)),
    ],
)
def test_rounding_up_pads_at_the_end(size, pads, expected):
    pool = node(kernel_shape=[3, 3], strides=[2, 2], pads=pads, ceil_mode=1)
    assert pool_window(pool, (1, size, size)).pads == expected


def test_a_window_that_would_start_in_the_padding_is_left_out():
    pool = node(kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 1, 1], ceil_mode=1)
    assert pool_window(pool, (1, 4, 4)).pads == (0, 0, 1, 1)
    assert pool_window(pool, (1, 4, 4)).output_size(4, 4) == (2, 2)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"kernel_shape": [3]}, "only 2-dimensional windows are supported, got [3]"),
        ({"strides": [2]}, "strides must have 2 values, got [2]"),
        ({"dilations": [1, 1, 1]}, "dilations must have 2 values, got [1, 1, 1]"),
        ({"strides": [0, 1]}, "kernel, strides and dilations must be at least 1"),
        ({"pads": [-1, 0, 0, 0]}, "auto_pad NOTSET with pads [-1, 0, 0, 0] is not supported"),
        ({"pads": [1, 1]}, "auto_pad NOTSET with pads [1, 1] is not supported"),
        ({"auto_pad": "SOME"}, "auto_pad SOME with pads [0, 0, 0, 0] is not supported"),
        ({"pads": [0, 0, 3, 0]}, "pads must be smaller than the kernel, got [0, 0, 3, 0]"),
        ({"kernel_shape": [9, 3]}, "the window does not fit in its input of shape [1, 8, 8]"),
        (
            {"ceil_mode": 1, "count_include_pad": 1, "strides": [2, 2]},
            "ceil_mode with count_include_pad changes the result here",
        ),
    ],
)
def test_refuses(attributes, reason):
    with pytest.raises(UnsupportedOperatorError) as caught:
        pool_window(node(**{"kernel_shape": [3, 3], **attributes}), (1, 8, 8))
    assert str(caught.value) == f"node 'n' (MaxPool): {reason}"
