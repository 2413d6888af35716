"""A folder of images and a CSV of their labels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from accelsim.errors import DataError
from accelsim.frontend.data.dataset import (
    CALIBRATION_IMAGES,
    InputNeeds,
    Layout,
    StoredArray,
    StoredData,
)
from accelsim.frontend.data.files import first_line, hash_files, require_loadable
from accelsim.frontend.data.labels import LabelledFile, read_labels
from accelsim.units import shortened

__all__ = ["is_image_folder", "read_image_folder"]

_FORMATS = ("PNG", "JPEG", "BMP", "PPM")
_STANDARD_TABLE = "labels.csv"
_LARGEST_FILE_BYTES = 64 << 20
_LARGEST_PIXELS = 1 << 24
_MODES = {"1": "L", "L": "L", "LA": "LA", "P": "RGBA", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA"}


def is_image_folder(names: list[str]) -> bool:
    """Whether a folder with files of these names has a table of labels."""
    return any(name.lower().endswith(".csv") for name in names)


def read_image_folder(path: Path, needs: InputNeeds | None) -> StoredData:
    """Read the images that a table names.

    Images are PNG, JPEG, BMP or PPM of 8 bits a channel, all of one size: nothing is resized.
    Gray images are repeated for a network of three channels; colored ones are gray only where
    their channels are equal.

    Parameters
    ----------
    path
        The folder, with ``labels.csv`` or one other CSV file in it; or the CSV file itself.
    needs
        What the network takes; None: as many channels as the images have.

    Raises
    ------
    DataError
        If the table or an image is missing or unreadable, or images differ in size.
    """
    table = _table(path) if path.is_dir() else path
    rows = read_labels(table, needs.classes if needs else None)
    tests = [row for row in rows if row.tests]
    others = [row for row in rows if not row.tests][:CALIBRATION_IMAGES]
    if not tests:
        raise DataError(f"{table.name}: names no test images")
    files = [_inside(table.parent, row) for row in (*tests, *others)]
    images = _images(files, [*tests, *others], _channels(needs))
    return StoredData(
        name=table.parent.name if path.is_dir() else table.stem,
        kind="image folder",
        images=StoredArray("images", images[: len(tests)]),
        labels=StoredArray(table.name, np.array([row.label for row in tests])),
        calibration=StoredArray("calibration images", images[len(tests) :]) if others else None,
        layout=Layout.CHANNELS_LAST,
        files=(table.name,),
        sha256=hash_files([table, *files]),
    )


def _table(folder: Path) -> Path:
    tables = sorted(p.name for p in folder.iterdir() if p.suffix.lower() == ".csv")
    if _STANDARD_TABLE in tables or len(tables) == 1:
        return folder / (_STANDARD_TABLE if _STANDARD_TABLE in tables else tables[0])
    raise DataError(
        f"must hold one table of labels, {_STANDARD_TABLE}; has {', '.join(tables)} "
        "(give the CSV file itself)"
    )


def _inside(folder: Path, row: LabelledFile) -> Path:
    try:
        file = (folder / row.name).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise DataError(f"{row.place}: {shortened(row.name)}: outside the folder, refused")
        if not file.is_file():
            raise DataError(f"{row.place}: {shortened(row.name)}: no such file")
    except (OSError, ValueError):
        raise DataError(f"{row.place}: {shortened(row.name)}: is not a file's name") from None
    return file


def _channels(needs: InputNeeds | None) -> int | None:
    return needs.shape[0] if needs is not None and len(needs.shape) == 3 else None


def _images(
    files: Sequence[Path], rows: Sequence[LabelledFile], channels: int | None
) -> NDArray[np.uint8]:
    """Return uint8[count, height, width, channels]."""
    first = _pixels(files[0], rows[0])
    if channels is None:
        channels = 3 if _is_colored(first) else 1
    require_loadable("images", (len(files), *first.shape[:2], channels), 1)
    images = np.empty((len(files), *first.shape[:2], channels), np.uint8)
    for image, file, row in zip(images, files, rows, strict=True):
        pixels = _pixels(file, row)
        if pixels.shape[:2] != first.shape[:2]:
            raise DataError(
                f"{row.place}: {row.name}: is {_size(pixels)} pixels, the first image is "
                f"{_size(first)}; all must have one size (nothing is resized)"
            )
        image[:] = _with_channels(pixels, channels, row)
    return images


def _size(pixels: NDArray[np.uint8]) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"


def _is_colored(pixels: NDArray[np.uint8]) -> bool:
    return bool((pixels != pixels[..., :1]).any())


def _with_channels(
    pixels: NDArray[np.uint8], channels: int, row: LabelledFile
) -> NDArray[np.uint8]:
    if channels == 3:
        return pixels
    if channels != 1:
        raise DataError(
            f"{row.place}: {row.name}: has 1 or 3 channels, the network takes {channels}"
        )
    if _is_colored(pixels):
        raise DataError(
            f"{row.place}: {row.name}: is colored, the network takes 1 channel (convert it to gray)"
        )
    return pixels[..., :1]


def _pixels(file: Path, row: LabelledFile) -> NDArray[np.uint8]:
    """Return uint8[height, width, 3]."""
    where = f"{row.place}: {row.name}"
    if file.stat().st_size > _LARGEST_FILE_BYTES:
        raise DataError(f"{where}: must have at most {_LARGEST_FILE_BYTES} bytes")
    try:
        with warnings.catch_warnings():
            # Sizes are checked here, before anything is decoded; Pillow warns from its own on.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=_FORMATS) as image:
                width, height = image.size
                if width * height > _LARGEST_PIXELS:
                    raise DataError(
                        f"{where}: {width} x {height} pixels; at most {_LARGEST_PIXELS} are read"
                    )
                if image.mode not in _MODES:
                    raise DataError(
                        f"{where}: pixels of kind {image.mode!r}; must be gray or RGB of 8 bits"
                    )
                pixels = np.asarray(image.convert(_MODES[image.mode]))
    except DataError:
        raise
    except Exception as error:
        # A decoder fails on broken files in any way; whatever it says, the file is unreadable.
        known = not isinstance(error, UnidentifiedImageError)
        reason = f": {first_line(error)}" if known else ""
        raise DataError(
            f"{where}: is not a readable image ({', '.join(_FORMATS)}){reason}"
        ) from None
    return _opaque(pixels, where)


def _opaque(pixels: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    """Drop transparency that hides nothing, and repeat gray, so that all images are RGB."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.shape[2] in (2, 4):
        if (pixels[..., -1] != 255).any():
            raise DataError(f"{where}: is partly transparent; give images without transparency")
        pixels = pixels[..., :-1]
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))
