"""Arrays from .npz files (numpy.savez), never with pickle.

A member's header is read here, not by numpy: numpy allocates an array on the word of its header
before it reads it, and mends headers of Python 2 by evaluating them.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import DataError
from accelsim.frontend.data.dataset import Layout, StoredArray, StoredData
from accelsim.frontend.data.files import first_line, hash_files, read_exactly, require_loadable
from accelsim.units import shortened

__all__ = ["read_npz"]

_LABELS = {"test_images": "test_labels", "images": "labels", "x_test": "y_test"}
_TRAINING_LABELS = {"train_images": "train_labels", "x_train": "y_train", "images": "labels"}
_CALIBRATION = ("calibration_images", "train_images", "x_train")
_LISTED = 20
_MEMBERS = 4096
_LARGEST_HEADER_BYTES = 10_000
# A deflate stream cannot become longer than this many times its own length.
_LARGEST_INFLATION = 1032
# What zipfile raises for archives that are cut off, corrupt, encrypted or exotic.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
    IndexError,
    OverflowError,
)


def read_npz(path: Path, *, training: bool = False) -> StoredData:
    """Read images, labels and calibration images.

    The file holds ``test_images`` and ``test_labels``, or ``images`` and ``labels``, or
    ``x_test`` and ``y_test``; and ``calibration_images``, ``train_images`` or ``x_train``. With
    ``training``, it holds ``train_images`` and ``train_labels``, or ``x_train`` and ``y_train``, or
    ``images`` and ``labels``.

    Raises
    ------
    DataError
        If it is not an .npz file or an array is missing, is not of plain numbers, or is too
        large. The message does not name the file; the caller does.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(path, archive, _TRAINING_LABELS if training else _LABELS)
    except _UNREADABLE as error:
        raise DataError(f"is not a readable .npz file: {first_line(error)}") from None


def _read(path: Path, archive: zipfile.ZipFile, pairs: Mapping[str, str]) -> StoredData:
    members = archive.namelist()
    if len(members) > _MEMBERS:
        raise DataError(f"must hold at most {_MEMBERS} arrays, holds {len(members)}")
    names = [name.removesuffix(".npy") for name in members if name.endswith(".npy")]
    images = next((name for name in pairs if name in names), None)
    if images is None:
        shown = [name if name.isidentifier() else shortened(name) for name in names[:_LISTED]]
        found = ", ".join(shown) or "nothing"
        wanted = ", or ".join(f"{name} and {pairs[name]}" for name in pairs)
        raise DataError(f"must hold {wanted}; has {found}{', ...' if len(names) > _LISTED else ''}")
    labels = pairs[images]
    if labels not in names:
        raise DataError(f"{labels}: missing; must be whole numbers, one for each of {images}")
    calibration = next((name for name in _CALIBRATION if name in names), None)
    return StoredData(
        name=path.stem,
        kind=".npz",
        images=_array(images, archive),
        labels=_array(labels, archive),
        calibration=None if calibration is None else _array(calibration, archive),
        layout=Layout.UNKNOWN,
        files=(path.name,),
        sha256=hash_files([path]),
    )


def _array(name: str, archive: zipfile.ZipFile) -> StoredArray:
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{name}: compressed in a way that numpy does not write")
    with archive.open(info) as member:
        header = _header(member, name)
        size_bytes = require_loadable(name, header.shape, header.dtype.itemsize)
        held = min(info.file_size, info.compress_size * _LARGEST_INFLATION)
        if size_bytes > held:
            raise DataError(
                f"{name}: an array of {size_bytes} bytes, of which the file holds at most {held}"
            )
        content = read_exactly(member, size_bytes, name)
        if member.read(1):
            raise DataError(f"{name}: holds more bytes than its header declares")
    return StoredArray(name, header.array(content))


@dataclass(frozen=True)
class _Header:
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    column_major: bool

    def array(self, content: bytearray) -> NDArray[Any]:
        values = np.frombuffer(content, self.dtype)
        if self.column_major:
            return values.reshape(self.shape[::-1]).transpose()
        return values.reshape(self.shape)


def _header(member: IO[bytes], name: str) -> _Header:
    magic = bytes(read_exactly(member, 8, name))
    if magic[:6] != b"\x93NUMPY" or magic[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise DataError(f"{name}: is not an array of numpy")
    width, code = (2, "<H") if magic[6] == 1 else (4, "<I")
    (length,) = struct.unpack(code, read_exactly(member, width, name))
    if length > _LARGEST_HEADER_BYTES:
        raise DataError(f"{name}: a header of {length} bytes; at most {_LARGEST_HEADER_BYTES}")
    text = read_exactly(member, length, name).decode("latin-1")
    kind = re.search(r"'descr'\s*:\s*'([^']*)'", text)
    order = re.search(r"'fortran_order'\s*:\s*(True|False)", text)
    shape = re.search(r"'shape'\s*:\s*\(([\d\s,]*)\)", text)
    if kind is not None and "O" in kind[1]:
        raise DataError(f"{name}: holds Python objects, which are never loaded")
    if kind is None or not re.fullmatch(r"[<>|=]?[biufcSU]\d{1,4}", kind[1]):
        raise DataError(f"{name}: must be an array of plain numbers")
    if order is None or shape is None:
        raise DataError(f"{name}: has a broken header")
    sizes = tuple(int(size) for size in re.findall(r"\d{1,19}", shape[1]))
    if len(sizes) > 32:
        raise DataError(f"{name}: must have at most 32 dimensions, got {len(sizes)}")
    try:
        return _Header(np.dtype(kind[1]), sizes, order[1] == "True")
    except TypeError:
        raise DataError(f"{name}: numbers of type {kind[1]!r} are not known") from None
