"""What an integer is: formats, rounding, overflow, affine quantization, fixed-point rescale."""

from __future__ import annotations

from accelsim.arithmetic.affine import dequantize, quantize
from accelsim.arithmetic.fixed_point import quantize_multiplier
from accelsim.arithmetic.formats import Accumulator, IntegerFormat, Overflow
from accelsim.arithmetic.overflow import apply_overflow, count_overflows
from accelsim.arithmetic.rescale import Rescale, RescaleMode, make_rescale, requantize, rescale
from accelsim.arithmetic.rounding import Rounding, round_values

__all__ = [
    "Accumulator",
    "IntegerFormat",
    "Overflow",
    "Rescale",
    "RescaleMode",
    "Rounding",
    "apply_overflow",
    "count_overflows",
    "dequantize",
    "make_rescale",
    "quantize",
    "quantize_multiplier",
    "requantize",
    "rescale",
    "round_values",
]
