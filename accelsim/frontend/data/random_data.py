"""Seeded random images, for networks that are run for their cycles and energy alone."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import DataError
from accelsim.frontend.data.dataset import Dataset, InputNeeds
from accelsim.frontend.data.files import require_loadable
from accelsim.network import IntegerNetwork, Network

__all__ = ["LARGEST_SEED", "random_data"]

LARGEST_SEED = 2**64 - 1

_CALIBRATION_IMAGES = 8


def random_data(network: Network | IntegerNetwork, count: int, seed: int) -> Dataset:
    """Return ``count`` random images; every label is 0 and means nothing.

    A float network gets standard normal values, and the first images are also what its ranges are
    calibrated on. A network that is integers already gets what every integer of its input's
    format, each as likely as the others, stands for.
    """
    generator = np.random.default_rng(seed)
    images = max(count, _CALIBRATION_IMAGES)
    shape = InputNeeds.of(network).shape
    require_loadable("random images", (images, *shape), np.dtype(np.int64).itemsize)
    if isinstance(network, IntegerNetwork):
        drawn = _integers(network, images, generator)
        preparation = f"random {network.tensors[network.input].format} integers"
    else:
        drawn = generator.standard_normal((images, *network.shapes[network.input]), np.float32)
        preparation = "random, standard normal"
    return Dataset(
        name=f"random images (seed {seed})",
        images=drawn[:count],
        labels=np.zeros(count, np.int64),
        calibration_images=drawn[:_CALIBRATION_IMAGES],
        calibration_source="random",
        sha256=sha256(drawn.tobytes()).hexdigest(),
        preparation=preparation,
    )


def _integers(
    network: IntegerNetwork, count: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return the real numbers of random integers."""
    tensor = network.tensors[network.input]
    low, high = tensor.format.low, tensor.format.high
    largest = tensor.scale * max(high - tensor.zero_point, tensor.zero_point - low)
    if largest > float(np.finfo(np.float32).max):
        raise DataError(
            f"random images: input {network.input!r} has scale {tensor.scale:g}, so its integers "
            f"stand for numbers up to {largest:g}, beyond float32"
        )
    integers = generator.integers(low, high, (count, *tensor.shape), endpoint=True)
    return (tensor.scale * (integers - tensor.zero_point)).astype(np.float32)
