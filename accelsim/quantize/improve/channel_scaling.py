"""Moving a scale of each channel from one matrix layer to the next: the function stays the same.

What stands between the two has to be positively homogeneous, ``f(s x) = s f(x)`` for s > 0: a
ReLU, a pool, a flattening. Then ``W1 / s`` and ``W2 * s`` compute what W1 and W2 do, and s is free
to make both easier to quantize.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf, prod

import numpy as np
from numpy.typing import NDArray

from accelsim.network.graph import (
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    Layer,
    MaxPool,
    Network,
    Operator,
    Reshape,
)

__all__ = ["ScaledPair", "equalize", "scaled_pairs", "smooth"]

FloatArray = NDArray[np.float64]
Matrix = Convolution | Dense

MOST_PASSES = 50
SETTLED = 1e-3
"""Equalization stops when no channel's scale moves by more than this share."""


@dataclass(frozen=True, eq=False)
class ScaledPair:
    """Two matrix layers by name, and the elements of a channel that the second one's inputs are.

    ``tensors`` are those between them, of which the last is what the second layer reads.
    """

    first: str
    second: str
    tensors: tuple[str, ...]
    elements_per_channel: int


def scaled_pairs(network: Network) -> tuple[ScaledPair, ...]:
    """Return the pairs of matrix layers between which a scale can be moved, in execution order."""
    readers: dict[str, list[Layer]] = {}
    for layer in network.layers:
        for name in layer.inputs:
            readers.setdefault(name, []).append(layer)
    pairs = []
    for layer in network.layers:
        if not isinstance(layer.operator, Matrix):
            continue
        tensors, elements = [layer.output], 1
        while tensors[-1] != network.output and len(readers.get(tensors[-1], [])) == 1:
            (reader,) = readers[tensors[-1]]
            if isinstance(reader.operator, Matrix):
                pairs.append(ScaledPair(layer.name, reader.name, tuple(tensors), elements))
                break
            if not _is_homogeneous(reader.operator):
                break
            if isinstance(reader.operator, Reshape):
                elements *= prod(network.shapes[tensors[-1]][1:])
            tensors.append(reader.output)
    return tuple(pairs)


def equalize(network: Network) -> Network:
    """Return the network with the weight ranges of neighbouring layers equal, channel by channel.

    Cross-layer equalization: ``s = sqrt(r1 * r2) / r2`` for each channel between two layers, r1
    and r2 its largest weights in the first and second; repeated over all pairs until it settles.
    Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", ICCV
    2019, equations 8 to 11. A channel that is zero on one side is left alone.
    """
    for _ in range(MOST_PASSES):
        moved = 0.0
        for pair in scaled_pairs(network):
            operators = _operators(network)
            first, second = operators[pair.first], operators[pair.second]
            ranges = _output_magnitudes(first), _input_magnitudes(second, pair)
            scales = _positive_ratio(np.sqrt(ranges[0] * ranges[1]), ranges[1])
            moved = max(moved, float(np.abs(scales - 1.0).max()))
            network = _move(network, pair, scales)
        if moved < SETTLED:
            break
    return network


def smooth(
    network: Network, activations: Mapping[str, NDArray[np.floating]], strength: float
) -> Network:
    """Return the network with outliers of activation channels moved into the weights after them.

    SmoothQuant: ``s = max|x|^strength / max|w|^(1 - strength)`` for each channel x between two
    layers and its weights w in the second one; x is divided by s. Xiao et al., "SmoothQuant:
    Accurate and Efficient Post-Training Quantization for Large Language Models", ICML 2023,
    equation 4.

    Parameters
    ----------
    network
        The float network.
    activations
        float[images, channels, ...] by tensor, of calibration images.
    strength
        From 0 (all difficulty in the activations) to 1 (all in the weights).
    """
    for pair in scaled_pairs(network):
        second = _operators(network)[pair.second]
        values = np.abs(np.asarray(activations[pair.tensors[-1]], dtype=np.float64))
        by_channel = np.moveaxis(values, 1, 0).reshape(values.shape[1], -1).max(axis=1)
        largest = by_channel.reshape(-1, pair.elements_per_channel).max(axis=1)
        weights = _input_magnitudes(second, pair)
        scales = _positive_ratio(largest**strength, weights ** (1.0 - strength))
        network = _move(network, pair, scales)
    return network


def _is_homogeneous(operator: Operator) -> bool:
    if isinstance(operator, Clamp):
        return operator.low in (0.0, -inf) and operator.high == inf
    if isinstance(operator, Reshape):
        return len(operator.shape) == 1
    return isinstance(operator, MaxPool | AveragePool)


def _operators(network: Network) -> dict[str, Matrix]:
    return {
        layer.name: layer.operator for layer in network.layers if isinstance(layer.operator, Matrix)
    }


def _output_magnitudes(operator: Matrix) -> FloatArray:
    rows = np.abs(operator.weights.astype(np.float64)).reshape(len(operator.weights), -1)
    return np.asarray(rows.max(axis=1))


def _input_magnitudes(operator: Matrix, pair: ScaledPair) -> FloatArray:
    """Return the largest weight that each channel of the tensor between the layers meets."""
    magnitudes = np.abs(operator.weights.astype(np.float64))
    if isinstance(operator, Convolution):
        by_group = magnitudes.reshape(operator.groups, -1, *magnitudes.shape[1:])
        return np.asarray(by_group.max(axis=(1, 3, 4)).ravel())
    return np.asarray(magnitudes.max(axis=0).reshape(-1, pair.elements_per_channel).max(axis=1))


def _positive_ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return the ratio, 1 where either is zero."""
    usable = (numerator > 0.0) & (denominator > 0.0)
    return np.where(usable, numerator / np.where(usable, denominator, 1.0), 1.0)


def _move(network: Network, pair: ScaledPair, scales: FloatArray) -> Network:
    """Divide the first layer's output channels by the scales, multiply the second's inputs."""
    changes: dict[str, Callable[[Matrix], Matrix]] = {
        pair.first: lambda operator: _scale_outputs(operator, 1.0 / scales),
        pair.second: lambda operator: _scale_inputs(operator, pair, scales),
    }
    layers = tuple(
        replace(layer, operator=changes[layer.name](layer.operator))
        if layer.name in changes and isinstance(layer.operator, Matrix)
        else layer
        for layer in network.layers
    )
    return replace(network, layers=layers)


def _scale_outputs(operator: Matrix, factors: FloatArray) -> Matrix:
    along = factors.reshape(-1, *[1] * (operator.weights.ndim - 1))
    return replace(
        operator,
        weights=(operator.weights * along).astype(np.float32),
        bias=(operator.bias * factors).astype(np.float32),
    )


def _scale_inputs(operator: Matrix, pair: ScaledPair, factors: FloatArray) -> Matrix:
    weights = operator.weights.astype(np.float64)
    if isinstance(operator, Convolution):
        by_group = weights.reshape(operator.groups, -1, *weights.shape[1:])
        along = factors.reshape(operator.groups, 1, -1, 1, 1)
        weights = (by_group * along).reshape(weights.shape)
    else:
        weights = weights * np.repeat(factors, pair.elements_per_channel)
    return replace(operator, weights=weights.astype(np.float32))
