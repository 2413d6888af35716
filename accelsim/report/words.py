"""Numbers and names as every writer of this room prints them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from accelsim.report.results import PointResult

__all__ = ["aligned", "bits", "counted", "percent", "significant", "words"]


def aligned(values: Sequence[float], *, beside: float = 0.0) -> list[str]:
    """Print a column with the decimals that give its largest value four digits, at most six.

    Parts that stand ``beside`` a total all get the decimals of the total and one more.

    >>> aligned([12.3456, 1.5])
    ['12.35', '1.50']
    >>> aligned([0.0123456, 0.0])
    ['0.01235', '0.00000']
    >>> aligned([0.0123456, 0.0], beside=1.5)
    ['0.0123', '0.0000']
    """
    largest = beside or max((abs(value) for value in values), default=0.0)
    decimals = 3 + bool(beside) - math.floor(math.log10(largest)) if largest > 0 else 0
    return [f"{value:,.{min(max(decimals, 0), 6)}f}" for value in values]


def bits(point: PointResult) -> str:
    """Name a point by its bits: ``8`` where weights and activations agree, else ``w4 a8``.

    ``4-8`` where they are not the same in all layers.
    """
    weights, activations = point.widths
    return weights if weights == activations else f"w{weights} a{activations}"


def counted(number: int) -> str:
    """Print a count with four digits and the letter of its thousands.

    >>> counted(9216), counted(231_680), counted(1_814_073_344)
    ('9,216', '231.7k', '1.814G')
    """
    if number < 10_000:
        return f"{number:,}"
    for letter, size in (("k", 10**3), ("M", 10**6), ("G", 10**9), ("T", 10**12)):
        if round(number / size, 1) < 1000 or letter == "T":
            value = number / size
            return f"{value:.{3 - (value >= 10) - (value >= 100)}f}{letter}"
    return str(number)


def percent(value: float | None, decimals: int) -> str:
    """Print a share in percent, a dash where there is none.

    >>> percent(12.345, 1), percent(None, 1)
    ('12.3', '-')
    """
    return "-" if value is None else f"{value:.{decimals}f}"


def significant(value: float, digits: int, sign: str = "") -> str:
    """Print a number with so many digits that count, a large one in full.

    ``sign="+"`` prints the sign of every number.

    >>> significant(3566.2689, 6), significant(149_234.5, 5), significant(0.00123456, 3)
    ('3,566.27', '149,230', '0.00123')
    >>> significant(1_234_567, 6, "+")
    '+1,234,570'
    """
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:{sign},.{digits}g}" if abs(rounded) < 10**digits else f"{rounded:{sign},.0f}"


def words(name: str) -> str:
    """Turn a field's name into words.

    >>> words("stall_weights"), words("weight_sram"), words("vector")
    ('stall weights', 'weight SRAM', 'vector unit')
    """
    if name == "vector":
        return "vector unit"
    return " ".join(
        {"sram": "SRAM", "dram": "DRAM", "pe": "PE"}.get(word, word) for word in name.split("_")
    )
