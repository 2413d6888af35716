"""Post-training quantization from calibration images, with everything that a spec asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.network.graph import Network
from accelsim.network.integer import IntegerNetwork
from accelsim.quantize.float_forward import float_forward
from accelsim.quantize.improve import adaround, correct_biases, equalize, smooth
from accelsim.quantize.network import quantize_network, weights_to_integers
from accelsim.quantize.ranges import observe_ranges
from accelsim.quantize.spec import QuantizationSpec, WeightRounding

__all__ = ["quantize_calibrated", "scaled_network"]


def quantize_calibrated(
    network: Network,
    images: NDArray[np.floating[Any]],
    activations: Mapping[str, NDArray[np.floating[Any]]],
    spec: QuantizationSpec,
) -> IntegerNetwork:
    """Return the integer network: scales moved, ranges observed, weights rounded, biases corrected.

    Parameters
    ----------
    network
        The float network.
    images
        float[images, *input shape], for calibration.
    activations
        What the network makes of them: float[images, *shape] of every tensor of
        `observed_tensors`.
    spec
        Widths, methods and arithmetic.

    Raises
    ------
    AccelsimError
        As `observe_ranges` and `quantize_network` do.
    """
    if _looks_at_layers(spec):
        # Inputs of every layer of a network that may have changed: no file has them.
        network = scaled_network(network, images, spec)
        activations = float_forward(network, images)
    ranges = observe_ranges(network, activations, spec)
    weights = weights_to_integers(network, ranges, spec)
    if spec.weight_rounding is WeightRounding.ADAROUND:
        weights = adaround(network, weights, activations)
    if spec.correct_biases:
        network = correct_biases(network, weights, activations)
    return quantize_network(network, ranges, spec, weights)


def scaled_network(
    network: Network, images: NDArray[np.floating[Any]], spec: QuantizationSpec
) -> Network:
    """Return the float network that is quantized: the same function, channels scaled as asked for.

    Parameters are those of `quantize_calibrated`.
    """
    if spec.equalize:
        network = equalize(network)
    if spec.smooth is not None:
        network = smooth(network, float_forward(network, images), spec.smooth)
    return network


def _looks_at_layers(spec: QuantizationSpec) -> bool:
    return (
        spec.equalize
        or spec.smooth is not None
        or spec.correct_biases
        or spec.weight_rounding is WeightRounding.ADAROUND
    )
