"""MX blocks against the specification's formula over ml_dtypes; VS-Quant against its bounds."""

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from accelsim.arithmetic.number_formats import parse_format
from accelsim.errors import DataError

ELEMENTS = {  # (type of ml_dtypes, exponent of the largest element)
    "mxfp8_e4m3": (ml_dtypes.float8_e4m3fn, 8),
    "mxfp8_e5m2": (ml_dtypes.float8_e5m2, 15),
    "mxfp6_e2m3": (ml_dtypes.float6_e2m3fn, 2),
    "mxfp6_e3m2": (ml_dtypes.float6_e3m2fn, 4),
    "mxfp4_e2m1": (ml_dtypes.float4_e2m1fn, 2),
}
BLOCKS = arrays(
    np.float32,
    st.sampled_from([(1,), (31,), (32,), (33,), (2, 65)]),
    elements=st.floats(-(2.0**20), 2.0**20, width=32),
)


def by_formula(block, name):
    """Return one block's values, element by element, from the text of the specification."""
    largest = max(abs(float(v)) for v in block)
    if largest == 0.0:
        return [0.0] * len(block)
    if name == "mxint8":
        shared = max(math.floor(math.log2(largest)), -127)
        steps = [round(float(v) / 2.0**shared * 64) for v in block]
        return [max(-127, min(127, step)) / 64 * 2.0**shared for step in steps]
    dtype, exponent = ELEMENTS[name]
    scale = 2.0 ** max(math.floor(math.log2(largest)) - exponent, -127)
    top = float(ml_dtypes.finfo(dtype).max)
    kept = np.clip(np.asarray(block, np.float64) / scale, -top, top)
    return (kept.astype(np.float32).astype(dtype).astype(np.float64) * scale).tolist()


@pytest.mark.parametrize("name", [*ELEMENTS, "mxint8"])
@given(values=BLOCKS)
def test_mx_blocks_follow_the_specification(name, values):
    got = parse_format(name).quantize(values)
    rows = values.reshape(-1, values.shape[-1])
    expected = [
        np.concatenate([by_formula(row[i : i + 32], name) for i in range(0, len(row), 32)])
        for row in rows
    ]
    np.testing.assert_array_equal(got.reshape(rows.shape), expected)


def test_mx_saturates_above_the_largest_element():
    # 7.9 has the scale 1, as 4 has; E2M1 ends at 6.
    encoded = parse_format("mxfp4_e2m1").encode([7.9, 1.2, -0.2])
    assert encoded.values.tolist() == [6.0, 1.0, -0.0]
    assert encoded.block_scales.tolist() == [1.0]


def test_mx_int8_never_uses_its_most_negative_code():
    encoded = parse_format("mxint8").encode([-1.999, 1.0])
    assert encoded.values.tolist() == [-127 / 64, 1.0]
    assert 128 not in encoded.codes.tolist()


def test_each_block_has_its_own_scale():
    values = np.concatenate([np.full(32, 0.001), np.full(5, 700.0)])
    encoded = parse_format("mxfp8_e4m3").encode(values)
    assert encoded.block_scales.tolist() == [2.0**-18, 2.0]
    assert encoded.codes.shape == values.shape
    np.testing.assert_allclose(encoded.values, values, rtol=2.0**-4)


def test_zeros_and_the_smallest_scale():
    encoded = parse_format("mxfp6_e2m3").encode(np.zeros((2, 40)))
    assert not encoded.values.any()
    assert encoded.block_scales.shape == (2, 2)
    tiny = parse_format("mxfp4_e2m1").encode([2.0**-140])
    assert tiny.block_scales.tolist() == [2.0**-127]


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@given(
    values=arrays(
        np.float64,
        st.sampled_from([(1, 1), (3, 16), (2, 37)]),
        elements=st.floats(-1e6, 1e6).map(lambda x: 0.0 if abs(x) < 1e-6 else x),
    )
)
def test_vs_quant_is_integers_times_integers_times_a_channel_scale(bits, values):
    format = parse_format(f"vsq{bits}")
    encoded = format.encode(values)
    top = 2 ** (bits - 1) - 1
    integers = format.element.decode(encoded.codes)
    assert np.abs(integers).max() <= top
    blocks = -(-values.shape[1] // format.block)
    largest = np.array(
        [[np.abs(row[16 * b : 16 * b + 16]).max() for b in range(blocks)] for row in values]
    )
    scale_integers, channel = format.two_levels(largest)
    assert ((scale_integers >= 1) & (scale_integers <= 15)).all()
    np.testing.assert_array_equal(scale_integers, np.rint(scale_integers))
    np.testing.assert_allclose(encoded.block_scales, scale_integers * channel)
    # Rounding costs half a step; cutting off, what half a step of the scale is at the top.
    step = np.repeat(encoded.block_scales, 16, axis=1)[:, : values.shape[1]]
    cut = np.maximum(np.abs(values) - top * step, 0.0)
    error = np.abs(encoded.values - values)
    assert (error <= np.maximum(step / 2, cut) * (1 + 1e-9) + 1e-12).all()
    assert (cut <= top * np.broadcast_to(channel, values.shape) / 2 * (1 + 1e-9) + 1e-9).all()


def test_vs_quant_by_hand():
    # Vectors whose largest magnitudes are 7 and 105: steps 1 and 15, channel scale 1.
    values = np.concatenate([np.arange(-7.0, 8.0), [0.0], np.full(16, 105.0)])
    encoded = parse_format("vsq4").encode(values)
    assert encoded.block_scales.tolist() == [1.0, 15.0]
    np.testing.assert_array_equal(encoded.values, values)


def test_bits_per_element():
    bits = {name: parse_format(name).bits_per_element for name in ("mxfp4_e2m1", "mxint8", "vsq4")}
    assert bits == {"mxfp4_e2m1": 4.25, "mxint8": 8.25, "vsq4": 4.25}


@pytest.mark.parametrize("name", ["mxfp4_e2m1", "vsq4"])
def test_blocks_need_finite_values_along_an_axis(name):
    with pytest.raises(
        DataError,
        match=rf"^{name}: needs finite values along an axis, got shape \(3,\) with 2 that are NaN "
        r"or infinite$",
    ):
        parse_format(name).encode([np.nan, 1.0, np.inf])
    with pytest.raises(DataError, match=r"got shape \(\) with 0 that are NaN or infinite$"):
        parse_format(name).encode(1.0)
