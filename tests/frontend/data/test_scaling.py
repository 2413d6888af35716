import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.arithmetic import IntegerFormat
from accelsim.arithmetic.affine import quantize
from accelsim.errors import ConfigError, DataError
from accelsim.frontend import Scaling
from accelsim.frontend.data.dataset import InputNeeds
from accelsim.frontend.data.scaling import require_range
from accelsim.network import QuantizedTensor

FLOATS = InputNeeds((3, 4, 4), 10)
PIXELS = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)


def integer_input(scale, zero_point, bits=8, signed=True):
    tensor = QuantizedTensor((3, 4, 4), IntegerFormat(bits, signed=signed), scale, zero_point)
    return InputNeeds((3, 4, 4), 10, channels_last=True, integers=tensor)


def prepared(values, needs=FLOATS, **options):
    values = np.asarray(values)
    preparation = Scaling.parse(**options).preparation("images", values.dtype, needs)
    return preparation.words, preparation.apply("images", values)


def test_pixels_become_zero_to_one():
    words, reals = prepared(PIXELS)
    assert words == "uint8 pixels / 255"
    assert (reals.min(), reals.max(), reals.dtype) == (0, 1, np.float32)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_real_numbers_stay(kind):
    words, reals = prepared(np.array([[-3.5, 0.25]], kind))
    assert words == "real numbers as they are"
    assert reals.tolist() == [[-3.5, 0.25]]


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int64, np.uint16])
def test_other_integers_stay(kind):
    assert prepared(np.array([[3, 100]], kind))[0] == f"{np.dtype(kind)} values as they are"


@pytest.mark.parametrize(
    ("text", "values", "words"),
    [
        ("none", [0, 255], "uint8 values as they are"),
        ("0.5", [0, 127.5], "uint8 values * 0.5"),
        ("1/51", [0, 5], "uint8 values * 0.0196078"),
    ],
)
def test_a_given_factor(text, values, words):
    said, reals = prepared(np.array([[0, 255]], np.uint8), input_scale=text)
    assert (said, reals.tolist()) == (words, [values])


def test_normalize_follows_the_scaling():
    words, reals = prepared(PIXELS[..., -1], normalize="0.5,0.25")
    assert words == "uint8 pixels / 255, then (x - [0.5]) / [0.25]"
    assert reals[0, 0, -1] == 2
    halves = np.full((2, 3, 1, 1), 0.5)
    words, reals = prepared(halves, normalize="0,0.25,-0.5,1,0.5,2")
    assert words == "real numbers as they are, then (x - [0, 0.25, -0.5]) / [1, 0.5, 2]"
    assert reals[1].ravel().tolist() == [0.5, 0.5, 0.5]


def test_means_of_other_channels():
    with pytest.raises(DataError) as caught:
        prepared(PIXELS, normalize="0,0,1,1")
    assert str(caught.value) == (
        "--normalize: must be 2 numbers or 6 (means, then deviations of 3 channels), got 4"
    )


@pytest.mark.parametrize("text", ["", "0", "-1", "1/0", "nan", "inf", "1/2/3", "a", "1e999"])
def test_a_factor_that_is_none(text):
    with pytest.raises(ConfigError) as caught:
        Scaling.parse(text)
    assert str(caught.value) == (
        f"--input-scale: must be auto, none, or a positive number such as 1/255, got {text!r}"
    )


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "0,0", "0,-1", "nan,1", "0,inf", "a,b", ","])
def test_means_and_deviations_that_are_none(text):
    with pytest.raises(ConfigError) as caught:
        Scaling.parse(normalize=text)
    assert str(caught.value) == (
        "--normalize: must be MEAN,STD, or the means and then the deviations of all channels "
        f"(deviations positive), got {text!r}"
    )


@given(
    bits=st.integers(2, 16),
    signed=st.booleans(),
    scale=st.floats(2.0**-30, 2.0**20, width=32),
    data=st.data(),
)
def test_integers_of_the_input_come_back_exactly(bits, signed, scale, data):
    format = IntegerFormat(bits, signed=signed)
    zero_point = data.draw(st.integers(format.low, format.high))
    needs = integer_input(scale, zero_point, bits, signed)
    kind = np.dtype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")
    stored = np.arange(format.low, format.high + 1, dtype=kind).reshape(1, -1)
    words, reals = prepared(stored, needs)
    assert words == (f"{kind} as the input's integers (scale {scale:.6g}, zero point {zero_point})")
    assert (quantize(reals, scale, zero_point, format) == stored).all()


def test_integers_that_the_input_does_not_have():
    with pytest.raises(DataError) as caught:
        prepared(np.array([[-9, 3]], np.int8), integer_input(0.5, 0, bits=4))
    assert str(caught.value) == (
        "images: must be -8 to 7, the integers of the network's input (int4), got -9 to 3"
    )


@pytest.mark.parametrize(
    ("scale", "zero_point", "words", "integers"),
    [
        (1 / 255, -128, "uint8 pixels / 255", [-128, 127]),
        (1 / 256, -128, "uint8 pixels / 255", [-128, 127]),
        (2 / 255, -1, "uint8 pixels / 127.5 - 1", [-128, 126]),
        (1 / 128, 0, "uint8 pixels / 127.5 - 1", [-128, 127]),
        (1.0, -128, "uint8 pixels as they are", [-128, 127]),
    ],
)
def test_pixels_take_the_range_of_an_integer_input(scale, zero_point, words, integers):
    needs = integer_input(scale, zero_point)
    said, reals = prepared(np.array([[0, 255]], np.uint8), needs)
    assert said == words
    tensor = needs.integers
    assert quantize(reals, scale, zero_point, tensor.format).tolist() == [integers]


@pytest.mark.parametrize("kind", [np.uint8, np.int32])
def test_integers_that_could_mean_anything(kind):
    with pytest.raises(DataError) as caught:
        prepared(np.array([[0, 1]], kind), integer_input(0.5847, 83))
    assert str(caught.value) == (
        f"images: {np.dtype(kind)} values, but the network's input is int8 for -123.4 to 25.73, "
        "and nothing says how one becomes the other; give int8 values, or --input-scale (none: "
        "they are real numbers) or --normalize"
    )


def test_reals_of_another_scale_than_an_integer_input():
    needs = integer_input(1 / 255, -128)
    reals = np.array([[0, 255]], np.float32)
    with pytest.raises(DataError) as caught:
        require_range("images", reals, needs)
    assert str(caught.value) == (
        "images: values 0 to 255, but the network's input holds 0 to 1; give --input-scale "
        "(such as 1/255) or --normalize"
    )
    require_range("images", reals / 64, needs)
    require_range("images", reals, FLOATS)
    require_range("images", reals, None)
