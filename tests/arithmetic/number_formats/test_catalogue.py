import re

import pytest

from accelsim.arithmetic.number_formats import parse_format
from accelsim.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "name"),
    [(" INT4 ", "int4"), ("fixed< 8, 4 >", "fixed<8,4>"), ("uint16", "uint16"), ("vsq3", "vsq3")],
)
def test_names_are_read_leniently(text, name):
    assert parse_format(text).name == name


@pytest.mark.parametrize(
    "text", ["int1", "int17", "sm0", "pow2_9", "fixed<1,0>", "fixed<17,2>", "int4.5", "", "int٤"]
)
def test_what_is_out_of_range_is_refused(text):
    with pytest.raises(ConfigError, match=rf"got {re.escape(repr(text))}"):
        parse_format(text)


def test_the_message_says_what_there_is():
    with pytest.raises(ConfigError) as caught:
        parse_format("fp8_e4m4")
    assert str(caught.value) == (
        "format: must be one of binary, ternary, fp16, bf16, fp8_e4m3, fp8_e5m2, fp8_e3m4, "
        "fp6_e2m3, fp6_e3m2, fp4_e2m1, fp4_e1m2, fp4_e3m0, e8m0, mxint8, mxfp8_e4m3, mxfp8_e5m2, "
        "mxfp6_e2m3, mxfp6_e3m2, mxfp4_e2m1; or int2 to int16, uint2 to uint16, sm2 to sm16 "
        "(sign-magnitude), pow2_2 to pow2_8, fixed<w,f> with 2 <= w <= 16, vsq2 to vsq8 "
        "(VS-Quant); got 'fp8_e4m4' (did you mean 'fp8_e4m3'?)"
    )
