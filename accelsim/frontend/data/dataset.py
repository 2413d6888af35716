"""What data are: as a file stores them, as a network takes them. Data only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.frontend.integer_model import IntegerModel
from accelsim.network import IntegerNetwork, Network, QuantizedTensor, Shape

__all__ = [
    "CALIBRATION_IMAGES",
    "Dataset",
    "InputNeeds",
    "Layout",
    "StoredArray",
    "StoredData",
]

CALIBRATION_IMAGES = 256
"""Ranges are calibrated on the first images of what is there for it, at most this many."""


class Layout(StrEnum):
    """Where the channels of a stored image are."""

    UNKNOWN = "unknown"
    CHANNELS_FIRST = "channels first"
    CHANNELS_LAST = "channels last"


@dataclass(frozen=True, eq=False)
class StoredArray:
    """An array, and what its file calls it (for messages)."""

    name: str
    values: NDArray[Any]


@dataclass(frozen=True, eq=False)
class StoredData:
    """Data as their files hold them: nothing is scaled, moved or checked against a network.

    images: [count, ...], calibration: the same of other images, or None; labels: [count].
    ``kind`` names the format, ``files`` those that were read, ``sha256`` is of their contents.
    """

    name: str
    kind: str
    images: StoredArray
    labels: StoredArray
    calibration: StoredArray | None
    layout: Layout
    files: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images to measure accuracy on, and images to calibrate ranges on.

    Attributes
    ----------
    images, labels, calibration_images
        float32[count, *shape], real numbers with channels first; int64[count];
        float32[count', *shape].
    calibration_source
        The array or file that the calibration images are from.
    sha256
        Hash of the file, or of all files that were read.
    preparation
        What was done to the stored numbers, in words.
    calibrates_on_test_images
        There are no images apart for calibration.
    """

    name: str
    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    calibration_images: NDArray[np.float32]
    calibration_source: str
    sha256: str
    preparation: str = "real numbers as they are"
    calibrates_on_test_images: bool = False


@dataclass(frozen=True)
class InputNeeds:
    """What a network takes.

    Attributes
    ----------
    shape
        Of one image, channels first.
    classes
        Labels are below it.
    channels_last
        The network's own file states its images as (height, width, channels).
    integers
        The input's integers, of a network that is integers already.
    """

    shape: Shape
    classes: int
    channels_last: bool = False
    integers: QuantizedTensor | None = None

    @classmethod
    def of(cls, network: Network | IntegerNetwork | IntegerModel) -> InputNeeds:
        """Return what ``network`` takes."""
        if isinstance(network, Network):
            classes = math.prod(network.shapes[network.output])
            return cls(network.shapes[network.input], classes)
        channels_last = isinstance(network, IntegerModel) and network.channels_last
        integer = network.integer if isinstance(network, IntegerModel) else network
        tensor = integer.tensors[integer.input]
        classes = math.prod(integer.tensors[integer.output].shape)
        return cls(tensor.shape, classes, channels_last, tensor)
