"""What became of each node of a file: folded away, or where it runs. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accelsim.arithmetic import IntegerFormat
from accelsim.frontend.graph import Fold, Graph
from accelsim.frontend.quantized import INTEGER_OPERATORS, QUANTIZERS
from accelsim.network import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    MaxPool,
    Network,
    Pad,
    Reshape,
    Softmax,
    network_macs,
    network_parameters,
)

__all__ = ["FoundQuantization", "ImportReport", "import_report"]


@dataclass(frozen=True)
class FoundQuantization:
    """The quantization that a file brings with it.

    Attributes
    ----------
    operators
        The quantizing operators of the file, each once.
    weights
        By layer, the format that the file stores its weights in.
    activations
        By tensor, the format of its integers.
    per_channel
        Layers with a weight scale for each output channel.
    zero_points
        Layers whose weights have zero points. They run as signed weights less zero point, unless
        these are wider and the array sums up rows.
    widened
        Layers whose weights less zero point are wider: by layer, their format then.
    """

    operators: tuple[str, ...]
    weights: Mapping[str, IntegerFormat]
    activations: Mapping[str, IntegerFormat]
    per_channel: tuple[str, ...]
    zero_points: tuple[str, ...]
    widened: Mapping[str, IntegerFormat]


@dataclass(frozen=True)
class ImportReport:
    """Where the work of an imported network is done; the tuples hold layer names.

    ``folded`` lists the nodes that are gone; ``free`` are reshapes, which move nothing.
    Clamps (Relu, Clip) are listed under ``clamps``: they cost nothing where they follow a
    layer that clamps its output anyway, which the quantizer decides. ``quantization`` is what the
    file has of it, None of a float network.
    """

    nodes: int
    folded: tuple[Fold, ...]
    on_array: tuple[str, ...]
    on_vector_unit: tuple[str, ...]
    clamps: tuple[str, ...]
    free: tuple[str, ...]
    on_host: tuple[str, ...]
    macs_per_image: int
    parameters: int
    quantization: FoundQuantization | None = None


def import_report(
    parsed: Graph, graph: Graph, network: Network, lowered: tuple[Fold, ...] = ()
) -> ImportReport:
    """Return the report on a file that was ``parsed``, simplified to ``graph``, then lowered.

    ``lowered``: the nodes that gave no layer then.
    """
    names = {node.name for node in parsed.nodes}

    def named(*kinds: type) -> tuple[str, ...]:
        return tuple(layer.name for layer in network.layers if isinstance(layer.operator, kinds))

    return ImportReport(
        nodes=len(parsed.nodes),
        # Passes make nodes too, which were never in the file.
        folded=tuple(fold for fold in (*graph.folds, *lowered) if fold.name in names),
        on_array=named(Convolution, Dense),
        on_vector_unit=named(Add, MaxPool, AveragePool, Pad),
        clamps=named(Clamp),
        free=named(Reshape),
        on_host=named(Softmax),
        macs_per_image=network_macs(network),
        parameters=network_parameters(network),
        quantization=_quantization(parsed, graph, network),
    )


def _quantization(parsed: Graph, graph: Graph, network: Network) -> FoundQuantization | None:
    kinds = (*QUANTIZERS, *INTEGER_OPERATORS)
    operators = {node.operator for node in parsed.nodes if node.operator in kinds}
    if not operators:
        return None
    constants = {
        node.name: graph.integers[node.inputs[1]]
        for node in graph.nodes
        if node.operator in ("Conv", "Dense") and node.inputs[1] in graph.integers
    }
    return FoundQuantization(
        operators=tuple(sorted(operators)),
        weights={name: constant.stored for name, constant in constants.items()},
        activations={
            name: tensor.format
            for name, tensor in graph.quantized.items()
            if name in network.shapes
        },
        per_channel=tuple(name for name, c in constants.items() if c.axis is not None),
        zero_points=tuple(name for name, c in constants.items() if c.has_zero_point),
        widened={name: c.format for name, c in constants.items() if c.format.bits > c.stored.bits},
    )
