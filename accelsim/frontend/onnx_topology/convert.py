"""An ONNX file's shapes as the text of a topology file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelsim.errors import InternalError, WorkloadError
from accelsim.frontend.onnx_topology.graph import shape_graph
from accelsim.frontend.onnx_topology.layers import Layers
from accelsim.frontend.onnx_topology.walk import walk
from accelsim.frontend.parse_model import require_valid
from accelsim.frontend.read_model import read_model
from accelsim.frontend.topology.read import read_topology
from accelsim.frontend.topology.resolve import resolve_topology
from accelsim.network.topology import Topology

__all__ = ["OnnxTopology", "onnx_topology"]


@dataclass(frozen=True)
class OnnxTopology:
    """The file's text, and what it says."""

    text: str
    topology: Topology


def onnx_topology(path: Path, sizes: Mapping[str, int]) -> OnnxTopology:
    """Read the shapes of an ONNX file: every product, no value.

    What follows a layer in its own units (clamps, batch norms, biases) is part of it; functions of
    one element, however many nodes they are, are one table look-up; what the array and the vector
    unit cannot do, and has no products, is left to the host.

    Parameters
    ----------
    path
        An ONNX model of one image, or one whose first size is open.
    sizes
        Numbers for the inputs' sizes that have names.

    Raises
    ------
    WorkloadError
        If the file cannot be read, its shapes cannot be worked out, or it has no products.
    """
    try:
        model, _ = read_model(path)
        require_valid(model)
        layers, outputs = walk(shape_graph(model, sizes))
        if not layers.macs:
            raise WorkloadError("has no matrix products or convolutions")
        if not outputs:
            raise WorkloadError("no output depends on an input")
    except UnicodeDecodeError:
        raise WorkloadError(f"{path}: is corrupt: it holds names that are not UTF-8") from None
    except WorkloadError as error:
        lines = str(error).splitlines()
        raise type(error)("\n".join(f"{path}: {line}" for line in lines)) from None
    text = _text(path, layers, outputs)
    try:
        topology = resolve_topology(read_topology(text, path.name))
    except WorkloadError as error:
        if "must be at most" in str(error):
            raise WorkloadError(f"{path}: is too long for a topology file: {error}") from None
        raise InternalError(f"{path}: its topology is refused: {error}") from error
    return OnnxTopology(text, topology)


def _text(path: Path, layers: Layers, outputs: tuple[str, ...]) -> str:
    made = {line["name"] for line in layers.lines}
    given = {name: shape for name, shape in layers.shapes.items() if name not in made}
    head: dict[str, Any] = {
        "schema": "accelsim.topology/1",
        "name": "".join(c if c.isalnum() and c.isascii() else "_" for c in path.stem)[:50],
        "source": f"{path.name}: shapes of an ONNX file",
        "macs": layers.macs,
        "counted": "Every matrix product and convolution of one image, padding included.",
        "input": given.pop("input"),
    }
    if given:
        head["given"] = given
    head["output"] = list(outputs)
    lines = [f"{name}: {json.dumps(value)}" for name, value in head.items()]
    lines.append("layers:")
    for line in layers.lines:
        fields = dict(line)
        if fields["op"] == "host":
            fields["output"] = layers.shapes[fields["name"]]
        cells = ", ".join(f"{name}: {json.dumps(value)}" for name, value in fields.items())
        lines.append(f"  - {{{cells}}}")
    return "\n".join(lines) + "\n"
