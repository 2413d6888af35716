"""Numbers and names as every writer of this room prints them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from accelsim.report.results import PointResult

__all__ = ["aligned", "bits", "words"]


def aligned(values: Sequence[float]) -> list[str]:
    """Print a column with the decimals that give its largest value four digits, at most six.

    >>> aligned([12.3456, 1.5])
    ['12.35', '1.50']
    >>> aligned([0.0123456, 0.0])
    ['0.01235', '0.00000']
    """
    largest = max((abs(value) for value in values), default=0.0)
    decimals = 3 - math.floor(math.log10(largest)) if largest > 0 else 0
    return [f"{value:,.{min(max(decimals, 0), 6)}f}" for value in values]


def bits(point: PointResult) -> str:
    """Name a point by its bits: ``8`` where weights and activations agree, else ``w4 a8``."""
    if point.weight_bits == point.activation_bits:
        return str(point.weight_bits)
    return f"w{point.weight_bits} a{point.activation_bits}"


def words(name: str) -> str:
    """Turn a field's name into words.

    >>> words("stall_weights")
    'stall weights'
    """
    return name.replace("_", " ")
