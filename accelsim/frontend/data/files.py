"""Bytes from files, never more than was asked for, whatever the file promises."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np

from accelsim.errors import DataError

__all__ = [
    "MAXIMUM_ARRAY_BYTES",
    "first_line",
    "hash_files",
    "open_data",
    "read_exactly",
    "read_small",
    "require_loadable",
]

MAXIMUM_ARRAY_BYTES = 2**31
"""Largest array that is loaded, uncompressed, as it is stored and as float32."""

_LONGEST_REASON = 120
_CHUNK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"


@contextmanager
def open_data(path: Path, *, gzipped: bool = False) -> Iterator[IO[bytes]]:
    """Open a file; what goes wrong is a DataError that names it.

    ``gzipped``: it may be gzip, and is decompressed then.
    """
    try:
        with path.open("rb") as raw:
            compressed = gzipped and raw.read(2) == _GZIP
            raw.seek(0)
            if not compressed:
                yield raw
                return
            with gzip.GzipFile(fileobj=raw) as stream:
                yield cast(IO[bytes], stream)
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path.name}: is not a readable gzip file: {error}") from None
    except EOFError:
        raise DataError(f"{path.name}: is cut off: the gzip stream has no end") from None
    except FileNotFoundError:
        raise DataError(f"{path.name}: no such file") from None
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read: {error.strerror or error}") from None


def read_exactly(stream: IO[bytes], size_bytes: int, name: str) -> bytearray:
    """Return ``size_bytes`` of a stream; memory grows with what comes, not with what is asked.

    Raises
    ------
    DataError
        If the stream ends before.
    """
    content = bytearray()
    while len(content) < size_bytes:
        chunk = stream.read(min(_CHUNK_BYTES, size_bytes - len(content)))
        if not chunk:
            raise DataError(
                f"{name}: is cut off: {len(content)} bytes of the {size_bytes} that it declares"
            )
        content += chunk
    return content


def read_small(path: Path, largest_bytes: int) -> bytes:
    """Return a file of at most ``largest_bytes``."""
    with open_data(path) as stream:
        content = stream.read(largest_bytes + 1)
    if len(content) > largest_bytes:
        raise DataError(f"{path.name}: must have at most {largest_bytes} bytes")
    return content


def require_loadable(name: str, shape: Iterable[int], item_bytes: int) -> int:
    """Return the bytes of an array as it is stored, or refuse it for its size.

    Raises
    ------
    DataError
        If the array, stored or as float32, would be larger than `MAXIMUM_ARRAY_BYTES`.
    """
    elements = math.prod(shape)
    loaded_bytes = elements * max(item_bytes, np.dtype(np.float32).itemsize)
    if loaded_bytes > MAXIMUM_ARRAY_BYTES:
        raise DataError(
            f"{name}: an array of {loaded_bytes} bytes; at most {MAXIMUM_ARRAY_BYTES} are loaded "
            "(give fewer images)"
        )
    return elements * item_bytes


def hash_files(paths: Iterable[Path]) -> str:
    """Return the sha256 of one file's content, or that of the hashes of several, in order."""
    digests = []
    for path in paths:
        try:
            with path.open("rb") as stream:
                digests.append(hashlib.file_digest(stream, "sha256"))
        except OSError as error:
            raise DataError(f"{path.name}: cannot be read: {error.strerror}") from None
    if len(digests) == 1:
        return digests[0].hexdigest()
    return hashlib.sha256(b"".join(digest.digest() for digest in digests)).hexdigest()


def first_line(error: Exception) -> str:
    """Return what an error of a library says, short enough for one line.

    >>> first_line(ValueError("no\\nsuch")), first_line(EOFError())
    ('no', 'EOFError')
    """
    lines = str(error).splitlines()
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 3]}..."
