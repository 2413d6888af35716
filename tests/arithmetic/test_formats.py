import pytest

from accelsim.arithmetic import Accumulator, IntegerFormat


@pytest.mark.parametrize(
    ("format", "low", "high", "text"),
    [
        (IntegerFormat(8), -128, 127, "int8"),
        (IntegerFormat(8, restricted=True), -127, 127, "int8"),
        (IntegerFormat(8, signed=False), 0, 255, "uint8"),
        (IntegerFormat(2), -2, 1, "int2"),
        (IntegerFormat(2, restricted=True), -1, 1, "int2"),
        (IntegerFormat(1), -1, 0, "int1"),
        (IntegerFormat(1, signed=False), 0, 1, "uint1"),
        (IntegerFormat(32), -(2**31), 2**31 - 1, "int32"),
        (IntegerFormat(32, signed=False), 0, 2**32 - 1, "uint32"),
    ],
)
def test_ranges(format, low, high, text):
    assert (format.low, format.high, str(format)) == (low, high, text)


@pytest.mark.parametrize("bits", [0, 33, -1])
def test_refuses_widths_outside_1_to_32(bits):
    with pytest.raises(ValueError, match=rf"^bits: must be 1 to 32, got {bits}$"):
        IntegerFormat(bits)


def test_refuses_a_restricted_unsigned_format():
    with pytest.raises(
        ValueError, match=r"^restricted: only a signed format has a restricted range$"
    ):
        IntegerFormat(8, signed=False, restricted=True)


@pytest.mark.parametrize(("bits", "low", "high"), [(2, -2, 1), (32, -(2**31), 2**31 - 1)])
def test_accumulator_range(bits, low, high):
    assert (Accumulator(bits).low, Accumulator(bits).high) == (low, high)
