"""An ONNX file as a Network, with what is needed to run the original in float."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import WorkloadError
from accelsim.frontend.graph import Graph
from accelsim.frontend.import_report import ImportReport, import_report
from accelsim.frontend.lower import lower_graph
from accelsim.frontend.parse_model import parse_model
from accelsim.frontend.passes import simplify
from accelsim.frontend.quantized import given_quantization
from accelsim.frontend.read_model import read_model
from accelsim.network import GivenQuantization, Network

__all__ = ["ImportedModel", "import_onnx", "load_onnx"]


@dataclass(frozen=True, eq=False)
class ImportedModel:
    """A network and the ONNX model that it came from.

    ``model_bytes`` is the model with all of its weights inside (the file itself, unless it
    has external data), and ``sha256`` its hash.
    ``batch`` is the number of images that the model insists on, or None if it takes any.
    ``given`` is the quantization that the file brings with it, None of a float network.
    ``channels_last``: the file takes images as (height, width, channels); the network here has
    its channels first in any case. ``orders`` says, of the tensors that the file has in another
    order of axes (the batch included), which axis here each of its axes is; ``element_orders``
    the same of vectors' elements.
    """

    network: Network
    model_bytes: bytes
    sha256: str
    report: ImportReport
    batch: int | None = None
    given: GivenQuantization | None = None
    channels_last: bool = False
    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    element_orders: Mapping[str, NDArray[np.intp]] = field(default_factory=dict)


def load_onnx(path: str | PathLike[str]) -> ImportedModel:
    """Read an ONNX file as a network of the operators that accelsim runs.

    Batch norms and additions of constants are folded into the layer before them; Identity and
    Dropout are dropped. The network is named as the file.

    Parameters
    ----------
    path
        An ONNX model, opset 7 or later, one float32 input whose shape is fixed but for the
        batch, one output. Weights may lie in external files in the model's own folder.

    Raises
    ------
    UnsupportedOperatorError
        If a node cannot be run: one line for each such operator, or the first node's reason.
    WorkloadError
        If the file cannot be read, or its weights or shapes cannot be used.
    """
    path = Path(path)
    try:
        return import_onnx(path)
    except WorkloadError as error:
        lines = str(error).splitlines()
        raise type(error)("\n".join(f"{path}: {line}" for line in lines)) from None


def import_onnx(path: Path) -> ImportedModel:
    """Do the work of `load_onnx`; messages do not name the file."""
    try:
        model, content = read_model(path)
        graph = parse_model(model)
        simplified = simplify(graph)
        lowering = lower_graph(simplified)
        network = replace(lowering.network, name=path.stem)
        given = given_quantization(simplified, network, lowering.column_orders)
    except UnicodeDecodeError:
        raise WorkloadError("is corrupt: it holds names that are not UTF-8") from None
    return ImportedModel(
        network=network,
        model_bytes=content,
        sha256=sha256(content).hexdigest(),
        report=import_report(graph, simplified, network, lowering.folds),
        batch=_batch(simplified),
        given=given,
        channels_last=simplified.channels_last,
        orders=simplified.orders,
        element_orders=lowering.element_orders,
    )


def _batch(graph: Graph) -> int | None:
    """Return the batch that the input or a reshape fixes."""
    reshapes = [node for node in graph.nodes if node.operator == "Reshape"]
    shapes = [graph.constants[n.inputs[1]] for n in reshapes if n.inputs[1] in graph.constants]
    sizes = [int(shape.reshape(-1)[0]) for shape in shapes]
    return graph.batch or next((size for size in sizes if size > 0), None)
