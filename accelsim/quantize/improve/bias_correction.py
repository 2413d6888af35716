"""Biases that take back what rounded weights shift a layer's mean output by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accelsim.network.given import QuantizedWeights
from accelsim.network.graph import Convolution, Dense, Layer, Network
from accelsim.quantize.float_forward import float_layer

__all__ = ["correct_biases"]


def correct_biases(
    network: Network,
    weights: Mapping[str, QuantizedWeights],
    activations: Mapping[str, NDArray[np.floating]],
) -> Network:
    """Return the network with ``bias + E[W x] - E[Wq x]`` in place of each matrix layer's bias.

    Nagel et al., ICCV 2019, section 4.2, with the means taken from calibration images.

    Parameters
    ----------
    network
        The float network.
    weights
        The integers that stand for each matrix layer's weights, by layer name.
    activations
        float[images, *shape] of each matrix layer's input, by tensor name.
    """
    return replace(
        network,
        layers=tuple(
            _corrected(layer, weights[layer.name], activations[layer.inputs[0]])
            if layer.name in weights
            else layer
            for layer in network.layers
        ),
    )


def _corrected(layer: Layer, quantized: QuantizedWeights, inputs: NDArray[np.floating]) -> Layer:
    operator = layer.operator
    assert isinstance(operator, Convolution | Dense)
    error = operator.weights.astype(np.float64) - quantized.centred * quantized.steps
    unbiased = replace(operator, bias=np.zeros_like(operator.bias))
    shifts = float_layer(unbiased, error, np.asarray(inputs, dtype=np.float64))
    means = np.moveaxis(shifts, 1, 0).reshape(len(operator.bias), -1).mean(axis=1)
    corrected = (operator.bias + means).astype(np.float32)
    return replace(layer, operator=replace(operator, bias=corrected))
