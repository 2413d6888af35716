"""Which layers the integer network keeps: clamps fused, softmax left out, scales shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from accelsim.errors import UnsupportedOperatorError
from accelsim.network.graph import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    Layer,
    MaxPool,
    Network,
    Pad,
    Reshape,
    Softmax,
)

__all__ = ["LayerPlan", "NetworkPlan", "plan_network"]

CLAMPING = (Convolution, Dense, Add, AveragePool)
SCALE_KEEPING = (MaxPool, Pad, Reshape, Clamp)


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """A layer and the clamp that its rescale applies (unbounded if none follows)."""

    layer: Layer
    clamp: Clamp


@dataclass(frozen=True, eq=False)
class NetworkPlan:
    """The layers that become integer layers, and who decides each tensor's scale.

    ``scale_owners`` maps every tensor of the integer network, in execution order, to the tensor
    whose range gives its scale: itself, or the input of a layer that moves integers unchanged.
    """

    layers: tuple[LayerPlan, ...]
    output: str
    scale_owners: dict[str, str]
    host_layers: tuple[str, ...]


def plan_network(network: Network, formed: Collection[str] = ()) -> NetworkPlan:
    """Decide on fusion, shared scales and host layers.

    Parameters
    ----------
    network
        The float network.
    formed
        Tensors that must exist as integers, even if only a clamp reads them.

    Raises
    ------
    UnsupportedOperatorError
        If a softmax is not the network's last layer.
    """
    layers, output, host_layers = _split_host(network)
    plans = _fuse_clamps(layers, output, formed)
    owners = {network.input: network.input}
    for plan in plans:
        keeps = isinstance(plan.layer.operator, SCALE_KEEPING)
        owners[plan.layer.output] = owners[plan.layer.inputs[0]] if keeps else plan.layer.output
    return NetworkPlan(plans, output, owners, host_layers)


def _split_host(network: Network) -> tuple[tuple[Layer, ...], str, tuple[str, ...]]:
    layers, output = network.layers, network.output
    host_layers: tuple[str, ...] = ()
    if layers and isinstance(layers[-1].operator, Softmax) and layers[-1].output == output:
        output = layers[-1].inputs[0]
        host_layers = (layers[-1].name,)
        layers = layers[:-1]
    for layer in layers:
        if isinstance(layer.operator, Softmax):
            raise UnsupportedOperatorError(
                f"layer {layer.name!r}: Softmax runs on the host and must be the network's last "
                "layer"
            )
    return layers, output, host_layers


def _fuse_clamps(
    layers: tuple[Layer, ...], output: str, formed: Collection[str]
) -> tuple[LayerPlan, ...]:
    """Merge each clamp into the layer before it, if that layer clamps and nobody else reads it."""
    readers = Counter(name for layer in layers for name in layer.inputs)
    readers[output] += 1
    plans: list[LayerPlan] = []
    producers: dict[str, int] = {}
    for layer in layers:
        before = producers.get(layer.inputs[0])
        if (
            isinstance(layer.operator, Clamp)
            and before is not None
            and readers[layer.inputs[0]] == 1
            and layer.inputs[0] not in formed
            and isinstance(plans[before].layer.operator, CLAMPING)
        ):
            plan = plans[before]
            merged = _compose(plan.clamp, layer.operator)
            plans[before] = LayerPlan(replace(plan.layer, output=layer.output), merged)
            producers[layer.output] = before
        else:
            producers[layer.output] = len(plans)
            plans.append(LayerPlan(layer, Clamp()))
    return tuple(plans)


def _compose(first: Clamp, second: Clamp) -> Clamp:
    """Return the clamp that equals ``second`` after ``first``, also where they do not overlap."""
    return Clamp(
        min(max(first.low, second.low), second.high),
        max(min(first.high, second.high), second.low),
    )
