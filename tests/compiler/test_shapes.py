"""What layers move, in closed form, against im2col element by element."""

from __future__ import annotations

from math import ceil, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.compiler.plan import Gemm
from accelsim.compiler.shapes import MatrixShape, TensorShape, VectorShape
from accelsim.network.geometry import Window


def elements_read(shape: MatrixShape, m: int) -> list[tuple[int, int, int]]:
    """(image, row, column) of the pixels that output row m reads, padding left out."""
    height, width = shape.output_size
    image, pixel = divmod(m, height * width)
    window = shape.window
    return [
        (image, y, x)
        for tap_y in range(window.kernel[0])
        for tap_x in range(window.kernel[1])
        for y in [
            (pixel // width) * window.strides[0] + tap_y * window.dilations[0] - window.pads[0]
        ]
        for x in [
            (pixel % width) * window.strides[1] + tap_x * window.dilations[1] - window.pads[1]
        ]
        if 0 <= y < shape.input_shape[1] and 0 <= x < shape.input_shape[2]
    ]


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.data())
def test_a_block_needs_the_whole_rows_that_it_touches_once(kit, data: st.DataObject) -> None:
    shape = data.draw(kit.shapes())
    start = data.draw(st.integers(0, shape.gemm.rows_m - 1))
    stop = data.draw(st.integers(start + 1, shape.gemm.rows_m))
    out_width = shape.output_size[1]
    line_start, line_stop = start // out_width * out_width, ceil(stop / out_width) * out_width
    lines = {
        (image, y)
        for m in range(line_start, line_stop)
        for image, y, _ in _all_taps(shape, m)
        if 0 <= y < shape.input_shape[1]
    }
    channels = shape.input_shape[0] // shape.groups
    elements = len(lines) * shape.input_shape[2] * channels
    assert shape.block_elements(start, stop) == elements
    assert shape.block_bytes(start, stop) == ceil(elements * shape.input_bits / 8)


def _all_taps(shape: MatrixShape, m: int) -> list[tuple[int, int, int]]:
    height, width = shape.output_size
    image, pixel = divmod(m, height * width)
    window = shape.window
    base = (pixel // width) * window.strides[0] - window.pads[0]
    return [(image, base + tap * window.dilations[0], 0) for tap in range(window.kernel[0])]


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.data())
def test_valid_reads_are_the_im2col_elements_that_are_not_padding(kit, data) -> None:
    shape = data.draw(kit.shapes())
    pixels = sum(len(elements_read(shape, m)) for m in range(shape.gemm.rows_m))
    assert shape.valid_reads == pixels * shape.input_shape[0]


@pytest.mark.parametrize(
    ("arguments", "gemm"),
    [
        ({"input_shape": (64, 1, 1), "out_channels": 10, "batch": 5}, Gemm(5, 10, 64)),
        (
            {
                "input_shape": (3, 8, 8),
                "out_channels": 16,
                "window": Window((3, 3), (2, 2), (1, 1, 1, 1)),
                "batch": 2,
            },
            Gemm(32, 16, 27),
        ),
        (
            {
                "input_shape": (6, 4, 4),
                "out_channels": 6,
                "window": Window((3, 3)),
                "groups": 6,
            },
            Gemm(4, 1, 9, 6),
        ),
    ],
)
def test_dense_strided_and_depthwise_layers_as_matrix_products(kit, arguments, gemm) -> None:
    assert kit.shape(**arguments).gemm == gemm


def test_bytes_are_those_of_the_true_width(kit) -> None:
    shape = kit.shape(weight_bits=3, output_bits=5)
    assert shape.weight_tile_bytes(3, 3, first_depth=False) == 4
    assert shape.weight_tile_bytes(3, 3, first_depth=True) == 4 + 3 * 4
    assert shape.output_tile_bytes(3, 3) == 6
    assert TensorShape((3, 5), 4).total_bytes(batch=1) == 8
    assert TensorShape((3, 5), 4).total_bytes(batch=2) == 15


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.data())
def test_pieces_of_a_pool_add_up(kit, data: st.DataObject) -> None:
    window = data.draw(kit.windows())
    size = data.draw(st.integers(7, 9))
    shape = VectorShape("max_pool", 3, size, size, window, (4,), 8)
    chunks = data.draw(st.integers(1, shape.lines))
    pieces = list(shape.pieces(chunks))
    assert len(pieces) == chunks
    assert sum(piece.operations for piece in pieces) == shape.operations == shape.element_reads
    assert sum(piece.output_bytes for piece in pieces) == shape.element_writes
    assert [piece.input_bytes for piece in pieces] == [
        (ceil(piece.input_elements / 2),) for piece in pieces
    ]


def test_a_pool_cut_in_lines_fetches_the_overlap_twice() -> None:
    shape = VectorShape("max_pool", 1, 5, 5, Window((3, 3), (2, 2)), (8,), 8)
    assert [piece.input_elements for piece in shape.pieces(1)] == [25]
    assert [piece.input_elements for piece in shape.pieces(2)] == [15, 15]


def test_an_addition_has_one_operation_and_two_reads_an_element() -> None:
    shape = VectorShape("add", prod((2, 3, 4)), 1, 1, Window((1, 1)), (8, 4), 8)
    assert (shape.operations, shape.element_reads, shape.element_writes) == (24, 48, 24)
    first, second = shape.pieces(2)
    assert first == second
    assert (first.operations, first.input_bytes, first.output_bytes) == (12, (12, 6), 12)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.data())
def test_pieces_of_a_pad_add_up(data: st.DataObject) -> None:
    top, bottom, beside = (data.draw(st.integers(0, 3)) for _ in range(3))
    window = Window((1, 1), pads=(top, 0, bottom, beside))
    shape = VectorShape("pad", 2, 3, 5, window, (8,), 8)
    assert (shape.element_reads, shape.element_writes) == (
        30,
        2 * (3 + top + bottom) * (5 + beside),
    )
    pieces = list(shape.pieces(data.draw(st.integers(1, shape.lines))))
    assert sum(piece.operations for piece in pieces) == shape.operations == shape.element_writes
    assert sum(piece.input_elements for piece in pieces) == shape.element_reads
    assert sum(piece.output_bytes for piece in pieces) == shape.element_writes


def test_a_piece_of_padding_alone_fetches_nothing() -> None:
    shape = VectorShape("pad", 1, 1, 4, Window((1, 1), pads=(1, 0, 1, 0)), (8,), 8)
    assert [piece.input_bytes for piece in shape.pieces(3)] == [(0,), (4,), (0,)]
