"""What an integer is: its bits, its sign, its range, and what happens past the range."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["Accumulator", "IntegerFormat", "Overflow", "holding"]


class Overflow(StrEnum):
    """What an accumulator does with a sum outside its range."""

    WRAP = "wrap"
    SATURATE = "saturate"


@dataclass(frozen=True)
class IntegerFormat:
    """A signed (two's complement) or unsigned integer of 1 to 32 bits.

    ``restricted`` drops the most negative code of a signed format, so that the range is
    symmetric: [-(2^(b-1) - 1), 2^(b-1) - 1].
    """

    bits: int
    signed: bool = True
    restricted: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 32:
            raise ValueError(f"bits: must be 1 to 32, got {self.bits}")
        if self.restricted and not self.signed:
            raise ValueError("restricted: only a signed format has a restricted range")

    @property
    def low(self) -> int:
        """Smallest integer of the format."""
        if not self.signed:
            return 0
        return -(1 << (self.bits - 1)) + int(self.restricted)

    @property
    def high(self) -> int:
        """Largest integer of the format."""
        return (1 << (self.bits - int(self.signed))) - 1

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'uint'}{self.bits}"


@dataclass(frozen=True)
class Accumulator:
    """A two's complement accumulator of 2 to 32 bits and its overflow policy.

    The policy applies at every accumulate step, in the order in which the hardware adds.
    """

    bits: int = 32
    overflow: Overflow = Overflow.WRAP

    @property
    def low(self) -> int:
        """Smallest value the accumulator holds."""
        return -(1 << (self.bits - 1))

    @property
    def high(self) -> int:
        """Largest value the accumulator holds."""
        return (1 << (self.bits - 1)) - 1


def holding(integers: NDArray[np.int64], preferred: IntegerFormat) -> IntegerFormat:
    """Return ``preferred`` if it is signed and holds the integers, else the narrowest that does.

    It has at least as many bits as ``preferred``.
    """
    low, high = (int(integers.min()), int(integers.max())) if integers.size else (0, 0)
    if preferred.signed and preferred.low <= low and high <= preferred.high:
        return preferred
    bits = max(preferred.bits, (~low).bit_length() + 1 if low < 0 else 1, high.bit_length() + 1)
    return IntegerFormat(bits)
