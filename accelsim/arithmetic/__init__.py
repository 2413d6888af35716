"""What an integer is: formats, rounding, overflow, affine quantization, fixed-point rescale."""

from __future__ import annotations

from accelsim.arithmetic.activations import (
    LARGEST_SOFTMAX_DEPTH,
    SoftmaxParameters,
    logistic_table,
    softmax_integers,
    softmax_parameters,
)
from accelsim.arithmetic.addition import addition_rescales
from accelsim.arithmetic.affine import dequantize, quantize
from accelsim.arithmetic.fixed_point import quantize_multiplier
from accelsim.arithmetic.formats import Accumulator, IntegerFormat, Overflow, holding
from accelsim.arithmetic.mean import mean_rescale
from accelsim.arithmetic.overflow import apply_overflow, count_overflows
from accelsim.arithmetic.rescale import Rescale, RescaleMode, make_rescale, requantize, rescale
from accelsim.arithmetic.rounding import Rounding, round_values
from accelsim.arithmetic.run_time_range import (
    LARGEST_MAGNITUDE,
    RunTimeCodes,
    bound_codes,
    find_codes,
    middle_code,
    run_time_integers,
)

__all__ = [
    "LARGEST_MAGNITUDE",
    "LARGEST_SOFTMAX_DEPTH",
    "Accumulator",
    "IntegerFormat",
    "Overflow",
    "Rescale",
    "RescaleMode",
    "Rounding",
    "RunTimeCodes",
    "SoftmaxParameters",
    "addition_rescales",
    "apply_overflow",
    "bound_codes",
    "count_overflows",
    "dequantize",
    "find_codes",
    "holding",
    "logistic_table",
    "make_rescale",
    "mean_rescale",
    "middle_code",
    "quantize",
    "quantize_multiplier",
    "requantize",
    "rescale",
    "round_values",
    "run_time_integers",
    "softmax_integers",
    "softmax_parameters",
]
