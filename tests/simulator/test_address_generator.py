import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import IntegerFormat, RescaleMode, make_rescale
from accelsim.errors import InternalError
from accelsim.network.geometry import Window
from accelsim.network.integer import IntegerMatrix
from accelsim.simulator.address_generator import AddressGenerator


def matrix(weights, window, groups=1):
    """A layer with the given int32[out, in / groups, y, x] weights; bias[n] = 1000 * n."""
    weights = np.asarray(weights, dtype=np.int32)
    return IntegerMatrix(
        weights=weights,
        weight_format=IntegerFormat(8),
        weight_scales=np.ones(1),
        bias=1000 * np.arange(len(weights)),
        window=window,
        groups=groups,
        rescale=make_rescale(0.5, RescaleMode.SINGLE_ROUND),
        clamp_low=-128,
        clamp_high=127,
    )


def convolve(tensor, zero_point, layer):
    """int64[batch, out, y, x], straight from the definition with an explicit padded copy."""
    top, left, bottom, right = layer.window.pads
    padded = np.pad(
        tensor.astype(np.int64),
        ((0, 0), (0, 0), (top, bottom), (left, right)),
        constant_values=zero_point,
    )
    height, width = layer.window.output_size(*tensor.shape[2:])
    out_channels, group_channels, kernel_y, kernel_x = layer.weights.shape
    result = np.zeros((len(tensor), out_channels, height, width), dtype=np.int64)
    for n, y, x in itertools.product(range(out_channels), range(height), range(width)):
        group = n // (out_channels // layer.groups)
        channels = slice(group * group_channels, (group + 1) * group_channels)
        rows = y * layer.window.strides[0] + np.arange(kernel_y) * layer.window.dilations[0]
        columns = x * layer.window.strides[1] + np.arange(kernel_x) * layer.window.dilations[1]
        patch = padded[:, channels][:, :, rows][:, :, :, columns]
        result[:, n, y, x] = (patch * layer.weights[n]).sum(axis=(1, 2, 3)) + layer.bias[n]
    return result


def multiply(generator, groups):
    products = [
        generator.activations(group, 0, generator.rows_m).astype(np.int64)
        @ generator.weights(group)
        + generator.bias(group)
        for group in range(groups)
    ]
    batch, _, height, width = generator.output_shape
    rows = np.concatenate(products, axis=1)
    return rows.reshape(batch, height, width, -1).transpose(0, 3, 1, 2)


@st.composite
def layers(draw):
    groups = draw(st.integers(1, 3))
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilations = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    window = Window(
        kernel=kernel,
        strides=draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        pads=tuple(draw(st.integers(0, 2)) for _ in range(4)),
        dilations=dilations,
    )
    size = [
        (extent - 1) * dilation + 1 + draw(st.integers(0, 4))
        for extent, dilation in zip(kernel, dilations, strict=True)
    ]
    group_channels, group_columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    weights = generator.integers(-127, 128, (groups * group_columns, group_channels, *kernel))
    batch = draw(st.integers(1, 3))
    shape = (batch, groups * group_channels, *size)
    tensor = generator.integers(-128, 128, shape).astype(np.int32)
    return matrix(weights, window, groups), tensor, draw(st.integers(-128, 127))


@settings(max_examples=60, derandomize=True, deadline=None)
@given(layers())
def test_the_matrix_product_is_the_convolution(case):
    layer, tensor, zero_point = case
    generator = AddressGenerator(tensor, zero_point, layer)
    assert np.array_equal(multiply(generator, layer.groups), convolve(tensor, zero_point, layer))
    assert generator.elements_fetched == generator.padding_free_elements()


@settings(max_examples=40, derandomize=True, deadline=None)
@given(layers(), st.data())
def test_any_range_of_rows_is_cut_from_the_whole(case, data):
    layer, tensor, zero_point = case
    generator = AddressGenerator(tensor, zero_point, layer)
    group = data.draw(st.integers(0, layer.groups - 1))
    start = data.draw(st.integers(0, generator.rows_m))
    stop = data.draw(st.integers(start, generator.rows_m))
    whole = generator.activations(group, 0, generator.rows_m)
    assert np.array_equal(generator.activations(group, start, stop), whole[start:stop])


