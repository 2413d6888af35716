"""A network whose file brings its integers: taken as they are, nothing is observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from accelsim.errors import WorkloadError
from accelsim.network.given import GivenQuantization
from accelsim.network.graph import Clamp, Convolution, Dense, Layer, MaxPool, Network, Pad, Reshape
from accelsim.network.integer import IntegerLayer, IntegerNetwork, QuantizedTensor
from accelsim.quantize.fusion import SCALE_KEEPING, LayerPlan, plan_network
from accelsim.quantize.lowering import lower, requantize, same_integers
from accelsim.quantize.spec import Arithmetic

__all__ = ["quantize_as_given"]

_HINT = "quantize it in the file too, or give the float network"


def quantize_as_given(
    network: Network, given: GivenQuantization, arithmetic: Arithmetic
) -> IntegerNetwork:
    """Return the integer network that a quantized file describes.

    Weights, biases, scales and zero points are the file's; what the machine adds is how it
    rescales and accumulates. Max pools, reshapes, paddings and clamps keep their input's integers,
    and where the file gives their output other ones, a requantization follows. Where the file
    quantizes only their output, their input has the same integers: they all commute with
    rounding.

    Parameters
    ----------
    network
        The file's network; its float weights are not used, its biases only where the file has
        none in integers.
    given
        The file's integers.
    arithmetic
        Rescale unit and accumulators.

    Raises
    ------
    ConfigError
        If a bias does not fit in the accumulator.
    UnsupportedOperatorError
        If a layer has no integer form where it stands.
    WorkloadError
        With a line for each tensor and each layer that the file should have quantized.
    """
    given = replace(given, tensors=_with_sources(network, given))
    plan = plan_network(network, _formed(network, given))
    _require_given(plan.layers, network, given)
    tensors = {network.input: given.tensors[network.input]}
    layers: list[IntegerLayer] = []
    for item in plan.layers:
        for made, target in _integer_layers(item, tensors, network, given, arithmetic):
            layers.append(made)
            tensors[made.output] = target
    return IntegerNetwork(
        name=network.name,
        input=network.input,
        output=plan.output,
        layers=tuple(layers),
        tensors=tensors,
        accumulator=arithmetic.accumulator,
        host_layers=plan.host_layers,
    )


def _with_sources(network: Network, given: GivenQuantization) -> Mapping[str, QuantizedTensor]:
    """Return the file's tensors, and those that have the same integers as one of them.

    A clamp of a quantized tensor leaves some of its integers; and what only layers read that keep
    integers is quantized as their outputs are.
    """
    readers: dict[str, list[Layer]] = {}
    for layer in network.layers:
        for name in layer.inputs:
            readers.setdefault(name, []).append(layer)
    tensors = dict(given.tensors)
    for layer in network.layers:
        if isinstance(layer.operator, Clamp) and layer.inputs[0] in tensors:
            tensors.setdefault(layer.output, tensors[layer.inputs[0]])
    for name in (*(layer.output for layer in reversed(network.layers)), network.input):
        found = [
            tensors.get(layer.output) if isinstance(layer.operator, SCALE_KEEPING) else None
            for layer in readers.get(name, ())
        ]
        first = found[0] if found else None
        if name not in tensors and first and all(t and _same(t, first) for t in found):
            tensors[name] = replace(first, shape=network.shapes[name])
    return tensors


def _formed(network: Network, given: GivenQuantization) -> set[str]:
    """Return the tensors that a clamp takes to other integers than those it reads."""
    formed: set[str] = set()
    for layer in network.layers:
        before, after = (given.tensors.get(name) for name in (layer.inputs[0], layer.output))
        if isinstance(layer.operator, Clamp) and before and after:
            formed |= set() if _same(before, after) else {layer.inputs[0]}
    return formed


def _require_given(
    plans: tuple[LayerPlan, ...], network: Network, given: GivenQuantization
) -> None:
    missing = []
    if network.input not in given.tensors:
        missing.append(f"input {network.input!r} is not quantized: {_HINT}")
    for plan in plans:
        layer = plan.layer
        if isinstance(layer.operator, Convolution | Dense) and layer.name not in given.weights:
            missing.append(f"layer {layer.name!r}: its weights are not quantized: {_HINT}")
        if not isinstance(layer.operator, SCALE_KEEPING) and layer.output not in given.tensors:
            missing.append(
                f"layer {layer.name!r}: its output {layer.output!r} is not quantized: {_HINT}"
            )
    if missing:
        raise WorkloadError("\n".join(f"{network.name}: {line}" for line in missing))


def _integer_layers(
    plan: LayerPlan,
    tensors: Mapping[str, QuantizedTensor],
    network: Network,
    given: GivenQuantization,
    arithmetic: Arithmetic,
) -> list[tuple[IntegerLayer, QuantizedTensor]]:
    """Return a layer with its output, and what brings that to the file's integers if it must."""
    layer = plan.layer
    inputs = tuple(tensors[name] for name in layer.inputs)
    kept = replace(inputs[0], shape=network.shapes[layer.output])
    target = given.tensors.get(layer.output, kept)
    weights = given.weights.get(layer.name)
    if not isinstance(layer.operator, MaxPool | Pad | Reshape) or _same(kept, target):
        operator = lower(plan, inputs, target, weights, arithmetic)
        return [(IntegerLayer(layer.name, operator, layer.inputs, layer.output), target)]
    between = f"{layer.output}:kept"
    moved = IntegerLayer(
        layer.name, lower(plan, inputs, kept, weights, arithmetic), layer.inputs, between
    )
    operator = requantize(kept, target, arithmetic, (target.format.low, target.format.high))
    brought = IntegerLayer(f"{layer.name}:requantize", operator, (between,), layer.output)
    return [(moved, kept), (brought, target)]


def _same(first: QuantizedTensor, second: QuantizedTensor) -> bool:
    return same_integers(first, second) and first.format == second.format
