"""The integers that a real range is fitted to: scale and zero point from the two ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat

__all__ = ["Codes"]

# Finer steps would need rescale multipliers that a 32-bit mantissa and shift do not reach.
SMALLEST_SCALE = 2.0**-30


@dataclass(frozen=True)
class Codes:
    """Integers of ``format``; ``symmetric``: real zero is the middle one of them."""

    format: IntegerFormat
    symmetric: bool

    def fit(self, low: float, high: float) -> tuple[float, int]:
        """Return (scale, zero point) that bring a real range to the integers.

        The range is widened to hold zero, so that zero (padding, ReLU's bound) has an exact
        integer: the zero point. A range of zero alone becomes [0, 1]. Scales are float32
        numbers, as files store them.
        """
        low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            high = 1.0
        if self.symmetric:
            middle = (self.format.low + self.format.high + 1) // 2
            return _storable(max(-low, high) / (self.format.high - middle)), middle
        scale = _storable((high - low) / (self.format.high - self.format.low))
        zero_point = round(self.format.low - low / scale)
        return scale, min(max(zero_point, self.format.low), self.format.high)

    def rounded(self, values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
        """Return what the integers of a fitted range make of real values, in float64."""
        scale, zero_point = self.fit(low, high)
        integers = np.rint(values / scale) + zero_point
        return np.asarray((integers.clip(self.format.low, self.format.high) - zero_point) * scale)


def _storable(scale: float) -> float:
    return float(np.float32(max(scale, SMALLEST_SCALE)))
