"""Quantized ONNX files: their integers, scales and zero points, in whichever form they are."""

from accelsim.frontend.quantized.absorb import QUANTIZERS, absorb_quantization
from accelsim.frontend.quantized.given import given_quantization
from accelsim.frontend.quantized.integer_operators import (
    INTEGER_OPERATORS,
    expand_integer_operators,
)

__all__ = [
    "INTEGER_OPERATORS",
    "QUANTIZERS",
    "absorb_quantization",
    "expand_integer_operators",
    "given_quantization",
]
