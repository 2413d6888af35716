"""Integers whose scale and zero point are found at run time, image by image, in float32.

From the smallest and largest of an image's real values ``y`` (float32), with every operation
rounded to float32 once, in this order:

    low = min(0, min y);  high = max(0, max y)                                            (1)
    asymmetric:  scale = (high - low) / (q_high - q_low)                                  (2)
                 zero_point = clamp(round(q_low - low / scale))                           (3)
    symmetric:   scale = max(-low, high) / (q_high - middle);  zero_point = middle        (4)
    q = clamp(round(y * (1 / scale)) + zero_point)                                        (5)

Rounding is half to even. A scale below the smallest normal float32 (all values are zero, or next
to it) becomes 1. (1) to (3) are ONNX's DynamicQuantizeLinear, shifted to the integers' lowest.
(5) multiplies by the reciprocal, as a lane without a divider does, where ONNX divides: the two
differ by one step at most, next to a tie.

Values have magnitudes of `LARGEST_MAGNITUDE` at most, so that nothing overflows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import IntegerFormat
from accelsim.errors import DataError

__all__ = [
    "LARGEST_MAGNITUDE",
    "RunTimeCodes",
    "bound_codes",
    "find_codes",
    "middle_code",
    "run_time_integers",
]

LARGEST_MAGNITUDE = 2.0**126
SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)
_REGISTER = 2.0**30
"""Rounded quotients saturate here, far outside of every format, before they become integers."""


@dataclass(frozen=True, eq=False)
class RunTimeCodes:
    """``real = scale * (integer - zero_point)`` for each image of a tensor.

    scales: float32[images], positive; zero_points: int64[images], within the tensor's format.
    """

    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]

    @classmethod
    def same(cls, scale: float, zero_point: int, images: int) -> RunTimeCodes:
        """Return one scale, as a float32, and one zero point for all images."""
        return cls(
            np.full(images, scale, dtype=np.float32), np.full(images, zero_point, dtype=np.int64)
        )


def middle_code(format: IntegerFormat) -> int:
    """Return the integer of real zero where it has to be the middle one."""
    return (format.low + format.high + 1) // 2


def find_codes(
    values: NDArray[np.float32], format: IntegerFormat, symmetric: bool = False
) -> RunTimeCodes:
    """Return scale and zero point of each image: equations (1) to (4).

    Parameters
    ----------
    values
        float32[images, ...], at least one value an image, magnitudes up to `LARGEST_MAGNITUDE`.
    format
        The integers that will stand for them.
    symmetric
        Real zero is the middle integer.

    Raises
    ------
    DataError
        A value that is NaN or too large.

    Examples
    --------
    >>> codes = find_codes(np.array([[0.0, 1.0, 5.1], [0, 0, 0]], np.float32), IntegerFormat(8))
    >>> codes.scales.round(6).tolist(), codes.zero_points.tolist()
    ([0.019999999552965164, 1.0], [-128, -128])
    """
    flat = np.asarray(values, dtype=np.float32).reshape(len(values), -1)
    if not (np.abs(flat) <= LARGEST_MAGNITUDE).all():
        raise DataError(f"values: must be numbers of at most {LARGEST_MAGNITUDE:g} in magnitude")
    zero = np.float32(0.0)
    lows = np.minimum(flat.min(axis=1, initial=0.0), zero)
    highs = np.maximum(flat.max(axis=1, initial=0.0), zero)
    if symmetric:
        middle = middle_code(format)
        scales = _usable(np.maximum(-lows, highs) / np.float32(format.high - middle))
        return RunTimeCodes(scales, np.full(len(flat), middle, dtype=np.int64))
    scales = _usable((highs - lows) / np.float32(format.high - format.low))
    zero_points = np.rint(np.float32(format.low) - lows / scales)
    return RunTimeCodes(scales, zero_points.clip(format.low, format.high).astype(np.int64))


def run_time_integers(
    values: NDArray[np.float32], codes: RunTimeCodes, format: IntegerFormat
) -> NDArray[np.int64]:
    """Return int64[images, ...]: equation (5).

    >>> values, codes = np.array([[-1.0, 0.26, 1.0]], np.float32), RunTimeCodes.same(0.5, 0, 1)
    >>> run_time_integers(values, codes, IntegerFormat(2)).tolist()
    [[-2, 1, 1]]
    """
    shape = (-1, *[1] * (values.ndim - 1))
    steps = _steps(values, codes.scales.reshape(shape))
    integers: NDArray[np.int64] = (steps + codes.zero_points.reshape(shape)).clip(
        format.low, format.high
    )
    return integers


def bound_codes(bound: float, codes: RunTimeCodes, format: IntegerFormat) -> NDArray[np.int64]:
    """Return int64[images]: the integers of a real bound (equation 5), infinities at the ends."""
    nearest = min(max(bound, -LARGEST_MAGNITUDE), LARGEST_MAGNITUDE)
    reals = np.full(len(codes.scales), nearest, dtype=np.float32)
    return run_time_integers(reals, codes, format)


def _usable(scales: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(scales < SMALLEST_NORMAL, np.float32(1.0), scales)


def _steps(values: NDArray[np.float32], scales: NDArray[np.float32]) -> NDArray[np.int64]:
    with np.errstate(over="ignore", under="ignore"):
        products = values.astype(np.float32) * (np.float32(1.0) / scales)
    return np.asarray(np.rint(products).clip(-_REGISTER, _REGISTER), dtype=np.int64)
