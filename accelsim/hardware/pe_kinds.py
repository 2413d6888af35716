"""What a PE does in a cycle: the one table that tells the kinds of PEs apart.

Two numbers are all that compiler and machine need of a kind, for each layer's own widths: how
many elements of the depth a PE takes at once, and for how many cycles it takes them. A fixed PE
multiplies one pair of operands in one cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "BRICK_BITS",
    "COMPOSABLE_BITS",
    "ONE_A_CYCLE",
    "TERNARY_BITS",
    "PeKind",
    "PeRate",
    "lane_bits",
    "pe_rate",
]

BRICK_BITS = 2
"""Bits of both operands of the smallest multiplier of a composable PE."""

COMPOSABLE_BITS = (4, 8, 16)
"""Widths that composable PEs are built for; 8 unless said."""


TERNARY_BITS = 2
"""Bits of a weight of -1, 0 or +1."""


class PeKind(StrEnum):
    """How a PE multiplies."""

    FIXED = "fixed"
    """A multiplier as wide as the operands that it is built for: a product a cycle."""
    COMPOSABLE = "composable"
    """Multipliers of 2 x 2 bits that are put together to products of the operands' widths and
    add these up: BitFusion (Sharma et al., ISCA 2018)."""
    BIT_SERIAL = "bit_serial"
    """Whole weights and one bit of the activations in each cycle, the lowest first: Stripes
    (Judd et al., MICRO 2016)."""
    TERNARY = "ternary"
    """No multiplier: weights of -1, 0 and +1 say whether an activation is subtracted, left out
    or added. Products of narrow activations are counted together: XNOR and population count."""


@dataclass(frozen=True)
class PeRate:
    """``depth`` elements of the depth are taken at once, over ``cycles`` cycles."""

    depth: int = 1
    cycles: int = 1

    @property
    def macs_per_cycle(self) -> float:
        """Multiply-accumulates of a PE in a cycle, at most."""
        return self.depth / self.cycles


ONE_A_CYCLE = PeRate()
"""What a fixed PE does, whatever the widths."""


def lane_bits(bits: int) -> int:
    """Return the lane that an operand of ``bits`` takes: the next power of two, 2 at least.

    >>> [lane_bits(bits) for bits in (2, 3, 4, 5, 8, 9)]
    [2, 4, 4, 8, 8, 16]
    """
    return max(BRICK_BITS, 1 << (bits - 1).bit_length())


def pe_rate(kind: PeKind, pe_bits: int, weight_bits: int, activation_bits: int) -> PeRate:
    """Return what a PE built for ``pe_bits`` does with operands of these widths.

    A composable PE has (pe_bits / 2)^2 bricks. Narrow operands leave some over, which take more
    of the depth; operands wider than the PE are taken in parts of ``pe_bits``, one pair of parts
    a cycle. A ternary PE has lanes for ``pe_bits`` bits of activations.

    >>> pe_rate(PeKind.COMPOSABLE, 8, 2, 4), pe_rate(PeKind.COMPOSABLE, 8, 16, 8)
    (PeRate(depth=8, cycles=1), PeRate(depth=1, cycles=2))
    >>> pe_rate(PeKind.BIT_SERIAL, 8, 8, 5), pe_rate(PeKind.TERNARY, 8, 2, 2)
    (PeRate(depth=1, cycles=5), PeRate(depth=4, cycles=1))
    """
    if kind is PeKind.BIT_SERIAL:
        return PeRate(cycles=activation_bits)
    if kind is PeKind.TERNARY:
        return PeRate(depth=max(1, pe_bits // lane_bits(activation_bits)))
    if kind is PeKind.COMPOSABLE:
        lanes = lane_bits(weight_bits), lane_bits(activation_bits)
        depth = cycles = 1
        for lane in lanes:
            depth *= max(1, pe_bits // lane)
            cycles *= max(1, lane // pe_bits)
        return PeRate(depth, cycles)
    return ONE_A_CYCLE
