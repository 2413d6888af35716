"""From a real number to a neighbouring integer: six rules."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import ConfigError

__all__ = ["Rounding", "round_values"]


class Rounding(StrEnum):
    """Which integer stands for a real number between two integers."""

    HALF_EVEN = "half_even"
    """Nearest; a tie goes to the even one (IEEE 754, ONNX QuantizeLinear): -2.5 -> -2."""
    HALF_AWAY = "half_away"
    """Nearest; a tie goes away from zero (C ``round``, TFLite): -2.5 -> -3."""
    HALF_UP = "half_up"
    """Nearest; a tie goes to +infinity (one adder in hardware): -2.5 -> -2, 2.5 -> 3."""
    FLOOR = "floor"
    """Towards -infinity (an arithmetic right shift): -2.1 -> -3."""
    TRUNCATE = "truncate"
    """Towards zero (a C cast): -2.9 -> -2."""
    STOCHASTIC = "stochastic"
    """Up with the probability of the fraction: -2.25 -> -2 in three of four draws."""


def round_values(
    x: NDArray[np.float64], rounding: Rounding, generator: np.random.Generator | None = None
) -> NDArray[np.float64]:
    """Round every value to an integer (kept as float64).

    Parameters
    ----------
    x
        float64[...]; infinities and NaN pass through.
    rounding
        The rule.
    generator
        Source of the draws of ``stochastic``; required by it, not used by the others.

    Returns
    -------
    float64[...], integers.

    Raises
    ------
    ConfigError
        ``stochastic`` without a generator.

    Examples
    --------
    >>> ties = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    >>> (round_values(ties, Rounding.HALF_EVEN) + 0.0).tolist()
    [-2.0, -2.0, 0.0, 0.0, 2.0, 2.0]
    >>> round_values(ties, Rounding.HALF_AWAY).tolist()
    [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0]
    >>> round_values(ties, Rounding.HALF_UP).tolist()
    [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]
    """
    values = np.asarray(x, dtype=np.float64)
    match rounding:
        case Rounding.HALF_EVEN:
            return np.rint(values)
        case Rounding.HALF_AWAY:
            return np.copysign(_half_up(np.abs(values)), values)
        case Rounding.HALF_UP:
            return _half_up(values)
        case Rounding.FLOOR:
            return np.floor(values)
        case Rounding.TRUNCATE:
            return np.trunc(values)
        case Rounding.STOCHASTIC:
            return _stochastic(values, generator)


def _half_up(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # Not floor(x + 0.5): that sum is rounded, and 0.49999999999999994 would become 1.
    return np.floor(values) + (_fraction(values) >= 0.5)


def _stochastic(
    values: NDArray[np.float64], generator: np.random.Generator | None
) -> NDArray[np.float64]:
    if generator is None:
        raise ConfigError(
            "rounding: stochastic needs a generator, got none (give a numpy.random.Generator)"
        )
    return np.floor(values) + (generator.random(values.shape) < _fraction(values))


def _fraction(values: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        fraction: NDArray[np.float64] = values - np.floor(values)
    return fraction
