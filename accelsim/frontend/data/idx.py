"""IDX files, the format of MNIST, Fashion-MNIST and EMNIST; gzip or not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from accelsim.errors import DataError
from accelsim.frontend.data.dataset import CALIBRATION_IMAGES, Layout, StoredArray, StoredData
from accelsim.frontend.data.files import hash_files, open_data, read_exactly, require_loadable

__all__ = ["is_idx", "is_idx_folder", "read_idx"]

_KINDS = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMENSIONS = 4
# t10k-images-idx3-ubyte, t10k-images.idx3-ubyte, emnist-letters-test-images-idx3-ubyte.gz
_IMAGES = re.compile(r"(?P<set>.*)images(?P<mark>[-._]idx)3(?P<rest>[-._]ubyte(?:\.gz)?)")
_TEST_SETS = re.compile(r"(.*[-_])?(t10k|test)[-_]")


def is_idx(path: Path) -> bool:
    """Whether a file begins as an IDX file does, under gzip or not."""
    try:
        with open_data(path, gzipped=True) as stream:
            head = stream.read(4)
    except DataError:
        return False
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in _KINDS and head[3] > 0


def is_idx_folder(names: list[str]) -> bool:
    """Whether a folder with files of these names is one of IDX files."""
    return any(_IMAGES.fullmatch(name) for name in names)


def read_idx(path: Path) -> StoredData:
    """Read test images and labels, and the training images beside them to calibrate on.

    Parameters
    ----------
    path
        An images file, whose labels file lies beside it under the name that has ``labels`` and
        ``idx1`` for ``images`` and ``idx3``; or a folder with one pair of files of a test set
        (``t10k-images-idx3-ubyte`` and so on, ``.gz`` or not).

    Raises
    ------
    DataError
        If a file is missing, cut off, too large or not IDX.
    """
    images = _test_images(path) if path.is_dir() else path
    match = _IMAGES.fullmatch(images.name)
    if match is None:
        raise DataError(
            f"must be named as ...images-idx3-ubyte or ...images-idx3-ubyte.gz, "
            f"so that its labels can be found beside it; got {images.name!r}"
        )
    labels = _beside(images, f"{match['set']}labels{match['mark']}1{match['rest']}")
    if labels is None:
        wanted = f"{match['set']}labels{match['mark']}1{match['rest']}".removesuffix(".gz")
        raise DataError(f"labels: missing; no file {wanted} or {wanted}.gz beside {images.name}")
    training = _training_images(images, match["set"])
    files = [images, labels, *([training] if training else [])]
    return StoredData(
        name=path.name if path.is_dir() else images.name.removesuffix(".gz"),
        kind="IDX",
        images=_array(images),
        labels=_array(labels),
        calibration=_array(training, CALIBRATION_IMAGES) if training else None,
        layout=Layout.UNKNOWN,
        files=tuple(file.name for file in files),
        sha256=hash_files(files),
    )


def _test_images(folder: Path) -> Path:
    found = {p.name: m["set"] for p in folder.iterdir() if (m := _IMAGES.fullmatch(p.name))}
    sets = {name for name in found.values() if _TEST_SETS.fullmatch(name)}
    if not sets:
        raise DataError(
            "must hold the images of a test set, as t10k-images-idx3-ubyte (.gz or not); "
            f"has {', '.join(sorted(found))}"
        )
    if len(sets) > 1:
        raise DataError(
            "holds several test sets; give the images file of one: "
            + ", ".join(sorted(name for name, of in found.items() if of in sets))
        )
    # Of a file and its gzip copy either will do.
    return folder / min(name for name, of in found.items() if of in sets)


def _training_images(images: Path, name: str) -> Path | None:
    if not _TEST_SETS.fullmatch(name):
        return None
    training = re.sub(r"(t10k|test)([-_])$", r"train\2", name)
    return _beside(images, training + images.name.removeprefix(name))


def _beside(path: Path, name: str) -> Path | None:
    plain = name.removesuffix(".gz")
    return next((f for n in (plain, f"{plain}.gz") if (f := path.with_name(n)).is_file()), None)


def _array(path: Path, most: int | None = None) -> StoredArray:
    """Read an array, its first ``most`` elements along axis 0 at most."""
    name = path.name
    with open_data(path, gzipped=True) as stream:
        head = bytes(read_exactly(stream, 4, name))
        if head[:2] != b"\0\0" or head[2] not in _KINDS or not 0 < head[3] <= _MOST_DIMENSIONS:
            raise DataError(
                f"{name}: is not an IDX file of 1 to {_MOST_DIMENSIONS} dimensions: "
                f"it begins with bytes {head.hex(' ')}"
            )
        sizes = np.frombuffer(read_exactly(stream, 4 * head[3], name), ">u4").tolist()
        kind = np.dtype(_KINDS[head[2]])
        count = sizes[0] if most is None else min(sizes[0], most)
        size_bytes = require_loadable(name, (count, *sizes[1:]), kind.itemsize)
        content = read_exactly(stream, size_bytes, name)
        if count == sizes[0] and stream.read(1):
            raise DataError(f"{name}: holds more bytes than the {sizes} that its header declares")
    return StoredArray(name, np.frombuffer(content, kind).reshape(count, *sizes[1:]))
