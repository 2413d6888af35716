"""CIFAR-10's binary version: records of a label and a 32 x 32 color image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import DataError
from accelsim.frontend.data.dataset import CALIBRATION_IMAGES, Layout, StoredArray, StoredData
from accelsim.frontend.data.files import hash_files, open_data, read_exactly, require_loadable

__all__ = ["is_cifar_folder", "read_cifar"]

_IMAGE = (3, 32, 32)
_RECORD_BYTES = 1 + 3 * 32 * 32
_CLASSES = 10
_TEST = "test_batch.bin"
_TRAINING = tuple(f"data_batch_{number}.bin" for number in range(1, 6))


def is_cifar_folder(names: list[str]) -> bool:
    """Whether a folder with files of these names is CIFAR-10's, in whichever version."""
    known = {_TEST, *_TRAINING}
    return any(name in known or f"{name}.bin" in known for name in names)


def read_cifar(path: Path) -> StoredData:
    """Read the test batch, and the first training batch beside it to calibrate on.

    Parameters
    ----------
    path
        The folder of the binary version (``test_batch.bin``, ``data_batch_1.bin``, ...), or one
        batch file.

    Raises
    ------
    DataError
        If a file is missing, is not whole records, or a label is not 0 to 9.
    """
    batch = path
    if path.is_dir():
        batch = path / _TEST
        if not batch.is_file():
            pickled = (path / _TEST.removesuffix(".bin")).is_file()
            hint = " (this is the Python version, pickled, which is never loaded)"
            raise DataError(
                f"{_TEST}: missing; take CIFAR-10's binary version{hint if pickled else ''}"
            )
    training = None
    if batch.name not in _TRAINING:
        training = next((f for n in _TRAINING if (f := batch.with_name(n)).is_file()), None)
    images, labels = _batch(batch)
    files = [batch, *([training] if training else [])]
    calibration = None
    if training is not None:
        calibration = StoredArray(training.name, _batch(training, CALIBRATION_IMAGES)[0])
    return StoredData(
        name=path.name,
        kind="CIFAR-10 binary",
        images=StoredArray(batch.name, images),
        labels=StoredArray(f"labels of {batch.name}", labels),
        calibration=calibration,
        layout=Layout.CHANNELS_FIRST,
        files=tuple(file.name for file in files),
        sha256=hash_files(files),
    )


def _batch(path: Path, most: int | None = None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return uint8[count, 3, 32, 32] and uint8[count]."""
    with open_data(path) as stream:
        size_bytes = stream.seek(0, 2)
        stream.seek(0)
        count, rest = divmod(size_bytes, _RECORD_BYTES)
        if rest or not count:
            raise DataError(
                f"{path.name}: must be whole records of {_RECORD_BYTES} bytes "
                f"(a label and 3 x 32 x 32 pixels), got {size_bytes} bytes"
            )
        count = count if most is None else min(count, most)
        taken = require_loadable(path.name, (count, _RECORD_BYTES), 1)
        content = read_exactly(stream, taken, path.name)
    records = np.frombuffer(content, np.uint8).reshape(count, _RECORD_BYTES)
    labels = records[:, 0]
    if labels.max() >= _CLASSES:
        first = int(np.argmax(labels >= _CLASSES))
        raise DataError(
            f"{path.name}: record {first}: label: must be 0 to {_CLASSES - 1}, got {labels[first]}"
        )
    return records[:, 1:].reshape(count, *_IMAGE), labels
