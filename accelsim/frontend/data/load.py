"""Images and labels from whatever files a person has, checked against the network."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import DataError
from accelsim.frontend.data.cifar import is_cifar_folder, read_cifar
from accelsim.frontend.data.dataset import (
    CALIBRATION_IMAGES,
    Dataset,
    InputNeeds,
    Layout,
    StoredArray,
    StoredData,
)
from accelsim.frontend.data.idx import is_idx, is_idx_folder, read_idx
from accelsim.frontend.data.layout import arrange
from accelsim.frontend.data.npz import read_npz
from accelsim.frontend.data.scaling import Scaling, require_range
from accelsim.frontend.integer_model import IntegerModel
from accelsim.network import IntegerNetwork, Network

__all__ = ["load_data", "load_training_data", "read_stored"]

_READ = (
    "an .npz file, an IDX images file (MNIST) or its folder, CIFAR-10's binary folder or a batch "
    "(.bin), or a folder of images with a CSV of labels"
)


def load_data(
    path: str | PathLike[str],
    network: Network | IntegerNetwork | IntegerModel | None = None,
    scaling: Scaling | None = None,
) -> Dataset:
    """Read images and labels; what the path is decides how.

    Parameters
    ----------
    path
        An .npz file; an IDX images file or a folder of IDX files (MNIST, Fashion-MNIST); the
        folder of CIFAR-10's binary version or one of its batches; a folder of images with a CSV
        of labels.
    network
        The network that the data must fit: its input shape, and labels below its output's size.
    scaling
        How stored numbers become real ones; None: by the rule of `Scaling.preparation`.

    Raises
    ------
    DataError
        If a file is missing or cannot be read, or an array is missing, empty, too large, not
        numeric, not finite, of the wrong shape or range; one line, which names the file.
    """
    path = Path(path)
    needs = None if network is None else InputNeeds.of(network)
    try:
        return _dataset(read_stored(path, needs), needs, scaling or Scaling())
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def load_training_data(
    path: str | PathLike[str], network: Network, scaling: Scaling | None = None
) -> Dataset:
    """Read images and labels to train on, from an .npz file.

    Parameters, result and errors are those of `load_data`; images are those that the file has for
    training (`read_npz`).
    """
    path = Path(path)
    needs = InputNeeds.of(network)
    try:
        if not path.is_file():
            raise DataError("is not a file; training takes an .npz file")
        return _dataset(read_npz(path, training=True), needs, scaling or Scaling())
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def read_stored(path: Path, needs: InputNeeds | None = None) -> StoredData:
    """Return data as their files hold them.

    Raises
    ------
    DataError
        If they cannot be read; the message does not name the path.
    """
    try:
        if path.is_dir():
            return _read_folder(path, needs)
        if not path.exists():
            raise DataError("no such file")
        if not path.is_file():
            raise DataError(f"is not a file or folder; must be {_READ}")
        return _read_file(path, needs)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot be read: {reason}") from None


def _read_folder(path: Path, needs: InputNeeds | None) -> StoredData:
    names = [entry.name for entry in path.iterdir()]
    if is_cifar_folder(names):
        return read_cifar(path)
    if is_idx_folder(names):
        return read_idx(path)
    if any(name.lower().endswith(".csv") for name in names):
        return _read_images(path, needs)
    raise DataError(f"holds no data that is known; must be {_READ}")


def _read_file(path: Path, needs: InputNeeds | None) -> StoredData:
    suffix = path.suffix.lower()
    if suffix == ".bin":
        return read_cifar(path)
    if suffix == ".csv":
        return _read_images(path, needs)
    if suffix == ".npz":
        return read_npz(path)
    if is_idx(path):
        return read_idx(path)
    with path.open("rb") as stream:
        if stream.read(2) == b"PK":
            return read_npz(path)
    raise DataError(f"is of no known kind; must be {_READ}")


def _read_images(path: Path, needs: InputNeeds | None) -> StoredData:
    # Pillow is slow to import, and only image folders need it.
    from accelsim.frontend.data.images import read_image_folder

    return read_image_folder(path, needs)


def _dataset(stored: StoredData, needs: InputNeeds | None, scaling: Scaling) -> Dataset:
    images, preparation = _prepared(stored.images, stored.layout, needs, scaling)
    labels = _labels(stored.labels, len(images), needs)
    calibration, source = images, stored.images.name
    if stored.calibration is not None:
        source = stored.calibration.name
        calibration, other = _prepared(stored.calibration, stored.layout, needs, scaling)
        if (calibration.shape[1:], other) != (images.shape[1:], preparation):
            raise DataError(
                f"{source}: must be as {stored.images.name}: {list(images.shape[1:])}, "
                f"{preparation}; got {list(calibration.shape[1:])}, {other}"
            )
    return Dataset(
        name=stored.name,
        images=images,
        labels=labels,
        calibration_images=calibration[:CALIBRATION_IMAGES],
        calibration_source=source,
        sha256=stored.sha256,
        preparation=preparation,
        calibrates_on_test_images=stored.calibration is None,
    )


def _prepared(
    array: StoredArray, layout: Layout, needs: InputNeeds | None, scaling: Scaling
) -> tuple[NDArray[np.float32], str]:
    name, values = array.name, array.values
    if values.dtype.kind not in "fiub":
        raise DataError(f"{name}: must be numbers, got {values.dtype}{list(values.shape)}")
    arranged, moved = arrange(name, values, layout, needs)
    if not values.size:
        raise DataError(f"{name}: must hold at least one image, got shape {list(values.shape)}")
    kind = values.dtype.newbyteorder("=")
    preparation = scaling.preparation(name, kind, needs)
    if len(preparation.mean) > 1 and arranged.shape[1] != len(preparation.mean):
        raise DataError(
            f"--normalize: {len(preparation.mean)} means for {arranged.shape[1]} channels"
        )
    reals = preparation.apply(name, arranged)
    require_range(name, reals, needs)
    return reals, preparation.words + moved


def _labels(array: StoredArray, count: int, needs: InputNeeds | None) -> NDArray[np.int64]:
    name, values = array.name, array.values
    wanted = f"{count} whole numbers, one for each image"
    if values.dtype.kind not in "iu" or values.shape not in ((count,), (count, 1)):
        raise DataError(f"{name}: must be {wanted}, got {values.dtype}{list(values.shape)}")
    low, high = int(values.min()), int(values.max())
    if low < 0 or (needs is not None and high >= needs.classes):
        allowed = "at least 0" if needs is None else f"0 to {needs.classes - 1}"
        raise DataError(f"{name}: must be {allowed}, got {low} to {high}")
    return values.astype(np.int64).reshape(count)
