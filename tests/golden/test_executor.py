import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import (
    Accumulator,
    IntegerFormat,
    Overflow,
    RescaleMode,
    make_rescale,
)
from accelsim.errors import DataError, InternalError
from accelsim.golden import execute
from accelsim.network.geometry import Window
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerLayer,
    IntegerLookup,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerNetwork,
    IntegerPad,
    IntegerQuotientPool,
    IntegerRequantize,
    IntegerReshape,
    IntegerSoftmax,
    QuantizedTensor,
)
from accelsim.network.vectors import WeightVectors

modes = st.sampled_from(RescaleMode)
small = st.integers(1, 3)


@st.composite
def windows(draw, height, width):
    """A window that fits the map and never lies in padding alone."""
    kernel = draw(st.tuples(small, small))
    dilations = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    extents = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
    pads = [draw(st.integers(0, max(0, min(extents[axis % 2], 3) - 1))) for axis in range(4)]
    pads[0] = max(pads[0], extents[0] - height - pads[2])
    pads[1] = max(pads[1], extents[1] - width - pads[3])
    return Window(kernel, draw(st.tuples(small, small)), tuple(pads), dilations)


@st.composite
def formats(draw):
    form = IntegerFormat(draw(st.integers(2, 16)), signed=draw(st.booleans()))
    return form, draw(st.integers(form.low, form.high))


@st.composite
def clamps(draw, form):
    low = draw(st.integers(form.low, form.high))
    return low, draw(st.integers(low, form.high))


def single(operator, sources, target, accumulator=None):
    """A network of one layer (a second operand comes from a reshape of the first)."""
    tensors = {"x": sources[0], "y": target}
    layers = [IntegerLayer("layer", operator, ("x",) * len(sources), "y")]
    return IntegerNetwork("one", "x", "y", tuple(layers), tensors, accumulator or Accumulator())


def integers(seed, tensor, images):
    generator = np.random.default_rng(seed)
    shape = (images, *tensor.shape)
    return generator.integers(tensor.format.low, tensor.format.high, shape, np.int32, True)


def assert_equals_reference(reference, integer, inputs):
    run = execute(integer, inputs)
    witness = reference(integer)
    images = [witness.run(image) for image in inputs]
    for name, values in run.tensors.items():
        assert values.dtype == np.int32
        assert values.tolist() == [image[name].tolist() for image in images], name
    assert run.outputs is run.tensors[integer.output]
    assert run.overflow_events == witness.overflow_events
    assert run.clip_events == witness.clip_events
    return run


