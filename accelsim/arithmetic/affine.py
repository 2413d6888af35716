"""Affine quantization: ``real = scale * (integer - zero_point)``, both ways."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.arithmetic.formats import IntegerFormat
from accelsim.arithmetic.rounding import Rounding, round_values
from accelsim.errors import DataError

__all__ = ["dequantize", "quantize"]


def quantize(
    x: NDArray[np.floating[Any]],
    scale: ArrayLike,
    zero_point: ArrayLike,
    format: IntegerFormat,
    rounding: Rounding = Rounding.HALF_EVEN,
    generator: np.random.Generator | None = None,
    axis: int | None = None,
) -> NDArray[np.int32]:
    """Return ``clamp(round(x / scale) + zero_point, format.low, format.high)``.

    The division has the precision of ``x``: float32 values are divided by float32(scale), as
    onnxruntime's QuantizeLinear does; float64 values by the float64 scale.

    Parameters
    ----------
    x
        float[...]; infinities saturate, NaN is refused.
    scale, zero_point
        One value for the tensor, or one for each index along ``axis``; scales are positive.
    format
        Integers that the result may hold (unsigned 32-bit is too wide for int32).
    rounding, generator
        The rule, and the source of its draws if it is stochastic.
    axis
        Along which ``scale`` and ``zero_point`` vary; none for a whole tensor.

    Returns
    -------
    int32[...], values within ``format``.

    Raises
    ------
    DataError
        NaN in ``x``, or a scale that is not positive and finite.

    Examples
    --------
    >>> quantize(np.array([-0.6, -0.25, 0.0, 9.0]), 0.5, -1, IntegerFormat(4)).tolist()
    [-2, -1, -1, 7]
    """
    values = np.asarray(x)
    if values.dtype != np.float32:
        values = values.astype(np.float64)
    if np.isnan(values).any():
        count = int(np.isnan(values).sum())
        raise DataError(f"x: must not hold NaN, got {count} in {values.size} values")
    divisors = _along(_checked_scale(scale, values.dtype), axis, values.ndim)
    offsets = _along(np.asarray(zero_point, dtype=np.int64), axis, values.ndim)
    with np.errstate(over="ignore"):
        quotients = (values / divisors).astype(np.float64)
    rounded = round_values(quotients, rounding, generator)
    integers: NDArray[np.int32] = np.clip(rounded + offsets, format.low, format.high).astype(
        np.int32
    )
    return integers


def dequantize(
    q: NDArray[np.integer[Any]], scale: ArrayLike, zero_point: ArrayLike, axis: int | None = None
) -> NDArray[np.float32]:
    """Return ``float32(q - zero_point) * float32(scale)``, as ONNX DequantizeLinear.

    Parameters
    ----------
    q
        int[...].
    scale, zero_point, axis
        As in `quantize`.

    Examples
    --------
    >>> dequantize(np.array([-2, -1, 7]), 0.5, -1).tolist()
    [-0.5, 0.0, 4.0]
    """
    integers = np.asarray(q, dtype=np.int64)
    factors = _along(_checked_scale(scale, np.dtype(np.float32)), axis, integers.ndim)
    offsets = _along(np.asarray(zero_point, dtype=np.int64), axis, integers.ndim)
    return np.asarray((integers - offsets).astype(np.float32) * factors, dtype=np.float32)


def _checked_scale(scale: ArrayLike, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the scales in the precision of the arithmetic, all positive and finite there."""
    given = np.asarray(scale, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):
        scales = given.astype(dtype)
    bad = ~(np.isfinite(scales) & (scales > 0))
    if bad.any():
        raise DataError(f"scale: must be positive and finite, got {float(given[bad].flat[0])}")
    return scales


def _along(parameter: NDArray[Any], axis: int | None, dimensions: int) -> NDArray[Any]:
    """Shape a per-channel vector so that it broadcasts along ``axis``."""
    if axis is None or parameter.ndim == 0:
        return parameter
    shape = [1] * dimensions
    shape[axis] = -1
    return parameter.reshape(shape)
