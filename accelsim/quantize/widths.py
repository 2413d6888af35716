"""How wide each layer's weights and each tensor's activations are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.errors import ConfigError
from accelsim.network.graph import Convolution, Dense, Network
from accelsim.quantize.fusion import NetworkPlan, plan_network
from accelsim.quantize.spec import QuantizationSpec

__all__ = ["NetworkWidths", "network_widths"]

MOST_NAMES = 16
"""Names that a message lists."""


@dataclass(frozen=True, eq=False)
class NetworkWidths:
    """Bits, 2 to 16: of weights by matrix layer, of activations by tensor.

    Tensors are those with a range of their own (`observed_tensors`); ``written`` names such a
    tensor by the layer that writes it, and the network's input by its own name.
    """

    weights: dict[str, int]
    activations: dict[str, int]
    written: dict[str, str]


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
    plan = plan or plan_network(network)
    matrices = [
        item.layer.name
        for item in plan.layers
        if isinstance(item.layer.operator, Convolution | Dense)
    ]
    written = {network.input: network.input} | {
        item.layer.name: item.layer.output
        for item in plan.layers
        if plan.scale_owners[item.layer.output] == item.layer.output
    }
    weights = dict.fromkeys(matrices, spec.weight_bits)
    activations = dict.fromkeys(written.values(), spec.activation_bits)
    for entry in spec.layer_bits:
        if entry.layer not in written:
            raise ConfigError(
                f"layer bits of {entry.layer!r}: {network.name} has no such layer with integers "
                f"of its own; it has {_listed(tuple(written))}"
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
    return NetworkWidths(weights, activations, written)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
