"""Softmax and logistic function of 8-bit integers in fixed point: TensorFlow Lite's int8 kernels.

Sources: TensorFlow Lite ``kernels/internal/quantization_util.cc`` (PreprocessSoftmaxScaling,
CalculateInputRadius), ``reference/softmax.h``, ``reference/integer_ops/logistic.h``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.fixed_point import (
    multiply_double_round,
    quantize_multiplier,
    rounding_divide_by_power_of_two,
    saturating_rounding_doubling_high_multiply,
)
from accelsim.arithmetic.fixed_point_functions import (
    exponential_of_negative,
    logistic,
    one_over_one_plus,
)
from accelsim.errors import DataError

__all__ = [
    "LARGEST_SOFTMAX_DEPTH",
    "SoftmaxParameters",
    "logistic_table",
    "softmax_integers",
    "softmax_parameters",
]

LARGEST_SOFTMAX_DEPTH = (1 << 12) - 1
"""Elements whose exponentials surely fit the sum, Q12.19."""

SOFTMAX_INTEGER_BITS = 5
SUM_INTEGER_BITS = 12
LOGISTIC_INTEGER_BITS = 4
OUTPUT_BITS = 8
LOWEST, HIGHEST = -128, 127


@dataclass(frozen=True)
class SoftmaxParameters:
    """How differences of integers become Q5.26.

    A difference d becomes ``SRDHM(d * 2^left_shift, mantissa)``; one of more than
    ``largest_difference`` steps does not fit, and its exponential counts as 0.
    """

    mantissa: int
    left_shift: int
    largest_difference: int


def softmax_parameters(scale: float, beta: float) -> SoftmaxParameters:
    """Return the parameters for inputs of ``scale``: the step is ``beta * scale``.

    ``M = min(beta * scale * 2^26, 2^31 - 1)`` as mantissa and left shift;
    ``largest_difference = floor(31 * 2^26 / 2^left_shift)``.

    Raises
    ------
    DataError
        A step that is not above 2^-26, which a left shift cannot express.

    Examples
    --------
    >>> softmax_parameters(0.1, 1.0)
    SoftmaxParameters(mantissa=1717986918, left_shift=23, largest_difference=248)
    """
    step = beta * scale
    if not step > 2.0**-26:
        raise DataError(f"softmax: beta * scale must be above 2^-26, got {step}")
    fraction_bits = 31 - SOFTMAX_INTEGER_BITS
    multiplier = min(step * (1 << fraction_bits), (1 << 31) - 1.0)
    mantissa, left_shift = quantize_multiplier(multiplier)
    return SoftmaxParameters(mantissa, left_shift, _radius(SOFTMAX_INTEGER_BITS, left_shift))


def softmax_integers(
    q: NDArray[np.int64], parameters: SoftmaxParameters, axis: int
) -> NDArray[np.int64]:
    """Return the softmax along ``axis`` as int8 integers of scale 1/256 and zero point -128.

    For each element, ``e = exp(q - max)`` in Q0.31; the sum of all ``RDBPOT(e, 12)`` is Q12.19;
    its reciprocal is one_over_one_plus of the sum scaled into [1, 2), and the result is
    ``RDBPOT(SRDHM(reciprocal, e), exponent) - 128``, clamped.

    Parameters
    ----------
    q
        int64[...], integers of 8 bits.
    parameters
        From `softmax_parameters`.
    axis
        At most `LARGEST_SOFTMAX_DEPTH` elements.

    Examples
    --------
    >>> softmax_integers(np.array([0, 10, 20]), softmax_parameters(0.1, 1.0), axis=0).tolist()
    [-105, -65, 42]
    """
    differences = q - q.max(axis=axis, keepdims=True)
    counted = -differences <= parameters.largest_difference
    scaled = saturating_rounding_doubling_high_multiply(
        np.where(counted, differences, 0) << parameters.left_shift, parameters.mantissa
    )
    exponentials = exponential_of_negative(scaled, SOFTMAX_INTEGER_BITS)
    terms = rounding_divide_by_power_of_two(exponentials, SUM_INTEGER_BITS)
    sums = np.where(counted, terms, 0).sum(axis=axis, keepdims=True)
    reciprocal, bits_over_unit = _reciprocal(sums)
    quotients = rounding_divide_by_power_of_two(
        saturating_rounding_doubling_high_multiply(reciprocal, exponentials),
        bits_over_unit + 31 - OUTPUT_BITS,
    )
    return np.where(counted, np.clip(quotients + LOWEST, LOWEST, HIGHEST), LOWEST)


def logistic_table(scale: float, zero_point: int) -> NDArray[np.int32]:
    """Return the logistic function of the int8 integers -128 to 127, output scale 1/256.

    The input is brought to Q4.27; at ``floor(15 * 2^27 / 2^shift)`` steps from zero and beyond
    the result is the lowest or highest integer. Between, it is ``RDBPOT(logistic, 23) - 128``.

    Parameters
    ----------
    scale, zero_point
        Of the input.

    Returns
    -------
    int32[256], of zero point -128.

    Examples
    --------
    >>> logistic_table(0.1, 0)[[0, 118, 128, 138, 255]].tolist()
    [-128, -59, 0, 59, 127]
    """
    above = np.arange(LOWEST, HIGHEST + 1, dtype=np.int64) - zero_point
    multiplier = scale * (1 << (31 - LOGISTIC_INTEGER_BITS))
    mantissa, shift = quantize_multiplier(multiplier)
    # Not the shift from above, which is limited: from scale 8 on the radius is 0.
    radius = _radius(LOGISTIC_INTEGER_BITS, math.frexp(multiplier)[1])
    inside = np.abs(above) < radius
    scaled = multiply_double_round(np.where(inside, above, 0), mantissa, shift)
    values = logistic(scaled, LOGISTIC_INTEGER_BITS)
    between = np.clip(
        rounding_divide_by_power_of_two(values, 31 - OUTPUT_BITS) + LOWEST, LOWEST, HIGHEST
    )
    beyond = np.where(above <= -radius, LOWEST, HIGHEST)
    return np.where(inside, between, beyond).astype(np.int32)


def _radius(integer_bits: int, left_shift: int) -> int:
    """CalculateInputRadius: the largest difference whose rescaled form fits the integer bits."""
    largest = float((1 << integer_bits) - 1) * 2.0 ** (31 - integer_bits)
    return int(largest / 2.0**left_shift)


def _reciprocal(sums: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """GetReciprocal: return (2^b / sum in Q0.31, b) for positive sums in Q12.19, below 2^31.

    ``sum = (1 + f) * 2^b`` as a real number, 0 <= f < 1; the first is 1 / (1 + f).
    """
    length = np.frexp(sums.astype(np.float64))[1].astype(np.int64)
    fraction = (sums << (32 - length)) - (1 << 31)
    return one_over_one_plus(fraction), length - (31 - SUM_INTEGER_BITS) - 1
