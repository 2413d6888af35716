"""Every code of every format, against ml_dtypes or the definition by fractions."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.arithmetic import IntegerFormat
from accelsim.arithmetic.number_formats import (
    NumberFormat,
    binary,
    codebook,
    fixed_point,
    format_catalogue,
    integer,
    parse_format,
    power_of_two,
    sign_magnitude,
    ternary,
)
from accelsim.arithmetic.number_formats.minifloat import float_table
from accelsim.errors import DataError

SCALARS = {f.name: f for f in format_catalogue() if isinstance(f, NumberFormat)}
FIELDS = {  # (exponent bits, mantissa bits, bias, codes for infinity, codes for NaN)
    "fp16": (5, 10, 15, 2, 2046),
    "bf16": (8, 7, 127, 2, 254),
    "fp8_e4m3": (4, 3, 7, 0, 2),
    "fp8_e5m2": (5, 2, 15, 2, 6),
    "fp8_e3m4": (3, 4, 3, 2, 30),
    "fp6_e2m3": (2, 3, 1, 0, 0),
    "fp6_e3m2": (3, 2, 3, 0, 0),
    "fp4_e2m1": (2, 1, 1, 0, 0),
    "fp4_e1m2": (1, 2, 0, 0, 0),
    "fp4_e3m0": (3, 0, 3, 0, 0),
}


def test_every_catalogued_name_is_read_back():
    for format in format_catalogue():
        assert parse_format(format.name).name == format.name


@pytest.mark.parametrize("name", SCALARS)
def test_every_code_that_is_written_comes_back(name):
    format = SCALARS[name]
    values = format.code_values
    codes = np.setdiff1d(np.arange(format.code_count), format.unwritten_codes)
    finite = codes[np.isfinite(values[codes])]
    again = format.encode(values[finite])
    np.testing.assert_array_equal(again, finite)


@pytest.mark.parametrize("name", SCALARS)
def test_codes_fit_the_bits(name):
    format = SCALARS[name]
    assert format.code_count <= 2**format.bits
    assert format.code_count > 2 ** (format.bits - 1)


@pytest.mark.parametrize("name", FIELDS)
def test_values_follow_from_the_bit_fields(name):
    format = SCALARS[name]
    exponent_bits, mantissa_bits, bias, infinities, nans = FIELDS[name]
    values = format.code_values
    assert np.isinf(values).sum() == infinities
    assert np.isnan(values).sum() == nans
    for code in range(format.code_count):
        if not np.isfinite(values[code]):
            continue
        mantissa = Fraction(code % 2**mantissa_bits, 2**mantissa_bits)
        exponent = code >> mantissa_bits & (2**exponent_bits - 1)
        significand = mantissa + (exponent > 0)
        magnitude = significand * Fraction(2) ** (max(exponent, 1) - bias)
        assert Fraction(abs(float(values[code]))) == magnitude
        assert np.signbit(values[code]) == (code >> (format.bits - 1) == 1)


@pytest.mark.parametrize(
    ("name", "highest", "smallest", "distinct"),
    [
        ("fp8_e4m3", 448.0, 2.0**-9, 253),
        ("fp8_e5m2", 57344.0, 2.0**-16, 247),
        ("fp8_e3m4", 15.5, 2.0**-6, 223),
        ("fp6_e2m3", 7.5, 0.125, 63),
        ("fp6_e3m2", 28.0, 0.0625, 63),
        ("fp4_e2m1", 6.0, 0.5, 15),
        ("fp4_e1m2", 3.5, 0.5, 15),
        ("fp4_e3m0", 16.0, 0.25, 15),
        ("e8m0", 2.0**127, 2.0**-127, 255),
    ],
)
def test_published_ranges(name, highest, smallest, distinct):
    format = SCALARS[name]
    assert (format.highest, format.smallest_positive) == (highest, smallest)
    assert len(format.finite_values) == distinct


LINEAR = [name for name in SCALARS if not name.startswith("pow2")]


@pytest.mark.parametrize("name", LINEAR)
def test_the_middle_of_two_neighbours_goes_to_the_even_code(name):
    format = SCALARS[name]
    values = format.finite_values
    if format.bits == 16:
        values = np.concatenate([values[:200], values[len(values) // 2 :][:200], values[-200:]])
        values = np.unique(values)
    codes = {float(v): int(format.encode(v)) for v in values}
    neighbours = format.finite_values
    for low, high in pairwise(values):
        if np.searchsorted(neighbours, high) != np.searchsorted(neighbours, low) + 1:
            continue
        middle = (low + high) / 2
        chosen = float(format.quantize(middle))
        even = low if codes[low] % 2 == 0 else high
        if low == 0.0 or high == 0.0:
            even = 0.0
        assert chosen == even or (name == "binary" and chosen == 1.0), (low, high)
        below, above = np.nextafter(middle, -np.inf), np.nextafter(middle, np.inf)
        assert float(format.quantize(below)) == low
        assert float(format.quantize(above)) == high


@pytest.mark.parametrize("name", LINEAR)
@given(data=st.data())
def test_no_value_of_the_format_is_nearer(name, data):
    format = SCALARS[name]
    x = data.draw(st.floats(2 * format.lowest, 2 * format.highest, allow_nan=False))
    chosen = float(format.quantize(x))
    assert chosen in format.finite_values
    assert abs(chosen - x) == np.abs(format.finite_values - x).min()
    assert float(format.quantize(chosen)) == chosen


@pytest.mark.parametrize("name", ["fp8_e4m3", "fp8_e5m2", "fp8_e3m4", "bf16", "fp6_e3m2"])
@given(x=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_inside_the_range_a_float32_is_converted_as_ml_dtypes_does(name, x):
    format = SCALARS[name]
    if abs(x) > format.highest:
        x = np.copysign(format.highest, x)
    expected = np.float32(x).astype(format.dtype).astype(np.float64)
    assert float(format.quantize(x)) == float(expected)


@pytest.mark.parametrize("name", ["fp8_e4m3", "fp8_e5m2", "fp6_e2m3", "fp4_e2m1"])
def test_a_float64_is_rounded_once(name):
    # Just above a tie by less than float32 can tell: rounding twice would go to the even code.
    format = SCALARS[name]
    positive = format.finite_values[format.finite_values > 0]
    middles = (positive[:-1] + positive[1:]) / 2
    above = middles * (1 + 2.0**-40)
    np.testing.assert_array_equal(format.quantize(above), positive[1:])
    below = middles * (1 - 2.0**-40)
    np.testing.assert_array_equal(format.quantize(below), positive[:-1])


@pytest.mark.parametrize("name", SCALARS)
def test_outside_the_range_the_largest_of_the_sign_is_taken(name):
    format = SCALARS[name]
    np.testing.assert_array_equal(
        format.quantize([-np.inf, 2 * format.lowest - 1, 2 * format.highest, np.inf]),
        [format.lowest, format.lowest, format.highest, format.highest],
    )


def test_nan_needs_a_code():
    assert np.isnan(SCALARS["fp8_e4m3"].quantize(np.nan))
    assert np.isnan(SCALARS["e8m0"].quantize([1.0, np.nan])).tolist() == [False, True]
    with pytest.raises(DataError, match=r"^fp4_e2m1: has no NaN, got 2 in 3 values$"):
        SCALARS["fp4_e2m1"].encode([np.nan, 1.0, np.nan])


def test_e2m1_by_hand():
    values = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, -0.25, -5.0]
    expected = [0.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, -0.0, -4.0]
    assert SCALARS["fp4_e2m1"].quantize(values).tolist() == expected
    assert float_table(2, 1).tolist() == SCALARS["fp4_e2m1"].code_values.tolist()


def test_the_sign_of_zero_is_kept_where_there_is_one():
    for name, format in SCALARS.items():
        zero = float(format.quantize(-0.0))
        if format.has_negative_zero:
            assert np.signbit(zero), name
            assert zero == 0.0


@pytest.mark.parametrize("bits", [2, 3, 5, 8, 16])
@pytest.mark.parametrize("signed", [True, False])
def test_integers_are_their_bit_patterns(bits, signed):
    format = integer(IntegerFormat(bits, signed=signed))
    low, high = IntegerFormat(bits, signed=signed).low, IntegerFormat(bits, signed=signed).high
    wanted = np.arange(low, high + 1)
    assert (format.lowest, format.highest) == (low, high)
    np.testing.assert_array_equal(format.encode(wanted), wanted % 2**bits)
    np.testing.assert_array_equal(format.quantize(wanted + 0.49), wanted)


def test_a_restricted_integer_never_writes_the_most_negative_code():
    format = integer(IntegerFormat(4, restricted=True))
    assert format.quantize([-8.0, -100.0]).tolist() == [-7.0, -7.0]
    assert format.code_values[8] == -8.0


def test_few_values():
    assert binary().quantize([-3.0, -0.1, -0.0, 0.0, 0.1]).tolist() == [-1, -1, 1, 1, 1]
    assert ternary().quantize([-3.0, -0.51, -0.5, 0.2, 0.51]).tolist() == [-1, -1, 0, 0, 1]
    assert sign_magnitude(3).code_values.tolist() == [0, 1, 2, 3, 0, -1, -2, -3]
    assert fixed_point(4, -1).finite_values.tolist() == list(range(-16, 16, 2))


def test_powers_of_two_round_the_logarithm():
    format = power_of_two(4)
    root = 2.0**-0.5
    assert format.quantize([0.7, root + 1e-9, 0.72, -0.72]).tolist() == [0.5, 1.0, 1.0, -1.0]
    assert format.smallest_positive == 2.0**-6
    assert format.quantize([2.0**-7 * 0.99, 2.0**-7 * 1.01]).tolist() == [0.0, 2.0**-6]


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60), st.integers(1, 4))
def test_a_codebook_is_a_fixed_point_of_k_means(sample, bits):
    format = codebook(sample, bits)
    values = np.asarray(sample)
    nearest = np.abs(values[:, np.newaxis] - format.finite_values).min(axis=1)
    np.testing.assert_allclose(np.abs(format.quantize(values) - values), nearest)
    uniform = np.linspace(values.min(), values.max(), 2**bits)
    start = np.abs(values[:, np.newaxis] - uniform).min(axis=1)
    assert (nearest**2).sum() <= (start**2).sum() * (1 + 1e-9) + 1e-12


def test_a_codebook_finds_separate_clusters():
    sample = np.concatenate([np.full(50, -2.0), np.full(7, 0.5), np.full(90, 0.75), [9.0]])
    np.testing.assert_allclose(
        codebook(sample, 2).quantize([-2, 0.5, 0.75, 9]), [-2, 71 / 97, 71 / 97, 9]
    )


def test_a_codebook_needs_finite_values():
    with pytest.raises(
        DataError,
        match=r"^codebook: needs finite values, got 2 with 1 that are NaN or infinite$",
    ):
        codebook([1.0, np.inf], 2)