@settings(max_examples=40, derandomize=True, deadline=None)
@given(layers())
def test_padding_is_not_fetched(case):
    layer, tensor, _ = case
    # A zero point no tensor element can be marks the padding.
    generator = AddressGenerator(tensor, 1000, layer)
    fetched = sum(
        int((generator.activations(group, 0, generator.rows_m) != 1000).sum())
        for group in range(layer.groups)
    )
    assert generator.elements_fetched == fetched == generator.padding_free_elements()


def test_depth_runs_over_kernel_rows_columns_and_then_channels():
    # Element (channel, y, x) of the one image is 100 * channel + 10 * y + x.
    tensor = np.add.outer(np.array([0, 100]), np.add.outer(np.array([0, 10]), np.arange(3)))
    layer = matrix(np.arange(8).reshape(1, 2, 2, 2), Window((2, 2)))
    generator = AddressGenerator(tensor[np.newaxis].astype(np.int32), 0, layer)
    assert generator.activations(0, 0, 2).tolist() == [
        [0, 100, 1, 101, 10, 110, 11, 111],
        [1, 101, 2, 102, 11, 111, 12, 112],
    ]
    assert generator.weights(0).T.tolist() == [[0, 4, 1, 5, 2, 6, 3, 7]]


def test_rows_run_over_images_and_then_pixels():
    tensor = np.arange(12, dtype=np.int32).reshape(2, 1, 2, 3)
    generator = AddressGenerator(tensor, 0, matrix([[[[1]]]], Window((1, 1))))
    assert generator.activations(0, 4, 9).ravel().tolist() == [4, 5, 6, 7, 8]
    assert generator.rows_m == 12


def test_padding_reads_as_the_zero_point_with_an_odd_total():
    tensor = np.array([[[[1, 2], [3, 4]]]], dtype=np.int32)
    layer = matrix(np.ones((1, 1, 2, 2)), Window((2, 2), pads=(0, 0, 1, 1)))
    generator = AddressGenerator(tensor, -7, layer)
    assert generator.activations(0, 0, 4).tolist() == [
        [1, 2, 3, 4],
        [2, -7, 4, -7],
        [3, 4, -7, -7],
        [4, -7, -7, -7],
    ]
    assert generator.elements_fetched == 9


def test_a_dense_layer_is_one_row_an_image():
    tensor = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.int32)
    weights = np.arange(6).reshape(2, 3, 1, 1)
    generator = AddressGenerator(tensor, 0, matrix(weights, Window((1, 1))))
    assert generator.activations(0, 1, 2).tolist() == [[4, 5, 6]]
    assert generator.weights(0).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert generator.bias(0).tolist() == [0, 1000]
    assert generator.output_shape == (2, 2, 1, 1)


def test_groups_have_their_own_channels_weights_and_biases():
    tensor = np.array([[[[1]], [[2]]]], dtype=np.int32)
    layer = matrix(np.array([[[[5]]], [[[6]]], [[[7]]], [[[8]]]]), Window((1, 1)), groups=2)
    generator = AddressGenerator(tensor, 0, layer)
    assert [generator.activations(group, 0, 1).tolist() for group in (0, 1)] == [[[1]], [[2]]]
    assert [generator.weights(group).tolist() for group in (0, 1)] == [[[5, 6]], [[7, 8]]]
    assert [generator.bias(group).tolist() for group in (0, 1)] == [[0, 1000], [2000, 3000]]


def test_refuses_tensors_that_do_not_fit_the_weights():
    layer = matrix(np.ones((2, 3, 1, 1)), Window((1, 1)))
    with pytest.raises(
        InternalError,
        match=r"^an input of 4 channels does not fit weights \(2, 3, 1, 1\) in 1 groups$",
    ):
        AddressGenerator(np.zeros((1, 4, 1, 1), dtype=np.int32), 0, layer)
    with pytest.raises(InternalError, match=r"^a layer's input must have 2 or 4 axes, got \(3,\)$"):
        AddressGenerator(np.zeros(3, dtype=np.int32), 0, layer)
