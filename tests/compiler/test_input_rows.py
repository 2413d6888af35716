"""Distinct input rows in closed form, against listing them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.compiler.input_rows import input_rows, valid_taps
from accelsim.network.geometry import Window


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.data())
def test_rows_and_taps_of_a_range_of_lines(kit, data: st.DataObject) -> None:
    window = data.draw(kit.windows(largest=5))
    height = max((window.kernel[0] - 1) * window.dilations[0] + 1, data.draw(st.integers(1, 12)))
    rows = input_rows(window, height, 99)
    outputs, _ = window.output_size(height, 99)
    first = data.draw(st.integers(0, 3 * outputs - 1))
    stop = data.draw(st.integers(first + 1, 3 * outputs))
    reads = [
        (line // outputs, row)
        for line in range(first, stop)
        for tap in range(window.kernel[0])
        if 0 <= (row := _row(window, line % outputs, tap)) < height
    ]
    assert rows.distinct(first, stop) == len(set(reads))
    assert rows.taps_before(stop) - rows.taps_before(first) == len(reads)


def _row(window: Window, output_row: int, tap: int) -> int:
    return output_row * window.strides[0] + tap * window.dilations[0] - window.pads[0]


def test_a_stride_larger_than_the_kernel_skips_rows() -> None:
    rows = input_rows(Window((1, 1), (2, 2)), 8, 8)
    assert rows.distinct(0, 4) == 4


def test_padding_is_no_row() -> None:
    rows = input_rows(Window((3, 3), pads=(1, 1, 1, 1)), 4, 4)
    assert rows.distinct([0, 1, 0], [1, 2, 4]).tolist() == [2, 3, 4]


def test_valid_taps_of_a_padded_3x3_over_4x4() -> None:
    assert valid_taps(Window((3, 3), pads=(1, 1, 1, 1)), 4, 4) == (10, 10)
