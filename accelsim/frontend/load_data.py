"""Images and labels from .npz files, never with pickle, sizes checked before they are loaded."""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import dataclass
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import DataError
from accelsim.network import Network, Shape

__all__ = ["MAXIMUM_ARRAY_BYTES", "Dataset", "load_data"]

MAXIMUM_ARRAY_BYTES = 2**31
"""Largest array that is loaded, uncompressed."""

_IMAGES = ("test_images", "images")
_LABELS = {"test_images": "test_labels", "images": "labels"}
_CALIBRATION = ("calibration_images", "train_images")
_CALIBRATION_LIMIT = 256
# What zipfile and numpy raise for archives that are cut off, corrupt, encrypted or exotic.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images to measure accuracy on, and images to calibrate ranges on.

    images: float32[count, *shape]; labels: int64[count]; calibration_images:
    float32[count', *shape]. ``calibration_source`` names the array of the file that they are
    from, at most its first 256: where the file has none apart, the images themselves.
    ``sha256`` is the file's hash.
    """

    name: str
    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    calibration_images: NDArray[np.float32]
    calibration_source: str
    sha256: str


def load_data(path: str | PathLike[str], network: Network | None = None) -> Dataset:
    """Read images and labels from an .npz file.

    Parameters
    ----------
    path
        Holds ``test_images`` and ``test_labels``, or ``images`` and ``labels``; and
        ``calibration_images`` or ``train_images`` to calibrate on. Values are used as they are:
        nothing is scaled.
    network
        The network that the data must fit: its input shape, and labels below its output's size.

    Raises
    ------
    DataError
        If the file is missing or is not an .npz file, or an array is missing, empty, not
        numeric, not finite, or of the wrong shape.
    """
    path = Path(path)
    try:
        return _dataset(path, _read(path), network)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _dataset(path: Path, arrays: dict[str, NDArray[Any]], network: Network | None) -> Dataset:
    shape = network.shapes[network.input] if network else None
    classes = math.prod(network.shapes[network.output]) if network else None
    key = next((key for key in _IMAGES if key in arrays), None)
    if key is None:
        found = ", ".join(arrays) or "nothing"
        raise DataError(f"must hold test_images and test_labels, or images and labels; has {found}")
    images = _images(key, arrays[key], shape)
    labels = _labels(_LABELS[key], arrays.get(_LABELS[key]), len(images), classes)
    source = next((name for name in _CALIBRATION if name in arrays), key)
    calibration = images if source == key else _images(source, arrays[source], images.shape[1:])
    return Dataset(
        name=path.stem,
        images=images,
        labels=labels,
        calibration_images=calibration[:_CALIBRATION_LIMIT],
        calibration_source=source,
        sha256=sha256(path.read_bytes()).hexdigest(),
    )


def _images(key: str, values: NDArray[Any], shape: Shape | None) -> NDArray[np.float32]:
    wanted = "[" + ", ".join(map(str, ("count", *(shape or ("...",))))) + "]"
    got = f"{values.dtype}{list(values.shape)}"
    if values.dtype.kind not in "fiub":
        raise DataError(f"{key}: must be numbers of shape {wanted}, got {got}")
    if values.ndim < 2 or (shape is not None and values.shape[1:] != tuple(shape)):
        raise DataError(f"{key}: must have shape {wanted}, got {list(values.shape)}")
    if not values.size:
        raise DataError(f"{key}: must hold at least one image of shape {wanted}, got {got}")
    with np.errstate(over="ignore"):
        images = np.ascontiguousarray(values, np.float32)
    broken = int(np.count_nonzero(~np.isfinite(images)))
    if broken:
        raise DataError(
            f"{key}: {broken} of the {images.size} values are NaN or infinite in float32"
        )
    return images


def _labels(
    key: str, values: NDArray[Any] | None, count: int, classes: int | None
) -> NDArray[np.int64]:
    wanted = f"{count} whole numbers, one for each image"
    if values is None:
        raise DataError(f"{key}: missing; must be {wanted}")
    if values.dtype.kind not in "iu" or values.shape != (count,):
        raise DataError(f"{key}: must be {wanted}, got {values.dtype}{list(values.shape)}")
    low, high = int(values.min()), int(values.max())
    if low < 0 or (classes is not None and high >= classes):
        allowed = "at least 0" if classes is None else f"0 to {classes - 1}"
        raise DataError(f"{key}: must be {allowed}, got {low} to {high}")
    return values.astype(np.int64)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    if not path.exists():
        raise DataError("no such file")
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise DataError("is not an .npz file (numpy.savez)")
    known = {*_IMAGES, *_LABELS.values(), *_CALIBRATION}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            names = [name.removesuffix(".npy") for name in members if name.endswith(".npy")]
            for name in names:
                if name in known:
                    _check_header(name, archive)
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] if name in known else np.empty(0) for name in names}
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"is not a readable .npz file: {reason}") from None


def _check_header(name: str, archive: zipfile.ZipFile) -> None:
    """Refuse what numpy would allocate on the word of a header alone, and pickled objects."""
    with archive.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise ValueError(f"{name}: format version {version}")
        shape, _, dtype = read(member)
    if dtype.hasobject:
        raise DataError(f"{name}: holds Python objects, which are never loaded")
    stored_bytes = archive.getinfo(f"{name}.npy").file_size
    array_bytes = math.prod(shape) * dtype.itemsize
    if not 0 <= array_bytes <= min(stored_bytes, MAXIMUM_ARRAY_BYTES):
        raise DataError(
            f"{name}: an array of {array_bytes} bytes, of which the file holds {stored_bytes}; "
            f"at most {MAXIMUM_ARRAY_BYTES} are loaded"
        )
