"""The rescale of a mean in TensorFlow Lite's reference kernels."""

from __future__ import annotations

import numpy as np

from accelsim.arithmetic.rescale import Rescale, RescaleMode, make_rescale

__all__ = ["mean_rescale"]

SMALLEST_SHIFT = -31


def mean_rescale(multiplier: float, count: int, mode: RescaleMode) -> Rescale:
    """Return the rescale of a sum of ``count`` elements that divides by ``count`` as well.

    TensorFlow Lite divides the mantissa of ``M = s_in / s_out``, once shifted left, by the count:

        k = min(floor(log2(count)), 31 + s);  mantissa = floor(m * 2^k / count), shift = s - k

    so the mantissa is below 2^30 wherever the count is no power of two, and keeps fewer bits
    than a normalized one. Source: ``kernels/internal/reference/reduce.h``, QuantizedMeanOrSum.

    Parameters
    ----------
    multiplier
        ``s_in / s_out``.
    count
        Elements of a sum, 1 or more.
    mode
        The rounding.

    Examples
    --------
    >>> unit = mean_rescale(1.0, 6, RescaleMode.DOUBLE_ROUND)
    >>> unit.mantissas.item(), unit.shifts.item(), unit.mantissas.item() * 2.0 ** (-1 - 31) * 6
    (715827882, -1, 0.9999999990686774)
    """
    whole = make_rescale(multiplier, mode)
    mantissa, shift = int(whole.mantissas[0]), int(whole.shifts[0])
    places = min(count.bit_length() - 1, shift - SMALLEST_SHIFT)
    return Rescale(
        mode=mode,
        mantissa_bits=whole.mantissa_bits,
        multipliers=whole.multipliers / count,
        mantissas=np.array([(mantissa << places) // count], dtype=np.int64),
        shifts=np.array([shift - places], dtype=np.int64),
    )
