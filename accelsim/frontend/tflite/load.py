"""A TensorFlow Lite file as an integer network."""

from __future__ import annotations

from hashlib import sha256
from os import PathLike
from pathlib import Path

from accelsim.errors import WorkloadError
from accelsim.frontend.integer_model import IntegerModel
from accelsim.frontend.integer_report import integer_import_report
from accelsim.frontend.tflite.graph import TfliteGraph
from accelsim.frontend.tflite.lower import lower
from accelsim.frontend.tflite.read_graph import read_graph

__all__ = ["MAXIMUM_FILE_BYTES", "load_tflite", "read_tflite"]

MAXIMUM_FILE_BYTES = 2**31 - 1
"""What a flatbuffer's offsets reach."""


def load_tflite(path: str | PathLike[str]) -> IntegerModel:
    """Read an int8 ``.tflite`` file; its integers and its rescale arithmetic are taken as they are.

    Rescaling is TensorFlow Lite's reference arithmetic (double rounding), accumulators have 32
    bits. Tensors keep their names and are stated channels first, as
    `accelsim.frontend.tflite.layout` says; ``file_shapes`` has the file's own shapes.

    Parameters
    ----------
    path
        A file of one subgraph with one input and one output, a batch of 1, and int8
        activations throughout. A real input or output behind QUANTIZE or DEQUANTIZE is the host's.

    Raises
    ------
    UnsupportedOperatorError
        If operators cannot be run: a line for each.
    WorkloadError
        If the file cannot be read or contradicts itself.
    """
    path = Path(path)
    try:
        content = _read(path)
        graph = read_graph(content, path.stem)
        lowering = lower(graph)
    except WorkloadError as error:
        raise _naming(path, error) from None
    network = lowering.network
    return IntegerModel(
        integer=network,
        sha256=sha256(content).hexdigest(),
        report=integer_import_report(
            len(graph.operators), lowering.folds, network, lowering.on_host
        ),
        channels_last=True,
        file_shapes={
            tensor.name: tensor.shape for tensor in graph.tensors if tensor.name in network.tensors
        },
    )


def read_tflite(path: str | PathLike[str]) -> TfliteGraph:
    """Return what a ``.tflite`` file says, whether or not accelsim runs it.

    Raises
    ------
    WorkloadError
        If the file cannot be read.
    """
    path = Path(path)
    try:
        return read_graph(_read(path), path.stem)
    except WorkloadError as error:
        raise _naming(path, error) from None


def _naming(path: Path, error: WorkloadError) -> WorkloadError:
    return type(error)("\n".join(f"{path}: {line}" for line in str(error).splitlines()))


def _read(path: Path) -> bytes:
    if not path.exists():
        raise WorkloadError("no such file")
    if not path.is_file():
        raise WorkloadError("is not a file; give the .tflite file itself")
    size_bytes = path.stat().st_size
    if size_bytes > MAXIMUM_FILE_BYTES:
        raise WorkloadError(
            f"model of {size_bytes} bytes; at most {MAXIMUM_FILE_BYTES} bytes are supported"
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise WorkloadError(f"cannot be read: {error.strerror}") from None
