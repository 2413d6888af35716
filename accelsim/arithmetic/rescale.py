"""The rescale unit's arithmetic: from an accumulator to the next layer's integers.

``M = s_w * s_x / s_y`` is carried as a mantissa and a shift (integer modes) or as a float32
(``float32`` mode), for the whole tensor or for each output channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rescale", "RescaleMode"]


class RescaleMode(StrEnum):
    """How ``round(acc * M)`` is computed; each mode is bit-exact to a named real system."""

    DOUBLE_ROUND = "double_round"
    """gemmlowp, TFLite reference kernels, TOSA with double_round, Ethos-U."""
    SINGLE_ROUND = "single_round"
    """TFLite single rounding, TOSA: one adder, correctly rounded, ties towards +infinity."""
    FLOAT32 = "float32"
    """onnxruntime QLinear operators, Gemmini: float32 multiply, round half to even."""
    TRUNCATE = "truncate"
    """The cheapest hardware: multiply, shift right, no rounding adder (floor)."""


@dataclass(frozen=True, eq=False)
class Rescale:
    """Rescale parameters, one entry for a tensor or one for each channel.

    Attributes
    ----------
    mode
        Which of the four roundings.
    mantissa_bits
        32 or 16: width of the signed mantissa register (integer modes).
    multipliers
        float64[channels or 1]: the real multipliers M, before they became fixed-point.
    mantissas
        int64[channels or 1]: 0, or in [2^(mantissa_bits - 2), 2^(mantissa_bits - 1)).
    shifts
        int64[channels or 1]: s with ``M ~ mantissa * 2^(s - (mantissa_bits - 1))``
        (TFLite's shift: positive is left).
    """

    mode: RescaleMode
    mantissa_bits: int
    multipliers: NDArray[np.float64]
    mantissas: NDArray[np.int64]
    shifts: NDArray[np.int64]
