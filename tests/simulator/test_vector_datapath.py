import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import IntegerFormat, RescaleMode, make_rescale, rescale
from accelsim.errors import InternalError
from accelsim.network.geometry import Window
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerLookup,
    IntegerMaxPool,
    IntegerPad,
    IntegerQuotientPool,
    IntegerRequantize,
    QuantizedTensor,
)
from accelsim.simulator.vector_datapath import run_vector

INT8 = st.integers(-128, 127)
INTEGER_MODES = [mode for mode in RescaleMode if mode is not RescaleMode.FLOAT32]


def run(operator, inputs, zero_points, output_zero_point, bits=8, signed=True):
    """Run a layer whose tensors differ in their zero points alone."""

    def tensor(zero_point):
        return QuantizedTensor((), IntegerFormat(bits, signed), 1.0, zero_point)

    return run_vector(operator, inputs, tuple(map(tensor, zero_points)), tensor(output_zero_point))


def addition(mode, scale_left, scale_right, scale_out, left_shift=20):
    """The layer that TFLite's reference ADD would build from three scales."""
    if mode is RescaleMode.FLOAT32:
        factors, left_shift = (scale_left / scale_out, scale_right / scale_out, 1.0), 0
    else:
        common = 2 * max(scale_left, scale_right)
        factors = (
            scale_left / common,
            scale_right / common,
            common / (2**left_shift * scale_out),
        )
    parts = (make_rescale(factor, mode) for factor in factors)
    return IntegerAdd(*parts, left_shift, clamp_low=-128, clamp_high=127)


@st.composite
def pools(draw):
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilations = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    # Padding smaller than the kernel: every window keeps at least one element.
    pads = tuple(draw(st.integers(0, kernel[axis % 2] - 1)) for axis in range(4))
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    size = [
        (extent - 1) * dilation + 1 + draw(st.integers(0, 3))
        for extent, dilation in zip(kernel, dilations, strict=True)
    ]
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *size)
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    tensor = generator.integers(-128, 128, shape).astype(np.int32)
    return Window(kernel, strides, pads, dilations), tensor


def windows(window, tensor):
    """Yield ((image, channel, y, x), the window's elements that are not padding)."""
    height, width = window.output_size(*tensor.shape[2:])
    for index in itertools.product(*map(range, (*tensor.shape[:2], height, width))):
        image, channel, out_y, out_x = index
        elements = []
        for tap_y, tap_x in itertools.product(range(window.kernel[0]), range(window.kernel[1])):
            y = out_y * window.strides[0] - window.pads[0] + tap_y * window.dilations[0]
            x = out_x * window.strides[1] - window.pads[1] + tap_x * window.dilations[1]
            if 0 <= y < tensor.shape[2] and 0 <= x < tensor.shape[3]:
                elements.append(int(tensor[image, channel, y, x]))
        yield index, elements


@settings(max_examples=60, derandomize=True, deadline=None)
@given(pools())
def test_max_pool_takes_the_largest_element_that_is_not_padding(case):
    window, tensor = case
    result = run(IntegerMaxPool(window), (tensor,), (5,), 5)
    operations = 0
    for index, elements in windows(window, tensor):
        assert result.values[index] == max(elements)
        operations += len(elements)
    assert result.operations == operations
    assert result.clip_events is None


