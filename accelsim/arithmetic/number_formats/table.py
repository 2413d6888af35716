"""Formats that are a table of values: the nearest entry is searched for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.number_formats.base import NumberFormat

__all__ = ["TableFormat"]


@dataclass(frozen=True, eq=False)
class TableFormat(NumberFormat):
    """A format by the value of each code.

    A value halfway between two entries takes the one with the even code (of the lower of two
    codes that stand for the same value), as IEEE 754 does.

    Attributes
    ----------
    table
        float64[codes]: NaN and infinities may be among them.
    geometric
        Halfway is the geometric mean of two positive entries, as rounding of a logarithm has it,
        in place of the arithmetic one.
    unwritten
        Codes that can be read but are never written.
    """

    table: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    geometric: bool = False
    unwritten: tuple[int, ...] = ()

    @property
    def unwritten_codes(self) -> tuple[int, ...]:
        """Codes that can be read but that no value is encoded as."""
        return self.unwritten

    @property
    def code_count(self) -> int:
        """How many codes there are."""
        return len(self.table)

    def decode(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the values of codes, int64[...] in [0, code_count)."""
        return np.asarray(self.table[codes], dtype=np.float64)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        """The finite codes by value, one for each value: the lowest that stands for it."""
        finite = np.flatnonzero(np.isfinite(self.table))
        codes = finite[~np.isin(finite, self.unwritten)]
        _, first = np.unique(self.table[codes] + 0.0, return_index=True)
        return np.asarray(codes[first], dtype=np.int64)

    @cached_property
    def _boundaries(self) -> NDArray[np.float64]:
        """The points halfway between neighbours, and nothing above the last."""
        ordered = self.table[self._order]
        low, high = ordered[:-1], ordered[1:]
        middle = (low + high) / 2
        if self.geometric:
            same_sign = low * high > 0
            magnitude = np.sqrt(np.abs(low * high))
            middle = np.where(same_sign, np.copysign(magnitude, low), middle)
        return np.append(middle, np.inf)

    def _nearest(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        finite = np.nan_to_num(values)
        below = np.searchsorted(self._boundaries, finite, side="left")
        halfway = self._boundaries[below] == finite
        lower, upper = self._order[below], self._order[np.minimum(below + 1, len(self._order) - 1)]
        codes = np.where(halfway & (lower % 2 == 1), upper, lower)
        for special, chosen in (
            (self._negative_zero, (finite == 0.0) & np.signbit(finite)),
            (self._nan, np.isnan(values)),
        ):
            if special is not None:
                codes = np.where(chosen, special, codes)
        return codes

    @cached_property
    def _negative_zero(self) -> int | None:
        codes = np.flatnonzero((self.table == 0.0) & np.signbit(self.table))
        return int(codes[0]) if codes.size else None

    @cached_property
    def _nan(self) -> int | None:
        codes = np.flatnonzero(np.isnan(self.table))
        return int(codes[0]) if codes.size else None
