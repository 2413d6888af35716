"""Read an ONNX file, trusting nothing: sizes and places are checked before anything is loaded."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx.external_data_helper import (
    ExternalDataInfo,
    load_external_data_for_model,
    uses_external_data,
)

from accelsim.errors import WorkloadError
from accelsim.units import shortened

__all__ = ["MAXIMUM_FILE_BYTES", "read_model"]

MAXIMUM_FILE_BYTES = 2**31 - 1
"""What a protobuf message may hold; external data is counted as if it were inside."""


def read_model(path: Path) -> tuple[onnx.ModelProto, bytes]:
    """Return the model with all of its weights inside, parsed and as bytes.

    Raises
    ------
    WorkloadError
        If there is no such file, or it is too large, is not ONNX, is cut off, or names weights
        outside its own folder. The message does not name the file; the caller does.
    """
    if not path.exists():
        raise WorkloadError("no such file")
    if not path.is_file():
        raise WorkloadError("is not a file; give the .onnx file itself")
    _require_size(path.stat().st_size)
    try:
        content = path.read_bytes()
        model = onnx.load_model_from_string(content)
    except DecodeError:
        raise WorkloadError("is not a readable ONNX file: truncated, corrupt or not ONNX") from None
    except OSError as error:
        raise WorkloadError(f"cannot be read: {error.strerror}") from None
    if not model.graph.node or not model.opset_import:
        raise WorkloadError("is not a readable ONNX file: it holds no nodes")
    external = [tensor for tensor in _tensors(model) if uses_external_data(tensor)]
    if external:
        lengths = _check_external_data(external, path.parent)
        _require_size(path.stat().st_size + sum(lengths))
        _load_external_data(model, path.parent)
        content = model.SerializeToString(deterministic=True)
    return model, content


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor that onnx would load, those of nodes and of graphs in nodes included."""
    yield from (tensor for function in model.functions for tensor in _of_nodes(function.node))
    yield from _of_graph(model.graph)


def _of_graph(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for inner in (attribute.g, *attribute.graphs):
                yield from _of_graph(inner)


def _require_size(size_bytes: int) -> None:
    if size_bytes > MAXIMUM_FILE_BYTES:
        raise WorkloadError(
            f"model of {size_bytes} bytes; at most {MAXIMUM_FILE_BYTES} bytes are supported"
        )


def _check_external_data(tensors: list[onnx.TensorProto], folder: Path) -> list[int]:
    """Return how many bytes each tensor takes from its file, which is in the folder."""
    lengths = []
    for tensor in tensors:
        info = _external_data(tensor)
        where = f"weights {tensor.name!r} in external file {shortened(info.location)}"
        try:
            file = (folder / info.location).resolve()
            if not file.is_relative_to(folder.resolve()):
                raise WorkloadError(f"{where}: outside the model's own folder, refused")
            if not file.is_file():
                raise WorkloadError(f"{where}: no such file beside the model")
        except (OSError, ValueError):
            raise WorkloadError(f"{where}: is not a file's name") from None
        offset, available = info.offset or 0, file.stat().st_size
        length = available - offset if info.length is None else info.length
        if offset < 0 or length < 0 or offset + length > available:
            raise WorkloadError(
                f"{where}: bytes {offset} to {offset + length} of a file of {available} bytes"
            )
        lengths.append(length)
    return lengths


def _external_data(tensor: onnx.TensorProto) -> ExternalDataInfo:
    try:
        with warnings.catch_warnings():
            # Entries that onnx does not know mean nothing here either.
            warnings.simplefilter("ignore")
            return ExternalDataInfo(tensor)
    except ValueError:
        stated = {entry.key: entry.value for entry in tensor.external_data}
        found = ", ".join(
            f"{key} {shortened(stated[key])}" for key in ("offset", "length") if key in stated
        )
        raise WorkloadError(
            f"weights {tensor.name!r} in an external file: offset and length must be whole "
            f"numbers from 0, got {found}"
        ) from None


def _load_external_data(model: onnx.ModelProto, folder: Path) -> None:
    """Load what `_check_external_data` found in order; onnx has its own rules, such as on links."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load_external_data_for_model(model, str(folder))
    except (onnx.checker.ValidationError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise WorkloadError(f"external weights cannot be loaded: {reason}") from None