@settings(max_examples=60, derandomize=True, deadline=None)
@given(pools(), INT8, INT8, st.sampled_from(list(RescaleMode)), st.booleans())
def test_average_pool_rescales_the_sum_for_its_count(case, zero_in, zero_out, mode, include_pad):
    window, tensor = case
    area = window.kernel[0] * window.kernel[1]
    counts = tuple(range(1, area + 1))
    operator = IntegerAveragePool(
        window=window,
        count_include_pad=include_pad,
        counts=counts,
        rescales=tuple(make_rescale(0.7 / count, mode) for count in counts),
        clamp_low=-100,
        clamp_high=90,
    )
    result = run(operator, (tensor,), (zero_in,), zero_out)
    clips = 0
    for index, elements in windows(window, tensor):
        count = area if include_pad else len(elements)
        total = np.array([sum(elements) - zero_in * len(elements)])
        expected = int(rescale(total, make_rescale(0.7 / count, mode))[0]) + zero_out
        clips += not -100 <= expected <= 90
        assert result.values[index] == min(max(expected, -100), 90)
    assert result.clip_events == clips
    assert result.operations == sum(len(elements) for _, elements in windows(window, tensor))


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.sampled_from(INTEGER_MODES),
    *[st.floats(0.01, 2.0)] * 3,
    *[INT8] * 5,
)
def test_add_is_three_rescales(mode, s_left, s_right, s_out, z_left, z_right, z_out, left, right):
    operator = addition(mode, s_left, s_right, s_out)
    tensors = tuple(np.full((1, 2, 1, 3), value, dtype=np.int32) for value in (left, right))
    result = run(operator, tensors, (z_left, z_right), z_out)
    common = [
        int(rescale(np.array([(value - zero) << 20]), part)[0])
        for value, zero, part in (
            (left, z_left, operator.rescale_left),
            (right, z_right, operator.rescale_right),
        )
    ]
    exact = int(rescale(np.array([sum(common)]), operator.rescale_sum)[0]) + z_out
    assert set(result.values.ravel().tolist()) == {min(max(exact, -128), 127)}
    assert result.clip_events == (0 if -128 <= exact <= 127 else 6)
    assert result.operations == 6
    assert result.values.shape == (1, 2, 1, 3)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(*[st.floats(0.01, 2.0)] * 3, *[INT8] * 4)
def test_add_is_within_one_of_the_real_sum(s_left, s_right, s_out, z_left, z_right, left, right):
    real = Fraction(s_left) * (left - z_left) + Fraction(s_right) * (right - z_right)
    expected = min(max(round(real / Fraction(s_out)), -128), 127)
    tensors = tuple(np.array([[[[value]]]], dtype=np.int32) for value in (left, right))
    for mode in (RescaleMode.FLOAT32, RescaleMode.SINGLE_ROUND, RescaleMode.DOUBLE_ROUND):
        operator = addition(mode, s_left, s_right, s_out)
        got = int(run(operator, tensors, (z_left, z_right), 0).values[0, 0, 0, 0])
        assert abs(got - expected) <= 1


@settings(max_examples=100, derandomize=True, deadline=None)
@given(*[st.floats(0.01, 2.0)] * 3, *[INT8] * 2)
def test_add_in_float32_rounds_the_sum_once(s_left, s_right, s_out, left, right):
    operator = addition(RescaleMode.FLOAT32, s_left, s_right, s_out)
    total = np.float32(left) * np.float32(s_left / s_out)
    total += np.float32(right) * np.float32(s_right / s_out)
    tensors = tuple(np.array([[value]], dtype=np.int32) for value in (left, right))
    result = run(operator, tensors, (0, 0), 0)
    # round() of a Python float is exact and half to even.
    assert result.values.tolist() == [[min(max(round(float(total)), -128), 127)]]


def test_float32_ties_of_an_addition_go_to_even_on_both_sides_of_zero():
    operator = addition(RescaleMode.FLOAT32, 0.5, 1.0, 1.0)
    left = np.array([[-5, -3, -1, 1, 3, 5]], dtype=np.int32)
    result = run(operator, (left, np.zeros_like(left)), (0, 0), 0)
    assert result.values.tolist() == [[-2, -2, 0, 0, 2, 2]]


def test_clamp():
    tensor = np.array([[-128, -5, -4, 0, 6, 7, 127]], dtype=np.int32)
    result = run(IntegerClamp(-5, 6), (tensor,), (-5,), -5)
    assert result.values.tolist() == [[-5, -5, -4, 0, 6, 6, 6]]
    assert (result.operations, result.clip_events) == (7, None)


def test_negative_inputs_win_over_padding():
    tensor = np.full((1, 1, 1, 1), -100, dtype=np.int32)
    window = Window((3, 3), pads=(1, 1, 1, 1))
    assert run(IntegerMaxPool(window), (tensor,), (0,), 0).values.item() == -100


def test_refuses_windows_of_padding_alone():
    tensor = np.zeros((1, 1, 1, 1), dtype=np.int32)
    with pytest.raises(InternalError, match=r"^a pool's window lies in padding alone: Window\("):
        run(IntegerMaxPool(Window((1, 1), pads=(1, 0, 0, 0))), (tensor,), (0,), 0)


