"""Seeded random images, for networks that are run for their cycles and energy alone."""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from accelsim.frontend.data.dataset import Dataset
from accelsim.network import Network

__all__ = ["random_data"]

_CALIBRATION_IMAGES = 8


def random_data(network: Network, count: int, seed: int) -> Dataset:
    """Return ``count`` images of standard normal values; every label is 0 and means nothing.

    The first images are also what ranges are calibrated on.
    """
    generator = np.random.default_rng(seed)
    shape = network.shapes[network.input]
    drawn = generator.standard_normal((max(count, _CALIBRATION_IMAGES), *shape), np.float32)
    return Dataset(
        name=f"random images (seed {seed})",
        images=drawn[:count],
        labels=np.zeros(count, np.int64),
        calibration_images=drawn[:_CALIBRATION_IMAGES],
        calibration_source="random",
        sha256=sha256(drawn.tobytes()).hexdigest(),
    )
