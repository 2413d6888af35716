"""How much work and how many numbers a network holds: multiply-accumulates and parameters."""

from __future__ import annotations

from accelsim.network.graph import Convolution, Dense, Layer, Network

__all__ = ["layer_macs", "layer_parameters", "network_macs", "network_parameters"]


def layer_macs(layer: Layer, network: Network) -> int:
    """Return the multiply-accumulates of one image; padding counts, as the array computes it."""
    operator = layer.operator
    if isinstance(operator, Dense):
        return int(operator.weights.size)
    if isinstance(operator, Convolution):
        _, height, width = network.shapes[layer.output]
        return int(operator.weights.size) * height * width
    return 0


def layer_parameters(layer: Layer) -> int:
    """Return the number of weights and biases."""
    operator = layer.operator
    if isinstance(operator, Dense | Convolution):
        return int(operator.weights.size + operator.bias.size)
    return 0


def network_macs(network: Network) -> int:
    """Return the multiply-accumulates of one image."""
    return sum(layer_macs(layer, network) for layer in network.layers)


def network_parameters(network: Network) -> int:
    """Return the number of weights and biases."""
    return sum(layer_parameters(layer) for layer in network.layers)
