"""A float network and its ranges to an integer network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from accelsim.errors import DataError, WorkloadError
from accelsim.network.given import QuantizedWeights
from accelsim.network.graph import Convolution, Dense, Network
from accelsim.network.integer import IntegerLayer, IntegerNetwork, QuantizedTensor
from accelsim.quantize.activations import quantized_tensor
from accelsim.quantize.fusion import NetworkPlan, plan_network
from accelsim.quantize.lowering import lower
from accelsim.quantize.observers import Range
from accelsim.quantize.spec import QuantizationSpec, WeightRounding
from accelsim.quantize.weights import quantize_weights
from accelsim.quantize.widths import network_widths

__all__ = ["quantize_network", "weights_to_integers"]


def quantize_network(
    network: Network,
    ranges: Mapping[str, Range],
    spec: QuantizationSpec,
    weights: Mapping[str, QuantizedWeights] | None = None,
) -> IntegerNetwork:
    """Quantize a network after training.

    Parameters
    ----------
    network
        The float network.
    ranges
        The real range of every tensor of `observed_tensors`, as `observe_ranges` takes them.
    spec
        Widths, granularity and arithmetic.
    weights
        The integers of every matrix layer, by layer name; None: those of `weights_to_integers`.

    Raises
    ------
    ConfigError
        If a bias does not fit in the accumulator, or the spec has widths of a layer that there is
        not.
    DataError
        If a tensor has no range.
    UnsupportedOperatorError
        If a layer has no integer form where it stands.
    WorkloadError
        If weights are not finite.
    """
    plan = plan_network(network)
    tensors = _tensors(network, plan, ranges, spec)
    if weights is None:
        weights = weights_to_integers(network, ranges, spec)
    layers = tuple(
        IntegerLayer(
            item.layer.name,
            lower(
                item,
                tuple(tensors[name] for name in item.layer.inputs),
                tensors[item.layer.output],
                weights.get(item.layer.name),
                spec,
            ),
            item.layer.inputs,
            item.layer.output,
        )
        for item in plan.layers
    )
    return IntegerNetwork(
        name=network.name,
        input=network.input,
        output=plan.output,
        layers=layers,
        tensors=tensors,
        accumulator=spec.accumulator,
        host_layers=plan.host_layers,
    )


def weights_to_integers(
    network: Network, ranges: Mapping[str, Range], spec: QuantizationSpec
) -> dict[str, QuantizedWeights]:
    """Return the integers of every matrix layer's weights, by layer name.

    Parameters and errors are those of `quantize_network`. Draws of stochastic rounding follow from
    ``spec.seed``.
    """
    plan = plan_network(network)
    tensors = _tensors(network, plan, ranges, spec)
    weight_bits = network_widths(network, spec, plan).weights
    generator = np.random.default_rng(spec.seed)
    integers = {}
    for layer in network.layers:
        operator = layer.operator
        if not isinstance(operator, Convolution | Dense):
            continue
        if not (np.isfinite(operator.weights).all() and np.isfinite(operator.bias).all()):
            raise WorkloadError(f"layer {layer.name!r}: weights or bias are NaN or infinite")
        integers[layer.name] = quantize_weights(
            operator.weights,
            operator.bias,
            tensors[layer.inputs[0]].scale,
            spec.weight_format(weight_bits[layer.name]),
            spec.per_channel,
            spec.weight_range_method,
            spec.percentile,
            generator if spec.weight_rounding is WeightRounding.STOCHASTIC else None,
            not spec.asymmetric_weights,
        )
    return integers


def _tensors(
    network: Network, plan: NetworkPlan, ranges: Mapping[str, Range], spec: QuantizationSpec
) -> dict[str, QuantizedTensor]:
    bits = network_widths(network, spec, plan).activations
    tensors = {}
    for name, owner in plan.scale_owners.items():
        if owner not in ranges:
            raise DataError(f"ranges: no range of tensor {owner!r}")
        tensors[name] = quantized_tensor(network.shapes[name], ranges[owner], bits[owner], spec)
    return tensors
