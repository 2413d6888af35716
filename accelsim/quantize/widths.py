"""How wide each layer's weights and each tensor's activations are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accelsim.errors import ConfigError
from accelsim.network.graph import Convolution, Dense, Network
from accelsim.quantize.fusion import NetworkPlan, plan_network
from accelsim.quantize.layer_bits import LayerBits
from accelsim.quantize.spec import QuantizationSpec

__all__ = [
    "NetworkOperands",
    "NetworkWidths",
    "network_operands",
    "network_widths",
    "operand_widths",
]

MOST_NAMES = 16
"""Names that a message lists."""


@dataclass(frozen=True)
class NetworkOperands:
    """What of a float network has a width.

    Attributes
    ----------
    network
        What messages call it.
    written
        The tensors with a range of their own (`observed_tensors`) by the layer that writes them;
        the network's input by its own name.
    products
        For each layer with weights, the tensor of ``written`` whose integers it multiplies.
    """

    network: str
    written: Mapping[str, str]
    products: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class NetworkWidths:
    """Bits, 2 to 16: of weights by matrix layer, of activations by tensor.

    Tensors are those with a range of their own (`observed_tensors`); ``written`` names such a
    tensor by the layer that writes it, and the network's input by its own name. ``widest``: of
    weights and of activations that are multiplied, what PEs are built for; None without products.
    """

    weights: dict[str, int]
    activations: dict[str, int]
    written: Mapping[str, str]
    widest: tuple[int, int] | None


def network_operands(network: Network, plan: NetworkPlan | None = None) -> NetworkOperands:
    """Return what of a network has a width; ``plan``: what `plan_network` says, if known."""
    plan = plan or plan_network(network)
    written = {network.input: network.input} | {
        item.layer.name: item.layer.output
        for item in plan.layers
        if plan.scale_owners[item.layer.output] == item.layer.output
    }
    products = {
        item.layer.name: plan.scale_owners[item.layer.inputs[0]]
        for item in plan.layers
        if isinstance(item.layer.operator, Convolution | Dense)
    }
    return NetworkOperands(network.name, written, products)


def network_widths(
    network: Network, spec: QuantizationSpec, plan: NetworkPlan | None = None
) -> NetworkWidths:
    """Return the widths of a network's weights and tensors as a spec has them.

    Parameters
    ----------
    network
        The float network.
    spec
        Widths of the whole network and of single layers.
    plan
        What `plan_network` says of the network, if it is known already.

    Raises
    ------
    ConfigError
        If the spec names a layer that there is not, or one without what is given a width.
    """
    bits = (spec.weight_bits, spec.activation_bits)
    return operand_widths(network_operands(network, plan), bits, spec.layer_bits)


def operand_widths(
    operands: NetworkOperands, bits: tuple[int, int], layers: Sequence[LayerBits]
) -> NetworkWidths:
    """Return the widths of weights and tensors: ``bits``, or those of ``layers``.

    Raises
    ------
    ConfigError
        As `network_widths` does.
    """
    written = operands.written
    weights = dict.fromkeys(operands.products, bits[0])
    activations = dict.fromkeys(written.values(), bits[1])
    for entry in layers:
        if entry.layer not in written:
            raise ConfigError(
                f"layer bits of {entry.layer!r}: {operands.network} has no such layer with "
                f"integers of its own; it has {_listed(tuple(written))}"
            )
        if entry.weight_bits is not None:
            if entry.layer not in weights:
                raise ConfigError(
                    f"layer bits of {entry.layer!r}: has no weights; give activations only, such "
                    f"as {entry.layer}=a{entry.activation_bits or entry.weight_bits}"
                )
            weights[entry.layer] = entry.weight_bits
        if entry.activation_bits is not None:
            activations[written[entry.layer]] = entry.activation_bits
    widest = None
    if weights:
        read = max(activations[tensor] for tensor in operands.products.values())
        widest = (max(weights.values()), read)
    return NetworkWidths(weights, activations, written, widest)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
