"""A slow second derivation of the fixed-point primitives: Python integers and fractions."""

import math
from fractions import Fraction

import pytest


def floor_half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def half_away(value: Fraction) -> int:
    return floor_half_up(value) if value >= 0 else -floor_half_up(-value)


class Exact:
    """Each method is the definition in words, on numbers without a width."""

    floor_half_up = staticmethod(floor_half_up)
    half_away = staticmethod(half_away)

    @staticmethod
    def double_round(x: int, mantissa: int, shift: int, bits: int) -> int:
        left, right = max(shift, 0), max(-shift, 0)
        high = floor_half_up(Fraction(x * 2**left * mantissa, 2 ** (bits - 1)))
        return half_away(Fraction(high, 2**right))

    @staticmethod
    def single_round(x: int, mantissa: int, shift: int, bits: int) -> int:
        return floor_half_up(Fraction(x * mantissa) * Fraction(2) ** (shift - bits + 1))

    @staticmethod
    def truncate(x: int, mantissa: int, shift: int, bits: int) -> int:
        return math.floor(Fraction(x * mantissa) * Fraction(2) ** (shift - bits + 1))


@pytest.fixture(scope="session")
def exact() -> type[Exact]:
    return Exact
