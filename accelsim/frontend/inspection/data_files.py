"""What is in files of data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from accelsim.errors import DataError
from accelsim.frontend.data.dataset import StoredArray
from accelsim.frontend.data.load import read_stored

__all__ = ["ArrayLine", "DataInspection", "inspect_data"]


@dataclass(frozen=True)
class ArrayLine:
    """An array as it is stored: role, name, type, shape and range of its values."""

    role: str
    name: str
    type: str
    shape: tuple[int, ...]
    low: float | None
    high: float | None


@dataclass(frozen=True)
class DataInspection:
    """Images and labels as files hold them.

    ``labels`` has the number of images of each label.
    """

    name: str
    kind: str
    layout: str
    files: tuple[str, ...]
    sha256: str
    arrays: tuple[ArrayLine, ...]
    labels: dict[int, int]


def inspect_data(path: Path) -> DataInspection:
    """Read data and say what they are; no network is asked whether they fit.

    Raises
    ------
    DataError
        If they cannot be read; the line names the path.
    """
    try:
        stored = read_stored(path)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    parts = [("test images", stored.images), ("labels", stored.labels)]
    if stored.calibration is not None:
        parts.append(("calibration images", stored.calibration))
    labels: dict[int, int] = {}
    if stored.labels.values.dtype.kind in "iu":
        values, counts = np.unique(stored.labels.values, return_counts=True)
        labels = dict(zip(values.tolist(), counts.tolist(), strict=True))
    return DataInspection(
        name=stored.name,
        kind=stored.kind,
        layout=stored.layout,
        files=stored.files,
        sha256=stored.sha256,
        arrays=tuple(_line(role, array) for role, array in parts),
        labels=labels,
    )


def _line(role: str, array: StoredArray) -> ArrayLine:
    values = array.values
    low = high = None
    if values.size and values.dtype.kind in "fiub":
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if finite.size:
            low, high = float(finite.min()), float(finite.max())
    return ArrayLine(role, array.name, str(values.dtype.newbyteorder("=")), values.shape, low, high)
