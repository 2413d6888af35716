"""What every number format can say and do: its codes, its values, the nearest one of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.errors import DataError

__all__ = ["NumberFormat"]


@dataclass(frozen=True, eq=False)
class NumberFormat(ABC):
    """A format whose elements stand for themselves: at most 16 bits, so every code can be listed.

    Values outside the range, infinities among them, take the largest value of their sign
    (ONNX Cast with ``saturate``), whatever codes for infinity the format has. NaN needs a code
    for it.

    Attributes
    ----------
    name
        As `parse_format` reads it.
    bits
        Of one element.
    source
        Where the format is defined.
    """

    name: str
    bits: int
    source: str

    @abstractmethod
    def decode(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the values of codes, int64[...] in [0, number of codes)."""

    @abstractmethod
    def _nearest(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the codes of values that are finite, or NaN if the format has a code for it."""

    @property
    def code_count(self) -> int:
        """How many codes there are; 2^bits unless the format leaves some unused."""
        return 1 << self.bits

    def encode(self, values: ArrayLike) -> NDArray[np.int64]:
        """Return the code of the nearest value for each of float[...].

        Raises
        ------
        DataError
            If a value is NaN and the format has no code for it.
        """
        wide = np.asarray(values, dtype=np.float64)
        missing = int(np.isnan(wide).sum())
        if missing and not self.has_nan:
            raise DataError(f"{self.name}: has no NaN, got {missing} in {wide.size} values")
        return self._nearest(np.clip(wide, self.lowest, self.highest))

    def quantize(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the nearest value of the format for each of float[...]: encoded and decoded."""
        return self.decode(self.encode(values))

    @cached_property
    def code_values(self) -> NDArray[np.float64]:
        """float64[code_count]: the value of every code, in the order of codes."""
        return self.decode(np.arange(self.code_count, dtype=np.int64))

    @property
    def unwritten_codes(self) -> tuple[int, ...]:
        """Codes that can be read but that no value is encoded as."""
        return ()

    @cached_property
    def finite_values(self) -> NDArray[np.float64]:
        """float64[distinct]: every finite value once, ascending; the two zeros are one."""
        values = np.delete(self.code_values, self.unwritten_codes)
        return np.unique(values[np.isfinite(values)] + 0.0)

    @property
    def lowest(self) -> float:
        """Smallest finite value."""
        return float(self.finite_values[0])

    @property
    def highest(self) -> float:
        """Largest finite value."""
        return float(self.finite_values[-1])

    @property
    def largest(self) -> float:
        """Largest finite magnitude."""
        return max(-self.lowest, self.highest)

    @property
    def smallest_positive(self) -> float:
        """Positive value nearest to zero."""
        return float(self.finite_values[self.finite_values > 0.0][0])

    @property
    def has_nan(self) -> bool:
        """Whether a code stands for NaN."""
        return bool(np.isnan(self.code_values).any())

    @property
    def has_infinity(self) -> bool:
        """Whether a code stands for an infinity."""
        return bool(np.isinf(self.code_values).any())

    @property
    def has_negative_zero(self) -> bool:
        """Whether zero has a second code, with the sign set."""
        values = self.code_values
        return bool((np.signbit(values) & (values == 0.0)).any())

    @property
    def dynamic_range_db(self) -> float:
        """Largest magnitude over the smallest positive one, ``20 * log10``."""
        return float(20.0 * np.log10(self.largest / self.smallest_positive))

    @property
    def relative_step(self) -> float:
        """Largest gap to the next value, relative to it, in the upper half of the range.

        For a float format of m mantissa bits: 2^-m; for b-bit integers about 2^-(b-2).
        """
        positive = self.finite_values[self.finite_values > 0.0]
        upper = positive[positive >= positive[-1] / 2]
        if upper.size < 2:
            return float("nan")
        return float((np.diff(upper) / upper[:-1]).max())
