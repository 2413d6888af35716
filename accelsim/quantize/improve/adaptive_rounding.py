"""AdaRound: each weight is rounded down or up so that the layer's output keeps its values best.

Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", ICML 2020. A layer's
squared output error is a quadratic form of the weights' errors in the second moments of its inputs,
so inputs are looked at once; the optimizer never sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accelsim.network.given import QuantizedWeights
from accelsim.network.graph import Convolution, Dense, Layer, Network
from accelsim.quantize.float_forward import patches

__all__ = ["adaround", "output_errors", "rounded_for_output", "second_moments"]

FloatArray = NDArray[np.float64]

# Section 3.3 and 4 of the paper: stretched sigmoid, annealed exponent, warm start.
STRETCH_LOW, STRETCH_HIGH = -0.1, 1.1
FIRST_EXPONENT, LAST_EXPONENT = 20.0, 2.0
WARM_START = 0.2
STEPS = 500
LEARNING_RATE = 0.03
ROUNDING_WEIGHT = 1.0
"""Of the term that pulls towards 0 and 1, in the mean second moment of an input: above a quarter of
it the pull wins in the end, and every weight is rounded."""
MOST_ROWS = 1 << 15
"""Input rows that second moments are taken from, spread evenly over all."""
_DECAYS = (0.9, 0.999)


@dataclass(frozen=True, eq=False)
class _Problem:
    """Weights of one group, and moments of its inputs.

    ``weights``: float64[channels, depth] in steps, zero points added; ``sizes``: float64[channels,
    depth], the steps as shares of the channel's largest.
    """

    weights: FloatArray
    sizes: FloatArray
    moments: FloatArray
    low: int
    high: int


def adaround(
    network: Network,
    weights: Mapping[str, QuantizedWeights],
    activations: Mapping[str, NDArray[np.floating]],
) -> dict[str, QuantizedWeights]:
    """Return each matrix layer's integers rounded for its output, scales as given.

    Every integer is one of the two neighbours of its real weight, and no layer's output error on
    the calibration images is larger than that of the integers that were given.

    Parameters
    ----------
    network
        The float network.
    weights
        Integers and scales of each matrix layer's weights, by layer name.
    activations
        float[images, *shape] of each matrix layer's input, by tensor name.
    """
    return {
        layer.name: rounded_for_output(
            layer, weights[layer.name], np.asarray(activations[layer.inputs[0]], np.float64)
        )
        for layer in network.layers
        if layer.name in weights
    }


def rounded_for_output(
    layer: Layer, quantized: QuantizedWeights, inputs: FloatArray
) -> QuantizedWeights:
    """Return one layer's integers rounded for its output; see `adaround`."""
    operator = layer.operator
    assert isinstance(operator, Convolution | Dense)
    groups = operator.groups if isinstance(operator, Convolution) else 1
    shape = operator.weights.shape
    by_group = groups, shape[0] // groups, -1
    offsets = quantized.integers - quantized.centred
    steps = (operator.weights / quantized.steps + offsets).reshape(by_group)
    sizes = _sizes(quantized).reshape(by_group)
    before = quantized.integers.reshape(steps.shape)
    moments = second_moments(operator, inputs)
    chosen = np.stack(
        [
            _round(
                _Problem(
                    *(steps[group], sizes[group], moments[group]),
                    *(quantized.format.low, quantized.format.high),
                ),
                before[group],
            )
            for group in range(groups)
        ]
    )
    return replace(quantized, integers=chosen.reshape(shape).astype(np.int32))


def _sizes(quantized: QuantizedWeights) -> FloatArray:
    """Return each weight's step as a share of its channel's largest."""
    steps = np.broadcast_to(quantized.steps, quantized.integers.shape)
    largest = steps.reshape(len(steps), -1).max(axis=1)
    return np.asarray(steps / largest.reshape(-1, *[1] * (steps.ndim - 1)))


