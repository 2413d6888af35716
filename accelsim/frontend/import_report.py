"""What became of each node of a file: folded away, or where it runs. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.frontend.graph import Fold, Graph
from accelsim.network import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    MaxPool,
    Network,
    Reshape,
    Softmax,
    network_macs,
    network_parameters,
)

__all__ = ["ImportReport", "import_report"]


@dataclass(frozen=True)
class ImportReport:
    """Where the work of an imported network is done; the tuples hold layer names.

    ``folded`` lists the nodes that are gone; ``free`` are reshapes, which move nothing.
    Clamps (Relu, Clip) are listed under ``clamps``: they cost nothing where they follow a
    layer that clamps its output anyway, which the quantizer decides.
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


def import_report(nodes: int, graph: Graph, network: Network) -> ImportReport:
    """Return the report on a file of ``nodes`` nodes that became ``graph``, then ``network``."""

    def named(*kinds: type) -> tuple[str, ...]:
        return tuple(layer.name for layer in network.layers if isinstance(layer.operator, kinds))

    return ImportReport(
        nodes=nodes,
        folded=graph.folds,
        on_array=named(Convolution, Dense),
        on_vector_unit=named(Add, MaxPool, AveragePool),
        clamps=named(Clamp),
        free=named(Reshape),
        on_host=named(Softmax),
        macs_per_image=network_macs(network),
        parameters=network_parameters(network),
    )