def test_refuses_counts_without_a_rescale():
    operator = IntegerAveragePool(
        window=Window((2, 2), pads=(1, 1, 0, 0)),
        count_include_pad=False,
        counts=(4,),
        rescales=(make_rescale(0.25, RescaleMode.SINGLE_ROUND),),
        clamp_low=-128,
        clamp_high=127,
    )
    tensor = np.zeros((1, 1, 2, 2), dtype=np.int32)
    with pytest.raises(InternalError, match=r"^no rescale for windows of \[1, 2\] elements$"):
        run(operator, (tensor,), (0,), 0)


def half_away(value):
    """Round a fraction to the nearest integer, a half away from 0."""
    magnitude = (abs(value) + Fraction(1, 2)).__floor__()
    return magnitude if value >= 0 else -magnitude


@settings(max_examples=100, derandomize=True, deadline=None)
@given(pools(), INT8)
def test_quotient_pool_divides_by_the_elements_that_are_not_padding(case, zero_point):
    window, tensor = case
    result = run(IntegerQuotientPool(window, -90, 80), (tensor,), (zero_point,), zero_point)
    operations = 0
    for index, elements in windows(window, tensor):
        exact = half_away(Fraction(sum(elements), len(elements)))
        assert result.values[index] == min(max(exact, -90), 80)
        operations += len(elements)
    assert (result.operations, result.clip_events) == (operations, None)


@pytest.mark.parametrize(
    ("elements", "quotient"),
    [([1, 0], 1), ([-1, 0], -1), ([-3, 0], -2), ([1, 1, 0], 1), ([-128] * 4, -128), ([2, -2], 0)],
)
def test_halves_of_a_quotient_go_away_from_zero(elements, quotient):
    tensor = np.array([[[elements]]], dtype=np.int32)
    operator = IntegerQuotientPool(Window((1, len(elements))), -128, 127)
    assert run(operator, (tensor,), (7,), 7).values.tolist() == [[[[quotient]]]]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.sampled_from(list(RescaleMode)), st.floats(0.0, 4.0), INT8, INT8, INT8)
def test_requantize_is_the_same_real_on_another_scale(mode, factor, value, z_in, z_out):
    parameters = make_rescale(factor, mode)
    tensor = np.full((2, 3), value, dtype=np.int32)
    result = run(IntegerRequantize(parameters, -100, 90), (tensor,), (z_in,), z_out)
    exact = int(rescale(np.array([value - z_in]), parameters)[0]) + z_out
    assert set(result.values.ravel().tolist()) == {min(max(exact, -100), 90)}
    assert result.clip_events == (0 if -100 <= exact <= 90 else 6)
    assert (result.operations, result.values.shape) == (6, (2, 3))


@pytest.mark.parametrize(("signed", "low"), [(True, -8), (False, 0)])
def test_a_table_starts_with_the_smallest_integer(signed, low):
    table = np.arange(100, 116, dtype=np.int32)
    tensor = np.arange(low, low + 16, dtype=np.int32).reshape(2, 8)
    result = run(IntegerLookup(table), (tensor,), (0,), 0, bits=4, signed=signed)
    assert result.values.tolist() == table.reshape(2, 8).tolist()
    assert (result.operations, result.clip_events) == (16, None)


def test_padding_is_of_one_integer_on_each_axis():
    tensor = np.arange(1, 5, dtype=np.int32).reshape(1, 1, 2, 2)
    result = run(IntegerPad((0, 1, 0), (1, 0, 2), fill=-9), (tensor,), (0,), 0)
    image = [[-9, -9, -9, -9], [1, 2, -9, -9], [3, 4, -9, -9]]
    assert result.values.tolist() == [[image, [[-9] * 4] * 3]]
    assert (result.operations, result.clip_events) == (24, None)


def test_a_vector_is_padded_at_its_ends():
    tensor = np.array([[5, 6]], dtype=np.int32)
    assert run(IntegerPad((1,), (2,), fill=0), (tensor,), (0,), 0).values.tolist() == [
        [0, 5, 6, 0, 0]
    ]
