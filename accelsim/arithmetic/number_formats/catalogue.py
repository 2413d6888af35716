"""Every number format by name: ``int4``, ``fixed<8,4>``, ``fp8_e4m3``, ``mxfp4_e2m1``."""

from __future__ import annotations

import re
from difflib import get_close_matches

from accelsim.arithmetic.formats import IntegerFormat
from accelsim.arithmetic.number_formats.base import NumberFormat
from accelsim.arithmetic.number_formats.blocks import BlockFormat, MxFormat, VectorScaledFormat
from accelsim.arithmetic.number_formats.elements import (
    binary,
    fixed_point,
    integer,
    power_of_two,
    sign_magnitude,
    ternary,
)
from accelsim.arithmetic.number_formats.minifloat import E8M0, MINIFLOATS, OCP_MX
from accelsim.arithmetic.number_formats.table import TableFormat
from accelsim.errors import ConfigError

__all__ = ["AnyFormat", "format_catalogue", "parse_format"]

AnyFormat = NumberFormat | BlockFormat

MX_BLOCK = 32
VS_QUANT_BLOCK = 16
NARROWEST_BITS, WIDEST_BITS = 2, 16

_SHAPES = (
    "int2 to int16, uint2 to uint16, sm2 to sm16 (sign-magnitude), pow2_2 to pow2_8, "
    "fixed<w,f> with 2 <= w <= 16, vsq2 to vsq8 (VS-Quant)"
)


def parse_format(text: str) -> AnyFormat:
    """Return the format of a name.

    Raises
    ------
    ConfigError
        If there is no such format.

    Examples
    --------
    >>> parse_format("fp8_e4m3").highest, parse_format("fixed<8,4>").highest
    (448.0, 7.9375)
    """
    name = text.strip().lower().replace(" ", "")
    named = {format.name: format for format in _named()}
    if name in named:
        return named[name]
    if match := re.fullmatch(r"(int|uint|sm|pow2_|vsq)(\d{1,2})", name, re.ASCII):
        family, bits = match[1], int(match[2])
        if NARROWEST_BITS <= bits <= (8 if family in ("pow2_", "vsq") else WIDEST_BITS):
            return _of_width(family, bits)
    if match := re.fullmatch(r"fixed<(\d{1,2}),(-?\d{1,2})>", name, re.ASCII):
        width = int(match[1])
        if NARROWEST_BITS <= width <= WIDEST_BITS:
            return fixed_point(width, int(match[2]))
    close = get_close_matches(name, [*named, "int8", "uint8", "fixed<8,4>"], n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise ConfigError(
        f"format: must be one of {', '.join(named)}; or {_SHAPES}; got {text!r}{hint}"
    )


def format_catalogue() -> tuple[AnyFormat, ...]:
    """Return the formats to show: every named one, and the usual widths of the others."""
    widths = (("int", (2, 3, 4, 6, 8, 16)), ("uint", (4, 8)), ("sm", (4, 8)), ("pow2_", (4, 8)))
    plain = tuple(_of_width(family, bits) for family, many in widths for bits in many)
    named = _named()
    elements = tuple(f for f in named if isinstance(f, NumberFormat))
    blocks = tuple(f for f in named if isinstance(f, BlockFormat))
    return (*plain, fixed_point(8, 4), *elements, *blocks, _of_width("vsq", 4))


def _of_width(family: str, bits: int) -> AnyFormat:
    match family:
        case "int" | "uint":
            return integer(IntegerFormat(bits, signed=family == "int"))
        case "sm":
            return sign_magnitude(bits)
        case "pow2_":
            return power_of_two(bits)
        case _:
            return VectorScaledFormat(
                f"vsq{bits}",
                integer(IntegerFormat(bits, restricted=True)),
                VS_QUANT_BLOCK,
                4,
                "Dai et al., VS-Quant, MLSys 2021",
            )


def _named() -> tuple[AnyFormat, ...]:
    floats = {format.name: format for format in MINIFLOATS}
    blocks = tuple(
        MxFormat(f"mx{name}", floats[name], MX_BLOCK, E8M0.bits, OCP_MX)
        for name in ("fp8_e4m3", "fp8_e5m2", "fp6_e2m3", "fp6_e3m2", "fp4_e2m1")
    )
    whole = integer(IntegerFormat(8, restricted=True))
    sixty_fourths = whole.code_values / 64
    mx_integer = TableFormat(
        "mxint8 element", 8, OCP_MX, sixty_fourths, unwritten=whole.unwritten_codes
    )
    return (
        binary(),
        ternary(),
        *MINIFLOATS,
        E8M0,
        MxFormat("mxint8", mx_integer, MX_BLOCK, E8M0.bits, OCP_MX),
        *blocks,
    )