@st.composite
def matrix_networks(draw):
    groups = draw(st.integers(1, 3))
    depth_channels, group_outputs = draw(small), draw(small)
    height, width = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    window = draw(windows(height, width))
    form, zero_point = draw(formats())
    target_form, target_zero = draw(formats())
    weight_format = IntegerFormat(draw(st.integers(2, 16)), restricted=draw(st.booleans()))
    accumulator = Accumulator(draw(st.integers(8, 32)), draw(st.sampled_from(Overflow)))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    outputs = groups * group_outputs
    shape = (outputs, depth_channels, *window.kernel)
    multipliers = 2.0 ** generator.uniform(-34, 3, outputs if draw(st.booleans()) else 1)
    low, high = draw(clamps(target_form))
    ends = st.sampled_from((weight_format.low, weight_format.high))
    zero_points = st.one_of(ends, st.integers(weight_format.low, weight_format.high))
    moved, vectors = None, None
    kind = draw(st.sampled_from(["symmetric", "asymmetric", "vectors"]))
    if kind == "asymmetric":
        moved = np.array(draw(st.lists(zero_points, min_size=outputs, max_size=outputs)))
    elif kind == "vectors":
        depth = depth_channels * window.kernel[0] * window.kernel[1]
        size, bits = draw(st.integers(1, depth + 2)), draw(st.integers(2, 16))
        scales = generator.integers(0, 1 << bits, (-(-depth // size), outputs), np.int32)
        vectors = WeightVectors(size, bits, scales)
    operator = IntegerMatrix(
        weight_zero_points=moved,
        vectors=vectors,
        weights=generator.integers(
            weight_format.low, weight_format.high, shape, np.int32, endpoint=True
        ),
        weight_format=weight_format,
        weight_scales=np.ones(1),
        bias=generator.integers(accumulator.low, accumulator.high, outputs, np.int64, True),
        window=window,
        groups=groups,
        rescale=make_rescale(multipliers, draw(modes), draw(st.sampled_from((16, 32)))),
        clamp_low=low,
        clamp_high=high,
    )
    return single(
        operator,
        [QuantizedTensor((groups * depth_channels, height, width), form, 1.0, zero_point)],
        QuantizedTensor(
            (outputs, *window.output_size(height, width)), target_form, 1.0, target_zero
        ),
        accumulator,
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(integer=matrix_networks(), seed=st.integers(0, 99))
def test_matrix_layers_equal_the_reference(reference, integer, seed):
    inputs = integers(seed, integer.tensors["x"], 2)
    assert_equals_reference(reference, integer, inputs)


@st.composite
def add_networks(draw):
    left, left_zero = draw(formats())
    target, target_zero = draw(formats())
    mode = draw(modes)
    scale = st.floats(-3, 0)
    parameters = [make_rescale(2.0 ** draw(scale) / 2, mode) for _ in range(2)]
    shift = 20 if left.bits <= 8 else 15
    parameters.append(make_rescale(2.0 ** (draw(scale) - shift), mode))
    shape = (2, 2, 3)
    operator = IntegerAdd(*parameters, shift, *draw(clamps(target)))
    tensor = QuantizedTensor(shape, left, 1.0, left_zero)
    return single(operator, [tensor] * 2, QuantizedTensor(shape, target, 1.0, target_zero))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(integer=add_networks(), seed=st.integers(0, 99))
def test_add_equals_the_reference(reference, integer, seed):
    inputs = integers(seed, integer.tensors["x"], 2)
    assert_equals_reference(reference, integer, inputs)


@st.composite
def pool_networks(draw):
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    window = draw(windows(height, width))
    form, zero_point = draw(formats())
    source = QuantizedTensor((2, height, width), form, 1.0, zero_point)
    shape = (2, *window.output_size(height, width))
    if draw(st.booleans()):
        target = QuantizedTensor(shape, form, 1.0, zero_point)
        return single(IntegerMaxPool(window), [source], target)
    target_form, target_zero = draw(formats())
    counts = tuple(range(1, window.kernel[0] * window.kernel[1] + 1))
    mode = draw(modes)
    operator = IntegerAveragePool(
        window,
        draw(st.booleans()),
        counts,
        tuple(make_rescale(0.7 / count, mode) for count in counts),
        *draw(clamps(target_form)),
    )
    return single(operator, [source], QuantizedTensor(shape, target_form, 1.0, target_zero))


def has_a_tap_inside(integer):
    """Whether every window of the pool sees at least one element of the map."""
    _, height, width = integer.tensors["x"].shape
    window = integer.layers[0].operator.window
    ones = np.pad(
        np.ones((height, width), dtype=int),
        ((window.pads[0], window.pads[2]), (window.pads[1], window.pads[3])),
    )
    rows, columns = window.output_size(height, width)
    return all(
        ones[
            row * window.strides[0] :: window.dilations[0],
            column * window.strides[1] :: window.dilations[1],
        ][: window.kernel[0], : window.kernel[1]].any()
        for row in range(rows)
        for column in range(columns)
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(integer=pool_networks().filter(has_a_tap_inside), seed=st.integers(0, 99))
def test_pools_equal_the_reference(reference, integer, seed):
    inputs = integers(seed, integer.tensors["x"], 2)
    assert_equals_reference(reference, integer, inputs)


@st.composite
def moving_networks(draw):
    """One of the layers that neither multiply nor add tensors, and its tensors."""
    form, zero_point = draw(formats().filter(lambda drawn: drawn[0].bits <= 10))
    shape = draw(st.sampled_from([(3, 4, 2), (1, 1, 1), (2, 1, 5)]))
    source = QuantizedTensor(shape, form, 1.0, zero_point)
    target_form, target_zero = draw(formats())
    low, high = draw(clamps(target_form))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    target = QuantizedTensor(shape, target_form, 1.0, target_zero)
    kind = draw(st.sampled_from([IntegerRequantize, IntegerLookup, IntegerPad, IntegerReshape]))
    if kind is IntegerRequantize:
        unit = make_rescale(2.0 ** generator.uniform(-9, 9), draw(modes))
        return single(IntegerRequantize(unit, low, high), [source], target)
    if kind is IntegerLookup:
        table = generator.integers(low, high, 2**form.bits, np.int32, endpoint=True)
        return single(IntegerLookup(table), [source], target)
    if kind is IntegerPad:
        before, after = (tuple(generator.integers(0, 3, 3).tolist()) for _ in range(2))
        padded = tuple(b + n + a for b, n, a in zip(before, shape, after, strict=True))
        operator = IntegerPad(before, after, draw(st.integers(form.low, form.high)))
        return single(operator, [source], QuantizedTensor(padded, form, 1.0, zero_point))
    elements = int(np.prod(shape))
    other = draw(st.sampled_from([(elements,), (1, elements, 1), (elements, 1, 1), shape[::-1]]))
    operator = IntegerReshape(channels_last=draw(st.booleans()))
    return single(operator, [source], QuantizedTensor(other, form, 1.0, zero_point))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(integer=moving_networks(), seed=st.integers(0, 99))
def test_layers_that_move_or_map_elements_equal_the_reference(reference, integer, seed):
    inputs = integers(seed, integer.tensors["x"], 2)
    assert_equals_reference(reference, integer, inputs)


@st.composite
def quotient_pools(draw):
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    form, zero_point = draw(formats())
    window = draw(windows(height, width))
    clamp = draw(clamps(form))
    return single(
        IntegerQuotientPool(window, *clamp),
        [QuantizedTensor((2, height, width), form, 1.0, zero_point)],
        QuantizedTensor((2, *window.output_size(height, width)), form, 1.0, zero_point),
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    integer=quotient_pools().filter(lambda network: has_a_tap_inside(network)),
    seed=st.integers(0, 99),
)
def test_quotient_pools_equal_the_reference(reference, integer, seed):
    inputs = integers(seed, integer.tensors["x"], 2)
    assert_equals_reference(reference, integer, inputs)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], 2),  # 3 / 2: halves go away from zero
        ([-1, -2], -2),
        ([1, 0], 1),
        ([-1, 0], -1),
        ([1, 1, 2], 1),  # 4 / 3
        ([-1, -1, -3], -2),  # -5 / 3
        ([-128, -128], -128),
    ],
)
def test_a_quotient_pool_rounds_halves_away_from_zero(values, expected):
    form = IntegerFormat(8)
    operator = IntegerQuotientPool(Window((1, len(values))), -128, 127)
    source = QuantizedTensor((1, 1, len(values)), form, 1.0, 5)
    integer = single(operator, [source], QuantizedTensor((1, 1, 1), form, 1.0, 5))
    inputs = np.array(values, dtype=np.int32).reshape(1, 1, 1, -1)
    assert execute(integer, inputs).outputs.ravel().tolist() == [expected]


def test_softmax_is_of_the_channels_of_each_pixel():
    form = IntegerFormat(8)
    shape = (4, 3, 2)
    mantissa, left_shift, largest = 1717986918, 23, 248  # steps of 0.1
    integer = single(
        IntegerSoftmax(mantissa, left_shift, largest),
        [QuantizedTensor(shape, form, 0.1, 7)],
        QuantizedTensor(shape, form, 1 / 256, -128),
    )
    inputs = integers(3, integer.tensors["x"], 5)
    run = execute(integer, inputs)
    exponentials = np.exp(0.1 * inputs.astype(np.float64))
    exact = 256 * exponentials / exponentials.sum(axis=1, keepdims=True) - 128
    assert np.abs(run.outputs - exact.clip(-128, 127)).max() < 0.51
    assert run.clip_events == {}


def test_an_operator_that_golden_does_not_know_is_our_mistake():
    form = IntegerFormat(8)
    tensor = QuantizedTensor((1,), form, 1.0, 0)
    integer = single(object(), [tensor], tensor)
    with pytest.raises(InternalError, match=r"^golden has no object$"):
        execute(integer, np.zeros((1, 1), dtype=np.int32))


def dense(weights, bias, accumulator, multiplier=1.0, clamp=(-128, 127)):
    weights = np.array(weights, dtype=np.int32)[:, :, np.newaxis, np.newaxis]
    operator = IntegerMatrix(
        weights=weights,
        weight_format=IntegerFormat(8),
        weight_scales=np.ones(1),
        bias=np.array(bias, dtype=np.int64),
        window=Window((1, 1)),
        groups=1,
        rescale=make_rescale(multiplier, RescaleMode.SINGLE_ROUND),
        clamp_low=clamp[0],
        clamp_high=clamp[1],
    )
    form = IntegerFormat(8)
    return single(
        operator,
        [QuantizedTensor((weights.shape[1],), form, 1.0, 0)],
        QuantizedTensor((weights.shape[0],), form, 1.0, 0),
        accumulator,
    )


@pytest.mark.parametrize(
    ("overflow", "expected", "events"),
    [
        # 100 + 27 = 127, + 1 = 128 overflows, then - 8.
        (Overflow.SATURATE, 119, 1),
        (Overflow.WRAP, 120, 2),  # 128 -> -128, -128 - 8 = -136 -> 120
    ],
)
def test_overflow_applies_at_every_step(overflow, expected, events):
    integer = dense([[27, 1, -8]], [100], Accumulator(8, overflow))
    run = execute(integer, np.array([[1, 1, 1]], dtype=np.int32))
    assert run.outputs.tolist() == [[expected]]
    assert run.overflow_events == {"layer": events}
    assert run.clip_events == {"layer": 0}


def test_the_depth_runs_over_rows_then_columns_then_channels():
    # Saturating at 127 after the third of four steps tells one order from any other.
    weights = np.zeros((1, 2, 1, 2), dtype=np.int32)
    weights[0, :, 0, 0] = 60, 60  # first column, channels 0 and 1
    weights[0, :, 0, 1] = 60, -100  # second column
    integer = dense([[1]], [0], Accumulator(8, Overflow.SATURATE))
    operator = integer.layers[0].operator
    fields = {**vars(operator), "weights": weights, "window": Window((1, 2))}
    form = IntegerFormat(8)
    integer = single(
        IntegerMatrix(**fields),
        [QuantizedTensor((2, 1, 2), form, 1.0, 0)],
        QuantizedTensor((1, 1, 1), form, 1.0, 0),
        integer.accumulator,
    )
    run = execute(integer, np.ones((1, 2, 1, 2), dtype=np.int32))
    assert run.outputs.tolist() == [[[[27]]]]  # min(60 + 60 + 60, 127) - 100
    assert run.overflow_events == {"layer": 1}


def test_clip_events_are_values_outside_the_clamp_of_the_layer():
    integer = dense([[1], [-1]], [0, 0], Accumulator(), clamp=(0, 5))
    run = execute(integer, np.array([[0], [5], [6]], dtype=np.int32))
    assert run.outputs.tolist() == [[0, 0], [5, 0], [5, 0]]
    assert run.clip_events == {"layer": 3}


@pytest.mark.parametrize(
    ("case", "bias", "tie", "multiplier", "expected_sums", "expected"),
    [
        (
            "as printed",
            [650, 1300, 1951, 650],
            229,
            255 / 136671,
            [
                [72053, 98397, 108881, 136671],
                [60231, 89559, 98933, 130187],
                [33483, 35589, 51283, 73335],
                [58196, 91362, 99170, 130978],
            ],
            [[134, 184, 203, 255], [112, 167, 185, 243], [62, 66, 96, 137], [109, 170, 185, 244]],
        ),
        (
            "self-consistent",
            [6502, 13005, 19508, 26010],
            230,
            255 / 156338,
            [
                [77905, 104249, 114733, 142523],
                [71936, 101264, 110638, 141892],
                [51147, 53207, 69021, 91147],
                [83556, 116722, 124530, 156338],
            ],
            [[127, 170, 187, 232], [117, 165, 180, 231], [83, 87, 113, 149], [136, 190, 203, 255]],
        ),
    ],
)
def test_the_worked_four_by_four_example(case, bias, tie, multiplier, expected_sums, expected):
    # A teaching example of efficient deep learning courses: uint8 W and X, zero points 0, Y = WX+b.
    weights = [[247, 163, 189, 255], [148, 214, 214, 207], [0, 46, tie, 71], [145, 245, 204, 207]]
    inputs = [[105, 64, 186, 168], [0, 105, 105, 145], [107, 61, 181, 255], [99, 209, 43, 89]]
    form = IntegerFormat(8, signed=False)
    fields = vars(dense(weights, bias, Accumulator(), multiplier, (0, 255)).layers[0].operator)
    tensor = QuantizedTensor((4,), form, 1.0, 0)
    images = np.array(inputs, dtype=np.int32).T
    rescaled = single(IntegerMatrix(**fields), [tensor], tensor)
    assert execute(rescaled, images).outputs.T.tolist() == expected
    # The accumulators show through a rescale by one into 32 bits.
    fields |= {
        "rescale": make_rescale(1.0, RescaleMode.SINGLE_ROUND),
        "clamp_low": -(2**31),
        "clamp_high": 2**31 - 1,
    }
    wide = QuantizedTensor((4,), IntegerFormat(32), 1.0, 0)
    sums = execute(single(IntegerMatrix(**fields), [tensor], wide), images)
    assert sums.outputs.T.tolist() == expected_sums


def chain():
    """Matrix, clamp and reshape with one shape change, for runs over many images."""
    form = IntegerFormat(8)
    operator = dense([[1, 2], [3, -4], [5, 6], [7, 8]], [1, 2, 3, 4], Accumulator(12), 0.05)
    matrix = operator.layers[0].operator
    tensors = {
        "x": QuantizedTensor((2,), form, 1.0, 0),
        "a": QuantizedTensor((4,), form, 1.0, 3),
        "b": QuantizedTensor((4,), form, 1.0, 3),
        "y": QuantizedTensor((1, 2, 2), form, 1.0, 3),
    }
    layers = (
        IntegerLayer("matrix", matrix, ("x",), "a"),
        IntegerLayer("clamp", IntegerClamp(3, 60), ("a",), "b"),
        IntegerLayer("reshape", IntegerReshape(), ("b",), "y"),
    )
    return IntegerNetwork("chain", "x", "y", layers, tensors, Accumulator(12))


def test_layers_run_in_order_and_report_by_name(reference):
    integer = chain()
    run = assert_equals_reference(reference, integer, integers(0, integer.tensors["x"], 30))
    assert set(run.overflow_events) == {"matrix"}
    assert run.outputs.shape == (30, 1, 2, 2)


def test_chunks_of_images_do_not_change_the_result(monkeypatch):
    integer = chain()
    inputs = integers(1, integer.tensors["x"], 50)
    whole = execute(integer, inputs)
    monkeypatch.setattr("accelsim.golden.executor.CHUNK_ELEMENTS", 4 * 7)
    chunked = execute(integer, inputs, keep_tensors=False)
    assert set(chunked.tensors) == {"y"}
    assert chunked.outputs.tolist() == whole.outputs.tolist()
    assert chunked.overflow_events == whole.overflow_events
    assert chunked.clip_events == whole.clip_events


def test_no_image_is_no_output():
    run = execute(chain(), np.zeros((0, 2), dtype=np.int32))
    assert run.outputs.shape == (0, 1, 2, 2)
    assert run.overflow_events == {"matrix": 0}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            np.zeros((1, 2), dtype=np.float32),
            "inputs: must be integers, got float32 (quantize them first)",
        ),
        (
            np.zeros((1, 3), dtype=np.int32),
            "inputs: shape of one image must be (2,) for network 'chain', got (3,)",
        ),
        (
            np.array([[0, 128]], dtype=np.int32),
            "inputs: must be int8 integers in [-128, 127], got [0, 128]",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, message):
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        execute(chain(), inputs)
