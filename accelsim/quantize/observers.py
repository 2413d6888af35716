"""From values that were seen to the range that integers should cover: one function a method.

Every method but min-max and moving average cuts rare large values off, so that the steps for all
others become finer. ``values`` are float[samples, ...], finite, at least one; a range lies within
the smallest and the largest of them and zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import DataError
from accelsim.quantize.codes import Codes
from accelsim.quantize.histograms import least_divergent_bound

__all__ = ["OBSERVERS", "WEIGHT_METHODS", "Range", "RangeMethod"]

FloatArray = NDArray[np.floating[Any]]

AVERAGING_CONSTANT = 0.01
"""Weight of a new image in a moving average (PyTorch's MovingAverageMinMaxObserver)."""
SHRINK_STEPS = 100
"""Candidates of the two grid searches: hundredths of the full range."""
OCTAV_ITERATIONS = 100
MOST_VALUES = 1 << 17
"""Grid searches look at this many values at most, spread evenly over all."""


class RangeMethod(StrEnum):
    """How the range of a tensor follows from values that were seen."""

    MIN_MAX = "min_max"
    """The smallest and the largest value."""
    MOVING_AVERAGE = "moving_average"
    """Exponential moving averages of each image's smallest and largest value."""
    PERCENTILE = "percentile"
    """The central ``percentile`` percent of the values; the two tails outside are equal."""
    MSE = "mse"
    """The part of the full range whose integers have the smallest squared error."""
    KL = "kl"
    """The bound whose histogram in integers diverges least from that of the values."""
    OCTAV = "octav"
    """The bound where what rounding and what cutting off add to the squared error balance."""
    CROSS_ENTROPY = "cross_entropy"
    """For what a softmax reads: the class probabilities change least. Elsewhere ``mse``."""
    DYNAMIC = "dynamic"
    """Of each image by itself, when the machine has computed it; the input's is ``min_max``."""


WEIGHT_METHODS = (
    RangeMethod.MIN_MAX,
    RangeMethod.PERCENTILE,
    RangeMethod.MSE,
    RangeMethod.KL,
    RangeMethod.OCTAV,
)
"""Methods that need no images and no classes."""


@dataclass(frozen=True)
class Range:
    """Real values from ``low`` to ``high``, both finite, ``low <= high``."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (isfinite(self.low) and isfinite(self.high) and self.low <= self.high):
            raise DataError(
                f"range: must be finite with low <= high, got [{self.low:g}, {self.high:g}]"
            )

    def cut(self, bound: float) -> Range:
        """Return the part with magnitudes up to ``bound``."""
        return Range(max(self.low, -bound), min(self.high, bound))


def min_max(values: FloatArray, codes: Codes, percent: float) -> Range:  # noqa: ARG001
    """Return the smallest and the largest value."""
    return Range(float(values.min()), float(values.max()))


def moving_average(values: FloatArray, codes: Codes, percent: float) -> Range:  # noqa: ARG001
    """Return averages of each sample's extremes, the later the more weight.

    ``average += 0.01 * (extreme - average)``, from the first sample's extremes on: Jacob et al.,
    CVPR 2018, section 3.1.
    """
    samples = values.reshape(len(values), -1).astype(np.float64)
    # Weights of the samples once all are in: (1 - c)^(n - 1), then c (1 - c)^(n - 1 - i).
    ages = np.arange(len(samples) - 1, -1, -1)
    weights = AVERAGING_CONSTANT * (1.0 - AVERAGING_CONSTANT) ** ages
    weights[0] /= AVERAGING_CONSTANT
    lows, highs = samples.min(axis=1), samples.max(axis=1)
    # The weights' sum is one but for rounding.
    low, high = (np.clip(weights @ ends, ends.min(), ends.max()) for ends in (lows, highs))
    return Range(float(low), float(high))


def percentile(values: FloatArray, codes: Codes, percent: float) -> Range:  # noqa: ARG001
    """Return the range of the central ``percent`` percent of the values."""
    tail = (100.0 - percent) / 2.0
    low, high = np.percentile(values.astype(np.float64), (tail, 100.0 - tail))
    return Range(float(low), float(high))


def mean_squared_error(values: FloatArray, codes: Codes, percent: float) -> Range:
    """Return the hundredth of the full range with the smallest mean squared error.

    Both ends shrink together; of equal errors the widest range wins.
    """
    flat = _spread(values)

    def error(candidate: Range) -> float:
        rounded = codes.rounded(flat, candidate.low, candidate.high)
        return float(np.square(rounded - flat).sum())

    return _best_shrunk(min_max(values, codes, percent), error)


def cross_entropy(values: FloatArray, codes: Codes, percent: float) -> Range:
    """Return the hundredth of the full range that changes class probabilities least.

    ``-sum(softmax(v) * log(softmax(rounded v)))`` over samples and classes: Nagel et al., "A
    White Paper on Neural Network Quantization", 2021, section 3.1. ``values`` are float[samples,
    classes].
    """
    logits = values.reshape(len(values), -1).astype(np.float64)
    probabilities = np.exp(_log_softmax(logits))

    def error(candidate: Range) -> float:
        rounded = codes.rounded(logits, candidate.low, candidate.high)
        return float(-(probabilities * _log_softmax(rounded)).sum())

    return _best_shrunk(min_max(values, codes, percent), error)


def octav(values: FloatArray, codes: Codes, percent: float) -> Range:
    """Return the range up to OCTAV's bound.

    Newton-Raphson on ``E[(4^-B / 3) s^2 (|x| <= s) + (|x| - s)^2 (|x| > s)]``: ``s <- E[|x| (|x| >
    s)] / (4^-B / 3 P(|x| <= s) + P(|x| > s))``, Sakr et al., "Optimal Clipping and
    Magnitude-aware Differentiation for Improved Quantization-aware Training", ICML 2022,
    equation 6. The noise of rounding is a twelfth of a squared step, so that for B bits on one
    side of zero alone 4^-B / 12 takes the place of 4^-B / 3.
    """
    seen = min_max(values, codes, percent)
    magnitudes = np.sort(np.abs(values.astype(np.float64)).ravel())
    one_sided = not codes.symmetric and (seen.low >= 0.0 or seen.high <= 0.0)
    noise = 4.0**-codes.format.bits / (12.0 if one_sided else 3.0)
    sums = np.append(np.cumsum(magnitudes[::-1])[::-1], 0.0)
    count = magnitudes.size
    bound = float(magnitudes.mean())
    for _ in range(OCTAV_ITERATIONS):
        inside = int(np.searchsorted(magnitudes, bound, side="right"))
        following = float(sums[inside] / (noise * inside + (count - inside)))
        if following in (bound, 0.0):
            break
        bound = following
    return seen.cut(bound)


def kullback_leibler(values: FloatArray, codes: Codes, percent: float) -> Range:
    """Return the range up to the bound whose histogram in integers diverges least.

    On 2048 bins of magnitudes, as `accelsim.quantize.histograms` defines it.
    """
    seen = min_max(values, codes, percent)
    one_sided = not codes.symmetric and (seen.low >= 0.0 or seen.high <= 0.0)
    levels = 1 << (codes.format.bits if one_sided else codes.format.bits - 1)
    return seen.cut(least_divergent_bound(np.abs(values.astype(np.float64)).ravel(), levels))


Observer = Callable[[FloatArray, Codes, float], Range]
"""(values, the integers that will stand for them, percent) to a range."""

# Of a dynamic range only the network's input is observed: its images are the host's.
OBSERVERS: dict[RangeMethod, Observer] = {
    RangeMethod.DYNAMIC: min_max,
    RangeMethod.MIN_MAX: min_max,
    RangeMethod.MOVING_AVERAGE: moving_average,
    RangeMethod.PERCENTILE: percentile,
    RangeMethod.MSE: mean_squared_error,
    RangeMethod.KL: kullback_leibler,
    RangeMethod.OCTAV: octav,
    RangeMethod.CROSS_ENTROPY: cross_entropy,
}


def _best_shrunk(full: Range, error: Callable[[Range], float]) -> Range:
    """Return the candidate of least error, the widest first."""
    factors = np.arange(SHRINK_STEPS, 0, -1) / SHRINK_STEPS
    candidates = [Range(full.low * factor, full.high * factor) for factor in factors]
    return min(candidates, key=error)


def _spread(values: FloatArray) -> NDArray[np.float64]:
    """Return the values, or so many of them at equal distances as a grid search looks at."""
    flat = values.reshape(-1)
    stride = -(-flat.size // MOST_VALUES)
    return flat[::stride].astype(np.float64)


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
