"""Number formats: what each code stands for, and the nearest code of a real number.

Elements that stand for themselves are `NumberFormat`; `BlockFormat` has elements under scales
that a run of them shares. Arrays of integers compute with `accelsim.arithmetic.IntegerFormat`;
the other formats are for studies of accuracy and storage.
"""

from accelsim.arithmetic.number_formats.base import NumberFormat
from accelsim.arithmetic.number_formats.blocks import (
    BlockFormat,
    BlockValues,
    MxFormat,
    VectorScaledFormat,
)
from accelsim.arithmetic.number_formats.catalogue import AnyFormat, format_catalogue, parse_format
from accelsim.arithmetic.number_formats.elements import (
    binary,
    codebook,
    fixed_point,
    integer,
    power_of_two,
    sign_magnitude,
    ternary,
)
from accelsim.arithmetic.number_formats.minifloat import E8M0
from accelsim.arithmetic.number_formats.table import TableFormat

__all__ = [
    "E8M0",
    "AnyFormat",
    "BlockFormat",
    "BlockValues",
    "MxFormat",
    "NumberFormat",
    "TableFormat",
    "VectorScaledFormat",
    "binary",
    "codebook",
    "fixed_point",
    "format_catalogue",
    "integer",
    "parse_format",
    "power_of_two",
    "sign_magnitude",
    "ternary",
]
