"""A float network and its ranges to an integer network."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from accelsim.errors import DataError, WorkloadError
from accelsim.network.given import QuantizedWeights
from accelsim.network.graph import Convolution, Dense, Network
from accelsim.network.integer import (
    IntegerLayer,
    IntegerNetwork,
    IntegerOperator,
    QuantizedTensor,
)
from accelsim.network.run_time import step_name
from accelsim.quantize.activations import activation_codes, quantized_tensor
from accelsim.quantize.fusion import LayerPlan, NetworkPlan, plan_network
from accelsim.quantize.lower_run_time import lower_run_time
from accelsim.quantize.lowering import lower
from accelsim.quantize.observers import Range, RangeMethod
from accelsim.quantize.spec import QuantizationSpec, WeightRounding
from accelsim.quantize.weight_groups import quantize_groups
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
        The real range of every tensor of `observed_tensors`, as `observe_ranges` takes them; of
        dynamic ones that of the network's input.
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
    names = {layer.name for layer in network.layers}
    layers = tuple(
        IntegerLayer(
            item.layer.name,
            _lower(item, tensors, weights.get(item.layer.name), spec, names),
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


def _lower(
    item: LayerPlan,
    tensors: Mapping[str, QuantizedTensor],
    weights: QuantizedWeights | None,
    spec: QuantizationSpec,
    names: Collection[str],
) -> IntegerOperator:
    """Return the integer operator of a layer; ``names`` are those that its step must not have."""
    inputs = tuple(tensors[name] for name in item.layer.inputs)
    output = tensors[item.layer.output]
    if not output.at_run_time:
        return lower(item, inputs, output, weights, spec)
    step = step_name(item.layer.name, names)
    return lower_run_time(item, inputs[0], weights, spec, spec.symmetric_activations, step)


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
        # A bias that stays real asks for no step of the weights.
        dynamic = spec.range_method is RangeMethod.DYNAMIC
        layer_weights = (
            operator.weights,
            np.zeros_like(operator.bias) if dynamic else operator.bias,
            1.0 if dynamic else tensors[layer.inputs[0]].scale,
            spec.weight_format(weight_bits[layer.name]),
        )
        how = (
            spec.weight_range_method,
            spec.percentile,
            generator if spec.weight_rounding is WeightRounding.STOCHASTIC else None,
        )
        symmetric = not spec.asymmetric_weights
        integers[layer.name] = (
            quantize_weights(*layer_weights, spec.per_channel, *how, symmetric)
            if spec.group_size is None
            else quantize_groups(*layer_weights, spec.group_size, spec.scale_bits, *how)
        )
    return integers


def _tensors(
    network: Network, plan: NetworkPlan, ranges: Mapping[str, Range], spec: QuantizationSpec
) -> dict[str, QuantizedTensor]:
    bits = network_widths(network, spec, plan).activations
    tensors = {}
    dynamic = spec.range_method is RangeMethod.DYNAMIC
    for name, owner in plan.scale_owners.items():
        if dynamic and owner != network.input:
            format = activation_codes(bits[owner], spec).format
            tensors[name] = QuantizedTensor(network.shapes[name], format, 0.0, 0, at_run_time=True)
            continue
        if owner not in ranges:
            raise DataError(f"ranges: no range of tensor {owner!r}")
        tensors[name] = quantized_tensor(network.shapes[name], ranges[owner], bits[owner], spec)
    return tensors