def second_moments(operator: Convolution | Dense, inputs: FloatArray) -> FloatArray:
    """Return ``E[x x^T]`` of the rows that the weights multiply, float64[groups, depth, depth]."""
    if isinstance(operator, Dense):
        rows = inputs.reshape(1, len(inputs), -1)
    else:
        taps = patches(inputs, operator.window, 0.0).transpose(1, 0, 2, 3, 4, 5)
        by_group = taps.reshape(operator.groups, -1, *taps.shape[1:])
        pixels = by_group.transpose(0, 2, 3, 4, 1, 5, 6)
        rows = pixels.reshape(operator.groups, -1, operator.weights[0].size)
    thinned = rows[:, :: -(-rows.shape[1] // MOST_ROWS)]
    return np.asarray(thinned.swapaxes(1, 2) @ thinned / thinned.shape[1])


def output_errors(differences: FloatArray, moments: FloatArray) -> FloatArray:
    """Return each channel's mean squared output error, float64[channels].

    Parameters
    ----------
    differences
        float64[channels, depth]: rounded less real weights.
    moments
        float64[depth, depth].
    """
    return np.asarray(((differences @ moments) * differences).sum(axis=1))


def _round(problem: _Problem, before: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return integers for one group, channel by channel the better of optimized and given."""
    floors = np.floor(problem.weights)
    optimized = floors + (_optimize(problem, floors) >= 0.5)
    optimized = np.clip(optimized, problem.low, problem.high)
    errors = [
        output_errors((integers - problem.weights) * problem.sizes, problem.moments)
        for integers in (optimized, before.astype(np.float64))
    ]
    better = (errors[0] < errors[1])[:, np.newaxis]
    return np.where(better, optimized, before).astype(np.int64)


def _optimize(problem: _Problem, floors: FloatArray) -> FloatArray:
    """Return how far up each weight is rounded, float64[channels, depth] from 0 to 1.

    Adam on ``E[|W x - Wq x|^2] + weight * sum(1 - |2 h - 1|^exponent)``, h a stretched sigmoid;
    the weight of a smaller step is as much smaller as its square.
    """
    fractions = problem.weights - floors
    latent = _inverse(fractions)
    nearest = np.clip(np.rint(problem.weights), problem.low, problem.high)
    sizes = problem.sizes
    power = output_errors((nearest - problem.weights) * sizes, problem.moments)[:, np.newaxis]
    power = np.where(power > 0.0, power, 1.0)
    pull = ROUNDING_WEIGHT * np.diagonal(problem.moments).mean() / power * np.square(sizes)
    mean, variance = np.zeros_like(latent), np.zeros_like(latent)
    for step in range(1, STEPS + 1):
        sigmoid = 1.0 / (1.0 + np.exp(-latent))
        stretched = sigmoid * (STRETCH_HIGH - STRETCH_LOW) + STRETCH_LOW
        up = np.clip(stretched, 0.0, 1.0)
        rounded = np.clip(floors + up, problem.low, problem.high)
        errors = (rounded - problem.weights) * sizes
        gradient = 2.0 * (errors @ problem.moments) * sizes / power
        progress = step / STEPS
        if progress > WARM_START:
            share = (progress - WARM_START) / (1.0 - WARM_START)
            exponent = LAST_EXPONENT + (FIRST_EXPONENT - LAST_EXPONENT) * (1.0 - share)
            distance = 2.0 * up - 1.0
            gradient -= (
                2.0 * pull * exponent * np.sign(distance) * np.abs(distance) ** (exponent - 1.0)
            )
        inside = (stretched > 0.0) & (stretched < 1.0)
        gradient *= inside * (STRETCH_HIGH - STRETCH_LOW) * sigmoid * (1.0 - sigmoid)
        mean = _DECAYS[0] * mean + (1.0 - _DECAYS[0]) * gradient
        variance = _DECAYS[1] * variance + (1.0 - _DECAYS[1]) * np.square(gradient)
        unbiased = np.sqrt(variance / (1.0 - _DECAYS[1] ** step)) + 1e-12
        latent = latent - LEARNING_RATE * mean / (1.0 - _DECAYS[0] ** step) / unbiased
    return up


def _inverse(fractions: FloatArray) -> FloatArray:
    """Return the latent values whose stretched sigmoid is the fraction of each weight."""
    share = (fractions - STRETCH_LOW) / (STRETCH_HIGH - STRETCH_LOW)
    return np.asarray(-np.log(1.0 / share - 1.0))
