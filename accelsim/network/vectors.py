"""Scales of short vectors of weights: integers within an output channel's real scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import InternalError

__all__ = ["NARROWEST_SCALE_BITS", "WIDEST_SCALE_BITS", "WeightVectors", "vector_bounds"]

NARROWEST_SCALE_BITS, WIDEST_SCALE_BITS = 2, 16


def vector_bounds(depth: int, size: int) -> list[tuple[int, int]]:
    """Return [start, stop) of each vector along a depth; the last one may be shorter.

    >>> vector_bounds(10, 4)
    [(0, 4), (4, 8), (8, 10)]
    """
    return [(start, min(start + size, depth)) for start in range(0, depth, size)]


@dataclass(frozen=True, eq=False)
class WeightVectors:
    """Integer scales of vectors of ``size`` weights along the depth of a matrix layer.

    The depth is cut in its own order (kernel row, kernel column, channel: `IntegerMatrix`), every
    ``size`` elements, whatever kernel position they belong to. The last vector is what is left.

    Attributes
    ----------
    size
        Weights that share a scale, at least 1.
    scale_bits
        Width of the scales, 2 to 16: they are 0 to ``2^scale_bits - 1``.
    scales
        int32[vectors, out_channels].
    """

    size: int
    scale_bits: int
    scales: NDArray[np.int32]

    def __post_init__(self) -> None:
        if self.size < 1 or not NARROWEST_SCALE_BITS <= self.scale_bits <= WIDEST_SCALE_BITS:
            raise InternalError(f"impossible vectors of {self.size}, {self.scale_bits}-bit scales")
        if self.scales.min() < 0 or self.scales.max() >= 1 << self.scale_bits:
            raise InternalError(f"scales of vectors do not fit {self.scale_bits} bits")

    def of_weights(self, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Return the scale of every weight.

        Parameters
        ----------
        shape
            (out_channels, in_channels / groups, kernel_y, kernel_x), or (out_channels, features).

        Returns
        -------
        int64 of that shape
        """
        deep = (shape[0], *shape[2:], shape[1])
        depth = int(np.prod(deep[1:]))
        every = np.repeat(self.scales.T.astype(np.int64), self.size, axis=1)[:, :depth]
        if every.shape[1] != depth:
            raise InternalError(f"{len(self.scales)} vectors do not cover a depth of {depth}")
        return np.moveaxis(every.reshape(deep), -1, 1)
