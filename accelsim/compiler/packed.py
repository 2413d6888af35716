"""Integers of any width, one behind the other in memory."""

from __future__ import annotations

__all__ = ["bytes_of"]


def bytes_of(elements: int, bits: int) -> int:
    """Bytes that hold ``elements`` packed integers of ``bits``, rounded up."""
    return -(-elements * bits // 8)
