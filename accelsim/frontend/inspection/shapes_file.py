"""What is in a network of shapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from accelsim.frontend.inspection.record import Inspection, OperatorLine, Place, TensorLine
from accelsim.frontend.shapes import load_shapes
from accelsim.frontend.topology import topology_names
from accelsim.frontend.topology.load import topology_path
from accelsim.network.topology import (
    ElementWise,
    FilterBank,
    HostFunction,
    Matmul,
    PoolWindow,
    TokenMatrix,
    Topology,
    TopologyLayer,
    topology_layer_macs,
    topology_weights,
)

__all__ = ["inspect_shapes"]


def inspect_shapes(name: str) -> Inspection:
    """Read a topology by name, a topology file or a SCALE-Sim CSV.

    Raises
    ------
    WorkloadError, ConfigError
        With every problem of the file, a line each.
    """
    found = load_shapes(name)
    topology = found.topology
    path = topology_path(name) if name in topology_names() else Path(name)
    kind = "SCALE-Sim topology" if path.suffix.lower() == ".csv" else "network of shapes"
    return Inspection(
        name=path.name,
        kind=kind,
        file_bytes=path.stat().st_size,
        sha256=found.sha256,
        inputs=_ends(topology, topology.given),
        outputs=_ends(topology, topology.kept),
        operators=tuple(_line(layer, topology) for layer in topology.layers),
        notes=(
            "it has shapes but no weights: cycles, traffic and energy, no accuracy",
            *([f"shapes from {topology.source.strip()}"] if topology.source != path.name else []),
            *found.notes,
        ),
    )


def _ends(topology: Topology, names: tuple[str, ...]) -> tuple[TensorLine, ...]:
    return tuple(TensorLine(name, "", ("batch", *topology.shapes[name])) for name in names)


def _line(layer: TopologyLayer, topology: Topology) -> OperatorLine:
    kind, place = _kind_and_place(layer)
    return OperatorLine(
        name=layer.name,
        operator=kind,
        place=place,
        output=("batch", *topology.shapes[layer.output]),
        macs=topology_layer_macs(layer, topology),
        parameters=topology_weights(replace(topology, layers=(layer,))),
    )


def _kind_and_place(layer: TopologyLayer) -> tuple[str, Place]:
    match layer.operator:
        case FilterBank(groups=groups):
            return ("grouped convolution" if groups > 1 else "convolution"), Place.ARRAY
        case TokenMatrix():
            return "matrix", Place.ARRAY
        case Matmul():
            return "product", Place.ARRAY
        case ElementWise(kind, function):
            return function or kind, Place.VECTOR_UNIT
        case PoolWindow(kind):
            return kind, Place.VECTOR_UNIT
        case HostFunction(function):
            return function, Place.HOST
        case _:
            return "view", Place.FREE
