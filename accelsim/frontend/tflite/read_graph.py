"""Bytes of a TensorFlow Lite file to a `TfliteGraph`, trusting nothing.

The schema's Python classes do not verify a flatbuffer: an offset may point anywhere. What they
read lies inside the file or raises one of `UNREADABLE`, so garbage is read as garbage and checked
here. What could grow is bounded: every element read is counted, and a file in which offsets meet
again and again in the same long vector runs out of its count.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import WorkloadError
from accelsim.frontend.tflite.graph import (
    TfliteGraph,
    TfliteOperator,
    TfliteTensor,
    brief,
    short_name,
)
from accelsim.frontend.tflite.options import OPTIONS, names_of, read_options

__all__ = ["read_graph"]

FILE_IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3

UNREADABLE = (struct.error, IndexError, TypeError, ValueError, OverflowError)
"""What the schema's classes raise where an offset points outside the file."""

READS_PER_BYTE = 2
"""An honest file states each element once; only vtables and a few vectors are shared."""

MAXIMUM_OPERATORS = 2**16
MAXIMUM_TENSORS = 2**18
"""Far more than networks have, and few enough to be gone through in seconds."""

CUSTOM = 32

_DTYPES: dict[str, np.dtype[Any]] = {
    "FLOAT32": np.dtype("<f4"),
    "INT8": np.dtype("<i1"),
    "UINT8": np.dtype("<u1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
}


def read_graph(content: bytes, name: str) -> TfliteGraph:
    """Return the operators and tensors of a file.

    Parameters
    ----------
    content
        The whole file.
    name
        For the network.

    Raises
    ------
    WorkloadError
        If it is not a TensorFlow Lite file, is corrupt, or has several subgraphs. The message
        does not name the file.
    """
    if content[4:8] != FILE_IDENTIFIER:
        raise WorkloadError("is not a TensorFlow Lite file: it does not bear the mark TFL3")
    try:
        return _Reader(content).graph(name)
    except UNREADABLE:
        raise WorkloadError("is corrupt or truncated: an offset points outside the file") from None


class _Reader:
    def __init__(self, content: bytes) -> None:
        # The schema has 190 modules that take 80 ms to import: only who reads a file pays.
        import tflite

        self._schema = tflite
        self._content = content
        self._left = READS_PER_BYTE * len(content)
        self._names: set[str] = set()
        self._buffers: dict[int, NDArray[np.uint8]] = {}
        self._types = names_of(tflite.TensorType)
        self._kinds = names_of(tflite.BuiltinOperator)

    def graph(self, name: str) -> TfliteGraph:
        model = self._schema.Model.GetRootAs(self._content, 0)
        if model.Version() != SCHEMA_VERSION:
            raise WorkloadError(
                f"has schema version {model.Version()}; only version {SCHEMA_VERSION} is supported"
            )
        subgraphs = self._take(model.SubgraphsLength())
        if subgraphs != 1:
            raise WorkloadError(
                f"has {subgraphs} subgraphs; only one is supported (no control flow, no several "
                "signatures)"
            )
        subgraph = model.Subgraphs(0)
        tensors = tuple(
            self._tensor(model, subgraph.Tensors(index), index)
            for index in range(self._count(subgraph.TensorsLength(), MAXIMUM_TENSORS, "tensors"))
        )
        codes = [
            self._kind(model.OperatorCodes(index))
            for index in range(
                self._count(model.OperatorCodesLength(), MAXIMUM_OPERATORS, "operator codes")
            )
        ]
        operators = tuple(
            self._operator(subgraph.Operators(index), index, codes, len(tensors))
            for index in range(
                self._count(subgraph.OperatorsLength(), MAXIMUM_OPERATORS, "operators")
            )
        )
        return TfliteGraph(
            name=name,
            tensors=tensors,
            operators=operators,
            inputs=self._indices(subgraph, "Inputs", len(tensors), "the network's inputs"),
            outputs=self._indices(subgraph, "Outputs", len(tensors), "the network's outputs"),
            file_bytes=len(self._content),
        )

    def _take(self, count: int) -> int:
        """Account for ``count`` elements about to be read."""
        self._left -= count
        if self._left < 0:
            raise WorkloadError("is corrupt: it declares more elements than it has bytes")
        return count

    def _count(self, count: int, most: int, what: str) -> int:
        if count > most:
            raise WorkloadError(f"has {count} {what}; at most {most} are supported")
        return self._take(count)

    def _vector(self, table: Any, field: str) -> NDArray[Any]:
        count = self._take(getattr(table, f"{field}Length")())
        return np.asarray(getattr(table, f"{field}AsNumpy")()) if count else np.empty(0)

    def _indices(self, table: Any, field: str, tensors: int, owner: str) -> tuple[int, ...]:
        indices = tuple(int(index) for index in self._vector(table, field))
        if any(not -1 <= index < tensors for index in indices):
            raise WorkloadError(
                f"is corrupt: {owner} are tensors {brief(indices)} of {tensors} tensors"
            )
        return indices

    def _text(self, raw: bytes | None) -> str:
        # A length read from the file may take in all of the rest of it.
        self._take(len(raw or b""))
        return (raw or b"").decode("utf-8", errors="replace")

    def _kind(self, code: Any) -> str:
        number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
        if number == CUSTOM:
            return f"CUSTOM {short_name(self._text(code.CustomCode()))}"
        return self._kinds.get(number, f"operator code {number}")

    def _operator(
        self, table: Any, index: int, codes: Sequence[str], tensors: int
    ) -> TfliteOperator:
        code = table.OpcodeIndex()
        if code >= len(codes):
            raise WorkloadError(f"is corrupt: operator {index} has code {code} of {len(codes)}")
        kind = codes[code]
        return TfliteOperator(
            index=index,
            kind=kind,
            inputs=self._indices(table, "Inputs", tensors, f"inputs of operator {index}"),
            outputs=self._indices(table, "Outputs", tensors, f"outputs of operator {index}"),
            options=read_options(self._schema, table, kind) if kind in OPTIONS else {},
        )

    def _tensor(self, model: Any, table: Any, index: int) -> TfliteTensor:
        shape = tuple(int(size) for size in self._vector(table, "Shape"))
        number = table.Type()
        form = self._types.get(number, f"type {number}")
        name = self._unique(self._text(table.Name()), index)
        constant, values = self._values(model, table.Buffer(), form, shape, name)
        scales, zero_points, axis, unsupported = self._quantization(table.Quantization())
        if table.Sparsity() is not None:
            unsupported = "is stored as a sparse tensor; convert the model without sparsity"
        if table.IsVariable():
            unsupported = "keeps its value from one run to the next (a variable)"
        return TfliteTensor(
            index, name, shape, form, scales, zero_points, axis, constant, values, unsupported
        )

    def _unique(self, name: str, index: int) -> str:
        unique = name if name and name not in self._names else f"{name}#{index}"
        while unique in self._names:
            unique += "'"
        self._names.add(unique)
        return unique

    def _quantization(self, table: Any) -> tuple[NDArray[np.float64], NDArray[np.int64], int, str]:
        if table is None:
            return np.empty(0), np.empty(0, dtype=np.int64), 0, ""
        with np.errstate(invalid="ignore"):  # a signalling NaN is refused where it is used
            scales = self._vector(table, "Scale").astype(np.float64)
        return (
            scales,
            self._vector(table, "ZeroPoint").astype(np.int64),
            table.QuantizedDimension(),
            "is quantized in a custom way" if table.DetailsType() else "",
        )

    def _values(
        self, model: Any, buffer: int, form: str, shape: tuple[int, ...], name: str
    ) -> tuple[bool, NDArray[Any] | None]:
        """Return whether the file holds the tensor's values, and the values."""
        raw = self._buffer(model, buffer)
        if not raw.size:
            return False, None
        if form == "INT4":
            return True, _unpack_int4(self._sized(raw, (prod(shape) + 1) // 2, name), shape)
        if form not in _DTYPES:
            return True, None
        dtype = _DTYPES[form]
        return True, self._sized(raw, prod(shape) * dtype.itemsize, name).view(dtype).reshape(shape)

    def _sized(self, raw: NDArray[np.uint8], expected_bytes: int, name: str) -> NDArray[np.uint8]:
        if raw.size != expected_bytes:
            raise WorkloadError(
                f"is corrupt: constant {short_name(name)} has {raw.size} bytes where its "
                f"shape needs {expected_bytes}"
            )
        return raw

    def _buffer(self, model: Any, index: int) -> NDArray[np.uint8]:
        """Return a buffer's bytes, a view of the file; equal constants share a buffer."""
        if index not in self._buffers:
            self._buffers[index] = self._find_buffer(model, index)
        return self._buffers[index]

    def _find_buffer(self, model: Any, index: int) -> NDArray[np.uint8]:
        if index >= model.BuffersLength():
            raise WorkloadError(
                f"is corrupt: buffer {index} of {model.BuffersLength()} buffers is used"
            )
        buffer = model.Buffers(index)
        start, size = buffer.Offset(), buffer.Size()
        if start > 1:  # a large file keeps its buffers behind the flatbuffer
            if start + size > len(self._content):
                raise WorkloadError(f"is truncated: buffer {index} ends behind the file's end")
            return np.frombuffer(self._content, np.uint8, self._take(size), start)
        return np.asarray(self._vector(buffer, "Data"), dtype=np.uint8)


def _unpack_int4(raw: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.int8]:
    """Two elements a byte, the first in the low half; two's complement."""
    halves = np.stack([raw & 15, raw >> 4], axis=1).reshape(-1)[: prod(shape)].astype(np.int8)
    return np.asarray(halves - ((halves & 8) << 1), dtype=np.int8).reshape(shape)
